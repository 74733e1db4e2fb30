"""ITQ-CCA: ITQ along the directions that tell the labels, not along those that vary most.

Gong, Lazebnik, Gordo and Perronnin 2013, "Iterative quantization: a Procrustean approach to
learning binary codes for large-scale image retrieval", section 4. Canonical correlation analysis
(CCA) finds the directions along which features and labels agree best.
"""

import numpy as np
from scipy.linalg import eigh
from sklearn.utils.extmath import svd_flip

from mvs_lib.hashing.base import LinearHasher, Supervised
from mvs_lib.hashing.itq import check_iterations, quantizing_rotation, random_rotation

__all__ = ["ITQCCA", "canonical_directions"]


class ITQCCA(Supervised, LinearHasher):
    """Supervised ITQ: V are the features along canonical directions, each times its correlation.

    With C classes only ``C - 1`` directions can agree with the labels. Codes longer than that are
    made as in the paper: the other columns of V are zero, and the rotation spreads the few that are
    not over all the bits.

    Args:
        bits: length of the code; may exceed the number of features and of classes.
        iterations: as in `ITQ`.
        regularization: rho of `canonical_directions`, > 0.
        random_state: seed (int), `numpy.random.Generator`, or None for another draw every time.

    Attributes:
        mean_: float64 ``(d,)``.
        classes_: ``(C,)``, the distinct labels.
        directions_: float64 ``(d, r)``, r the smallest of ``bits``, ``C - 1`` and ``d``.
        correlations_: float64 ``(r,)``, falling.
        rotation_: float64 ``(r, bits)``, orthonormal rows: those of R that meet columns not zero.
        projection_: float64 ``(d, bits)``, ``directions_ * correlations_ @ rotation_``.
        loss_: float64 ``(iterations + 1,)``, as in `ITQ`.
    """

    def __init__(
        self, bits: int = 48, iterations: int = 50, regularization: float = 1e-3, random_state=0
    ):
        self.bits, self.iterations, self.random_state = bits, iterations, random_state
        self.regularization = regularization

    def _fit(self, features, labels):
        check_iterations(self.iterations)
        if not self.regularization > 0:
            raise ValueError(f"regularization must be > 0, got {self.regularization!r}")
        mean = features.mean(axis=0)
        correlations, directions = canonical_directions(features, labels, self.regularization)
        correlations, directions = correlations[: self.bits], directions[:, : self.bits]
        values = (features - mean) @ (directions * correlations)
        random = np.random.default_rng(self.random_state)
        start = random_rotation(self.bits, random)[: len(correlations)]
        rotation, self.loss_ = quantizing_rotation(values, start, self.iterations)
        self.mean_, self.directions_, self.correlations_ = mean, directions, correlations
        self.rotation_, self.projection_ = rotation, (directions * correlations) @ rotation


def canonical_directions(
    features: np.ndarray, classes: np.ndarray, regularization: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return how well features and classes agree, and along which directions.

    With X and Y the centred features and classes, w solves the generalised eigenproblem

        X'Y (Y'Y)^+ Y'X w = c^2 (X'X + rho s I) w,    w' (X'X / n + rho s I / n) w = 1

    where s is the mean of X'X's diagonal, so that rho has no unit.

    Args:
        features: float64 ``(n, d)``.
        classes: float64 ``(n, C)``, 1 where a row is of a class and 0 elsewhere, no class empty.
        regularization: rho, > 0: without it, directions along which few rows spread look perfect.

    Returns:
        c, float64 ``(r,)``, falling, and the directions, float64 ``(d, r)``, r the smaller of
        ``C - 1`` and ``d``. The largest element of each direction is positive.

    Raises:
        ValueError: all rows of the features are alike.
    """
    count, dimensions = features.shape
    features = features - features.mean(axis=0)
    spread = np.trace(features.T @ features) / dimensions
    if spread == 0:
        raise ValueError("the features do not vary: every row is alike, no direction tells a class")
    # X'Y (Y'Y)^+ Y'X, since (Y'Y)^+ acts on centred rows as one over the size of each class
    within = classes.T @ features / np.sqrt(classes.sum(axis=0))[:, None]
    total = features.T @ features / count
    total[np.diag_indices(dimensions)] += regularization * spread / count
    kept = min(classes.shape[1] - 1, dimensions)
    squared, directions = eigh(
        within.T @ within / count, total, subset_by_index=[dimensions - kept, dimensions - 1]
    )
    _, rows = svd_flip(None, directions[:, ::-1].T, u_based_decision=False)
    return np.sqrt(np.maximum(squared[::-1], 0)), np.ascontiguousarray(rows.T)
