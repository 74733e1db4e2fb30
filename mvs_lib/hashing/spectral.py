"""SH: the slowest waves over the principal directions.

Weiss, Torralba and Fergus 2008, "Spectral hashing". Good bits would split the data in halves, know
nothing of one another, and differ rarely between near neighbours. Finding them exactly cuts a
graph, which is hard. If the data filled a box evenly, the relaxed solution would be known: waves
along the sides of the box, and the slower a wave, the fewer neighbours it separates. So a long side
gives several bits before a short one gives its first: what PCAH lacks.
"""

import numpy as np

from mvs_lib.hashing.base import Hasher
from mvs_lib.hashing.pcah import principal_directions

__all__ = ["SH", "slowest_modes"]


class SH(Hasher):
    """Spectral hashing: ``b = [sin(pi/2 + m pi (v - a) / (b - a)) >= 0]``, v = V'(x - mean).

    V are the ``min(bits, d)`` directions of largest variance, [a, b] is the range of the training
    features along one of them, and m = 1, 2, ... counts half-waves over that range. The bits are
    the ``bits`` pairs (direction, m) with the smallest eigenvalue ``(m pi / (b - a))^2``.

    Args:
        bits: length of the code, fewer than the rows; may exceed the number of features.

    Attributes:
        mean_: float64 ``(d,)``.
        directions_: float64 ``(d, min(bits, d))``, orthonormal, by falling variance.
        lower_: float64 ``(min(bits, d),)``, a: the smallest value along each direction.
        range_: float64 ``(min(bits, d),)``, b - a.
        modes_: int64 ``(bits, 2)``, the direction and the m of each bit.
        eigenvalues_: float64 ``(bits,)``, rising.
    """

    def __init__(self, bits: int = 48):
        self.bits = bits

    def _fit(self, features, labels):
        mean = features.mean(axis=0)
        _, directions = principal_directions(features - mean, min(self.bits, features.shape[1]))
        values = (features - mean) @ directions
        self.mean_, self.directions_ = mean, directions
        self.lower_, self.range_ = values.min(axis=0), np.ptp(values, axis=0)
        self.modes_, self.eigenvalues_ = slowest_modes(self.range_, self.bits)

    def _project(self, features):
        direction, mode = self.modes_.T
        along = (features - self.mean_) @ self.directions_
        position = (along - self.lower_) / self.range_  # 0..1 on the features of `fit`
        return np.sin(np.pi / 2 + mode * np.pi * position[:, direction])


def slowest_modes(ranges: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``count`` slowest waves over a box.

    Args:
        ranges: float ``(d,)``, the length of each side of the box, > 0.
        count: how many.

    Returns:
        int64 ``(count, 2)``, the side (from 0) and the number of half-waves (from 1) of each, and
        float64 ``(count,)``, their eigenvalues, rising. Of equal ones the earlier side goes first.

    >>> slowest_modes(np.array([4.0, 1.5]), 4)[0].tolist()
    [[0, 1], [0, 2], [1, 1], [0, 3]]
    """
    half_waves = np.arange(1, count + 1)  # no side can give more than all the bits
    eigenvalues = (half_waves * np.pi / ranges[:, None]) ** 2
    slowest = np.argsort(eigenvalues.ravel(), kind="stable")[:count]
    side, wave = np.unravel_index(slowest, eigenvalues.shape)
    return np.column_stack([side, half_waves[wave]]).astype(np.int64), eigenvalues[side, wave]
