"""Tables of hash bits: find the source features whose bits are close, without looking at all.

A code is too long to be looked up whole, for a single flipped bit would miss it. So several tables
each take a subset of its bits as the key (He et al., 2012: one bit serves in several tables, "bit
reuse"), and in each table all keys within a small radius of the query's are probed. What is found
in any table is compared whole. Subsets overlap, so a match that one table misses is not missed by
the next one independently: the recall is measured, not multiplied up.
"""

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from mvs_lib.codes import check_codes, unpack
from mvs_lib.queries.hash_bits import as_words

__all__ = ["BitTables", "popcount"]

NOTHING = 255  # distance where a photo has no match


@intrinsic
def popcount(typing, value):
    """Count the ones of a whole number, in compiled code."""

    def build(context, builder, signature, arguments):
        kind = arguments[0].type
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind]), f"llvm.ctpop.i{kind.width}"
        )
        return builder.call(function, arguments)

    return value(value), build


class BitTables:
    """Look features up by subsets of their bits.

    Args:
        bits: of a code, at most 248.
        tables: how many subsets.
        key: bits a subset, 1..32, at most ``bits``.
        random_state: of the subsets. All bits are used equally often, up to one.

    Attributes:
        subsets_: int64 ``(tables, key)``, the bits of each table.
    """

    def __init__(self, bits: int = 80, tables: int = 12, key: int = 32, random_state: int = 0):
        if not (1 <= key <= min(32, bits) and bits <= 248 and tables >= 1):
            raise ValueError(
                f"need 1 <= key <= min(32, bits), bits <= 248 and tables >= 1, got key={key}, "
                f"bits={bits}, tables={tables}"
            )
        self.bits, self.tables, self.key = bits, tables, key
        random = np.random.default_rng(random_state)
        used, subsets = np.zeros(bits, np.int64), []
        for _ in range(tables):
            subsets.append(np.sort(np.lexsort([random.random(bits), used])[:key]))
            used[subsets[-1]] += 1
        self.subsets_ = np.array(subsets)

    def fit(self, codes: np.ndarray, offsets: np.ndarray) -> "BitTables":
        """Fill the tables; return self.

        Args:
            codes: uint8 ``(n, bytes)``, of the features of many photos one after another.
            offsets: which rows belong to which photo, as in `LocalFeatures`.
        """
        codes = check_codes(codes, self.bits)
        self.photos_ = len(offsets) - 1
        self._words = as_words(codes)
        self._photo = np.repeat(np.arange(self.photos_, dtype=np.int32), np.diff(offsets))
        # A bucket is what shares the key's first bits. A handful of features in each is best: to
        # go on to the next bucket costs more than to look at a few more keys in this one.
        head = int(np.clip(np.log2(max(len(codes), 1)) - 3, 1, min(self.key, 20)))
        self._low = self.key - head
        self._keys = np.empty((self.tables, len(codes)), np.uint32)
        self._rows = np.empty((self.tables, len(codes)), np.int32)
        self._starts = np.empty((self.tables, (1 << head) + 1), np.int32)
        for table, keys in enumerate(self._keys_of(codes)):
            order = np.argsort(keys, kind="stable")
            self._keys[table], self._rows[table] = keys[order], order
            counts = np.bincount(keys >> self._low, minlength=1 << head)
            self._starts[table] = np.concatenate([[0], np.cumsum(counts)])
        return self

    def match(self, codes: np.ndarray, radius: int, within: int) -> tuple[np.ndarray, np.ndarray]:
        """Find, for each feature and photo, the nearest feature that any table brings up.

        Args:
            codes: of the query's features, uint8 ``(q, bytes)``.
            radius: keys that differ in so many bits are probed.
            within: bits in which a match may differ, of all.

        Returns:
            which: int32 ``(q, photos)``, the row of the matched feature, -1 for none; ties by the
                smaller row.
            distance: uint8 ``(q, photos)``, in how many bits it differs, 255 for none.
        """
        codes = check_codes(codes, self.bits, "query codes")
        which = np.full((len(codes), self.photos_), -1, np.int32)
        distance = np.full((len(codes), self.photos_), NOTHING, np.uint8)
        head = self.key - self._low
        masks = np.arange(1 << head, dtype=np.uint32)
        masks = masks[np.bitwise_count(masks) <= radius]
        _match(
            as_words(codes), self._keys_of(codes), masks, np.uint32(self._low), radius, within,
            self._keys, self._rows, self._starts, self._words, self._photo, which, distance,
        )  # fmt: skip
        return which, distance

    def _keys_of(self, codes: np.ndarray) -> np.ndarray:
        """Return the key of each code in each table, uint32 ``(tables, n)``."""
        keys = np.zeros((self.tables, len(codes)), np.uint32)
        for start in range(0, len(codes), 65536):
            some = unpack(codes[start : start + 65536], self.bits)
            for table, subset in enumerate(self.subsets_):
                packed = np.packbits(some[:, subset], axis=1)
                four = np.zeros((len(some), 4), np.uint8)
                four[:, : packed.shape[1]] = packed
                number = four.view(">u4").ravel() >> (32 - self.key)
                keys[table, start : start + len(some)] = number
        return keys

    @property
    def nbytes(self) -> int:
        """Bytes of the tables, and of the codes and photos that their rows point at."""
        arrays = (self._keys, self._rows, self._starts, self._photo)
        return sum(array.nbytes for array in arrays) + len(self._photo) * -(-self.bits // 8)


@numba.njit(nogil=True)
def _match(
    query, query_keys, masks, low, radius, within,
    keys, rows, starts, words, photo, which, distance,
):  # fmt: skip
    for feature in range(len(query)):
        for table in range(len(keys)):
            key = query_keys[table, feature]
            for mask in masks:
                bucket = (key >> low) ^ mask
                for at in range(starts[table, bucket], starts[table, bucket + 1]):
                    if popcount(keys[table, at] ^ key) > radius:
                        continue
                    row = rows[table, at]
                    bits = 0
                    for word in range(query.shape[1]):
                        bits += popcount(words[row, word] ^ query[feature, word])
                    if bits > within:
                        continue
                    near = distance[feature, photo[row]]
                    if bits < near or (bits == near and row < which[feature, photo[row]]):
                        distance[feature, photo[row]] = bits
                        which[feature, photo[row]] = row
