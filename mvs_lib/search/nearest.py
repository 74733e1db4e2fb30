"""Keep the k nearest codes while a search goes through them, ties by smaller id.

A search offers every code within the current bound. Kept are: how many were offered at each
distance, which gives the bound (the smallest distance within which k codes are known), and the
codes themselves as one number each, ``distance << 40 | position``, so that the smaller number is
the better answer. Offering costs a few instructions whatever k is; only when the buffer runs full
are the numbers that can no longer win thrown away.

One query's memory is an int64 array: `HEAD` places of state, then the tally of distances (bits + 2
places), then the buffer.
"""

import numpy as np

from mvs_lib.search.compiled import part

__all__ = [
    "BOUND", "BUCKETS", "CANDIDATES", "COUNT", "KNOWN", "NONE", "POSITION_BITS", "TALLY_END",
    "WANTED", "finish", "memory", "offer", "sort", "start",
]  # fmt: skip

HEAD = 8
COUNT, BOUND, KNOWN, LIMIT, WANTED, TALLY_END, BUCKETS, CANDIDATES = range(HEAD)  # the state
POSITION_BITS = 40
NONE = np.int64(np.iinfo(np.int64).max)
FAR = np.int32(np.iinfo(np.int32).max)  # the distance of an answer that does not exist


@part
def memory(bits, k):
    """Return how many places the search for ``k`` answers needs."""
    return HEAD + bits + 2 + 2 * k + 64


@part
def start(kept, bits, k, bound):
    """Begin a search for the ``k`` nearest codes among those within ``bound`` bits."""
    kept[COUNT] = 0
    kept[BOUND] = bound
    kept[KNOWN] = 0  # codes known within the bound
    kept[LIMIT] = NONE  # only smaller numbers can still win
    kept[WANTED] = k
    kept[TALLY_END] = HEAD + bits + 2
    kept[HEAD : HEAD + bits + 2] = 0


@part
def offer(kept, distance, position):
    """Take a code into account; return False if the buffer is too small for all that count."""
    if distance > kept[BOUND]:
        return True
    number = (distance << POSITION_BITS) | position
    if number >= kept[LIMIT]:
        return True
    k, buffer = kept[WANTED], kept[TALLY_END]
    if buffer + kept[COUNT] == len(kept):
        tidy(kept)
        if buffer + kept[COUNT] == len(kept):
            return False
        if number >= kept[LIMIT] or distance > kept[BOUND]:
            return True
    kept[buffer + kept[COUNT]] = number
    kept[COUNT] += 1
    kept[HEAD + distance] += 1
    kept[KNOWN] += 1
    while kept[KNOWN] - kept[HEAD + kept[BOUND]] >= k:
        kept[KNOWN] -= kept[HEAD + kept[BOUND]]
        kept[BOUND] -= 1
    return True


@part
def tidy(kept):
    """Throw away what is beyond the bound; then, if more than k are left, all but the k best."""
    first, k = kept[TALLY_END], kept[WANTED]
    largest = (kept[BOUND] + 1) << POSITION_BITS
    write = first
    for read in range(first, first + kept[COUNT]):
        if kept[read] < largest:
            kept[write] = kept[read]
            write += 1
    kept[COUNT] = write - first
    if kept[COUNT] <= k:
        return
    low, high, target = first, write - 1, first + k - 1
    while low < high:  # Hoare's selection: the k-th number comes to its place
        pivot = kept[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while kept[i] < pivot:
                i += 1
            while kept[j] > pivot:
                j -= 1
            if i <= j:
                kept[i], kept[j] = kept[j], kept[i]
                i += 1
                j -= 1
        if target <= j:
            high = j
        elif target >= i:
            low = i
        else:
            break
    kept[COUNT] = k
    kept[LIMIT] = kept[target]


@part
def sort(numbers):
    """Sort numbers in place (Shell's method: short, and quick on what is nearly sorted)."""
    gap = 1
    while gap < len(numbers) // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, len(numbers)):
            number, j = numbers[i], i
            while j >= gap and numbers[j - gap] > number:
                numbers[j] = numbers[j - gap]
                j -= gap
            numbers[j] = number
        gap //= 3


@part
def finish(kept, distances, positions):
    """Write the answers, best first; what is missing becomes `FAR` and -1.

    The tally says where each distance begins, so that only equals are left to be sorted.
    """
    tidy(kept)
    first, count, bound = kept[TALLY_END], kept[COUNT], kept[BOUND]
    tally = kept[HEAD:first]
    begin = 0
    for distance in range(bound + 1):
        begin, tally[distance] = begin + tally[distance], begin
    for i in range(first, first + count):
        distance = kept[i] >> POSITION_BITS
        to = tally[distance]
        tally[distance] = to + 1
        distances[to] = np.int32(distance)
        positions[to] = kept[i] & ((np.int64(1) << POSITION_BITS) - 1)
    begin = 0
    for distance in range(bound + 1):
        end = tally[distance]
        if end - begin > 1:
            sort(positions[begin:end])
        begin = end
    distances[count:] = FAR
    positions[count:] = -1
