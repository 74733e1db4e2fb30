"""Exact search by comparing the query with every code: the yardstick. Taught in notebook 09.

A thin room around ``faiss.IndexBinaryFlat`` (Douze et al., 2024, "The Faiss library"), which counts
the differing bits of some hundred million codes a second. What is added: bits that do not fill
bytes, checked input, a stated order of ties, and a file that is checked when it is read.
"""

import hashlib
import io
import json
import os
from pathlib import Path

import faiss
import numpy as np

from mvs_lib import paths
from mvs_lib.codes import bytes_per_code, check_codes
from mvs_lib.search.arguments import check_k, check_radius

__all__ = ["LinearIndex"]

FORMAT = "mvs-linear-index"
VERSION = 1


class LinearIndex:
    """Search all codes, exactly.

    Args:
        bits: length of the codes.

    >>> index = LinearIndex(bits=8)
    >>> index.add(np.uint8([[0b1111], [0b0001], [0b0010]]))
    >>> distances, ids = index.search(np.uint8([[0]]), k=2)
    >>> distances, ids
    (array([[1, 1]], dtype=int32), array([[1, 2]]))

    Raises:
        ValueError: ``bits`` is not a positive whole number.
    """

    def __init__(self, bits: int):
        self._index = faiss.IndexBinaryFlat(8 * bytes_per_code(bits))
        self.bits = int(bits)

    def __len__(self) -> int:
        return self._index.ntotal

    @property
    def codes(self) -> np.ndarray:
        """A copy of the codes, uint8 ``(n, bytes)``, in the order of their ids."""
        stored = faiss.vector_to_array(self._index.xb)
        return stored.reshape(-1, bytes_per_code(self.bits))

    def add(self, codes: np.ndarray) -> None:
        """Add codes, uint8 ``(n, bytes)``; their ids go on from ``len(index)``.

        Raises:
            ValueError: see `mvs_lib.codes.check_codes`; nothing is added then.
        """
        codes = check_codes(codes, self.bits)
        if len(codes):
            self._index.add(codes)

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
        codes = check_codes(codes, self.bits, "query codes")
        k = check_k(k)
        if not len(codes):
            return np.empty((0, k), np.int32), np.empty((0, k), np.int64)
        # faiss keeps a heap ordered by (distance, id), so its ties already go by smaller id;
        # tests/search/test_linear.py holds it to that.
        return self._index.search(codes, k)

    def range_search(
        self, codes: np.ndarray, radius: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find all codes within ``radius`` bits of each query, the radius included.

        (faiss itself leaves the radius out; a Hamming ball in the literature holds it.)

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
        codes = check_codes(codes, self.bits, "query codes")
        radius = check_radius(radius)
        if not len(codes) or not len(self):
            empty = np.empty(0, np.int32), np.empty(0, np.int64)
            return np.zeros(len(codes) + 1, np.int64), *empty
        lims, distances, ids = self._index.range_search(codes, min(radius, self.bits) + 1)
        lims, distances = lims.astype(np.int64), distances.astype(np.int32)
        query = np.repeat(np.arange(len(codes)), np.diff(lims))
        order = np.lexsort((ids, distances, query))
        return lims, distances[order], ids[order]

    def save(self, path: str | os.PathLike) -> Path:
        """Write the index to ``path``, a ``.npz`` of a header and the codes; return the path.

        The file is written whole or not at all.
        """
        path, codes = Path(path), self.codes
        header = {"format": FORMAT, "version": VERSION, "bits": self.bits, "n": len(codes)}
        header["sha256"] = _checksum(header, codes)
        with paths.whole_file(path) as beside, open(beside, "wb") as file:
            np.savez(file, header=np.array(json.dumps(header)), codes=codes)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike) -> "LinearIndex":
        """Read an index that `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is truncated, altered, or something else than an index of this
                kind and version.
        """
        content = Path(path).read_bytes()
        if content[:2] != b"PK":
            raise ValueError(f"{path} is not an index file: save one with save()")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                members = {name: stored[name] for name in stored.files}
        except Exception as error:  # a damaged zip fails in a dozen ways
            raise ValueError(
                f"{path} is damaged or cut off ({error}): save the index again"
            ) from error
        try:
            header, codes = dict(json.loads(str(members["header"]))), members["codes"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} is not an index file, it holds {sorted(members)} without a header that "
                "can be read: save one with save()"
            ) from error
        kind, version = header.get("format"), header.get("version")
        if kind != FORMAT or version != VERSION:
            raise ValueError(
                f"{path} holds {kind!r} version {version!r}, not {FORMAT!r} version {VERSION}"
            )
        if header.pop("sha256", None) != _checksum(header, codes):
            raise ValueError(f"{path} was altered: its checksum does not fit; save the index again")
        index = cls(header["bits"])
        index.add(codes)
        return index


def _checksum(header: dict, codes: np.ndarray) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    digest.update(f"{codes.dtype} {codes.shape}".encode())
    digest.update(np.ascontiguousarray(codes))
    return digest.hexdigest()
