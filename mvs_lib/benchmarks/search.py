"""How much faster than comparing with every code? `MultiIndex` against faiss's `IndexBinaryFlat`.

One process, one thread, distinct queries; the two take turns on the same queries, and every answer
is compared. What is measured is the processor time of this process: on an idle machine that is the
time on the clock, on a shared one it leaves the others out. Caches are shared all the same, so the
ratio of the medians says more than absolute times. Three protocols:

- ``chunks``: fifty queries one by one on ours, then the same fifty on faiss's;
- ``alternated``: query by query in turn. A flat search of many codes pushes everything else out of
  the cache, so ours always starts cold: the hardest;
- ``batches``: a hundred queries in one call.
"""

import time
from collections.abc import Iterator

import faiss
import numpy as np

from mvs_lib.benchmarks.search_data import GENERATORS, network_codes, queries_near
from mvs_lib.benchmarks.search_exactness import exactness
from mvs_lib.search.multi_index import MultiIndex

__all__ = ["rows"]

MODES = {"chunks": 50, "alternated": 1, "batches": 100}  # queries a turn
TURNS = {"chunks": 5, "alternated": 60, "batches": 3}
SLOW = 2_000_000  # codes; beyond, fewer turns
NEIGHBOURS = (1, 10, 100)
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
HUNDRED_MILLION = 100_000_000
OTHER_BITS = (32, 48, 128, 256)


def rows(seeds: int = 1, quick: bool = False, full: bool = False) -> Iterator[dict]:
    """Yield a row a setting.

    Args:
        seeds: how many data sets of each kind.
        quick: small indexes and few cases.
        full: 100 million codes of 64 bits too; needs 15 GB of memory.
    """
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield exactness(cases=2_000 if quick else 100_000)
        sizes = SIZES[:3] if quick else (*SIZES, HUNDRED_MILLION) if full else SIZES
        for seed in range(seeds):
            for data in GENERATORS:
                for bits in (64, *OTHER_BITS):
                    found = []
                    for n in sizes:
                        if n < HUNDRED_MILLION or bits == 64:
                            found += _one_index(data, n, bits, seed)
                    yield from found
                    yield from _growth(found)
        if not quick:
            yield from _networks()
    finally:
        faiss.omp_set_num_threads(threads)


def _one_index(data: str, n: int, bits: int, seed: int) -> list[dict]:
    """Measure one set of codes in every protocol."""
    codes = GENERATORS[data](n, bits, seed)
    queries = queries_near(codes, bits, 1_000, seed)
    about = {"data": data, "n": n, "bits": bits, "seed": seed}
    index, flat, built = _build(codes, bits)
    found = []
    for mode in MODES:
        for k in NEIGHBOURS:
            if mode == "batches" and bits != 64 and k != 10:
                continue
            found.append({**about, "k": k, "mode": mode, **race(index, flat, queries, k, mode)})
            found[-1].update(built)
    return found


def _build(codes: np.ndarray, bits: int) -> tuple[MultiIndex, faiss.IndexBinaryFlat, dict]:
    small = MultiIndex(bits, tables=1, width=8)  # compiles what there is to compile
    small.add(codes[:100])
    small.search(codes[:8], 1)
    start = time.process_time()
    index = MultiIndex(bits)
    index.add(codes)
    index.build()
    seconds = time.process_time() - start
    flat = faiss.IndexBinaryFlat(8 * codes.shape[1])
    flat.add(codes)
    tables, width = index.substrings.shape
    return index, flat, {
        "method": "multi_index",
        "tables": tables,
        "width": width if tables else None,
        "build_seconds": round(seconds, 3),
        "bytes_per_code": round(index.memory / len(codes), 1),
    }  # fmt: skip


def race(index: MultiIndex, flat: faiss.IndexBinaryFlat, queries: np.ndarray, k: int, mode: str):
    """Let both answer the same queries in turn.

    Returns:
        dict: ``microseconds`` and ``flat_microseconds``, medians a query; ``ratio_to_flat``;
        ``slowest_ratio``, of the worst turn; and how many ``queries`` were asked.

    Raises:
        RuntimeError: the two disagree.
    """
    each, turns = MODES[mode], TURNS[mode]
    if len(index) > SLOW:
        turns = max(2, turns // 3)
    together = each if mode == "batches" else 1
    index.search(queries[-together:], k)
    flat.search(queries[-together:], k)
    ours, theirs = [], []
    for turn in range(turns):
        asked = queries[turn * each : turn * each + each]
        pieces = [asked[i : i + together] for i in range(0, each, together)]
        start = time.process_time()
        found = [index.search(piece, k) for piece in pieces]
        ours.append((time.process_time() - start) / each)
        start = time.process_time()
        expected = [flat.search(piece, k) for piece in pieces]
        theirs.append((time.process_time() - start) / each)
        for one, other in zip(found, expected, strict=True):
            if not (np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])):
                raise RuntimeError(f"the answers differ: {len(index)} codes, k = {k}, {mode}")
    ours, theirs = np.array(ours), np.array(theirs)
    return {
        "queries": turns * each,
        "microseconds": round(1e6 * float(np.median(ours)), 2),
        "flat_microseconds": round(1e6 * float(np.median(theirs)), 2),
        "ratio_to_flat": round(float(np.median(theirs) / np.median(ours)), 2),
        "slowest_ratio": round(float((theirs / ours).min()), 2),
    }


def _growth(found: list[dict]) -> Iterator[dict]:
    """Fit the exponent with which the time of a query grows, from 100,000 codes on."""
    for k in NEIGHBOURS:
        large = [
            row for row in found if row["n"] >= 1e5 and row["k"] == k and row["mode"] == "chunks"
        ]
        if len({row["n"] for row in large}) < 3:
            continue
        n = np.log([row["n"] for row in large])
        slopes = {
            name: float(np.polyfit(n, np.log([row[name] for row in large]), 1)[0])
            for name in ("microseconds", "flat_microseconds")
        }
        yield {
            "data": large[0]["data"], "n": large[-1]["n"], "bits": large[0]["bits"],
            "seed": large[0]["seed"], "k": k, "mode": "growth", "method": "multi_index",
            "exponent": round(slopes["microseconds"], 3),
            "flat_exponent": round(slopes["flat_microseconds"], 3),
        }  # fmt: skip


def _networks() -> Iterator[dict]:
    """Measure the codes of the networks that ship with the course."""
    for data, (codes, queries) in network_codes().items():
        index, flat, built = _build(codes, 48)
        for mode in MODES:
            for k in NEIGHBOURS:
                about = {"data": data, "n": len(codes), "bits": 48, "seed": 0, "k": k, "mode": mode}
                yield {**about, **race(index, flat, queries, k, mode), **built}
