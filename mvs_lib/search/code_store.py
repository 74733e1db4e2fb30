"""The codes of an index: words in planes, ids that stay, and room for more."""

import numpy as np

from mvs_lib.codes import bytes_per_code

__all__ = ["PADDING", "CodeStore", "check_array"]

PADDING = 64  # spare codes behind the last one, which the kernels may read
CROWDED = 4  # when a quarter of the codes is removed, the rest moves together


class CodeStore:
    """Codes of ``bits`` bits, in the order of their ids.

    Attributes:
        planes: uint64 ``(words, room)``; word w of the code at position i is ``planes[w, i]``.
        size: how many positions are taken, removed codes included.
        alive: uint8 ``(room,)``, 0 where a code was removed; empty if none was.
        ids: int64 ``(size,)``, the id at each position; None while id and position are the same.
        next_id: the id of the code that is added next.
        removed: how many positions hold a removed code.
    """

    def __init__(self, bits: int):
        self.bits, self.bytes = int(bits), bytes_per_code(bits)
        self.words = -(-self.bytes // 8)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.planes = np.zeros((self.words, PADDING), np.uint64)
        self.size = self.removed = self.next_id = 0
        self.alive, self.ids = np.empty(0, np.uint8), None

    def __len__(self) -> int:
        return self.size - self.removed

    def words_of(self, codes: np.ndarray) -> np.ndarray:
        """Return checked codes as words, uint64 ``(n, words)``; ``(n,)`` if there is one each."""
        if self.bytes != 8 * self.words:
            wide = np.zeros((len(codes), 8 * self.words), np.uint8)
            wide[:, : self.bytes] = codes
            codes = wide
        found = codes.view(np.uint64)
        return found.reshape(-1) if self.words == 1 else found

    def packed(self, positions) -> np.ndarray:
        """Return the codes at ``positions``, uint8 ``(n, bytes)``."""
        words = np.ascontiguousarray(self.planes[:, positions].T)
        return words.view(np.uint8)[:, : self.bytes].copy()

    def living(self) -> np.ndarray:
        """Return the positions that hold a code, rising."""
        return np.flatnonzero(self.alive[: self.size]) if self.removed else np.arange(self.size)

    def add(self, codes: np.ndarray) -> None:
        """Add checked codes, uint8 ``(n, bytes)``."""
        size = self.size + len(codes)
        if size + PADDING > self.planes.shape[1]:
            room = size if not self.size else max(size, self.size * 3 // 2)
            planes = np.empty((self.words, room + PADDING), np.uint64)
            planes[:, : self.size] = self.planes[:, : self.size]
            planes[:, size:] = 0
            self.planes = planes
        self.planes[:, self.size : size] = self.words_of(codes).reshape(len(codes), -1).T
        if len(self.alive):
            alive = np.ones(self.planes.shape[1], np.uint8)
            alive[: self.size] = self.alive[: self.size]
            self.alive = alive
        new_ids = np.arange(self.next_id, self.next_id + len(codes))
        if self.ids is not None:
            self.ids = np.concatenate([self.ids, new_ids])
        self.size, self.next_id = size, self.next_id + len(codes)

    def remove(self, ids: np.ndarray) -> bool:
        """Remove codes; return whether the others moved to other positions.

        Raises:
            ValueError: ``ids`` are not whole numbers, or one of them is not there (any more), or is
                named twice; nothing is removed then.
        """
        ids = np.asarray(ids)
        if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
            raise ValueError(f"ids must be whole numbers (n,), got {ids.dtype} {ids.shape}")
        if not ids.size:
            return False
        ids = ids.astype(np.int64)
        positions = ids if self.ids is None else np.searchsorted(self.ids, ids)
        known = (ids >= 0) & (positions < self.size)
        if self.ids is not None:
            known[known] = self.ids[positions[known]] == ids[known]
        if self.removed:
            known[known] = self.alive[positions[known]] != 0
        if not known.all():
            raise ValueError(f"no code has the id {ids[~known][0]} (any more)")
        if len(np.unique(ids)) < len(ids):
            raise ValueError("ids must differ: one is named twice")
        if not len(self.alive):
            self.alive = np.ones(self.planes.shape[1], np.uint8)
        self.alive[positions] = 0
        self.removed += len(ids)
        if self.removed * CROWDED < self.size:
            return False
        self._close_up()
        return True

    def _close_up(self) -> None:
        living = self.living()
        planes = np.zeros((self.words, len(living) + PADDING), np.uint64)
        planes[:, : len(living)] = self.planes[:, living]
        self.ids = living if self.ids is None else self.ids[living]
        self.planes, self.size, self.removed = planes, len(living), 0
        self.alive = np.empty(0, np.uint8)

    def state(self) -> tuple[dict, dict[str, np.ndarray]]:
        """Return what `restore` needs: numbers and arrays."""
        end = self.size + PADDING
        numbers = {"size": self.size, "next_id": self.next_id, "removed": self.removed}
        ids = np.empty(0, np.int64) if self.ids is None else self.ids
        return numbers, {"planes": self.planes[:, :end], "alive": self.alive[:end], "ids": ids}

    def restore(self, numbers: dict, arrays: dict[str, np.ndarray]) -> None:
        """Take over a state, into an empty store.

        Raises:
            KeyError, TypeError, ValueError: the parts do not fit together.
        """
        size, next_id, removed = (int(numbers[name]) for name in ("size", "next_id", "removed"))
        planes, alive, ids = arrays["planes"], arrays["alive"], arrays["ids"]
        check_array("planes", planes, np.uint64, (self.words, size + PADDING))
        check_array("alive", alive, np.uint8, (size + PADDING if removed else len(alive),))
        check_array("ids", ids, np.int64, (size if len(ids) else 0,))
        if not 0 <= removed <= size <= next_id or (len(ids) == 0 and size != next_id):
            raise ValueError(f"{size} codes, {removed} of them removed, next id {next_id}")
        self.planes, self.size, self.next_id, self.removed = planes, size, next_id, removed
        self.alive, self.ids = alive, ids if len(ids) else None


def check_array(name: str, array: np.ndarray, dtype, shape: tuple) -> None:
    """Raise ValueError if an array has another dtype or shape."""
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(
            f"{name} must be {np.dtype(dtype)} {shape}, got {array.dtype} {array.shape}"
        )
