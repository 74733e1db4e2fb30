"""Visual words: descriptors grouped into a vocabulary, photos as bags of them. See notebook 01.

Sivic and Zisserman (2003): each descriptor is replaced by the nearest of ``words`` centres; a photo
is then the histogram of its words, weighted by tf-idf, and two photos compare by the cosine.
"""

import faiss
import numpy as np
from scipy import sparse

from mvs_lib.features.local import LocalFeatures

__all__ = ["Vocabulary"]


class Vocabulary:
    """A set of visual words, learned by k-means.

    Args:
        words: how many.
        random_state: of the sample and of k-means.
        iterations: of k-means.

    Attributes:
        centres_: float32 ``(words, d)``.
        idf_: float32 ``(words,)``, log(photos / photos with the word), of the training photos.
    """

    SAMPLE = 100  # descriptors a word that k-means looks at

    def __init__(self, words: int = 1000, random_state: int = 0, iterations: int = 15):
        self.words = words
        self.random_state = random_state
        self.iterations = iterations

    def fit(self, descriptors: np.ndarray, offsets: np.ndarray) -> "Vocabulary":
        """Learn the words from descriptors ``(n, d)`` of photos (`LocalFeatures.offsets`).

        Raises:
            ValueError: fewer descriptors than words.
        """
        descriptors = np.asarray(descriptors, np.float32)
        if len(descriptors) < self.words:
            raise ValueError(
                f"{self.words} words need as many descriptors, got {len(descriptors)}: "
                "give more photos, or ask for fewer words"
            )
        random = np.random.default_rng(self.random_state)
        size = min(len(descriptors), self.SAMPLE * self.words)
        sample = descriptors[np.sort(random.choice(len(descriptors), size, replace=False))]
        kmeans = faiss.Kmeans(
            sample.shape[1], self.words, niter=self.iterations, seed=self.random_state + 1,
            min_points_per_centroid=1, max_points_per_centroid=self.SAMPLE,
        )  # fmt: skip
        kmeans.train(sample)
        self.centres_ = kmeans.centroids
        photo = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        pairs = np.unique(np.stack([photo, self.assign(descriptors)]), axis=1)
        seen = np.bincount(pairs[1], minlength=self.words)
        self.idf_ = np.log((len(offsets) - 1) / np.maximum(seen, 1)).astype(np.float32)
        return self

    def assign(self, descriptors: np.ndarray) -> np.ndarray:
        """Return the nearest word of each descriptor, int64 ``(n,)``."""
        descriptors = np.ascontiguousarray(descriptors, np.float32)
        if not len(descriptors):
            return np.empty(0, np.int64)
        index = faiss.IndexFlatL2(self.centres_.shape[1])
        index.add(self.centres_)
        return index.search(descriptors, 1)[1][:, 0]

    def histograms(self, words: np.ndarray, offsets: np.ndarray) -> sparse.csr_array:
        """Return photos as tf-idf rows of length 1, sparse float32 ``(photos, words)``.

        Args:
            words: the word of each feature, ``(n,)``.
            offsets: which rows belong to which photo, as in `LocalFeatures`.
        """
        photo = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        ones = np.ones(len(words), np.float32)
        shape = (len(offsets) - 1, self.words)
        counts = sparse.csr_array((ones, (photo, words)), shape=shape)
        rows = sparse.csr_array(counts @ sparse.diags_array(self.idf_))
        length = np.sqrt(np.asarray((rows * rows).sum(axis=1)).ravel())
        return sparse.csr_array(sparse.diags_array(1 / np.maximum(length, 1e-9)) @ rows)

    def bag(self, features: LocalFeatures, descriptors: np.ndarray) -> sparse.csr_array:
        """Do `assign` and `histograms` for photos whose descriptors were prepared."""
        return self.histograms(self.assign(descriptors), features.offsets)
