"""Compare a query with every code: the fallback of every plan, and the best one for batches.

One query alone is limited by how fast codes come out of the memory. Eight queries at a time are
compared with each code that was loaded, which is limited by arithmetic: several times as fast a
query.

Queries come as packed codes, uint8 ``(q, bytes)``, with memory for their words: uint64 ``(q,)`` for
codes of one word, ``(q, words)`` for longer ones. Codes lie as `mvs_lib.search.hamming_vectors`
says. ``alive`` is uint8 ``(n,)``, 0 for a code that was removed, or empty if none was.
"""

import numpy as np

from mvs_lib.search.compiled import entry, part
from mvs_lib.search.hamming_vectors import distance, near16, near64, near_batch, trailing_zeros
from mvs_lib.search.nearest import (
    BOUND,
    COUNT,
    KNOWN,
    TALLY,
    TALLY_END,
    WANTED,
    finish,
    lowered,
    memory,
    number,
    start,
    tidy,
)

__all__ = ["TOGETHER", "read_words", "scan_batch", "scan_part", "scan_queries"]

BLOCK = 4096  # codes that a batch compares with all its queries before it goes on: 32 KB a word
FIRST = 2048  # codes that a query of a batch is compared with alone
TOGETHER = 8  # queries of a batch that are compared at once
ONE = np.uint64(1)


@part
def read_words(queries, words):
    """Write packed codes into ``words``, the last word of each filled up with zeros."""
    flat, count = words.reshape(-1), len(queries)
    each = len(flat) // count
    for i in range(count):
        for w in range(each):
            word = np.uint64(0)
            for byte in range(8 * w, min(8 * w + 8, queries.shape[1])):
                word |= np.uint64(queries[i, byte]) << np.uint64(8 * (byte - 8 * w))
            flat[i * each + w] = word


@part
def rising_bound(kept):
    """Return the bound for codes behind all known ones: among equals, the known ones win."""
    return kept[BOUND] - np.int64(kept[KNOWN] >= kept[WANTED])


@part
def scan_part(kept, codes, stride, alive, query, first, last):
    """Take the codes from ``first`` to ``last``; all known ones must lie in front of them.

    The state stays in registers, and the bound is lowered once in 64 codes: what was taken before
    its turn is thrown away later. Returns False if the buffer was too small.
    """
    buffer, wanted = kept[TALLY_END], kept[WANTED]
    count, bound, known = kept[COUNT], kept[BOUND], kept[KNOWN]
    at, end = first, first
    while end < last:
        at, end = end, end + (16 if end < first + 64 else 64)
        near = bound - np.int64(known >= wanted)
        if end - at == 16:
            mask = near16(codes, at, stride, query, near)
        else:
            mask = near64(codes, at, stride, query, near)
        if mask == 0:
            continue
        if end > last:
            mask &= (ONE << np.uint64(last - at)) - ONE
        while mask != 0:
            place = at + trailing_zeros(mask)
            mask &= mask - ONE
            if len(alive) != 0 and alive[place] == 0:
                continue
            if buffer + count == len(kept):
                bound, known = lowered(kept, bound, known)
                kept[COUNT], kept[BOUND], kept[KNOWN] = count, bound, known
                tidy(kept)
                count = kept[COUNT]
                if buffer + count == len(kept):
                    return False
            apart = distance(codes, place, stride, query)
            if apart > bound:  # which fell within these codes, when the buffer was full
                continue
            kept[buffer + count] = number(apart, place)
            kept[TALLY + apart] += 1
            count += 1
            known += 1
        bound, known = lowered(kept, bound, known)
    kept[COUNT], kept[BOUND], kept[KNOWN] = count, bound, known
    return True


@entry
def scan_queries(codes, stride, n, bits, alive, queries, words, k, distances, positions):
    """Write the ``k`` nearest of the first ``n`` codes for each query, one after another."""
    read_words(queries, words)
    kept = np.empty(memory(bits, k), np.int64)
    for i in range(len(words)):
        start(kept, bits, k, bits)
        scan_part(kept, codes, stride, alive, words[i], 0, n)
        finish(kept, distances[i], positions[i])


@part
def take(kept, row, apart, place):
    """Note down a code within the bound in a row of ``kept``; return the bound for the next."""
    buffer, wanted = kept[row, TALLY_END], kept[row, WANTED]
    count, bound, known = kept[row, COUNT], kept[row, BOUND], kept[row, KNOWN] + 1
    if buffer + count == kept.shape[1]:
        tidy(kept[row])
        count = kept[row, COUNT]
    kept[row, buffer + count] = number(apart, place)
    kept[row, COUNT] = count + 1
    kept[row, TALLY + apart] += 1
    bound, known = lowered(kept[row], bound, known)
    kept[row, BOUND], kept[row, KNOWN] = bound, known
    return bound - np.int64(known >= wanted)


@entry
def scan_batch(codes, stride, n, bits, alive, queries, words, k, group, distances, positions):
    """Do what `scan_queries` does, eight queries at a time.

    Each query sees the first codes alone, which brings its bound down. ``group`` is memory for
    eight queries, uint64 ``(8,)`` or ``(words, 8)``.
    """
    read_words(queries, words)
    flat, each = group.reshape(-1), group.size // TOGETHER
    all_words = words.reshape(-1)
    count, begin = len(words), min(n, FIRST)
    kept = np.empty((count, memory(bits, k)), np.int64)
    bounds = np.empty(TOGETHER, np.int64)
    for i in range(count):
        start(kept[i], bits, k, bits)
        scan_part(kept[i], codes, stride, alive, words[i], 0, begin)
    for block in range(begin, n, BLOCK):
        end = min(n, block + BLOCK)
        for first in range(0, count, TOGETHER):
            for j in range(TOGETHER):
                bounds[j] = -1
                if first + j < count:
                    bounds[j] = rising_bound(kept[first + j])
                    for w in range(each):
                        flat[w * TOGETHER + j] = all_words[(first + j) * each + w]
            for at in range(block, end, 8):
                mask = near_batch(codes, at, stride, group, bounds)
                while mask != 0:
                    bit = trailing_zeros(mask)
                    mask &= mask - ONE
                    place, j = at + (bit & 7), bit >> 3
                    if place < end and (len(alive) == 0 or alive[place] != 0):
                        apart = distance(codes, place, stride, words[first + j])
                        if apart <= bounds[j]:
                            bounds[j] = take(kept, first + j, apart, place)
    for i in range(count):
        finish(kept[i], distances[i], positions[i])
