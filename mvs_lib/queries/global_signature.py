"""Send one small signature of the whole photo (Chen and Girod, 2013; REVV: Chen et al., 2013).

A photo's features are shared out among a few words, so few that a phone holds them. In each word
that the photo visits, the mean residual to the word's centre is taken to a power, projected on the
directions that tell places apart (`mvs_lib.queries.word_discriminants`), and kept as signs. Two
photos compare in the words that both visit:

    score = sum over common words of w(h) (1 - 2 h / D) / sqrt(words of one x words of the other),

h the Hamming distance in a word of D bits, w(h) the chance that photos with this distance match
against those that do not, P(h | match) / (P(h | match) + P(h | mismatch)), learned from pairs of
source photos. How many features a photo gives is chosen on held-back source photos.

Words, residuals, power law, discriminants, signs and w are the papers'. Our realisation: a word's
mean residual is taken off before the projection, so that signs are balanced; w is made to fall with
h (isotonic regression), and weighs the correlation of the signs, 1 - 2 h / D; MAP decides among 75,
150 and 300 features. Left out is the other half of Chen and Girod's hybrid system: a small base on
the phone, which answers before anything is sent.
"""

from collections.abc import Mapping

import numpy as np
from scipy import sparse
from sklearn.isotonic import IsotonicRegression
from tqdm.auto import tqdm

from mvs_lib import codes
from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import LocalFeatures, describe_all, detect, root
from mvs_lib.features.vocabulary import Vocabulary
from mvs_lib.metrics import average_precision
from mvs_lib.queries import word_discriminants
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.hash_bits import read_codes, write_codes
from mvs_lib.queries.payload import pack, unpack
from mvs_lib.queries.system import System

__all__ = ["GRID", "GlobalSignature"]

COUNTS = (75, 150, 300)  # features a photo that are tried
GRID = [
    {"words": words, "dimensions": dimensions}
    for words, dimensions in ((190, 24), (190, 32), (190, 48), (128, 48))
]


