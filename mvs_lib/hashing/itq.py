"""ITQ: rotate the principal directions until the signs lose little. Taught in notebook 02.

Gong and Lazebnik 2011, "Iterative quantization: a Procrustean approach to learning binary codes".
PCA keeps what varies, but packs most of it into the first directions. A rotation costs nothing
(it keeps every distance) and can spread the variance, so that each feature lies near a corner of
the cube {-1, +1}^bits. That corner is its code.
"""

import numpy as np

from mvs_lib.hashing.base import LinearHasher
from mvs_lib.hashing.pcah import principal_directions

__all__ = ["ITQ", "check_iterations", "quantizing_rotation", "random_rotation"]


class ITQ(LinearHasher):
    """Iterative quantisation: minimise ``Q(B, R) = ||B - V R||^2`` over codes and rotations.

    V ``(n, bits)`` are the centred features along their principal directions, B their codes in
    {-1, +1}, R a rotation. Neither half-step can raise Q (the paper's equation 2):

    - R fixed: ``B = sgn(V R)``;
    - B fixed: with the singular value decomposition ``V'B = U S Z'``, ``R = U Z'``.

    Args:
        bits: length of the code, at most the number of features and fewer than the rows.
        iterations: how often to do both; 0 leaves the random rotation that it starts from.
        random_state: seed (int), `numpy.random.Generator`, or None for another draw every time.

    Attributes:
        mean_: float64 ``(d,)``.
        directions_: float64 ``(d, bits)``, the principal directions.
        rotation_: float64 ``(bits, bits)``, R, orthogonal.
        projection_: float64 ``(d, bits)``, ``directions_ @ rotation_``.
        loss_: float64 ``(iterations + 1,)``, Q over n after 0, 1, ... iterations.
    """

    def __init__(self, bits: int = 48, iterations: int = 50, random_state=0):
        self.bits, self.iterations, self.random_state = bits, iterations, random_state

    def _fit(self, features, labels):
        check_iterations(self.iterations)
        mean = features.mean(axis=0)
        _, directions = principal_directions(features - mean, self.bits)
        rotation = random_rotation(self.bits, np.random.default_rng(self.random_state))
        projected = (features - mean) @ directions  # V
        rotation, self.loss_ = quantizing_rotation(projected, rotation, self.iterations)
        self.mean_, self.directions_, self.rotation_ = mean, directions, rotation
        self.projection_ = directions @ rotation


def quantizing_rotation(
    values: np.ndarray, rotation: np.ndarray, iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rotate until the signs lose little: both half-steps of `ITQ`, ``iterations`` times.

    Args:
        values: float64 ``(n, r)``, V.
        rotation: float64 ``(r, bits)`` with orthonormal rows, ``bits >= r``, to start from. With
            more bits than columns it is the upper part of a rotation of values whose last
            ``bits - r`` columns are zero.
        iterations: how often.

    Returns:
        The rotation, and float64 ``(iterations + 1,)``, Q over n after 0, 1, ... iterations.
    """
    loss = []
    for iteration in range(iterations + 1):
        rotated = values @ rotation
        codes = np.where(rotated >= 0, 1.0, -1.0)  # B
        loss.append(((codes - rotated) ** 2).sum() / len(values))
        if iteration < iterations:
            left, _, right = np.linalg.svd(values.T @ codes, full_matrices=False)
            rotation = left @ right
    return rotation, np.array(loss)


def check_iterations(iterations) -> None:
    """Raise a ValueError unless ``iterations`` is a whole number >= 0."""
    whole = isinstance(iterations, int | np.integer) and not isinstance(iterations, bool)
    if not whole or iterations < 0:
        raise ValueError(f"iterations must be a whole number >= 0, got {iterations!r}")


def random_rotation(size: int, random: np.random.Generator) -> np.ndarray:
    """Draw an orthogonal matrix ``(size, size)``, every one equally likely.

    Mezzadri 2007: the Q of a normal matrix's QR decomposition, once R's diagonal is positive
    (which also makes it the same in every linear algebra library).
    """
    orthogonal, triangular = np.linalg.qr(random.standard_normal((size, size)))
    return orthogonal * np.where(np.diag(triangular) >= 0, 1.0, -1.0)
