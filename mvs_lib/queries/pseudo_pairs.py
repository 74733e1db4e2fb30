"""Pairs of photos that very likely show the same, found without any label.

Wu et al. (2012) take neighbouring frames of a video for pairs that belong together. A crowd's
photos have no frames, but they have positions: photos taken near each other that also look alike
belong together; photos that look alike though they were taken far apart are the mistakes that a
hash function should unlearn. (The rule is our realisation.)
"""

import numpy as np
from scipy import sparse

__all__ = ["pseudo_pairs"]


def pseudo_pairs(
    descriptors: np.ndarray,
    positions: np.ndarray,
    near: float = 30.0,
    far: float = 120.0,
    neighbours: int = 10,
) -> sparse.csr_array:
    """Mine pairs; return a symmetric matrix, +1 together, -1 apart, float64 ``(n, n)``.

    For each photo with a position: the ``neighbours`` most alike among those within ``near``
    metres, and as many among those beyond ``far``. Photos without a position are in no pair.

    Args:
        descriptors: real ``(n, d)``; alike means a small Euclidean distance.
        positions: metres, ``(n, 2)``, NaN where absent.

    Raises:
        ValueError: near and far are no two rising distances, or ``neighbours`` is below 1.
    """
    if not 0 < near < far or neighbours < 1:
        raise ValueError(
            f"need 0 < near < far and neighbours >= 1, got {near}, {far}, {neighbours}"
        )
    known = np.flatnonzero(np.isfinite(positions).all(axis=1))
    points = np.asarray(positions)[known].astype(np.float64)
    looks = np.asarray(descriptors)[known].astype(np.float64)
    lengths = (looks**2).sum(axis=1)
    rows, columns, signs = [], [], []
    for start in range(0, len(known), 512):  # keeps memory at 512 x n
        own = np.arange(start, min(start + 512, len(known)))
        apart = np.linalg.norm(points[own, None] - points[None], axis=2)
        unlike = lengths - 2 * looks[own] @ looks.T
        for sign, allowed in ((1, apart <= near), (-1, apart > far)):
            allowed[np.arange(len(own)), own] = False
            order = np.argsort(np.where(allowed, unlike, np.inf), axis=1, kind="stable")
            order = order[:, :neighbours]
            row, column = np.nonzero(np.take_along_axis(allowed, order, axis=1))
            rows.append(known[own[row]])
            columns.append(known[order[row, column]])
            signs.append(np.full(len(row), float(sign)))
    ends = [np.concatenate(part) if part else np.empty(0, int) for part in (rows, columns)]
    values = np.concatenate(signs) if signs else np.empty(0)
    shape = (len(positions), len(positions))
    pairs = sparse.csr_array((values, tuple(ends)), shape=shape)
    return sparse.csr_array((pairs + pairs.T).sign())
