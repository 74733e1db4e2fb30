"""Visual words: descriptors grouped into a vocabulary, photos as bags of them. See notebook 01.

Sivic and Zisserman (2003): each descriptor is replaced by the nearest of ``words`` centres; a photo
is then the histogram of its words, weighted by tf-idf, and two photos compare by the cosine. A wall
of windows shows one word forty times and is still one wall: Jegou, Douze and Schmid (2009) call
that burstiness and take the square root of the counts.

A small vocabulary is learned by k-means, and every centre is looked at. A large one starts as a
tree of two levels (Nister and Stewenius, 2006), is refined by rounds of k-means that look only at
the centres of the nearest branches (Philbin et al., 2007), and words are assigned in the same way.
"""

import faiss
import numpy as np
from scipy import sparse

from mvs_lib.features.local import LocalFeatures

__all__ = ["Vocabulary"]


class Vocabulary:
    """A set of visual words.

    Args:
        words: how many.
        random_state: of the sample and of k-means.
        iterations: of k-means.

    Attributes:
        centres_: float32 ``(words, d)``.
        idf_: float32 ``(words,)``, log(photos / photos with the word), of the training photos.
    """

    SAMPLE = 100  # descriptors a word that k-means looks at,
    MOST = 200_000  # and all in all, unless there are more words than that
    EXACT = 4096  # words up to which all centres are looked at: beyond, that takes minutes
    ROUNDS = 2  # that refine a tree
    PROBES = 8  # branches of sqrt(words) looked at: about 19 of 20 words are then the nearest

    def __init__(self, words: int = 1000, random_state: int = 0, iterations: int = 15):
        self.words = words
        self.random_state = random_state
        self.iterations = iterations

    def fit(self, descriptors: np.ndarray, offsets: np.ndarray) -> "Vocabulary":
        """Learn the words from descriptors ``(n, d)`` of photos (`LocalFeatures.offsets`).

        Raises:
            ValueError: fewer descriptors than words.
        """
        self.learn(descriptors)
        self.weigh(self.assign(descriptors), offsets)
        return self

    def learn(self, descriptors: np.ndarray) -> None:
        """Learn the centres alone; `weigh` then completes `fit`. Raises as `fit` does."""
        descriptors = np.asarray(descriptors, np.float32)
        if len(descriptors) < self.words:
            raise ValueError(
                f"{self.words} words need as many descriptors, got {len(descriptors)}: "
                "give more photos, or ask for fewer words"
            )
        random = np.random.default_rng(self.random_state)
        size = min(len(descriptors), self.SAMPLE * self.words, max(self.MOST, self.words))
        sample = descriptors[np.sort(random.choice(len(descriptors), size, replace=False))]
        if self.words <= self.EXACT:
            self.take(self._kmeans(sample, self.words))
            return
        self.take(self._tree(sample))
        for _ in range(self.ROUNDS):
            self.take(_means(sample, self.assign(sample), self.centres_))

    def take(self, centres: np.ndarray) -> None:
        """Take these centres, float32 ``(words, d)``, as `learn` does those that it finds."""
        self.centres_ = centres
        self.index_ = _index(centres, self.EXACT, self.PROBES)

    def weigh(self, words: np.ndarray, offsets: np.ndarray) -> None:
        """Learn the inverse document frequency from the words of photos, as `histograms` takes."""
        pairs = np.unique(_photo(offsets) * self.words + np.asarray(words, np.int64))
        seen = np.bincount(pairs % self.words, minlength=self.words)
        self.idf_ = np.log((len(offsets) - 1) / np.maximum(seen, 1)).astype(np.float32)

    def assign(self, descriptors: np.ndarray) -> np.ndarray:
        """Return the nearest word of each descriptor, int64 ``(n,)``; see `PROBES`."""
        descriptors = np.ascontiguousarray(descriptors, np.float32)
        if not len(descriptors):
            return np.empty(0, np.int64)
        return self.index_.search(descriptors, 1)[1][:, 0]

    def histograms(self, words: np.ndarray, offsets: np.ndarray) -> sparse.csr_array:
        """Return photos as tf-idf rows of length 1, sparse float32 ``(photos, words)``.

        Before its row is scaled, a word counts sqrt(how often the photo shows it) * idf.

        Args:
            words: the word of each feature, ``(n,)``.
            offsets: which rows belong to which photo, as in `LocalFeatures`.
        """
        ones = np.ones(len(words), np.float32)
        shape = (len(offsets) - 1, self.words)
        rows = sparse.csr_array((ones, (_photo(offsets), words)), shape=shape)  # adds repeats up
        rows.data = np.sqrt(rows.data) * self.idf_[rows.indices]
        length = np.sqrt(np.asarray((rows * rows).sum(axis=1)).ravel())
        return sparse.csr_array(sparse.diags_array(1 / np.maximum(length, 1e-9)) @ rows)

    def bag(self, features: LocalFeatures, descriptors: np.ndarray) -> sparse.csr_array:
        """Do `assign` and `histograms` for photos whose descriptors were prepared."""
        return self.histograms(self.assign(descriptors), features.offsets)

    @property
    def nbytes(self) -> int:
        """Bytes of the centres, and of the branches of a large vocabulary (4 a centre beside)."""
        branches = getattr(self.index_, "nlist", 0)
        width = self.centres_.shape[1]
        return self.centres_.nbytes + (4 * branches * width + 4 * self.words if branches else 0)

    def _kmeans(self, sample: np.ndarray, words: int) -> np.ndarray:
        kmeans = faiss.Kmeans(
            sample.shape[1], words, niter=self.iterations, seed=self.random_state + 1,
            min_points_per_centroid=1, max_points_per_centroid=max(len(sample), 1),
        )  # fmt: skip
        kmeans.train(sample)
        return kmeans.centroids

    def _tree(self, sample: np.ndarray) -> np.ndarray:
        """Split a sample into sqrt(words) branches, each into words in proportion to its share."""
        roots = self._kmeans(sample, round(np.sqrt(self.words)))
        branch = _index(roots, len(roots), 1).search(sample, 1)[1][:, 0]
        counts = np.bincount(branch, minlength=len(roots))
        shares = np.diff(np.cumsum(counts) * self.words // len(sample), prepend=0)
        parts = [
            self._kmeans(np.ascontiguousarray(sample[branch == j]), int(shares[j]))
            for j in np.flatnonzero(shares)
        ]
        return np.concatenate(parts)


def _photo(offsets: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _index(centres: np.ndarray, exact: int, probes: int) -> faiss.Index:
    """Return what finds the nearest centre; beyond ``exact`` centres by branches."""
    width = centres.shape[1]
    if len(centres) <= exact:
        index = faiss.IndexFlatL2(width)
    else:
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, round(np.sqrt(len(centres))))
        index.cp.min_points_per_centroid = 1
        index.nprobe = probes
        index.train(centres)
    index.add(centres)
    return index


def _means(sample: np.ndarray, words: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Move each centre to the mean of its descriptors; one without any stays."""
    counts = np.bincount(words, minlength=len(centres))
    which = (np.ones(len(sample), np.float32), (words, np.arange(len(sample))))
    sums = sparse.csr_array(which, shape=(len(centres), len(sample))) @ sample
    means = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return np.ascontiguousarray(means, np.float32)
