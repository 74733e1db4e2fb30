"""What every hasher shares: validation, and the step from real values to bits.

A new hasher derives from `Hasher` and writes ``_fit`` and ``_project``; one whose bits are sides
of hyperplanes derives from `LinearHasher` and sets ``mean_`` and ``projection_`` in ``_fit``. One
that learns from labels derives from `Supervised` too, before the other.
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from mvs_lib.codes import binarize, bytes_per_code

__all__ = ["Hasher", "LinearHasher", "Supervised"]


class Hasher(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Learn ``bits`` hash functions from features and encode features with them.

    Features are real ``(n, d)``; they are computed with as float64, whatever comes in.

    Attributes:
        bits_: the length of the codes, set last: a hasher whose `fit` failed is not fitted.
        n_features_in_: ``d``.
    """

    def fit(self, features, labels=None):
        """Learn the hash functions from ``features`` (n, d); return self.

        Args:
            features: real ``(n, d)``, at least two rows.
            labels: int ``(n,)``; only supervised hashers look at them.

        Raises:
            ValueError: NaN or infinite features, a wrong shape, fewer rows or columns than the
                method needs, or a parameter out of its range.
        """
        bytes_per_code(self.bits)  # raises if bits is not a positive whole number
        features = validate_data(self, features, dtype=np.float64, ensure_min_samples=2)
        self._fit(features, self._check_labels(labels, len(features)))
        self.bits_ = int(self.bits)
        return self

    def project(self, features) -> np.ndarray:
        """Return the value behind each bit, float64 ``(n, bits)``.

        Raises:
            sklearn.exceptions.NotFittedError: `fit` has not been called.
            ValueError: NaN or infinite features, or not as many columns as `fit` saw.
        """
        check_is_fitted(self, "bits_")
        return self._project(validate_data(self, features, dtype=np.float64, reset=False))

    def encode(self, features) -> np.ndarray:
        """Return the codes, uint8 ``(n, ceil(bits / 8))``: bit 1 where `project` is >= 0.

        Raises:
            sklearn.exceptions.NotFittedError, ValueError: see `project`.
        """
        return binarize(self.project(features))

    def transform(self, features) -> np.ndarray:
        """Do what `project` does, under the name that scikit-learn's pipelines call."""
        return self.project(features)

    def _check_labels(self, labels, count: int):
        return labels

    def _fit(self, features: np.ndarray, labels) -> None:
        raise NotImplementedError

    def _project(self, features: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    @property
    def _n_features_out(self) -> int:
        return self.bits_


class LinearHasher(Hasher):
    """A hasher whose bits say on which side of a hyperplane a feature lies.

    Attributes:
        mean_: float64 ``(d,)``, a point that all the hyperplanes go through.
        projection_: float64 ``(d, bits)``, the normal of each hyperplane.
    """

    def _project(self, features: np.ndarray) -> np.ndarray:
        return (features - self.mean_) @ self.projection_


class Supervised:
    """For a hasher that learns from labels: one class a row, of two classes at least.

    ``_fit`` is handed the rows' classes as float64 ``(n, classes)``, 1 where the row is of the
    class and 0 elsewhere, in the order of ``classes_``.

    Attributes:
        classes_: ``(classes,)``, the distinct labels, sorted.
    """

    def _check_labels(self, labels, count):
        name = type(self).__name__
        if labels is None:
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None: it learns from labels, "
                "so call fit(features, labels)"
            )
        labels = np.asarray(labels)
        if labels.shape != (count,):
            raise ValueError(
                f"labels must be one class a row, ({count},) for these features, got "
                f"{labels.shape}; several labels a row are not supported"
            )
        check_classification_targets(labels)  # raises if they are no classes but measurements
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"{name} learns to tell classes apart, but all {count} labels are {classes[0]!r}"
            )
        self.classes_ = classes
        return np.eye(len(classes))[numbers]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
