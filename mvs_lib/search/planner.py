"""Which way is quickest for these codes: tables, the linear scan, or the scan in batches?

Every way gives the same answers, so the choice is about time alone, and it is made from
measurements: when an index is built, a few noisy copies of its own codes are looked for in each
way. How the tables should be shaped is decided before they exist, by a model: the true k-th
distances of those copies say how far the shells must reach, and the distances within substrings
say how many candidates a shell holds.
"""

import math
import time
from dataclasses import dataclass, field

import numpy as np

from mvs_lib.codes import pack, unpack
from mvs_lib.search.partition import substrings

__all__ = ["Plan", "Shape", "choose_shape", "fastest", "noisy_copies"]

FEWEST = 20_000  # codes; fewer are scanned faster than any table is looked up
QUERIES = 24
NOISE = 0.05  # share of bits that the copies have flipped
SAMPLE = 16_384  # codes that the model counts candidates among
NEIGHBOURS = (1, 10, 100)  # the k that are measured
LOOKUP, CANDIDATE = 12.0, 0.25  # nanoseconds a bucket and a code of one word, before measuring
MOST_TABLES = 8
WIDEST = 24  # bits of a substring: a table has two to that power buckets
WASTE = 0.5  # share of a scan that a query may spend on shells before it scans after all


@dataclass(frozen=True)
class Shape:
    """The tables of an index: which bits each is built on, and what the model expects."""

    substrings: np.ndarray  # int64 (tables, width), numbers of bits
    predicted: float  # nanoseconds a query


@dataclass
class Plan:
    """What was measured when the index was built, in nanoseconds a query.

    Args:
        scan: one query compared with every code.
        batch: the same, eight queries at a time.
        probe: the tables, for each k of `NEIGHBOURS`; empty without tables.
    """

    scan: float = 0.0
    batch: float = 0.0
    probe: list[float] = field(default_factory=list)

    def __post_init__(self):
        self.scan, self.batch = float(self.scan), float(self.batch)
        self.probe = [float(cost) for cost in self.probe]
        if len(self.probe) not in (0, len(NEIGHBOURS)) or min(self.scan, self.batch) < 0:
            raise ValueError(f"no plan: {self}")

    def probe_cost(self, k: int) -> float:
        """Return what ``k`` answers from the tables cost: on a line through log k and log cost."""
        if not self.probe:
            return math.inf
        if k in NEIGHBOURS:
            return self.probe[NEIGHBOURS.index(k)]
        low = 0 if k < NEIGHBOURS[1] else 1
        left, right = NEIGHBOURS[low : low + 2]
        share = math.log(k / left) / math.log(right / left)
        return self.probe[low] * (self.probe[low + 1] / self.probe[low]) ** share

    def way(self, queries: int, k: int) -> str:
        """Return "tables", "scan" or "batch" for a search of so many queries for ``k`` answers."""
        costs = {"tables": self.probe_cost(k), "scan": self.scan}
        if queries >= 4:  # eight are compared at once, whether they are there or not
            costs["batch"] = self.batch * 8 * math.ceil(queries / 8) / queries
        return min(costs, key=costs.get)

    def costs(self, words: int) -> np.ndarray:
        """Return what the search through the tables reckons with: bucket, code, the most."""
        return np.array([LOOKUP, CANDIDATE * words, WASTE * self.scan])


def noisy_copies(codes: np.ndarray, bits: int, count: int = QUERIES, seed: int = 0) -> np.ndarray:
    """Return ``count`` codes, evenly spread, with some of their bits flipped."""
    random = np.random.default_rng(seed)
    chosen = codes[np.linspace(0, len(codes) - 1, count).astype(np.int64)]
    return pack(unpack(chosen, bits) ^ (random.random((count, bits)) < NOISE))


def candidates(n: int, bits: int) -> list[tuple[int, int]]:
    """Return the numbers of tables and widths that are worth a thought, for ``n`` codes.

    With substrings much narrower than log2(n) bits a bucket holds a thousand codes and more; with
    wider ones most buckets are empty.
    """
    digits = math.log2(max(n, 2))
    shapes = [
        (tables, min(bits // tables, WIDEST)) for tables in range(1, min(MOST_TABLES, bits) + 1)
    ]
    return [
        (tables, width)
        for tables, width in shapes
        if width <= digits + 1 and (width >= digits - 10 or width == bits)
    ]


def choose_shape(
    codes: np.ndarray, bits: int, n: int, kth: np.ndarray, queries: np.ndarray, partition: str,
    seed: int,
) -> Shape | None:  # fmt: skip
    """Return the shape of tables that the model finds cheapest; None if no shape fits.

    Args:
        codes: a sample of the codes, uint8.
        bits: their length.
        n: how many codes the index holds.
        kth: the true k-th distance of each query.
        queries: uint8.
        partition: see `mvs_lib.search.partition.PARTITIONS`.
        seed: of the random partition.
    """
    sample, best = codes[:SAMPLE], None
    for tables, width in candidates(n, bits):
        chosen = substrings(partition, codes, bits, tables, width, seed)
        sizes = n * shell_shares(sample, queries, bits, chosen)
        words = (bits + 63) // 64
        predicted = float(np.mean([
            _greedy_cost(size, reach, width, CANDIDATE * words)
            for size, reach in zip(sizes.transpose(1, 0, 2), kth, strict=True)
        ]))  # fmt: skip
        if best is None or predicted < best.predicted:
            best = Shape(chosen, predicted)
    return best


def shell_shares(
    sample: np.ndarray, queries: np.ndarray, bits: int, chosen: np.ndarray
) -> np.ndarray:
    """Return the share of codes in each shell, float64 ``(tables, queries, width + 1)``."""
    width = chosen.shape[1]
    ours, theirs = unpack(sample, bits), unpack(queries, bits)
    shares = np.empty((len(chosen), len(queries), width + 1))
    powers = 1 << np.arange(width)
    for table, row in enumerate(chosen):
        keys, wanted = ours[:, row] @ powers, theirs[:, row] @ powers
        for query, key in enumerate(wanted):
            apart = np.bitwise_count(keys ^ key)
            shares[table, query] = np.bincount(apart, minlength=width + 1) / max(1, len(keys))
    return shares


def _greedy_cost(sizes: np.ndarray, reach: int, width: int, candidate: float) -> float:
    """Return the cost of shells, the cheapest first, until every code within ``reach`` is seen."""
    ways = np.array([math.comb(width, shell) for shell in range(width + 1)])
    prices = LOOKUP * ways + candidate * sizes
    done, spent = np.zeros(len(sizes), np.int64), 0.0
    for _ in range(int(reach) + 1):
        next_prices = prices[np.arange(len(sizes)), done]
        table = int(np.argmin(next_prices))
        spent += next_prices[table]
        done[table] += 1
        if done[table] > width:
            break
    return spent


def fastest(run, repeats: int = 2) -> float:
    """Return the shortest time of a few runs in this thread, in nanoseconds.

    It is the processor's time where that is told finely enough: a plan should not depend on who
    else was busy while it was made.
    """
    fine = time.get_clock_info("thread_time").resolution < 1e-6
    clock, times = time.thread_time if fine else time.perf_counter, []
    for _ in range(repeats):
        start = clock()
        run()
        times.append(clock() - start)
    return 1e9 * min(times)
