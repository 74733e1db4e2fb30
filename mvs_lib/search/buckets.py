"""Sort codes into buckets by a few of their bits: the tables of multi-index hashing.

A table is built on one substring: ``width`` chosen bits, read as a number, the key. Codes are
copied in the order of their keys, each with its position in the index, so that a bucket is one
piece of memory: ``offsets[key]`` to ``offsets[key + 1]``. Copies cost memory, but a search then
reads its candidates one after another instead of jumping to each of them.
"""

from typing import NamedTuple

import numpy as np

from mvs_lib.search.code_store import PADDING, check_array
from mvs_lib.search.compiled import entry, part

__all__ = [
    "Tables", "bit_place", "build_tables", "check_tables", "fill_table", "key_of", "no_tables",
]  # fmt: skip

BLOCK = 2048  # codes whose keys are put together in the nearest cache
ONE = np.uint64(1)


class Tables(NamedTuple):
    """The tables of an index, as the kernels take them.

    The first ``built`` codes are in them. Copies of the codes lie in planes, ``stride`` apart, the
    planes of one table behind those of another.
    """

    built: int
    copies: np.ndarray  # uint64 (tables * words * stride,)
    stride: int
    offsets: np.ndarray  # uint32 (tables, 2 ** width + 1)
    positions: np.ndarray  # int32 (tables, built)
    places: np.ndarray  # int64 (tables, width), where the bits of the keys lie
    masks: np.ndarray  # uint64 (tables * words,), a one at each of these places


def no_tables() -> Tables:
    """Return the tables of an index that has none."""
    return Tables(
        0, np.zeros(PADDING, np.uint64), PADDING, np.zeros((0, 2), np.uint32),
        np.zeros((0, 0), np.int32), np.zeros((0, 1), np.int64), np.zeros(0, np.uint64),
    )  # fmt: skip


def check_tables(tables: Tables, words: int, size: int, deep: bool = True) -> None:
    """Raise ValueError if tables do not fit together or would lead outside their arrays.

    Args:
        tables: what was read from somewhere.
        words: of a code.
        size: how many codes there are.
        deep: look at every offset and position too.
    """
    built, stride, (count, width) = tables.built, tables.stride, tables.places.shape
    if not 0 <= built <= size or stride != built + PADDING or not 1 <= width <= 24:
        raise ValueError(f"{built} of {size} codes in tables of {width} bits, {stride} apart")
    check_array("copies", tables.copies, np.uint64, (count * words * stride,))
    check_array("offsets", tables.offsets, np.uint32, (count, (1 << width) + 1))
    check_array("positions", tables.positions, np.int32, (count, built))
    check_array("places", tables.places, np.int64, (count, width))
    if tables.places.min() < 0 or tables.places.max() >= 64 * words:
        raise ValueError("a table is built on a bit that no code has")
    if len(np.unique(tables.places)) < tables.places.size:
        raise ValueError("a bit is in two substrings")
    if not np.array_equal(tables.masks, masks_of(tables.places, words).reshape(-1)):
        raise ValueError("the masks are not those of the substrings")
    if deep:
        ends = (tables.offsets[:, 0] == 0).all() and (tables.offsets[:, -1] == built).all()
        rising = all((row[:-1] <= row[1:]).all() for row in tables.offsets)
        inside = not built or (tables.positions.min() >= 0 and tables.positions.max() < built)
        if not (ends and rising and inside):
            raise ValueError("buckets lead outside the tables")


def build_tables(planes: np.ndarray, n: int, substrings: np.ndarray) -> Tables:
    """Build a table on each substring.

    Args:
        planes: uint64 ``(words, stride)``.
        n: how many of the codes to take.
        substrings: int64 ``(tables, width)``, numbers of bits.
    """
    count, width = substrings.shape
    words, stride = len(planes), n + PADDING
    places = bit_place(substrings)
    offsets = np.empty((count, (1 << width) + 1), np.uint32)
    copies = np.empty((count, words, stride), np.uint64)
    copies[:, :, n:] = 0
    positions = np.empty((count, n), np.int32)
    spare = np.empty((words + 1, n), np.uint64)
    for table in range(count):
        fill_table(
            planes.reshape(-1), planes.shape[1], n, places[table], offsets[table], copies[table],
            positions[table], spare,
        )  # fmt: skip
    masks = masks_of(places, words).reshape(-1)
    return Tables(n, copies.reshape(-1), stride, offsets, positions, places, masks)


