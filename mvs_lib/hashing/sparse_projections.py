"""Sparse hash functions: a projection small enough for a phone (Wu et al., 2012).

Semi-supervised hashing (Wang, Kumar and Chang, 2012) looks for directions along which pairs that
belong together agree, pairs that do not disagree, and all features spread:

    maximise  tr(W' X_l' S X_l W) + eta tr(W' X' X W),

S the signs of the known pairs. Here every direction may also use only a few of the features'
dimensions, so that the phone stores and multiplies little. The paper's solver could not be had; we
take the truncated power method (Yuan and Zhang, 2013), one direction after the other, each taken
out of the matrix before the next is sought (projection deflation: Mackey, 2008).
"""

import numpy as np
import scipy.linalg
from scipy import sparse

from mvs_lib.hashing.base import LinearHasher

__all__ = ["SparseProjections", "truncated_power"]


class SparseProjections(LinearHasher):
    """Directions with few nonzero elements, from pairs and from the spread of all features.

    Both terms are means (over pairs and over features), so that ``spread`` does not hang on how
    many there are of either.

    Args:
        bits: length of the code, at most the number of features' dimensions.
        nonzeros: elements of each direction that may differ from 0.
        spread: eta, the weight of the features' variance.
        iterations: of the power method, at most, a direction.

    Attributes:
        mean_: float64 ``(d,)``. projection_: float64 ``(d, bits)``, columns of length 1.
        nonzeros_: how many elements of ``projection_`` are not 0: the phone's multiplications.
        objective_: one float64 array a bit, w'Mw after each iteration, rising.
    """

    def __init__(
        self, bits: int = 48, nonzeros: int = 32, spread: float = 1.0, iterations: int = 100
    ):
        self.bits, self.nonzeros, self.spread = bits, nonzeros, spread
        self.iterations = iterations

    def _fit(self, features, labels):
        """Learn from features and, as ``labels``, a symmetric sparse matrix of +1 and -1 pairs."""
        count, dimensions = features.shape
        if not 1 <= self.nonzeros <= dimensions or self.bits > dimensions or self.spread < 0:
            raise ValueError(
                f"need nonzeros in 1..{dimensions}, bits <= {dimensions} and spread >= 0, got "
                f"{self.nonzeros}, {self.bits}, {self.spread}"
            )
        mean = features.mean(axis=0)
        centred = features - mean
        matrix = self.spread * (centred.T @ centred) / count
        if labels is not None:
            pairs = sparse.csr_array(labels, dtype=np.float64)
            if pairs.shape != (count, count):
                raise ValueError(f"pairs must be ({count}, {count}), got {pairs.shape}")
            matrix = matrix + centred.T @ (pairs @ centred) / max(abs(pairs).sum(), 1)
        matrix = (matrix + matrix.T) / 2
        # The power method rises on a matrix without negative eigenvalues only.
        matrix += max(0, -np.linalg.eigvalsh(matrix)[0]) * np.eye(dimensions)
        directions, self.objective_ = [], []
        for _ in range(self.bits):
            start = scipy.linalg.eigh(matrix, subset_by_index=[dimensions - 1] * 2)[1][:, 0]
            direction, objective = truncated_power(matrix, start, self.nonzeros, self.iterations)
            directions.append(direction)
            self.objective_.append(objective)
            without = np.eye(dimensions) - np.outer(direction, direction)
            matrix = without @ matrix @ without
            matrix = (matrix + matrix.T) / 2
        self.mean_, self.projection_ = mean, np.stack(directions, axis=1)
        self.nonzeros_ = int(np.count_nonzero(self.projection_))


def truncated_power(
    matrix: np.ndarray, start: np.ndarray, nonzeros: int, iterations: int = 100
) -> tuple[np.ndarray, np.ndarray]:
    """Maximise w'Mw over unit vectors with at most ``nonzeros`` nonzero elements, locally.

    w <- M w, all but the largest |w| set to 0, scaled to length 1 (Yuan and Zhang, 2013, algorithm
    1). With no negative eigenvalue in M, w'Mw never falls.

    Args:
        matrix: M, ``(d, d)``, symmetric. start: ``(d,)``, truncated first.

    Returns:
        w ``(d,)``, its largest element positive; and w'Mw at the start and after each iteration.
    """

    def truncate(vector):
        kept = np.zeros_like(vector)
        largest = np.argsort(-np.abs(vector), kind="stable")[:nonzeros]
        kept[largest] = vector[largest]
        length = np.linalg.norm(kept)
        return kept / length if length > 0 else np.eye(1, len(vector))[0]

    direction = truncate(start)
    objective = [direction @ matrix @ direction]
    for _ in range(iterations):
        moved = truncate(matrix @ direction)
        value = moved @ matrix @ moved
        if value <= objective[-1] * (1 + 1e-12):
            break
        direction = moved
        objective.append(value)
    return direction * np.sign(direction[np.abs(direction).argmax()]), np.array(objective)
