"""Compare a query with every code: the fallback of every plan, and the best one for batches.

One query alone is limited by how fast codes come out of the memory. Eight queries at a time are
compared with each code that was loaded, which is limited by arithmetic: several times as fast a
query.

Queries are uint64, ``(q,)`` for codes of one word and ``(q, words)`` for longer ones; codes lie as
`mvs_lib.search.hamming_vectors` says. ``alive`` is uint8 ``(n,)``, 0 for a code that was removed,
or empty if none was.
"""

import numpy as np

from mvs_lib.search.compiled import entry, part
from mvs_lib.search.hamming_vectors import distance, near64, near_batch, trailing_zeros
from mvs_lib.search.nearest import BOUND, KNOWN, WANTED, finish, offer, start

__all__ = ["TOGETHER", "scan_batch", "scan_part", "scan_queries"]

BLOCK = 4096  # codes that a batch compares with all its queries before it goes on: 32 KB a word
TOGETHER = 8  # queries of a batch that are compared at once
ONE = np.uint64(1)


@part
def rising_bound(kept):
    """Return the bound for codes behind all known ones: among equals, the known ones win."""
    return kept[BOUND] - np.int64(kept[KNOWN] >= kept[WANTED])


@part
def scan_part(kept, codes, stride, alive, query, first, last):
    """Offer the codes from ``first`` to ``last``; all known ones must lie in front of them.

    Returns False if the buffer was too small.
    """
    bound = rising_bound(kept)
    for at in range(first, last, 64):
        mask = near64(codes, at, stride, query, bound)
        if mask != 0:
            if at + 64 > last:
                mask &= (ONE << np.uint64(last - at)) - ONE
            while mask != 0:
                place = at + trailing_zeros(mask)
                mask &= mask - ONE
                if len(alive) == 0 or alive[place] != 0:
                    if not offer(kept, distance(codes, place, stride, query), place):
                        return False
            bound = rising_bound(kept)
    return True


@entry
def scan_queries(codes, stride, n, bits, alive, queries, k, kept, distances, positions):
    """Write the ``k`` nearest of the first ``n`` codes for each query, one after another."""
    for i in range(len(queries)):
        start(kept, bits, k, bits)
        scan_part(kept, codes, stride, alive, queries[i], 0, n)
        finish(kept, distances[i], positions[i])


@entry
def scan_batch(codes, stride, n, bits, alive, queries, k, group, kept, distances, positions):
    """Do what `scan_queries` does, eight queries at a time.

    ``group`` is memory for eight queries, uint64 ``(8,)`` or ``(words, 8)``; ``kept`` has a row a
    query.
    """
    flat, words = group.reshape(-1), group.size // TOGETHER
    all_queries = queries.reshape(-1)
    count = len(queries)
    bounds = np.empty(TOGETHER, np.int64)
    for i in range(count):
        start(kept[i], bits, k, bits)
    for block in range(0, n, BLOCK):
        end = min(n, block + BLOCK)
        for first in range(0, count, TOGETHER):
            for j in range(TOGETHER):
                bounds[j] = -1
                if first + j < count:
                    bounds[j] = rising_bound(kept[first + j])
                    for w in range(words):
                        flat[w * TOGETHER + j] = all_queries[(first + j) * words + w]
            for at in range(block, end, 8):
                mask = near_batch(codes, at, stride, group, bounds)
                while mask != 0:
                    bit = trailing_zeros(mask)
                    mask &= mask - ONE
                    place, j = at + (bit & 7), bit >> 3
                    if place < end and (len(alive) == 0 or alive[place] != 0):
                        one = kept[first + j]
                        offer(one, distance(codes, place, stride, queries[first + j]), place)
                        bounds[j] = rising_bound(one)
    for i in range(count):
        finish(kept[i], distances[i], positions[i])
