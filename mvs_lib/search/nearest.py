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
TALLY = HEAD  # where the tally of distances begins
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
    kept[TALLY : TALLY + bits + 2] = 0


@part
def number(distance, position):
    """Return a code as one number: the smaller, the better the answer."""
    return (distance << POSITION_BITS) | position


@part
def lowered(kept, bound, known):
    """Return the smallest bound within which enough codes are known, and how many are."""
    wanted = kept[WANTED]
    while known - kept[TALLY + bound] >= wanted:
        known -= kept[TALLY + bound]
        bound -= 1
    return bound, known


@part
def offer(kept, distance, position):
    """Take a code into account; return False if the buffer is too small for all that count."""
    if distance > kept[BOUND]:
        return True
    new = number(distance, position)
    if new >= kept[LIMIT]:
        return True
    buffer = kept[TALLY_END]
    if buffer + kept[COUNT] == len(kept):
        tidy(kept)
        if buffer + kept[COUNT] == len(kept):
            return False
        if new >= kept[LIMIT]:
            return True
    kept[buffer + kept[COUNT]] = new
    kept[COUNT] += 1
    kept[TALLY + distance] += 1
    kept[BOUND], kept[KNOWN] = lowered(kept, kept[BOUND], kept[KNOWN] + 1)
    return True


@part
def tidy(kept):
    """Throw away what is beyond the bound; then, if more than k are left, all but the k best.

    Fewer than k are nearer than the bound, so that those too many are equals: the ones with the
    largest positions go. A scan offers equals in their order, which is kept.
    """
    first, wanted = kept[TALLY_END], kept[WANTED]
    ties, beyond = kept[BOUND] << POSITION_BITS, (kept[BOUND] + 1) << POSITION_BITS
    write, nearer, last, rising = first, 0, np.int64(-1), True
    for read in range(first, first + kept[COUNT]):
        one = kept[read]
        kept[write] = one
        write += np.int64(one < beyond)
        nearer += np.int64(one < ties)
        if ties <= one < beyond:
            rising &= one > last
            last = one
    kept[COUNT] = write - first
    if kept[COUNT] <= wanted:
        return
    if not rising:
        smallest_first(kept, first, write - 1, first + wanted - 1)
        kept[COUNT] = wanted
        kept[LIMIT] = kept[first + wanted - 1]
        return
    end, write, left = write, first, wanted - nearer
    for read in range(first, end):
        one = kept[read]
        kept[write] = one
        if one < ties:
            write += 1
        elif left > 0:
            left -= 1
            write += 1
            kept[LIMIT] = one
    kept[COUNT] = wanted


@part
def smallest_first(numbers, low, high, target):
    """Move numbers between ``low`` and ``high`` so that up to ``target`` lie the smallest.

    Hoare's selection: no number behind ``target`` is smaller than the one there.
    """
    while low < high:
        pivot = numbers[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while numbers[i] < pivot:
                i += 1
            while numbers[j] > pivot:
                j -= 1
            if i <= j:
                numbers[i], numbers[j] = numbers[j], numbers[i]
                i += 1
                j -= 1
        if target <= j:
            high = j
        elif target >= i:
            low = i
        else:
            break


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
    tally = kept[TALLY:first]
    begin = 0
    for distance in range(bound + 1):
        begin, tally[distance] = begin + tally[distance], begin
    rising = True
    for i in range(first, first + count):
        distance = kept[i] >> POSITION_BITS
        position = kept[i] & ((np.int64(1) << POSITION_BITS) - 1)
        to = tally[distance]
        tally[distance] = to + 1
        distances[to] = np.int32(distance)
        positions[to] = position
        if to > 0 and distances[to - 1] == distance and positions[to - 1] > position:
            rising = False
    if not rising:
        begin = 0
        for distance in range(bound + 1):
            end = tally[distance]
            if end - begin > 1:
                sort(positions[begin:end])
            begin = end
    distances[count:] = FAR
    positions[count:] = -1
