"""The server that most systems share: tf-idf over visual words, then a look at the geometry.

Sivic and Zisserman (2003): every source photo is a sparse row of weighted words, a query scores
them all by the cosine. Philbin et al. (2007): of the best photos, a short list, the features
themselves are matched, and RANSAC counts the matches that one view of a thing could explain. It is
the yardstick on the server's side, so that two systems differ by what they send and not by who
receives it. A phone that sends only words is ranked by the cosine alone.
"""

import numpy as np

from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import LocalFeatures, describe_all, detect, root
from mvs_lib.features.vocabulary import Vocabulary
from mvs_lib.queries.geometric_verification import inliers

__all__ = ["BagOfWordsServer", "clear_matches"]

WORDS = 20_000
EACH = 10  # features a word, at least, where the size of the vocabulary is not given
LEAST = 5  # inliers: fewer are chance
ROUNDING = 1e-6  # below this, half a squared distance is none: a row that stands twice is unclear


class BagOfWordsServer:
    """Rank source photos by their visual words, and the best of them by geometry.

    A score's whole part is the number of inliers; its fraction is the cosine of the words, which
    ranks the photos that geometry does not know.

    Args:
        words: size of the vocabulary; None takes 20,000, or a tenth of the source photos' features
            where that is less.
        limit: SIFT features a source photo.
        random_state: of the vocabulary.
        shortlist: photos whose geometry is looked at; 0 for a server that is sent words only: it
            keeps no features.
        ratio: of Lowe's test; see `clear_matches`.
        tolerance: of `geometric_verification.inliers`, a share of the frame.

    Attributes:
        features_: `LocalFeatures` of the source photos. words_: the word of each of them.
        positions_: float16 ``(features, 2)``, their places as the index keeps them.
        matrix_: sparse float32 ``(n, words)``.
    """

    def __init__(
        self,
        words: int | None = None,
        limit: int = 300,
        random_state: int = 0,
        shortlist: int = 100,
        ratio: float = 0.85,
        tolerance: float = 0.03,
    ):
        self.words, self.limit, self.random_state = words, limit, random_state
        self.shortlist, self.ratio, self.tolerance = shortlist, ratio, tolerance

    def fit(self, photos: Photos, progress: bool = False) -> "BagOfWordsServer":
        """Describe and index the source photos; return self.

        Raises:
            ValueError: a setting out of its range, or fewer features than words.
        """
        if self.shortlist < 0 or not 0 < self.ratio <= 1 or not self.tolerance > 0:
            raise ValueError(
                "need shortlist >= 0, 0 < ratio <= 1 and tolerance > 0, got "
                f"{self.shortlist}, {self.ratio}, {self.tolerance}"
            )
        self.features_ = describe_all(photos.images, self.limit, progress=progress)
        self.positions_ = self.features_.positions.astype(np.float16)
        descriptors = root(self.features_.descriptors)
        words = max(1, min(WORDS, len(descriptors) // EACH)) if self.words is None else self.words
        self.vocabulary_ = Vocabulary(words, self.random_state)
        self.vocabulary_.learn(descriptors)
        self.words_ = self.vocabulary_.assign(descriptors)
        self.vocabulary_.weigh(self.words_, self.features_.offsets)
        self.matrix_ = self.vocabulary_.histograms(self.words_, self.features_.offsets)
        return self

    def score_image(self, image: np.ndarray) -> np.ndarray:
        """Score all source photos by a photo, float32 ``(n,)``; see `score_features`."""
        return self.score_features(detect(image, self.limit))

    def score_features(self, features: LocalFeatures) -> np.ndarray:
        """Score all source photos by SIFT features of one photo: inliers + cosine, ``(n,)``.

        Of the features only descriptors and positions are read.
        """
        descriptors = root(features.descriptors)
        scores = self.score_words(self.vocabulary_.assign(descriptors))
        best = np.argsort(-scores, kind="stable")[: self.shortlist]
        best = best[scores[best] > 0]
        scores = np.clip(scores, 0, 0.999)
        scores[best] += self.verify(features, best)
        return scores

    def score_words(self, words: np.ndarray) -> np.ndarray:
        """Score all source photos by the words of one photo, int ``(m,)``, repeats counted.

        The cosine of tf-idf rows, float32 ``(n,)``: without geometry.
        """
        row = self.vocabulary_.histograms(np.asarray(words), np.array([0, len(words)]))
        return np.asarray((self.matrix_ @ row.T).todense(), np.float32).ravel()

    def verify(self, features: LocalFeatures, photos: np.ndarray) -> np.ndarray:
        """Return the inliers of one photo's features in some source photos, float32 ``(m,)``.

        Args:
            features: of the query.
            photos: int ``(m,)``, rows of the source photos. Fewer than `LEAST` inliers count 0.
        """
        descriptors, found = root(features.descriptors), np.zeros(len(photos), np.float32)
        for at, photo in enumerate(photos):
            rows = slice(*self.features_.offsets[photo : photo + 2])
            there = root(self.features_.descriptors[rows])
            here, there = clear_matches(descriptors, there, self.ratio).T
            places = self.positions_[rows][there]
            found[at] = inliers(features.positions[here], places, self.tolerance).sum()
        return np.where(found >= LEAST, found, 0)

    @property
    def words_bytes(self) -> int:
        """Bytes of inverted lists (a photo's number and a weight, 4 + 4) and of the vocabulary.

        The weights of words are counted with the vocabulary, 4 each.
        """
        return 8 * self.matrix_.nnz + self.vocabulary_.nbytes + self.vocabulary_.idf_.nbytes

    @property
    def index_bytes(self) -> int:
        """Bytes of words and geometry.

        Geometry keeps each feature's descriptor (128) and position (2 + 2); without a short list
        there is none.
        """
        geometry = self.features_.descriptors.nbytes + self.positions_.nbytes
        return self.words_bytes + (geometry if self.shortlist else 0)


def clear_matches(query: np.ndarray, photo: np.ndarray, ratio: float) -> np.ndarray:
    """Return rows that match, int64 ``(k, 2)``: of ``query`` ``(m, d)``, of ``photo`` ``(n, d)``.

    Lowe (2004): the nearest row counts where the second nearest is farther by 1 / ``ratio``; and of
    several that match one row of the photo, only the nearest stays. The rule of
    `mvs_lib.queries.homography.match`, made fast for rows of length 1, whose squared distance is
    2 - 2 times their product.
    """
    if not len(query) or len(photo) < 2:
        return np.empty((0, 2), np.int64)
    alike, every = query @ photo.T, np.arange(len(query))
    nearest = alike.argmax(1)
    first = alike[every, nearest]
    alike[every, nearest] = -np.inf
    near, second = (np.maximum(1 - each, ROUNDING) for each in (first, alike.max(1)))
    kept = np.flatnonzero(near < ratio**2 * second)
    kept = kept[np.argsort(-first[kept], kind="stable")]
    _, best = np.unique(nearest[kept], return_index=True)
    kept = np.sort(kept[best])
    return np.stack([kept, nearest[kept]], 1)
