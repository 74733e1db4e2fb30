"""The server that most systems share: tf-idf over visual words, then a look at the geometry.

Sivic and Zisserman (2003): every source photo is a sparse row of weighted words, a query scores
them all by the cosine. It is the yardstick on the server's side, so that two systems differ by what
they send and not by who receives it.
"""

import numpy as np

from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import LocalFeatures, describe_all, detect, root
from mvs_lib.features.vocabulary import Vocabulary

__all__ = ["BagOfWordsServer"]


class BagOfWordsServer:
    """Rank source photos by their visual words.

    Args:
        words: size of the vocabulary.
        limit: SIFT features a source photo.
        random_state: of the vocabulary.

    Attributes:
        features_: `LocalFeatures` of the source photos. words_: the word of each of them.
        matrix_: sparse float32 ``(n, words)``.
    """

    def __init__(self, words: int = 2000, limit: int = 300, random_state: int = 0):
        self.words = words
        self.limit = limit
        self.random_state = random_state

    def fit(self, photos: Photos, progress: bool = False) -> "BagOfWordsServer":
        """Describe and index the source photos; return self."""
        self.features_ = describe_all(photos.images, self.limit, progress=progress)
        descriptors = root(self.features_.descriptors)
        self.vocabulary_ = Vocabulary(self.words, self.random_state)
        self.vocabulary_.fit(descriptors, self.features_.offsets)
        self.words_ = self.vocabulary_.assign(descriptors)
        self.matrix_ = self.vocabulary_.histograms(self.words_, self.features_.offsets)
        return self

    def score_image(self, image: np.ndarray) -> np.ndarray:
        """Score all source photos by a photo, float32 ``(n,)``: the cosine of tf-idf rows."""
        return self.score_features(detect(image, self.limit))

    def score_features(self, features: LocalFeatures) -> np.ndarray:
        """Score all source photos by SIFT features of one photo, float32 ``(n,)``."""
        return self.score_words(self.vocabulary_.assign(root(features.descriptors)))

    def score_words(self, words: np.ndarray) -> np.ndarray:
        """Score all source photos by the words of one photo, int ``(m,)``, repeats counted."""
        row = self.vocabulary_.histograms(np.asarray(words), np.array([0, len(words)]))
        return np.asarray((self.matrix_ @ row.T).todense(), np.float32).ravel()

    @property
    def index_bytes(self) -> int:
        """Bytes of the inverted lists (a photo's number and a weight, 4 + 4) and the centres."""
        return 8 * self.matrix_.nnz + self.vocabulary_.centres_.nbytes
