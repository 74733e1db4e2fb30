"""What hashers with a kernel share: how near a feature lies to each of some anchors.

A hyperplane in the features splits them by one direction; a hyperplane in the nearness to some
hundred anchors may wind through the features as it likes.
"""

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances

from mvs_lib.hashing.base import Hasher, Supervised

__all__ = ["AnchorHasher"]

BATCH = 4096  # rows whose nearness is held at once: 10 MB at 300 anchors


class AnchorHasher(Supervised, Hasher):
    """A supervised hasher whose values are linear in the nearness to anchors (an RBF kernel).

    A method derives from it and writes ``_learn``. Its parameters are ``bits``, ``anchors``,
    ``width`` and ``random_state``.

    Attributes:
        anchors_: float64 ``(m, d)``, rows of the training features, drawn without replacement; all
            of them if there are fewer than ``anchors``.
        squared_width_: float, sigma squared: ``width`` times the mean squared distance between
            training features and anchors.
        offset_: float64 ``(m,)``, taken off the nearness.
        projection_: float64 ``(m, bits)``.
    """

    def _fit(self, features, labels):
        count = self.anchors
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise ValueError(f"anchors must be a whole number >= 1, got {count!r}")
        if not self.width > 0:
            raise ValueError(f"width must be > 0, got {self.width!r}")
        random = np.random.default_rng(self.random_state)
        chosen = random.choice(len(features), min(count, len(features)), replace=False)
        anchors = features[np.sort(chosen)]
        squared = euclidean_distances(features, anchors, squared=True)
        if not squared.any():
            raise ValueError("the features do not vary: every row is alike, as near as any other")
        squared_width = self.width * squared.mean()
        kernel = np.exp(-squared / (2 * squared_width))
        self.projection_, self.offset_ = self._learn(kernel, labels, random)
        self.anchors_, self.squared_width_ = anchors, squared_width

    def _learn(
        self, kernel: np.ndarray, classes: np.ndarray, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ``projection_`` and ``offset_`` for a kernel ``(n, m)`` and classes ``(n, C)``."""
        raise NotImplementedError

    def _project(self, features):
        values = np.empty((len(features), self.projection_.shape[1]))
        for start in range(0, len(features), BATCH):
            values[start : start + BATCH] = (
                self.kernel(features[start : start + BATCH]) - self.offset_
            ) @ self.projection_
        return values

    def kernel(self, features: np.ndarray) -> np.ndarray:
        """Return ``exp(-||x - anchor||^2 / (2 sigma^2))``, float64 ``(n, d)`` to ``(n, m)``."""
        squared = euclidean_distances(features, self.anchors_, squared=True)
        return np.exp(-squared / (2 * self.squared_width_))
