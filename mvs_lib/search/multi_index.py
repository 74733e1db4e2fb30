"""Exact search that looks at few codes: multi-index hashing with a plan. Taught in notebook 09.

`MultiIndex` answers like `mvs_lib.search.linear.LinearIndex`, bit for bit and tie for tie, and is
faster: it looks up short substrings of a code in tables (`mvs_lib.search.probe`), or compares with
every code in the processor's widest vectors (`mvs_lib.search.scan`), whichever was quicker when
the index was built (`mvs_lib.search.planner`).
"""

import os
import threading
from pathlib import Path

import numpy as np

from mvs_lib.codes import check_codes
from mvs_lib.search import index_file
from mvs_lib.search.arguments import check_k, check_radius
from mvs_lib.search.code_store import CodeStore
from mvs_lib.search.partition import PARTITIONS

__all__ = ["MultiIndex"]

FORMAT = "mvs-multi-index"
VERSION = 1
LONGEST = 512  # bits
MOST = 2**31 - 1  # codes: tables hold their positions in 32 bits
WAYS = ("auto", "tables", "scan", "batch")
WIDEST = 24  # bits of a substring: a table has two to that power buckets


class MultiIndex:
    """Search exactly, through tables of substrings or through all codes, whichever is quicker.

    Args:
        bits: length of the codes, 1 to 512.
        partition: which bits go into which substring: "adaptive", "contiguous", "greedy" or
            "random" (`mvs_lib.search.partition`).
        tables, width: number of substrings and bits of each; chosen by a measured cost model if
            both are None.
        way: "auto" follows the plan; "tables", "scan" and "batch" (eight queries at a time) are
            for comparing. It changes the time, never an answer.
        threads: how many queries are worked on at the same time, without the interpreter's lock.
        seed: of the random partition.

    Searching from several threads at once is fine; adding or removing meanwhile is not.

    >>> index = MultiIndex(bits=8)
    >>> index.add(np.uint8([[0b1111], [0b0001], [0b0010]]))
    >>> distances, ids = index.search(np.uint8([[0]]), k=2)
    >>> distances, ids
    (array([[1, 1]], dtype=int32), array([[1, 2]]))

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self, bits: int, *, partition: str = "adaptive", tables: int | None = None,
        width: int | None = None, way: str = "auto", threads: int = 1, seed: int = 0,
    ):  # fmt: skip
        store = CodeStore(bits)
        if store.bits > LONGEST:
            raise ValueError(f"bits must be at most {LONGEST}, got {bits}")
        if partition not in PARTITIONS:
            raise ValueError(f"partition must be one of {sorted(PARTITIONS)}, got {partition!r}")
        if way not in WAYS:
            raise ValueError(f"way must be one of {WAYS}, got {way!r}")
        for name, number in (("tables", tables), ("width", width), ("threads", threads)):
            whole = isinstance(number, int) and not isinstance(number, bool) and number >= 1
            if not whole and (number is not None or name == "threads"):
                raise ValueError(f"{name} must be a whole number >= 1, got {number!r}")
        if (tables or 1) * (width or 1) > store.bits or (width or 1) > WIDEST:
            raise ValueError(
                f"{tables or 'some'} substrings of {width or 'some'} bits do not fit into "
                f"{bits} bits; a substring has at most {WIDEST}"
            )
        self.bits, self.partition, self.seed = store.bits, partition, seed
        self.way, self.threads = way, threads
        self._lock = threading.Lock()
        # numba and the kernels are loaded when the first index is made, not with the package.
        from mvs_lib.search.engine import Engine

        self._store = store
        self._engine = Engine(store, partition, (tables, width), seed)

    def __len__(self) -> int:
        return len(self._store)

    @property
    def codes(self) -> np.ndarray:
        """A copy of the codes, uint8 ``(len, bytes)``, in the order of their ids."""
        return self._store.packed(self._store.living())

    @property
    def ids(self) -> np.ndarray:
        """The ids of the codes, int64 ``(len,)``, rising."""
        living = self._store.living()
        return living if self._store.ids is None else self._store.ids[living]

    @property
    def substrings(self) -> np.ndarray:
        """The bits that each table is built on, int64 ``(tables, width)``; no rows, no tables."""
        return self._engine.tables.places ^ 7  # `mvs_lib.search.buckets.bit_place` is its inverse

    @property
    def memory(self) -> int:
        """How many bytes the codes, the tables and what else the index keeps occupy."""
        return sum(part.nbytes for part in self._engine.index if isinstance(part, np.ndarray))

    def add(self, codes: np.ndarray) -> None:
        """Add codes, uint8 ``(n, bytes)``; their ids go on from the last one given.

        Codes that are not contiguous in memory are copied first.

        Raises:
            ValueError: see `mvs_lib.codes.check_codes`; or there are more than 2**31 - 1 codes;
                nothing is added then.
        """
        codes = check_codes(codes, self.bits)
        if self._store.size + len(codes) > MOST:
            raise ValueError(f"an index holds at most {MOST} codes, removed ones included")
        if len(codes):
            self._store.add(codes)
            self._engine.changed()

    def remove(self, ids: np.ndarray) -> None:
        """Remove the codes with these ids, whole numbers ``(n,)``; other codes keep their ids.

        Raises:
            ValueError: an id is not there (any more) or named twice; nothing is removed then.
        """
        if self._store.remove(ids):
            self._engine.forget()
        else:
            self._engine.changed()

    def build(self) -> None:
        """Build the tables and measure the plan now; else the first search does it."""
        with self._lock:
            if self._engine.stale:
                self._engine.build()

    def search(self, codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the ``k`` nearest codes of each query, ties by smaller id.

        Args:
            codes: queries, uint8 ``(q, bytes)``.
            k: number of answers; with fewer codes in the index, the rest is filled up with
                distance 2**31 - 1 and id -1.

        Returns:
            distances: int32 ``(q, k)``, in bits, rising.
            ids: int64 ``(q, k)``.

        Raises:
            ValueError: see `mvs_lib.codes.check_codes`; or ``k`` is not a whole number >= 1.
        """
        codes, k = self._checked(codes), check_k(k)
        if not len(codes):
            return np.empty((0, k), np.int32), np.empty((0, k), np.int64)
        if self._engine.stale:
            self.build()
        distances, positions = self._engine.search(codes, k, self.way, self.threads)
        return distances, self._ids_at(positions)

    def range_search(
        self, codes: np.ndarray, radius: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find all codes within ``radius`` bits of each query, the radius included.

        Args:
            codes: queries, uint8 ``(q, bytes)``.
            radius: whole number of bits, >= 0.

        Returns:
            lims: int64 ``(q + 1,)``; query i has the answers ``lims[i]:lims[i + 1]``.
            distances: int32 ``(lims[-1],)``, rising within a query, ties by smaller id.
            ids: int64 ``(lims[-1],)``.

        Raises:
            ValueError: see `mvs_lib.codes.check_codes`; or ``radius`` is not a whole number >= 0.
        """
        codes, radius = self._checked(codes), check_radius(radius)
        if not len(codes) or not len(self):
            empty = np.empty(0, np.int32), np.empty(0, np.int64)
            return np.zeros(len(codes) + 1, np.int64), *empty
        if self._engine.stale:
            self.build()
        given = codes, min(radius, self.bits), self.way, self.threads
        lims, distances, positions = self._engine.within(*given)
        return lims, distances, self._ids_at(positions)

    def save(self, path: str | os.PathLike) -> Path:
        """Write codes, tables and plan to one file (`mvs_lib.search.index_file`); return the path.

        The file is written whole or not at all.
        """
        if self._engine.stale:
            self.build()
        header = {"format": FORMAT, "version": VERSION, "bits": self.bits, "seed": self.seed}
        header["partition"] = self.partition
        parts = self._store.state(), self._engine.state()
        for numbers, _ in parts:
            header.update(numbers)
        return index_file.write(path, header, {**parts[0][1], **parts[1][1]})

    @classmethod
    def load(
        cls, path: str | os.PathLike, mmap: bool = False, verify: bool = True, threads: int = 1
    ) -> "MultiIndex":
        """Read an index that `save` wrote.

        Args:
            path: the file.
            mmap: leave codes and tables in the file and fetch what a search touches: the index
                is there at once and shared between processes. The file must not be written to
                meanwhile (`save` never does that, it puts a new file in the old one's place).
            verify: read all of the file once and compare its checksum, with ``mmap`` too. Give
                False only for a file that was verified before: then a header and a length that fit
                are believed, and a damaged table would give wrong answers or end the process.
            threads: see `MultiIndex`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is truncated, altered, or something else than an index of this
                kind and version.
        """
        header, arrays = index_file.read(path, FORMAT, VERSION, mmap, verify)
        try:
            given = {"partition": header["partition"], "seed": header["seed"], "threads": threads}
            index = cls(header["bits"], **given)
            index._store.restore(header, arrays)
            index._engine.restore(header, arrays, verify)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"{path} holds an index that does not fit together ({error})"
            ) from error
        return index

    def effort(self, codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how many buckets and codes the tables make a search look at, int64 ``(q,)`` each.

        A code that lies in several of the buckets counts each time. Without tables (`substrings` is
        empty) every code is looked at.

        Raises:
            ValueError: see `search`.
        """
        codes, k = self._checked(codes), check_k(k)
        if self._engine.stale:
            self.build()
        buckets, candidates = self._engine.effort(codes, k).T
        return buckets, candidates

    def _checked(self, codes: np.ndarray) -> np.ndarray:
        codes = check_codes(codes, self.bits, "query codes")
        return codes if codes.flags.writeable else codes.copy()  # kernels exist for one kind only

    def _ids_at(self, positions: np.ndarray) -> np.ndarray:
        if self._store.ids is None or not len(self._store.ids):  # nothing there: all are -1
            return positions
        return np.where(positions >= 0, self._store.ids[positions], -1)
