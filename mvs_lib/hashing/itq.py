"""ITQ: rotate the principal directions until the signs lose little. Taught in notebook 02.

Gong and Lazebnik 2011, "Iterative quantization: a Procrustean approach to learning binary codes".
PCA keeps what varies, but packs most of it into the first directions. A rotation costs nothing
(it keeps every distance) and can spread the variance, so that each feature lies near a corner of
the cube {-1, +1}^bits. That corner is its code.
"""

import numpy as np

from mvs_lib.hashing.base import LinearHasher
from mvs_lib.hashing.pcah import principal_directions

__all__ = ["ITQ"]


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
        whole = isinstance(self.iterations, int | np.integer)
        if not whole or isinstance(self.iterations, bool) or self.iterations < 0:
            raise ValueError(f"iterations must be a whole number >= 0, got {self.iterations!r}")
        mean = features.mean(axis=0)
        _, directions = principal_directions(features - mean, self.bits)
        projected = (features - mean) @ directions  # V
        rotation = random_rotation(self.bits, np.random.default_rng(self.random_state))
        loss = []
        for iteration in range(self.iterations + 1):
            rotated = projected @ rotation
            codes = np.where(rotated >= 0, 1.0, -1.0)  # B
            loss.append(((codes - rotated) ** 2).sum() / len(features))
            if iteration < self.iterations:
                left, _, right = np.linalg.svd(projected.T @ codes)
                rotation = left @ right
        self.mean_, self.directions_, self.rotation_ = mean, directions, rotation
        self.projection_, self.loss_ = directions @ rotation, np.array(loss)


def random_rotation(size: int, random: np.random.Generator) -> np.ndarray:
    """Draw an orthogonal matrix ``(size, size)``, every one equally likely.

    Mezzadri 2007: the Q of a normal matrix's QR decomposition, once R's diagonal is positive
    (which also makes it the same in every linear algebra library).
    """
    orthogonal, triangular = np.linalg.qr(random.standard_normal((size, size)))
    return orthogonal * np.where(np.diag(triangular) >= 0, 1.0, -1.0)
