"""Huffman codes: frequent symbols in few bits. Taught in notebook 07.

Huffman (1952): put the two rarest symbols together, again and again; a symbol's bits are as many as
the times that it was put together with others. No code that reads symbols one by one is shorter:
for entropy H its mean length lies in [H, H + 1). The code is *canonical*: given the lengths alone,
both sides number the codes in the same way, shorter ones first, so that a file needs to hold no
more than the lengths.
"""

import heapq

import numba
import numpy as np

__all__ = ["code_lengths", "codewords", "decode", "encode"]

LONGEST = 56  # bits of a codeword; a symbol of so many would need 10^11 others


def code_lengths(counts: np.ndarray) -> np.ndarray:
    """Return the bits of each symbol's code, uint8 ``(symbols,)``; 0 for those that never occur.

    A symbol that is alone gets one bit.

    >>> code_lengths(np.array([5, 1, 2, 0])).tolist()
    [1, 2, 2, 0]

    Raises:
        ValueError: counts that are not whole numbers >= 0.
    """
    counts = np.asarray(counts)
    if counts.ndim != 1 or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError(f"counts must be whole numbers >= 0, got {counts.dtype} {counts.shape}")
    lengths = np.zeros(len(counts), np.uint8)
    heap = [
        (int(count), int(symbol), [int(symbol)]) for symbol, count in enumerate(counts) if count
    ]
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
        return lengths
    heapq.heapify(heap)
    while len(heap) > 1:
        (count, first, symbols), (other, second, more) = heapq.heappop(heap), heapq.heappop(heap)
        symbols = symbols + more
        lengths[symbols] += 1
        heapq.heappush(heap, (count + other, min(first, second), symbols))
    return lengths


def codewords(lengths: np.ndarray) -> np.ndarray:
    """Return the canonical codes as numbers, uint64 ``(symbols,)``: by length, then by symbol.

    >>> [f"{word:0{bits}b}" for word, bits in zip(codewords(np.array([2, 1, 2])), (2, 1, 2))]
    ['10', '0', '11']

    Raises:
        ValueError: lengths that no code has.
    """
    lengths = _checked(lengths)
    words, word, before = np.zeros(len(lengths), np.uint64), 0, 0
    for symbol in np.lexsort((np.arange(len(lengths)), lengths)):
        if length := int(lengths[symbol]):
            word <<= length - before
            words[symbol], before = word, length
            word += 1
    return words


def encode(symbols: np.ndarray, lengths: np.ndarray) -> bytes:
    """Return the codes of symbols one after another, the last byte filled up with zeros.

    Args:
        symbols: whole numbers ``(n,)`` below the number of lengths.
        lengths: from `code_lengths`, of counts in which every symbol occurs.

    Raises:
        ValueError: a symbol without a code, or lengths that no code has.
    """
    lengths, symbols = _checked(lengths), np.asarray(symbols, np.int64)
    if len(symbols) and (symbols.min() < 0 or symbols.max() >= len(lengths)):
        raise ValueError(f"symbols must lie in 0..{len(lengths) - 1}")
    bits = lengths[symbols].astype(np.int64)
    if (bits == 0).any():
        raise ValueError(f"symbol {symbols[np.argmin(bits)]} has no code: its count was 0")
    ends = np.cumsum(bits)
    out = np.zeros(-(-int(ends[-1]) // 8) if len(bits) else 0, np.uint8)
    _write(out, codewords(lengths)[symbols], bits)
    return out.tobytes()


def decode(data: bytes, lengths: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` symbols, int64, from what `encode` wrote.

    Raises:
        ValueError: the data end too soon, go on too long, or hold what is no code; or lengths that
            no code has. Nothing larger than the data is allocated before ``count`` is known to fit.
    """
    lengths = _checked(lengths)
    if not 0 <= count <= 8 * len(data):
        raise ValueError(f"{len(data)} bytes cannot hold {count} symbols")
    order = np.lexsort((np.arange(len(lengths)), lengths))
    order = order[lengths[order] > 0].astype(np.int64)
    counts = np.bincount(lengths, minlength=LONGEST + 1).astype(np.int64)
    counts[0] = 0
    found = np.empty(count, np.int64)
    used = _read(np.frombuffer(data, np.uint8), order, counts, found)
    if used < 0 or -(-used // 8) != len(data):
        raise ValueError("the data are damaged: they do not hold as many symbols as they should")
    return found


def _checked(lengths: np.ndarray) -> np.ndarray:
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise ValueError(f"lengths must be whole numbers, got {lengths.dtype} {lengths.shape}")
    if len(lengths) and (lengths.min() < 0 or lengths.max() > LONGEST):
        raise ValueError(f"a codeword has 1..{LONGEST} bits")
    used = lengths[lengths > 0].astype(np.int64)
    # Kraft's sum: what is over 1 is no code; only one symbol alone may leave room.
    room = int(np.sum(1 << (LONGEST - used))) if len(used) else 0
    if room > 1 << LONGEST or (len(used) > 1 and room != 1 << LONGEST):
        raise ValueError("these lengths belong to no Huffman code")
    return lengths


@numba.njit(cache=False, nogil=True)
def _write(out, words, bits):
    at = 0
    for i in range(len(words)):
        for k in range(bits[i] - 1, -1, -1):
            if (words[i] >> np.uint64(k)) & np.uint64(1):
                out[at >> 3] |= np.uint8(128 >> (at & 7))
            at += 1


@numba.njit(cache=False, nogil=True)
def _read(data, order, counts, found):
    """Fill ``found``; return how many bits were read, -1 if they ended or were no code."""
    at, end = 0, 8 * len(data)
    for i in range(len(found)):
        word, first, index, length = 0, 0, 0, 0
        while True:
            if at == end or length == len(counts) - 1:
                return -1
            word = (word << 1) | ((data[at >> 3] >> (7 - (at & 7))) & 1)
            at += 1
            length += 1
            if word - first < counts[length]:
                found[i] = order[index + word - first]
                break
            index += counts[length]
            first = (first + counts[length]) << 1
    return at
