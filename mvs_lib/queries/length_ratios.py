"""A cheap look at the geometry: does the distance between matched points grow by one factor?

He et al. (2012): under a shift, a turn and a change of size, every distance between two points is
multiplied by the same number. So for all pairs of matched points the ratio of the two distances is
put into a histogram, and the share of the fullest bin says how well one number fits. There is no
model to estimate and no iteration, which is why it is much faster than RANSAC.

Chance fills a bin too, and the fewer the matches the more: one pair always agrees with itself. So
what counts is the agreement beyond chance, which is ours (the form is that of Cohen's kappa, 1960):

    score = max(0, (a - e_m) / (1 - e_m)),

with a the share of the fullest bin and e_m its mean over layouts in which m matches join points
that were drawn evenly and independently in both frames. A perfect fit still scores 1 whatever m is,
a random one 0 on average, and two matches, which can prove nothing (e_2 = 1), score 0.
"""

from functools import cache

import numba
import numpy as np

__all__ = ["agreement", "by_chance"]

MOST = 64  # matches: beyond that, chance hardly changes
LAYOUTS = 400  # drawn for each number of matches


def agreement(
    query: np.ndarray,
    source: np.ndarray,
    which: np.ndarray,
    width: float = 0.3,
    reach: float = 3.0,
    chance: bool = True,
) -> np.ndarray:
    """Score photos by how many pairs of matches agree on one ratio, float64 ``(photos,)``, 0..1.

    For the pairs (i, j) of a photo's matches, rho = ||p_i - p_j|| / ||q_i - q_j||; a is the
    fullest bin of the histogram of log rho over the number of all pairs. A pair of points that
    lie on one another falls into no bin, but it counts. Fewer than 2 matches score 0.

    Args:
        query: ``(q, 2)``, p, the positions of the query's features.
        source: ``(n, 2)``, positions of the source photos' features, in the same unit; whole
            numbers of a grid's cells will do.
        which: int ``(q, photos)``, the row of ``source`` that each query feature is matched with
            in each photo, -1 for none.
        width: of a bin of log rho.
        reach: bins cover -reach..reach.
        chance: take away what chance gives; False returns a itself.
    """
    scores, counts = np.zeros(which.shape[1]), (which >= 0).sum(axis=0)
    bins = int(np.ceil(2 * reach / width))
    _agreement(
        np.asarray(query, np.float64), np.asarray(source),
        np.ascontiguousarray(which.T), float(width), float(reach), np.zeros(bins, np.int64), scores,
    )  # fmt: skip
    if not chance:
        return scores
    expected = by_chance(float(width), float(reach))[np.clip(counts, 2, MOST)]
    return np.maximum(scores - expected, 0) / np.maximum(1 - expected, 1e-9) * (counts > 2)


@cache
def by_chance(width: float, reach: float) -> np.ndarray:
    """Return e_m, the mean share of the fullest bin for m random matches, float64 ``(65,)``.

    Measured on 400 layouts for each m, always the same ones; entries 0 and 1 are 1.
    """
    random = np.random.default_rng(0)
    bins = np.zeros(int(np.ceil(2 * reach / width)), np.int64)
    expected, share = np.ones(MOST + 1), np.empty(1)
    for m in range(3, MOST + 1):
        which, total = np.arange(m, dtype=np.int32)[None], 0.0
        for query, source in random.random((LAYOUTS, 2, m, 2)):
            _agreement(query, source, which, width, reach, bins, share)
            total += share[0]
        expected[m] = total / LAYOUTS
    return expected


@numba.njit(nogil=True)
def _agreement(query, source, which, width, reach, histogram, scores):
    rows = np.empty(which.shape[1], np.int64)
    for photo in range(len(which)):
        count = 0
        for feature in range(which.shape[1]):
            if which[photo, feature] >= 0:
                rows[count] = feature
                count += 1
        if count < 2:
            continue
        histogram[:] = 0
        for i in range(count):
            p, q = rows[i], which[photo, rows[i]]
            for j in range(i):
                r, s = rows[j], which[photo, rows[j]]
                across = float(source[q, 0]) - float(source[s, 0])
                down = float(source[q, 1]) - float(source[s, 1])
                here = (query[p, 0] - query[r, 0]) ** 2 + (query[p, 1] - query[r, 1]) ** 2
                there = across**2 + down**2
                if here > 0 and there > 0:
                    at = int(np.floor((0.5 * np.log(here / there) + reach) / width))
                    if 0 <= at < len(histogram):
                        histogram[at] += 1
        scores[photo] = histogram.max() / (count * (count - 1) / 2)