class GlobalSignature(System):
    """A residual signature to a server that compares signatures.

    Args:
        words: of the vocabulary; about 190 in the paper.
        dimensions: D, bits a visited word, 1..128.
        exponent: of the power law, 0.4..0.6 in the paper.
        features: a photo gives at most; None chooses among 75, 150 and 300.
        pairs: of source photos that are searched for matching features, at most.
        random_state: of vocabulary, pairs and held-back photos.

    Attributes:
        features_: features a photo. visited_: bool ``(n, words)``, of the source photos.
        signatures_: uint8 ``(n, words, ceil(D / 8))``. weights_: float64 ``(D + 1,)``, w(h).
        matching_: int64 ``(pairs, 2)``, source photos that were found to share features.
        validation_: MAP of the held-back source photos by number of features, if it was chosen.
    """

    number, method, kind = 9, "global_signature", "compressed features"
    source = "Chen and Girod, 2013"
    uses_labels = True

    def __init__(
        self, words: int = 190, dimensions: int = 32, exponent: float = 0.5,
        features: int | None = None, pairs: int = 6000, random_state: int = 0,
    ):  # fmt: skip
        self.words, self.dimensions, self.exponent = words, dimensions, exponent
        self.features, self.pairs, self.random_state = features, pairs, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "GlobalSignature":
        """Learn words, directions and weights, and sign the source photos; return self.

        Raises:
            ValueError: a setting out of its range, or too few features to learn from.
        """
        if not (1 <= self.dimensions <= 128 and 0 < self.exponent <= 1):
            raise ValueError(
                f"need 1 <= dimensions <= 128 and 0 < exponent <= 1, got {self.dimensions}, "
                f"{self.exponent}"
            )
        random = np.random.default_rng(self.random_state)
        counts = COUNTS if self.features is None else (self.features,)
        features = describe_all(photos.images, max(counts), progress=progress)
        size = min(len(features), 200 * self.words)
        sample = np.sort(random.choice(len(features), size, replace=False))
        self.vocabulary_ = Vocabulary(self.words, self.random_state)
        self.vocabulary_.fit(root(features.descriptors[sample]), np.array([0, size]))
        words = self._assign(features.descriptors)
        self._learn(features, words, photos.labels, random, progress)
        tried = {}
        for count in counts:
            kept = np.arange(len(features)) - features.offsets[features.photo] < count
            tried[count] = self._sign_all(features, words, kept)
        matching = self.matching_
        mismatching = random.integers(len(photos), size=(max(4 * len(matching), 1000), 2))
        places = photos.labels[mismatching]
        mismatching = mismatching[places[:, 0] != places[:, 1]]
        self.validation_, best = {}, -1.0
        for count, (visited, signatures) in tried.items():
            weights = self._weights(visited, signatures, matching, mismatching)
            quality = 0.0
            if len(tried) > 1:
                quality = self._held_back(visited, signatures, weights, photos.labels)
                self.validation_[count] = quality
            if quality > best:
                best, self.features_, self.weights_ = quality, count, weights
                self.visited_, self.signatures_ = visited, signatures
        return self

    def _assign(self, descriptors: np.ndarray) -> np.ndarray:
        parts = np.array_split(descriptors, max(1, len(descriptors) // 65536))
        return np.concatenate([self.vocabulary_.assign(root(part)) for part in parts])

    def _learn(self, features, words, labels, random, progress) -> None:
        """Learn each word's directions and the mean that residuals are taken from."""
        centres = self.vocabulary_.centres_

        def residual(rows):
            apart = root(features.descriptors[rows]) - centres[words[rows]]
            return word_discriminants.power(apart, self.exponent)

        if progress:
            tqdm.write("matching features of source photos")
        same, self.matching_ = word_discriminants.mine(features, labels, self.pairs, random)
        self.directions_ = word_discriminants.directions(
            residual, words, labels[features.photo], same, self.words, self.dimensions, random
        )
        rows = np.sort(random.choice(len(words), min(len(words), 200_000), replace=False))
        ones = (np.ones(len(rows), np.float32), (words[rows], np.arange(len(rows))))
        sums = sparse.csr_array(ones, shape=(self.words, len(rows)))
        visits = np.maximum(sums.sum(axis=1), 1)[:, None]
        self.mean_ = ((sums @ residual(rows)) / visits).astype(np.float32)

    def _sign(self, descriptors, words, offsets) -> tuple[np.ndarray, np.ndarray]:
        """Return which words photos visit, and the signs of their residuals there."""
        photos = len(offsets) - 1
        cell = np.repeat(np.arange(photos), np.diff(offsets)) * self.words + words
        ones = (np.ones(len(words), np.float32), (cell, np.arange(len(words))))
        sums = sparse.csr_array(ones, shape=(photos * self.words, len(words)))
        visits = np.bincount(cell, minlength=photos * self.words)
        mean = (sums @ root(descriptors)) / np.maximum(visits, 1)[:, None]
        mean = mean.reshape(photos, self.words, -1) - self.vocabulary_.centres_
        mean = word_discriminants.power(mean, self.exponent) - self.mean_
        # one matrix product a word: (words, photos, 128) @ (words, 128, D)
        values = (mean.transpose(1, 0, 2) @ self.directions_).transpose(1, 0, 2)
        visited = (visits > 0).reshape(photos, self.words)
        signs = np.packbits((values >= 0) & visited[..., None], axis=2)
        return visited, signs

    def _sign_all(self, features: LocalFeatures, words, kept) -> tuple[np.ndarray, np.ndarray]:
        visited, signatures = [], []
        for start in range(0, len(features.offsets) - 1, 256):  # keeps residuals at 25 MB
            offsets = features.offsets[start : start + 257]
            rows = slice(offsets[0], offsets[-1])
            own = kept[rows]
            within = np.concatenate([[0], np.cumsum(own)])[offsets - offsets[0]]
            some = self._sign(features.descriptors[rows][own], words[rows][own], within)
            visited.append(some[0])
            signatures.append(some[1])
        return np.concatenate(visited), np.concatenate(signatures)

    def _weights(self, visited, signatures, matching, mismatching) -> np.ndarray:
        """Learn w(h) from words that both photos of a pair visit, float64 ``(D + 1,)``."""
        shares = []
        for pairs in (matching, mismatching):
            one, other = pairs[:6000].T
            common = visited[one] & visited[other]
            apart = np.bitwise_count(signatures[one] ^ signatures[other]).sum(axis=2)
            counts = np.bincount(apart[common], minlength=self.dimensions + 1)
            shares.append((counts + 1e-9) / max(counts.sum(), 1))
        seen = shares[0] + shares[1]
        # Few pairs lie at either end: w may only fall, and what was never seen follows from that.
        return IsotonicRegression(increasing=False).fit_transform(
            np.arange(len(seen)), shares[0] / seen, sample_weight=seen
        )

    def _held_back(self, visited, signatures, weights, labels) -> float:
        """Return the MAP of up to 200 source photos as queries among all the others."""
        random = np.random.default_rng(self.random_state)
        precisions = []
        for index in random.permutation(len(labels))[:200]:
            scores = self._score(visited[index], signatures[index], visited, signatures, weights)
            others = np.arange(len(labels)) != index
            relevant = labels[others] == labels[index]
            if relevant.any():
                precisions.append(average_precision(relevant, -scores[others], ties="stable"))
        return float(np.mean(precisions)) if precisions else 0.0

    def _score(self, visited, signature, all_visited, all_signatures, weights) -> np.ndarray:
        bits = np.arange(self.dimensions + 1)
        gains = weights * (1 - 2 * bits / self.dimensions)
        apart = np.bitwise_count(all_signatures[:, visited] ^ signature[visited])
        gained = gains[apart.sum(axis=2)] * all_visited[:, visited]
        length = np.sqrt(max(visited.sum(), 1) * np.maximum(all_visited.sum(axis=1), 1))
        return gained.sum(axis=1) / length

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return which words the photo visits and D bits for each of them, in their envelope."""
        found = detect(image, self.features_)
        words = self.vocabulary_.assign(root(found.descriptors))
        visited, signs = self._sign(found.descriptors, words, found.offsets)
        bits = signs[0][visited[0]]
        writer = BitWriter()
        write_codes(writer, codes.pack(visited), self.words)
        write_codes(writer, bits, self.dimensions)
        return pack(self.number, writer.getvalue())

    def decode(self, payload: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Return what the phone sent: visited ``(words,)`` and signs ``(words, ceil(D / 8))``.

        Raises:
            PayloadError: see `System.search`.
        """
        reader = BitReader(unpack(self.number, payload))
        visited = codes.unpack(read_codes(reader, 1, self.words), self.words)[0].astype(bool)
        signature = np.zeros((self.words, codes.bytes_per_code(self.dimensions)), np.uint8)
        signature[visited] = read_codes(reader, int(visited.sum()), self.dimensions)
        reader.finish()
        return visited, signature

    def search(self, payload: bytes) -> np.ndarray:
        """Score by the signatures in common words."""
        visited, signature = self.decode(payload)
        return self._score(visited, signature, self.visited_, self.signatures_, self.weights_)

    @property
    def index_bytes(self) -> int:
        """Bytes of the signatures of visited words, of the words visited, and of the weights."""
        bits = int(self.visited_.sum()) * self.dimensions + self.visited_.size
        return -(-bits // 8) + self.weights_.nbytes

    @property
    def client_bytes(self) -> int:
        """Bytes of the words, their means and their directions on the phone."""
        return self.vocabulary_.centres_.nbytes + self.mean_.nbytes + self.directions_.nbytes
