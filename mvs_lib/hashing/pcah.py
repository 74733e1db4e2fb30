"""PCAH: the principal directions as hash functions. Taught in notebook 02.

Each bit is the side of the mean along one principal direction. The variance, and with it what a
bit tells of the neighbours, falls from bit to bit; so more bits can keep them worse. ITQ rotates
the directions until all bits tell alike.
"""

import numpy as np
from sklearn.utils.extmath import svd_flip

from mvs_lib.hashing.base import LinearHasher

__all__ = ["PCAH", "principal_directions"]


class PCAH(LinearHasher):
    """PCA hashing: ``b = [V'(x - mean) >= 0]``, V the ``bits`` directions of largest variance.

    Wang, Kumar and Chang 2012, "Semi-supervised hashing for large-scale search" (its
    unsupervised baseline).

    Args:
        bits: length of the code, at most the number of features and fewer than the rows.

    Attributes:
        mean_: float64 ``(d,)``.
        projection_: float64 ``(d, bits)``, orthonormal columns, by falling variance.
        variance_: float64 ``(bits,)``, the variance of the features along each.
    """

    def __init__(self, bits: int = 48):
        self.bits = bits

    def _fit(self, features, labels):
        self.mean_ = features.mean(axis=0)
        self.variance_, self.projection_ = principal_directions(features - self.mean_, self.bits)


def principal_directions(centred: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``bits`` largest variances ``(bits,)`` and their directions ``(d, bits)``.

    The sign of a direction is free; the largest element of each is made positive, so that codes
    do not depend on which linear algebra library computed them.

    Raises:
        ValueError: the centred rows ``(n, d)`` do not spread along ``bits`` directions.
    """
    count, dimensions = centred.shape
    if bits > dimensions:
        raise ValueError(
            f"bits={bits} asks for {bits} principal directions, but the features have only "
            f"{dimensions}: {dimensions} feature(s) give at most {dimensions} bits "
            "(LSH has no such limit)"
        )
    if bits >= count:
        raise ValueError(
            f"bits={bits} needs at least {bits + 1} rows of features to learn from, got {count}: "
            f"n_samples = {count} rows spread along at most {count - 1} directions"
        )
    variance, directions = np.linalg.eigh(centred.T @ centred / count)
    variance, directions = variance[::-1][:bits], directions[:, ::-1][:, :bits]
    rank = int((variance > variance[0] * dimensions * np.finfo(float).eps).sum())
    if rank < bits:
        raise ValueError(
            f"bits={bits} asks for {bits} principal directions, but these features spread along "
            f"only {rank} (constant or repeated columns?): ask for at most {rank} bits"
        )
    _, rows = svd_flip(None, directions.T, u_based_decision=False)
    return variance, np.ascontiguousarray(rows.T)
