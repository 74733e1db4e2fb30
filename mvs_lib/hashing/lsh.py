"""LSH: random hyperplanes. Taught in notebook 02.

Charikar 2002, "Similarity estimation techniques from rounding algorithms". The chance that two
features differ in a bit is the angle between them (seen from the mean) over 180 degrees: codes
estimate angles without having learned anything.
"""

import numpy as np

from mvs_lib.hashing.base import LinearHasher

__all__ = ["LSH"]


class LSH(LinearHasher):
    """Locality-sensitive hashing: ``b = [W'(x - mean) >= 0]``, W standard normal.

    Args:
        bits: length of the code; may exceed the number of features.
        random_state: seed (int), `numpy.random.Generator`, or None for another draw every time.

    Attributes:
        mean_: float64 ``(d,)``. Without centring, features that are never negative (most are)
            lie to one side of most hyperplanes and the bits say little.
        projection_: float64 ``(d, bits)``.
    """

    def __init__(self, bits: int = 48, random_state=0):
        self.bits, self.random_state = bits, random_state

    def _fit(self, features, labels):
        random = np.random.default_rng(self.random_state)
        self.mean_ = features.mean(axis=0)
        self.projection_ = random.standard_normal((features.shape[1], self.bits))
