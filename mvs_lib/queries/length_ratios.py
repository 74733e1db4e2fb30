"""A cheap look at the geometry: does the distance between matched points grow by one factor?

He et al. (2012): under a shift, a turn and a change of size, every distance between two points is
multiplied by the same number. So for all pairs of matched points the ratio of the two distances is
put into a histogram, and the share of the fullest bin says how well one number fits. There is no
model to estimate and no iteration, which is why it is much faster than RANSAC.
"""

import numba
import numpy as np

__all__ = ["agreement"]


def agreement(
    query: np.ndarray,
    source: np.ndarray,
    which: np.ndarray,
    width: float = 0.3,
    reach: float = 3.0,
) -> np.ndarray:
    """Score photos by how many pairs of matches agree on one ratio, float64 ``(photos,)``, 0..1.

    For the pairs (i, j) of a photo's matches, rho = ||p_i - p_j|| / ||q_i - q_j||; the score is
    the fullest bin of the histogram of log rho over the number of all pairs. A pair of points that
    lie on one another falls into no bin, but it counts. Fewer than 2 matches score 0.

    Args:
        query: float ``(q, 2)``, p, the positions of the query's features.
        source: float ``(n, 2)``, positions of the source photos' features.
        which: int ``(q, photos)``, the row of ``source`` that each query feature is matched with
            in each photo, -1 for none.
        width: of a bin of log rho.
        reach: bins cover -reach..reach.
    """
    scores = np.zeros(which.shape[1])
    bins = int(np.ceil(2 * reach / width))
    _agreement(
        np.asarray(query, np.float64), np.asarray(source, np.float64),
        np.ascontiguousarray(which.T), float(width), float(reach), np.zeros(bins, np.int64), scores,
    )  # fmt: skip
    return scores


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
                here = (query[p, 0] - query[r, 0]) ** 2 + (query[p, 1] - query[r, 1]) ** 2
                there = (source[q, 0] - source[s, 0]) ** 2 + (source[q, 1] - source[s, 1]) ** 2
                if here > 0 and there > 0:
                    at = int(np.floor((0.5 * np.log(here / there) + reach) / width))
                    if 0 <= at < len(histogram):
                        histogram[at] += 1
        scores[photo] = histogram.max() / (count * (count - 1) / 2)
