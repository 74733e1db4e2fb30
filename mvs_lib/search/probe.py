"""Exact search through the buckets of several tables: multi-index hashing. Taught in notebook 09.

Norouzi, Punjani and Fleet (2014), "Fast exact search in Hamming space with multi-index hashing":
a code within r bits of the query lies, in at least one of m disjoint substrings, within r / m bits.
So one looks up short substrings and compares whole codes only with what turns up. Four things make
our realisation quick:

- The tables advance one shell (all keys at one distance from the query's) at a time, and the next
  is always the one that seems cheapest. The order is free: with shells up to t_j done in table j,
  every code within sum(t_j + 1) - 1 bits has been seen.
- It stops when the k-th distance is within that reach. (One shell earlier the distances would be
  right, but among equals an unseen code could have the smaller id.)
- A code turns up in several tables; it counts once. Instead of marking visited codes, a hit is
  dropped if another table's finished shells have shown it: a few bit counts, for hits alone.
- When the shells would cost more than comparing with every code, it does that instead.
"""

import numpy as np

from mvs_lib.search.buckets import key_of
from mvs_lib.search.compiled import entry, part
from mvs_lib.search.hamming_vectors import (
    distance,
    distance_within,
    near16,
    prefetch,
    trailing_zeros,
)
from mvs_lib.search.nearest import (
    BOUND,
    BUCKETS,
    CANDIDATES,
    COUNT,
    NONE,
    TALLY_END,
    finish,
    memory,
    offer,
    sort,
    start,
)
from mvs_lib.search.scan import read_words, scan_part

__all__ = ["probe_queries", "probe_radius"]

LOOKUP, CANDIDATE, BUDGET = range(3)  # costs in nanoseconds: of a bucket, of a code; the most
AHEAD = 16  # buckets that are asked for before the first of them is read
LINES = 4  # of 64 bytes, asked for in each
SHELLS = 8  # how far the size of shells is estimated
ONE = np.uint64(1)


@part
def estimate(offsets, key, width, n, sizes):
    """Estimate how many codes lie in each shell around ``key``; writes ``sizes`` (SHELLS + 1,).

    The buckets one flip away are counted. If flips acted independently, a bucket several flips away
    would be the product of their ratios to the key's own bucket, and a shell the elementary
    symmetric polynomial of them.
    """
    own = np.float64(offsets[key + 1] - offsets[key]) + 1.0
    sizes[0] = 1.0
    sizes[1:] = 0.0
    for i in range(width):
        flipped = key ^ (1 << i)
        ratio = (np.float64(offsets[flipped + 1] - offsets[flipped]) + 1.0) / own
        for s in range(SHELLS, 0, -1):
            sizes[s] += ratio * sizes[s - 1]
    for s in range(SHELLS + 1):
        sizes[s] = min(own * sizes[s], np.float64(n))


@part
def binomial(n, k):
    """Return in how many ways k of n bits can be chosen, as a float."""
    ways = 1.0
    for i in range(k):
        ways *= (n - i) / (i + 1.0)
    return ways


@part
def hit(kept, index, query, radius, j, at):
    """Offer the code at ``at`` in table ``j`` unless another table has shown it before."""
    _, _, _, _, alive, tables, stride, _, positions, _, masks = index
    words = len(masks) // len(radius)
    place = j * words * stride + at
    apart = distance(tables, place, stride, query)
    if apart > kept[BOUND]:  # the bound fell meanwhile
        return True
    for other in range(len(radius)):
        if other != j and radius[other] >= 0:
            within = distance_within(tables, place, stride, query, masks, other * words)
            if within <= radius[other]:
                return True
    position = np.int64(positions[j, at])
    if len(alive) != 0 and alive[position] == 0:
        return True
    return offer(kept, apart, position)


