"""Tables of hash bits: find the source features whose bits are close, without looking at all.

A code is too long to be looked up whole, for a single flipped bit would miss it. So several tables
each take a subset of its bits as the key, and in each table all keys within a small radius of the
query's are probed. What is found in any table is compared whole. He et al. (2012) let one bit serve
in several tables ("bit reuse"). Such subsets overlap, so a match that one table misses is not
missed by the next one independently: the recall is measured, not multiplied up.

Where ``tables * key == bits`` every bit serves once, and the recall is certain: were a match of at
most ``within`` bits to differ in more than ``radius`` bits of every key, it would differ in at
least ``tables * (radius + 1)`` bits. So nothing is missed if ``within < tables * (radius + 1)``
(Norouzi et al., 2012; notebook 09).

A table keeps nothing but the order of the features by their keys: the keys are read from the codes.
"""

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from mvs_lib.codes import check_codes, pack, unpack

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
        self._offsets = np.asarray(offsets, np.int32)
        self._first, self._rest = _parts(codes)
        # A bucket is what shares the key's first bits. A handful of features in each is best: to
        # go on to the next bucket costs more than to look at a few more codes in this one.
        self._head = int(np.clip(np.log2(max(len(codes), 1)) - 3, 1, min(self.key, 20)))
        self._rows = np.empty((self.tables, len(codes)), np.int32)
        self._starts = np.zeros((self.tables, (1 << self._head) + 1), np.int32)
        for table, buckets in enumerate(self._buckets_of(codes)):
            self._rows[table] = np.argsort(buckets, kind="stable")
            counts = np.bincount(buckets, minlength=1 << self._head)
            self._starts[table, 1:] = np.cumsum(counts)
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
        probes = np.arange(1 << self._head)
        probes = probes[np.bitwise_count(probes) <= radius]
        keys = np.zeros((self.tables, self.bits), np.uint8)
        np.put_along_axis(keys, self.subsets_, 1, axis=1)
        _match(
            *_parts(codes), self._buckets_of(codes), probes, *_parts(pack(keys)), radius, within,
            self._rows, self._starts, self._first, self._rest, self._offsets, which, distance,
        )  # fmt: skip
        return which, distance

    def _buckets_of(self, codes: np.ndarray) -> np.ndarray:
        """Return the first bits of each code's key in each table, int64 ``(tables, n)``."""
        buckets = np.empty((self.tables, len(codes)), np.int64)
        for start in range(0, len(codes), 65536):  # keeps a million unpacked codes out of memory
            some = unpack(codes[start : start + 65536], self.bits)
            for table, subset in enumerate(self.subsets_):
                number = np.zeros(len(some), np.int64)
                for bit in subset[: self._head]:
                    number = 2 * number + some[:, bit]
                buckets[table, start : start + len(some)] = number
        return buckets

    @property
    def nbytes(self) -> int:
        """Bytes of all that the server keeps: the tables, the codes and whose they are."""
        arrays = (self._rows, self._starts, self._first, self._rest, self._offsets)
        return self.subsets_.nbytes + sum(array.nbytes for array in arrays)


def _parts(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first 64 bits, uint64 ``(n,)``, and the rest, uint16 ``(n, parts)``.

    So 80 bits take 10 bytes, and most features that are not close fail at the first number.
    """
    width = max(8, codes.shape[1] + codes.shape[1] % 2)
    padded = np.zeros((len(codes), width), np.uint8)
    padded[:, : codes.shape[1]] = codes
    first, rest = np.split(padded, [8], axis=1)
    shorts = np.ascontiguousarray(rest).view(np.uint16).reshape(len(codes), width // 2 - 4)
    return np.ascontiguousarray(first).view(np.uint64)[:, 0], shorts


@numba.njit(nogil=True)
def _match(
    query, query_rest, buckets, probes, mask, mask_rest, radius, within,
    rows, starts, first, rest, offsets, which, distance,
):  # fmt: skip
    for table in range(len(rows)):  # outermost, so that a table's starts stay in the cache
        for feature in range(len(query)):
            for probe in probes:
                bucket = buckets[table, feature] ^ probe
                for at in range(starts[table, bucket], starts[table, bucket + 1]):
                    row = rows[table, at]
                    apart = first[row] ^ query[feature]
                    bits = popcount(apart)
                    if bits > within:
                        continue
                    key = popcount(apart & mask[table])
                    for part in range(query_rest.shape[1]):
                        more = rest[row, part] ^ query_rest[feature, part]
                        bits += popcount(more)
                        key += popcount(more & mask_rest[table, part])
                    if bits > within or key > radius:
                        continue
                    photo = np.searchsorted(offsets, row, side="right") - 1
                    near = distance[feature, photo]
                    if bits < near or (bits == near and row < which[feature, photo]):
                        distance[feature, photo] = bits
                        which[feature, photo] = row