def bit_place(bit):
    """Return where bit ``bit`` of a packed code lies in its little-endian words.

    Packed codes have the most significant bit of each byte first, words the least significant.

    >>> [bit_place(bit) for bit in (0, 7, 8, 64)]
    [7, 0, 15, 71]
    """
    return bit ^ 7


def masks_of(places: np.ndarray, words: int) -> np.ndarray:
    """Return the words that hold a one at each place of a substring, uint64 ``(m, words)``."""
    masks = np.zeros((len(places), words), np.uint64)
    for table, row in enumerate(places):
        for place in row:
            masks[table, place >> 6] |= ONE << np.uint64(place & 63)
    return masks


@part
def key_of(words, first, places):
    """Return the key of the code whose words start at ``words[first]``."""
    key = np.uint64(0)
    for i in range(len(places)):
        word = words[first + (places[i] >> 6)]
        key |= ((word >> np.uint64(places[i] & 63)) & ONE) << np.uint64(i)
    return np.int64(key)


@part
def all_keys(codes, stride, n, places, keys):
    """Write the keys of ``n`` codes."""
    for block in range(0, n, BLOCK):
        target = keys[block : min(n, block + BLOCK)]
        target[:] = 0
        for i in range(len(places)):
            plane = (places[i] >> 6) * stride + block
            source = codes[plane : plane + len(target)]
            down, up = np.uint64(places[i] & 63), np.uint64(i)
            for j in range(len(target)):
                target[j] |= np.uint32(((source[j] >> down) & ONE) << up)


@entry
def fill_table(codes, stride, n, places, offsets, table, positions, spare):
    """Sort ``n`` codes into buckets.

    They are moved twice, first by the upper half of the key, then by the rest: each time to a few
    places that lie in the cache, which is several times as fast as moving them straight to their
    buckets all over the memory.

    Args:
        codes: uint64 planes, see `mvs_lib.search.hamming_vectors`; ``stride`` apart.
        places: int64 ``(width,)``, where the key's bits lie.
        offsets: uint32 ``(2 ** width + 1,)``, written.
        table: uint64 ``(words, stride of the table)``, written.
        positions: int32 ``(n,)``, written; they rise within a bucket.
        spare: uint64 ``(words + 1, n)``, overwritten.
    """
    words, width = len(table), len(places)
    numbers = spare[words].view(np.uint32)  # keys and positions, half moved
    keys = np.empty(n, np.uint32)
    all_keys(codes, stride, n, places, keys)
    offsets[:] = 0
    for i in range(n):
        offsets[np.int64(keys[i]) + 1] += np.uint32(1)
    for key in range(len(offsets) - 1):
        offsets[key + 1] += offsets[key]
    low = width // 2
    cursor = np.empty(1 << (width - low), np.int64)
    for high in range(len(cursor)):
        cursor[high] = offsets[high << low]
    for i in range(n):
        high = np.int64(keys[i]) >> low
        to = cursor[high]
        cursor[high] = to + 1
        for w in range(words):
            spare[w, to] = codes[w * stride + i]
        numbers[2 * to] = keys[i]
        numbers[2 * to + 1] = np.uint32(i)
    places_left = np.empty(1 << low, np.int64)
    for high in range(len(cursor)):
        first = high << low
        for key in range(len(places_left)):
            places_left[key] = offsets[first + key]
        for i in range(np.int64(offsets[first]), np.int64(offsets[first + len(places_left)])):
            key = np.int64(numbers[2 * i]) - first
            to = places_left[key]
            places_left[key] = to + 1
            for w in range(words):
                table[w, to] = spare[w, i]
            positions[to] = np.int32(numbers[2 * i + 1])
