"""Is it exact? Random cases of every kind against faiss, distances and ids compared."""

import faiss
import numpy as np

from mvs_lib.codes import pack
from mvs_lib.search.multi_index import MultiIndex

__all__ = ["exactness"]

QUERIES = 50  # a case is one query; those of one index are asked together
KINDS = ("uniform", "clustered", "duplicates", "equal", "constant")
FLIP = {"uniform": 0.5, "clustered": 0.08, "duplicates": 0.005, "equal": 0.0, "constant": 0.3}


def exactness(cases: int, seed: int = 0) -> dict:
    """Compare ``cases`` random queries with `faiss.IndexBinaryFlat`, down to the order of ties.

    Data of every kind, 1 to 512 bits, none to 4,000 codes, k beyond the number of codes, random
    tables and orders of bits, and every way to search. Each index is also asked for all codes
    within a radius.

    Returns:
        dict: how many ``cases`` there were, and ``mismatches``: queries with any difference.
    """
    random = np.random.default_rng(seed)
    done = mismatches = 0
    while done < cases:
        bits, codes, queries = _data(random, min(QUERIES, cases - done))
        index = _index(random, bits)
        for part in np.array_split(codes, random.integers(1, 4)):
            index.add(part)
        flat = faiss.IndexBinaryFlat(8 * queries.shape[1])
        if len(codes):
            flat.add(codes)
        k = int(random.choice([1, 2, 10, 100, len(codes) + 5]))
        expected = flat.search(queries, k)
        found = index.search(queries, k)
        wrong = (found[0] != expected[0]).any(axis=1) | (found[1] != expected[1]).any(axis=1)
        # Any radius, or one at which some query has an answer at the very edge.
        edges = expected[0][expected[0] <= bits]
        radius = random.choice([random.integers(0, bits // 3 + 1), *random.permutation(edges)[:1]])
        wrong |= _wrong_within(index, flat, queries, int(radius))
        mismatches += int(wrong.sum())
        done += len(queries)
    return {
        "method": "multi_index", "data": "random cases", "mode": "exactness", "cases": done,
        "mismatches": mismatches, "seed": seed,
    }  # fmt: skip


def _data(random: np.random.Generator, count: int) -> tuple[int, np.ndarray, np.ndarray]:
    bits = int(random.choice([random.integers(1, 129), random.integers(1, 513), 64]))
    n = int(random.choice([0, random.integers(1, 60), random.integers(1, 4_000)]))
    kind = random.choice(KINDS)
    centres = random.integers(0, 2, (max(1, n // 30), bits))
    flipped = random.random((n + count, bits)) < FLIP[kind]
    values = centres[random.integers(0, 1 if kind == "equal" else len(centres), n + count)]
    values = values ^ flipped
    if kind == "constant":
        values[:, ::3] = 1
    codes = pack(values)
    return bits, codes[:n], codes[n:]


def _index(random: np.random.Generator, bits: int) -> MultiIndex:
    width = int(random.integers(1, min(bits, 14) + 1))
    tables = int(random.integers(1, min(bits // width, 12) + 1))
    return MultiIndex(
        bits,
        tables=tables,
        width=width,
        partition=str(random.choice(["adaptive", "contiguous", "greedy", "random"])),
        way=str(random.choice(["auto", "tables", "tables", "scan", "batch"])),
        threads=int(random.integers(1, 3)),
        seed=int(random.integers(1_000)),
    )


def _wrong_within(index, flat, queries, radius) -> np.ndarray:
    """Return which queries have another answer to a search within a radius."""
    lims, distances, ids = index.range_search(queries, radius)
    if not len(index):
        return np.full(len(queries), lims.any())
    their_lims, their_distances, their_ids = flat.range_search(queries, radius + 1)
    wrong = np.diff(lims) != np.diff(their_lims.astype(np.int64))
    for i in np.flatnonzero(~wrong):
        ours = slice(lims[i], lims[i + 1])
        theirs = slice(int(their_lims[i]), int(their_lims[i + 1]))
        order = np.lexsort((their_ids[theirs], their_distances[theirs]))
        wrong[i] = not (
            np.array_equal(distances[ours], their_distances[theirs][order])
            and np.array_equal(ids[ours], their_ids[theirs][order])
        )
    return wrong
