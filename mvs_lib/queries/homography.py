"""Do two photos show one flat thing? Matches of local features, and the map that explains most.

A wall seen from two places is mapped by a homography, a 3 x 3 matrix. RANSAC (Fischler and Bolles,
1981) draws four matches at a time, and keeps the matrix with the most matches near it.
"""

from typing import NamedTuple

import cv2
import numpy as np

__all__ = ["Verified", "match", "verify"]

STRETCH = 6.0  # by more than this, in any direction, no photo of the same place is enlarged


class Verified(NamedTuple):
    """A homography and what agrees with it.

    Attributes:
        matrix: float64 ``(3, 3)``, maps shares of the candidate's frame to the query's.
        inliers: bool ``(matches,)``.
    """

    matrix: np.ndarray
    inliers: np.ndarray


def match(query: np.ndarray, candidate: np.ndarray, ratio: float = 0.85) -> np.ndarray:
    """Return the rows that match, int64 ``(k, 2)``: of ``query`` ``(m, d)``, of ``candidate``.

    Lowe (2004): the nearest neighbour counts if the second nearest is farther by 1 / ``ratio``;
    and of several that match one row of the candidate, only the nearest stays.
    """
    query, candidate = np.asarray(query, np.float32), np.asarray(candidate, np.float32)
    if not len(query) or len(candidate) < 2:
        return np.empty((0, 2), np.int64)
    squares = (query**2).sum(1)[:, None] + (candidate**2).sum(1) - 2 * query @ candidate.T
    squares = np.maximum(squares, 0)  # rounding: with both below zero, the ratio would turn round
    nearest = np.argpartition(squares, 1, axis=1)[:, :2]
    pair = np.take_along_axis(squares, nearest, 1)
    swap = pair[:, 0] > pair[:, 1]
    nearest[swap], pair[swap] = nearest[swap, ::-1], pair[swap, ::-1]
    kept = np.flatnonzero(pair[:, 0] < ratio**2 * pair[:, 1])
    kept = kept[np.argsort(pair[kept, 0], kind="stable")]
    _, first = np.unique(nearest[kept, 0], return_index=True)
    kept = np.sort(kept[first])
    return np.stack([kept, nearest[kept, 0]], 1)


def verify(
    query: np.ndarray, candidate: np.ndarray, tolerance: float = 0.02, seed: int = 0
) -> Verified | None:
    """Find the homography that brings most matched positions of the candidate onto the query's.

    Args:
        query, candidate: ``(k, 2)``, shares of each frame, row by row a match.
        tolerance: how far a match may lie off, as a share of the query's frame.
        seed: of RANSAC.

    Returns:
        `Verified`, or None where fewer than four matches agree or the matrix is no photo's: a
        mirror image, a horizon through the frame, or stretched more than sixfold.
    """
    if len(query) < 4:
        return None
    options = cv2.UsacParams()
    options.threshold, options.confidence, options.maxIterations = tolerance, 0.999, 1000
    options.randomGeneratorState = int(seed)
    options.score = cv2.SCORE_METHOD_MSAC
    options.sampler = cv2.SAMPLING_UNIFORM
    options.loMethod, options.loIterations, options.loSampleSize = cv2.LOCAL_OPTIM_INNER_LO, 5, 12
    points = (np.ascontiguousarray(each, np.float32)[:, None] for each in (candidate, query))
    matrix, inliers = cv2.findHomography(*points, options)
    if matrix is None or inliers.sum() < 4 or not _plausible(matrix):
        return None
    return Verified(matrix, inliers.ravel().astype(bool))


def _plausible(matrix: np.ndarray) -> bool:
    """Look at the map's derivative in the corners and the middle of the frame."""
    for x, y in ((0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5)):
        u, v, w = matrix @ [x, y, 1]
        if not np.isfinite(w) or w * matrix[2, 2] <= 1e-6:
            return False
        slope = (matrix[:2, :2] - np.outer([u / w, v / w], matrix[2, :2])) / w
        stretch = np.linalg.svd(slope, compute_uv=False)
        if np.linalg.det(slope) <= 0 or stretch[0] > STRETCH or stretch[1] < 1 / STRETCH:
            return False
    return True
