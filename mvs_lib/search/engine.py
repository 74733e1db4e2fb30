"""Run searches over a `CodeStore`: allocate, choose the way, share out the threads.

Importing this module imports numba.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import pairwise

import numpy as np

from mvs_lib.search import planner
from mvs_lib.search.buckets import Tables, build_tables, check_tables, no_tables
from mvs_lib.search.code_store import CodeStore
from mvs_lib.search.nearest import POSITION_BITS, memory
from mvs_lib.search.partition import substrings
from mvs_lib.search.planner import Plan
from mvs_lib.search.probe import probe_queries, probe_radius
from mvs_lib.search.scan import TOGETHER, scan_batch, scan_queries

__all__ = ["Engine"]

TAIL = 10_000  # codes that may wait outside the tables, or one in 32 of those inside
MOST_AT_ONCE = 64  # queries of a batch; their memory should stay in the cache
NO_EFFORT = np.empty((0, 2), np.int64)
# Costs that let the tables cost whatever they cost, and ones that allow them nothing.
FORCED = np.array([planner.LOOKUP, planner.CANDIDATE, math.inf])
NO_TABLES = np.array([planner.LOOKUP, planner.CANDIDATE, 0.0])


class Engine:
    """Tables and a plan for the codes of a store.

    Attributes:
        tables: `mvs_lib.search.buckets.Tables`.
        plan: `mvs_lib.search.planner.Plan`.
    """

    def __init__(self, store: CodeStore, partition: str, shape: tuple, seed: int):
        self.store, self.partition, self.shape, self.seed = store, partition, shape, seed
        self.forget()

    def forget(self) -> None:
        """Drop the tables: the codes have moved."""
        self.tables, self.plan, self.planned = no_tables(), Plan(), 0
        self.changed()

    def changed(self) -> None:
        """Take note that codes were added or removed, or tables built."""
        store, tables = self.store, self.tables
        self._whole = (
            store.planes.reshape(-1), store.planes.shape[1], store.size, store.bits, store.alive,
        )  # fmt: skip
        self.index = (*self._whole[:3], tables.built, store.alive, *tables[1:])
        self._costs, self._ways = self.plan.costs(store.words), {}
        fewest = 1 if any(self.shape) else planner.FEWEST
        outside = store.size - self.planned
        # Too many codes lie outside the tables, or the plan is for far fewer.
        self.stale = store.size >= fewest and (
            not self.planned or outside > max(TAIL, self.planned // 32)
        )

    def build(self) -> None:
        """Choose the shape of the tables, build them, and measure all ways."""
        store = self.store
        self.tables, self.planned = no_tables(), store.size
        self.changed()
        spread = np.linspace(0, store.size - 1, min(store.size, planner.SAMPLE)).astype(np.int64)
        sample = store.packed(spread)
        copies = planner.noisy_copies(sample, store.bits)
        scan = self._time("scan", copies[:3], 1)
        batch = self._time("batch", copies, 1)
        if any(self.shape):
            # Wider than log2(n) bits, a table would have more buckets than codes.
            most = min(planner.WIDEST, max(4, store.size.bit_length()))
            width = self.shape[1] or min(store.bits // self.shape[0], most)
            tables = self.shape[0] or store.bits // width
            chosen = substrings(self.partition, sample, store.bits, tables, width, self.seed)
        else:
            kth = self.search(copies, min(10, len(store)), "batch", 1)[0][:, -1]
            shape = planner.choose_shape(
                sample, store.bits, store.size, kth, copies, self.partition, self.seed
            )
            chosen = shape.substrings if shape and shape.predicted < 2 * scan else None
        self.plan = Plan(scan, batch)
        if chosen is not None:
            self.tables = build_tables(store.planes, store.size, chosen)
            self.changed()
            probe = [self._time("auto tables", copies, k) for k in planner.NEIGHBOURS]
            if any(self.shape) or min(probe) < scan:
                self.plan = Plan(scan, batch, probe)
            else:
                self.tables = no_tables()
        self.changed()

    def state(self) -> tuple[dict, dict[str, np.ndarray]]:
        """Return what `restore` needs: numbers and arrays."""
        built, copies, stride, *others = self.tables
        numbers = {"built": built, "stride": stride, "planned": self.planned}
        numbers.update(shape=list(self.shape), plan=asdict(self.plan))
        names = ("copies", "offsets", "positions", "places", "masks")
        return numbers, dict(zip(names, (copies, *others), strict=True))

    def restore(self, numbers: dict, arrays: dict[str, np.ndarray], verify: bool = True) -> None:
        """Take over a state that fits the store's.

        Raises:
            KeyError, TypeError, ValueError: the parts do not fit together.
        """
        tables = Tables(
            int(numbers["built"]), arrays["copies"], int(numbers["stride"]), arrays["offsets"],
            arrays["positions"], arrays["places"], arrays["masks"],
        )  # fmt: skip
        if len(tables.places):
            check_tables(tables, self.store.words, self.store.size, verify)
        else:
            tables = no_tables()
        self.tables, self.planned = tables, int(numbers["planned"])
        self.shape, self.plan = tuple(numbers["shape"]), Plan(**numbers["plan"])
        self.changed()

    def _time(self, way: str, queries: np.ndarray, k: int) -> float:
        k = min(k, len(self.store))
        self.search(queries[:1], k, way, 1)  # compiles, if need be
        return planner.fastest(lambda: self.search(queries, k, way, 1)) / len(queries)

    def search(
        self, queries: np.ndarray, k: int, way: str = "auto", threads: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return distances, int32, and positions, int64, both ``(queries, k)``.

        Args:
            queries: checked codes, uint8 ``(q, bytes)``.
            k: number of answers; missing ones are 2**31 - 1 and -1.
            way: see `mvs_lib.search.multi_index.MultiIndex`; "auto tables" uses the tables, but
                scans when they get too dear.
            threads: how many queries to work on at once.
        """
        count = len(queries)
        distances, positions = np.empty((count, k), np.int32), np.empty((count, k), np.int64)
        if way == "auto":
            way = self._ways.get((count, k)) or self._choose(count, k)
        run = self._batch if way == "batch" else self._scan if way == "scan" else self._probe
        if threads == 1 or count == 1:
            run(queries, k, way, distances, positions)
            return distances, positions
        cuts = np.linspace(0, count, min(threads, count) + 1).astype(np.int64)
        with ThreadPoolExecutor(threads) as pool:
            tasks = [
                pool.submit(run, queries[a:b], k, way, distances[a:b], positions[a:b])
                for a, b in pairwise(cuts)
            ]
            for task in tasks:
                task.result()
        return distances, positions

    def _choose(self, count: int, k: int) -> str:
        """Ask the plan, and remember what it said: asking costs as much as scanning a few codes."""
        if len(self._ways) > 1_000:
            self._ways.clear()
        way = self.plan.way(count, k)
        self._ways[count, k] = "auto tables" if way == "tables" else way
        return self._ways[count, k]

    def _words(self, count: int) -> np.ndarray:
        words = self.store.words
        return np.empty(count if words == 1 else (count, words), np.uint64)

    def _scan(self, queries, k, way, distances, positions):
        words = self._words(len(queries))
        scan_queries(*self._whole, queries, words, min(k, self._whole[2]), distances, positions)

    def _batch(self, queries, k, way, distances, positions):
        most = min(k, self._whole[2])
        places = memory(self.store.bits, most)
        at_once = min(MOST_AT_ONCE, max(TOGETHER, (1 << 22) // places // TOGETHER * TOGETHER))
        shape = (TOGETHER,) if self.store.words == 1 else (self.store.words, TOGETHER)
        group, words = np.empty(shape, np.uint64), self._words(len(queries))
        for first in range(0, len(queries), at_once):
            part = slice(first, first + at_once)
            scan_batch(
                *self._whole, queries[part], words[part], most, group, distances[part],
                positions[part],
            )  # fmt: skip

    def _probe(self, queries, k, way, distances, positions, effort=NO_EFFORT):
        probe_queries(
            self.index, queries, self._words(len(queries)), self.store.bits,
            min(k, self._whole[2]), FORCED if way == "tables" else self._costs, effort, distances,
            positions,
        )  # fmt: skip

    def effort(self, queries: np.ndarray, k: int) -> np.ndarray:
        """Return how many buckets and codes a search through the tables looks at, ``(q, 2)``."""
        effort = np.empty((len(queries), 2), np.int64)
        answers = np.empty((len(queries), k), np.int32), np.empty((len(queries), k), np.int64)
        self._probe(queries, k, "tables", *answers, effort)
        return effort

    def within(
        self, queries: np.ndarray, radius: int, way: str = "auto", threads: int = 1
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return lims, distances and positions of all codes within ``radius`` bits."""
        cuts = np.linspace(0, len(queries), min(threads, len(queries)) + 1).astype(np.int64)
        parts = [queries[a:b] for a, b in pairwise(cuts)]
        if len(parts) == 1:
            found = [self._within(parts[0], radius, way)]
        else:
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(lambda part: self._within(part, radius, way), parts))
        counts = np.concatenate([np.diff(lims) for lims, _ in found])
        numbers = np.concatenate([numbers for _, numbers in found])
        lims = np.concatenate([[0], np.cumsum(counts)])
        distances = (numbers >> POSITION_BITS).astype(np.int32)
        return lims, distances, numbers & ((1 << POSITION_BITS) - 1)

    def _within(self, queries, radius, way):
        bits, words, costs = self.store.bits, self._words(len(queries)), self._costs
        if way != "auto":
            costs = FORCED if way == "tables" else NO_TABLES
        kept = np.empty(memory(bits, 512), np.int64)
        found, lims, done = np.empty(1024, np.int64), np.zeros(len(queries) + 1, np.int64), 0
        while True:
            done = probe_radius(
                self.index, queries, words, bits, radius, costs, kept, found, lims, done
            )
            if done == len(queries):
                return lims, found[: lims[-1]]
            kept = np.empty(2 * len(kept), np.int64)
            more = np.empty(2 * len(found) + len(kept), np.int64)
            more[: lims[done]] = found[: lims[done]]
            found = more
