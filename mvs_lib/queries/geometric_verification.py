"""Do the matched features lie as two views of one thing would have them? (RANSAC, neighbourhoods.)

Fischler and Bolles (1981): draw few matches, fit a transformation, count the matches that agree
with it, the inliers; the best of many draws wins. Two photos of different places share many visual
words and hardly any geometry, so a handful of inliers is strong evidence.
"""

import cv2
import numpy as np

__all__ = ["confirmed", "inliers", "neighbours"]

FEWEST = 4  # matches: fewer fit some similarity nearly always


def inliers(
    query: np.ndarray, photo: np.ndarray, tolerance: float = 0.03, draws: int = 500
) -> np.ndarray:
    """Return which matches agree with the best affine map, bool ``(n,)``.

    A map that mirrors, or that enlarges or shrinks an area more than tenfold, does not count: no
    camera does that. Always the same draws, hence always the same answer.

    Args:
        query, photo: ``(n, 2)``, matched places as shares of their frames.
        tolerance: in which a match agrees, a share of the frame.
        draws: of three matches, at most.

    >>> here = np.random.default_rng(0).random((20, 2))
    >>> there = here @ [[0.8, 0.3], [-0.3, 0.8]] + 0.1
    >>> there[:5] += 0.3
    >>> int(inliers(here, there).sum())
    15
    """
    query, photo = np.asarray(query, np.float64), np.asarray(photo, np.float64)
    none = np.zeros(len(query), bool)
    if len(query) < FEWEST:
        return none
    matrix, agree = cv2.estimateAffine2D(
        query, photo, method=cv2.RANSAC, ransacReprojThreshold=tolerance, maxIters=draws
    )
    if matrix is None or not 0.1 < np.linalg.det(matrix[:, :2]) < 10:
        return none
    return agree.ravel().astype(bool)


def neighbours(positions: np.ndarray, k: int, rows: np.ndarray | None = None) -> np.ndarray:
    """Return who is among the ``k`` nearest others of whom, bool ``(n, n)``, row by row.

    Args:
        positions: ``(n, 2)``.
        k: at least 1; with fewer others all of them are neighbours.
        rows: int ``(m,)``, whose neighbours are wanted; the answer then is ``(m, n)``.
    """
    positions = np.asarray(positions, np.float64)
    rows = np.arange(len(positions)) if rows is None else np.asarray(rows, np.int64)
    apart = ((positions[rows, None] - positions[None]) ** 2).sum(2)
    apart[np.arange(len(rows)), rows] = np.inf
    near = np.argsort(apart, axis=1, kind="stable")[:, : min(k, max(len(positions) - 1, 0))]
    out = np.zeros(apart.shape, bool)
    np.put_along_axis(out, near, True, axis=1)
    return out


def confirmed(pairs: np.ndarray, query: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """Return for each match how many of its neighbours are matched to neighbours, int ``(n,)``.

    A match (a, b) is confirmed by another one (a', b') when a' is a neighbour of a in the query
    and b' one of b in the photo.

    Args:
        pairs: int ``(n, 2)``, matches (query feature, photo feature).
        query: bool, `neighbours` of the query's features, all of them.
        photo: bool, `neighbours` of the photo's features ``pairs[:, 1]``, in this order.
    """
    a, b = np.asarray(pairs, np.int64).reshape(-1, 2).T
    return (query[np.ix_(a, a)] & photo[:, b]).sum(1)