@part
def visit(kept, index, query, radius, j, key, ends):
    """Offer the codes in the next shell of table ``j``; return False if the buffer was too small.

    First a few buckets are asked for, then they are read: meanwhile the memory delivers.
    """
    _, _, _, _, _, tables, stride, offsets, _, places, masks = index
    base = j * (len(masks) // len(radius)) * stride
    shell = radius[j] + 1
    flips, beyond = (1 << shell) - 1, 1 << places.shape[1]
    while flips < beyond:
        count = 0
        while flips < beyond and count < AHEAD:
            bucket = key ^ flips
            kept[BUCKETS] += 1
            first, last = np.int64(offsets[j, bucket]), np.int64(offsets[j, bucket + 1])
            if first < last:
                ends[count, 0], ends[count, 1] = first, last
                count += 1
                for line in range(first, min(last, first + 8 * LINES), 8):
                    prefetch(tables, base + line)
            if flips == 0:
                flips = beyond
            else:  # the next larger number with as many ones
                lowest = flips & -flips
                ripple = flips + lowest
                flips = ripple | (((flips ^ ripple) >> 2) >> trailing_zeros(np.uint64(lowest)))
        for i in range(count):
            last, bound = ends[i, 1], kept[BOUND]
            kept[CANDIDATES] += last - ends[i, 0]
            for at in range(ends[i, 0], last, 16):
                mask = near16(tables, base + at, stride, query, bound)
                if mask != 0:
                    if at + 16 > last:
                        mask &= (ONE << np.uint64(last - at)) - ONE
                    while mask != 0:
                        place = at + trailing_zeros(mask)
                        mask &= mask - ONE
                        if not hit(kept, index, query, radius, j, place):
                            return False
                    bound = kept[BOUND]
    return True


@part
def probe(kept, bits, k, bound, index, query, words, first, costs, numbers, prices, sizes, ends):
    """Search for one query; return False if the buffer was too small."""
    codes, plane, n, built, alive, _, _, offsets, _, places, _ = index
    radius, keys, sure = numbers[0], numbers[1], numbers[2]
    count, width = places.shape
    start(kept, bits, k, bound)
    kept[BUCKETS], kept[CANDIDATES] = 0, n - built
    if not scan_part(kept, codes, plane, alive, query, built, n):
        return False
    if count == 0:
        return True
    for j in range(count):
        key = key_of(words, first, places[j])
        size = np.int64(offsets[j, key + 1]) - np.int64(offsets[j, key])
        radius[j], keys[j], sure[j] = -1, key, 1
        prices[j] = costs[LOOKUP] + costs[CANDIDATE] * size
    reach, spent = -1, 0.0
    while kept[BOUND] > reach:
        j = np.argmin(prices)
        shell = radius[j] + 1
        if sure[j] == 0:  # only now is it worth counting the buckets around
            if shell == 1:
                estimate(offsets[j], keys[j], width, built, sizes[j])
            size = sizes[j, shell] if shell <= SHELLS else np.float64(built)
            prices[j] += costs[CANDIDATE] * size
            sure[j] = 1
            continue
        spent += prices[j]
        if spent > costs[BUDGET]:
            start(kept, bits, k, kept[BOUND])
            kept[CANDIDATES] += n
            return scan_part(kept, codes, plane, alive, query, 0, n)
        if not visit(kept, index, query, radius, j, keys[j], ends):
            return False
        radius[j] = shell
        reach += 1
        if shell == width:  # every bucket of a table holds every code
            return True
        prices[j] = costs[LOOKUP] * binomial(width, shell + 1)
        sure[j] = 0
    return True


@part
def scratch(count):
    """Return memory for one query: numbers, prices and sizes a table, ends of buckets."""
    return (
        np.empty((3, count), np.int64),
        np.empty(count),
        np.empty((count, SHELLS + 1)),
        np.empty((AHEAD, 2), np.int64),
    )


@entry
def probe_queries(index, queries, words, bits, k, costs, effort, distances, positions):
    """Write the ``k`` nearest codes for each query, one after another.

    ``effort``, int64 ``(q, 2)``, takes down how many buckets and codes were looked at; or it is
    empty.
    """
    read_words(queries, words)
    flat, kept = words.reshape(-1), np.empty(memory(bits, k), np.int64)
    numbers, prices, sizes, ends = scratch(len(index[9]))
    for i in range(len(words)):
        first = i * (len(flat) // len(words))
        probe(kept, bits, k, bits, index, words[i], flat, first, costs, numbers, prices, sizes,
              ends)  # fmt: skip
        finish(kept, distances[i], positions[i])
        if len(effort) != 0:
            effort[i, 0], effort[i, 1] = kept[BUCKETS], kept[CANDIDATES]


@entry
def probe_radius(index, queries, words, bits, radius, costs, kept, found, lims, first):
    """Write the numbers of all codes within ``radius`` bits, sorted, for queries from ``first`` on.

    Query i fills ``found[lims[i]:lims[i + 1]]``. Returns the first query that did not fit into
    ``kept`` or ``found``, or the number of queries.
    """
    read_words(queries, words)
    flat = words.reshape(-1)
    numbers, prices, sizes, ends = scratch(len(index[9]))
    for i in range(first, len(words)):
        start_word = i * (len(flat) // len(words))
        if not probe(kept, bits, NONE, radius, index, words[i], flat, start_word, costs, numbers,
                     prices, sizes, ends):  # fmt: skip
            return i
        count = kept[COUNT]
        if lims[i] + count > len(found):
            return i
        begin, end = lims[i], lims[i] + count
        found[begin:end] = kept[kept[TALLY_END] : kept[TALLY_END] + count]
        sort(found[begin:end])
        lims[i + 1] = end
    return len(queries)
