"""Send bits that learned from words: topic hypergraph hashing. Taught in notebook 01.

Zhu et al. 2015, "Topic hypergraph hashing for mobile image retrieval". The server's photos come
with text, here the words of their place's name; a phone has pixels only. Topics that explain both
shape the codes (`mvs_lib.hashing.topic_hypergraph`); the phone foretells its bits from visual
words, and needs no text.
"""

import re
from collections.abc import Mapping

import numpy as np

from mvs_lib.codes import binarize, bytes_per_code, check_codes
from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import describe_all, detect, root
from mvs_lib.features.vocabulary import Vocabulary
from mvs_lib.hashing.topic_hypergraph import TopicHypergraphCodes, factorise
from mvs_lib.queries.payload import PayloadError, pack, unpack
from mvs_lib.queries.system import System
from mvs_lib.search.linear import LinearIndex

__all__ = ["TopicHypergraph", "words_of"]

GRID = (
    {"bits": 48, "topics_per_word": 2.0, "eta": 1.0},
    {"bits": 48, "topics_per_word": 1.0, "eta": 1.0},
    {"bits": 48, "topics_per_word": 2.0, "eta": 3.0},
    {"bits": 96, "topics_per_word": 2.0, "eta": 1.0},
)


def words_of(photos: Photos) -> np.ndarray:
    """Return the text of photos: the words of their places' names, float64 ``(n, words)``.

    Each row has length 1. Words are compared in lower case and stand in alphabetical order, so
    that "Clock tower" and "Water tower" share one of their two words.
    """
    texts = [set(re.findall(r"\w+", name.lower())) for name in photos.names]
    words = sorted(set().union(*texts))
    table = np.array([[word in text for word in words] for text in texts], np.float64)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    return table[photos.labels]


class TopicHypergraph(System):
    """Bits foretold from visual words by topics that text helped to find.

    Args:
        bits: length of the code.
        words: size of the vocabulary on the phone.
        topics_per_word: how many topics for each word of the text, so that more places have more.
        alpha: weight of the text when topics are learned.
        beta, gamma, eta: see `TopicHypergraphCodes`.
        iterations: of the factorisation.
        limit: SIFT features a photo.
        random_state: of the vocabulary and the factorisation.

    Attributes:
        factors_: `mvs_lib.hashing.topic_hypergraph.Factors`. codes_: `TopicHypergraphCodes`.
        index_: `LinearIndex` of the source photos' codes.
    """

    number, method, kind = 15, "topic_hypergraph", "hash bits"
    source = "Zhu et al., 2015"
    uses_labels = True

    def __init__(
        self,
        bits: int = 48,
        words: int = 1000,
        topics_per_word: float = 2.0,
        alpha: float = 10.0,
        beta: float = 1.0,
        gamma: float = 1.0,
        eta: float = 1.0,
        iterations: int = 60,
        limit: int = 300,
        random_state: int = 0,
    ):
        self.bits, self.words, self.alpha = bits, words, alpha
        self.topics_per_word = topics_per_word
        self.beta, self.gamma, self.eta = beta, gamma, eta
        self.iterations, self.limit, self.random_state = iterations, limit, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "TopicHypergraph":
        """Learn words, topics and codes from the source photos and the names of their places.

        Raises:
            ValueError: see `Vocabulary.fit`, `factorise` and `TopicHypergraphCodes.fit`.
        """
        features = describe_all(photos.images, self.limit, progress=progress)
        descriptors = root(features.descriptors)
        self.vocabulary_ = Vocabulary(self.words, self.random_state)
        self.vocabulary_.fit(descriptors, features.offsets)
        rows = self.vocabulary_.bag(features, descriptors)
        text = words_of(photos)
        topics = min(len(photos), max(2, round(self.topics_per_word * text.any(0).sum())))
        self.factors_ = factorise(
            rows, text, topics, self.alpha, self.iterations, self.random_state
        )
        self.codes_ = TopicHypergraphCodes(self.bits, self.beta, self.gamma, self.eta)
        self.codes_.fit(rows, self.factors_.topics)
        self.index_ = LinearIndex(self.bits)
        self.index_.add(binarize(self.codes_.source_values))
        return self

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the code in its envelope; a photo without features sends an empty body."""
        features = detect(image, self.limit)
        if not len(features):
            return pack(self.number, b"")
        row = self.vocabulary_.bag(features, root(features.descriptors))
        return pack(self.number, binarize(self.codes_.project(row)).tobytes())

    def search(self, payload: bytes) -> np.ndarray:
        """Score every source photo by the number of bits that its code shares with the query's."""
        body, width = unpack(self.number, payload), bytes_per_code(self.bits)
        scores = np.zeros(len(self.index_), np.float32)
        if not body:
            return scores
        if len(body) != width:
            raise PayloadError(f"a code of {self.bits} bits has {width} bytes, got {len(body)}")
        try:
            code = check_codes(np.frombuffer(body, np.uint8)[None], self.bits)
        except ValueError as error:
            raise PayloadError(f"the payload holds no code of {self.bits} bits: {error}") from None
        distances, ids = self.index_.search(code, len(self.index_))
        scores[ids[0]] = self.bits - distances[0]
        return scores

    @property
    def index_bytes(self) -> int:
        """The codes: the server needs neither words nor topics any more."""
        return self.index_.codes.nbytes

    @property
    def client_bytes(self) -> int:
        """Centres and weights of the words, the projection and its medians, in single precision."""
        tables = (self.vocabulary_.centres_, self.vocabulary_.idf_)
        return 4 * sum(map(np.size, (*tables, self.codes_.projection_, self.codes_.median_)))
