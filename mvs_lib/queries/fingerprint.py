"""Which few codes make a place known: the selection behind space-saliency fingerprints.

Wang et al. (2014) choose a fingerprint for each place from photos of a crowd. Their text could not
be had, so the criteria below are our realisation. A code belongs to a place's fingerprint if

- it lasts: other photos of the place, taken from a near direction, show it too (its support);
- it tells: few other places have it (its idf);
- it stands out of its photo (its saliency);
- it adds something: no chosen code is close to it (its redundancy is low);
- and every direction from which the place was photographed has its share (coverage of sectors).

The codes are chosen one by one, the best gain = value - penalty x redundancy first (greedy).
"""

import numba
import numpy as np

from mvs_lib.queries.bit_tables import popcount

__all__ = ["holders", "nearest", "sectors_of", "select", "supports"]

UNKNOWN = -1  # sector of a photo without a compass reading


def sectors_of(compass: np.ndarray, sectors: int) -> np.ndarray:
    """Return in which of ``sectors`` equal parts of the circle each heading lies, int64 ``(n,)``.

    Args:
        compass: degrees, NaN where absent; -1 is returned there.
    """
    compass = np.asarray(compass, np.float64)
    known = np.isfinite(compass)
    part = np.floor(np.where(known, compass, 0) % 360 / 360 * sectors).astype(np.int64) % sectors
    return np.where(known, part, UNKNOWN)


def supports(
    words: np.ndarray, offsets: np.ndarray, sectors: np.ndarray, circle: int, within: int
) -> np.ndarray:
    """Count the near photos that support each code: that show a close one, int64 ``(n,)``.

    A photo does not support its own codes.

    Args:
        words: uint64 ``(n, words)``, the codes of one place's photos one after another.
        offsets: which rows belong to which photo, ``(photos + 1,)``.
        sectors: of each photo; photos are near in equal or neighbouring sectors, or where either
            sector is unknown.
        circle: how many sectors there are.
        within: bits in which close codes may differ.
    """
    counts = np.zeros(len(words), np.int64)
    _supports(words, np.asarray(offsets), np.asarray(sectors), circle, within, counts)
    return counts


def nearest(words: np.ndarray, base: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the distance of each code to the nearest of each group, uint8 ``(n, groups)``.

    Args:
        words: uint64 ``(n, words)``.
        base: uint64 ``(m, words)``, the groups one after another; group g owns the rows
            ``offsets[g]:offsets[g + 1]``. An empty group is 255 away.
    """
    distances = np.full((len(words), len(offsets) - 1), 255, np.uint8)
    _nearest(words, base, np.asarray(offsets), distances)
    return distances


def holders(
    words: np.ndarray, own: np.ndarray, base: np.ndarray, offsets: np.ndarray, within: int
) -> np.ndarray:
    """Count for each code how many groups but its ``own`` hold a close one, int64 ``(n,)``."""
    counts = np.empty(len(words), np.int64)
    for start in range(0, len(words), 8192):  # keeps memory at 8192 x groups
        rows = slice(start, start + 8192)
        close = nearest(words[rows], base, offsets) <= within
        close[np.arange(len(close)), own[rows]] = False
        counts[rows] = close.sum(axis=1)
    return counts


def select(
    values: np.ndarray,
    words: np.ndarray,
    sectors: np.ndarray,
    most: int,
    least: int,
    penalty: float,
    within: int,
) -> np.ndarray:
    """Choose a fingerprint greedily; return the chosen rows in the order of choice, int64.

    The gain of code f beside the chosen ones G is

        values[f] - penalty * sum over g in G of max(0, 1 - d(f, g) / (within + 1)).

    As long as a sector has fewer than ``least`` chosen codes and some left, only such sectors are
    chosen from; after that the choice ends when no gain is above 0. At most ``most`` are chosen;
    ties by the smaller row.

    Args:
        values: float ``(n,)``. words: uint64 ``(n, words)``.
        sectors: of each code's photo, -1 where unknown; unknown ones need no coverage.
    """
    circle = int(max(sectors.max(initial=-1) + 1, 1))
    chosen = np.empty(min(most, len(values)), np.int64)
    count = _select(
        values.astype(np.float64), words, np.asarray(sectors), circle, least, penalty, within,
        chosen,
    )  # fmt: skip
    return chosen[:count]


@numba.njit(nogil=True)
def _distance(one, row, many, other):
    bits = 0
    for word in range(one.shape[1]):
        bits += popcount(one[row, word] ^ many[other, word])
    return bits


@numba.njit(nogil=True)
def _supports(words, offsets, sectors, circle, within, counts):
    photos = len(offsets) - 1
    for photo in range(photos):
        for other in range(photos):
            apart = (sectors[photo] - sectors[other]) % circle
            known = sectors[photo] >= 0 and sectors[other] >= 0
            if other == photo or (known and 1 < apart < circle - 1):
                continue
            for row in range(offsets[photo], offsets[photo + 1]):
                for close in range(offsets[other], offsets[other + 1]):
                    if _distance(words, row, words, close) <= within:
                        counts[row] += 1
                        break


@numba.njit(nogil=True)
def _nearest(words, base, offsets, distances):
    for row in range(len(words)):
        for group in range(len(offsets) - 1):
            least = 255
            for other in range(offsets[group], offsets[group + 1]):
                least = min(least, _distance(words, row, base, other))
            distances[row, group] = least


@numba.njit(nogil=True)
def _select(values, words, sectors, circle, least, penalty, within, chosen):
    gains = values.copy()
    free = np.ones(len(values), np.bool_)
    have, left = np.zeros(circle, np.int64), np.zeros(circle, np.int64)
    for sector in sectors:
        if sector >= 0:
            left[sector] += 1
    for count in range(len(chosen)):
        short = False
        for sector in range(circle):
            short |= have[sector] < least and left[sector] > 0
        best = -1
        for row in range(len(values)):
            wanted = not short or (sectors[row] >= 0 and have[sectors[row]] < least)
            if free[row] and wanted and (best < 0 or gains[row] > gains[best]):
                best = row
        if best < 0 or (not short and gains[best] <= 0):
            return count
        chosen[count] = best
        free[best] = False
        if sectors[best] >= 0:
            have[sectors[best]] += 1
            left[sectors[best]] -= 1
        for row in range(len(values)):
            if free[row]:
                near = 1 - _distance(words, row, words, best) / (within + 1)
                gains[row] -= penalty * max(0.0, near)
    return len(chosen)
