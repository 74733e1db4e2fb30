"""Send hash bits, and let the server turn them back into visual words. Taught in notebook 01.

Kuo and Hsu 2016, "De-hashing: server-side context-aware feature reconstruction for mobile visual
search". Bits are short, words recognise better, and servers are strong: so the phone sends the
signs of projections of an aggregated (VLAD) feature, and the server *rebuilds* the feature from
them, reads visual words off it, and mends these by context: where the phone is, and which of the
server's own photos have similar bits. The choices the paper leaves open are our realisation.
"""

import struct
from collections.abc import Mapping

import numpy as np
from sklearn.utils.extmath import randomized_svd

from mvs_lib.codes import bytes_per_code, check_codes, hamming_distance, pack, unpack
from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import LocalFeatures, detect, root
from mvs_lib.features.vlad import residuals, vlad
from mvs_lib.features.vocabulary import Vocabulary
from mvs_lib.hashing import ITQ
from mvs_lib.queries import payload as envelope
from mvs_lib.queries.payload import PayloadError
from mvs_lib.queries.server import BagOfWordsServer
from mvs_lib.queries.system import System

__all__ = ["DeHashing", "decoder"]

# What the benchmark tries on held-back source photos. With nine source photos of each of the 162
# places, one of them asked for and eight searched, MAP climbs up to 512 bits and is lower at 1,024;
# 128 bits have most of it, 64 clearly less. Beyond a mix of 0.8 it rises by less than 0.01, and
# without a position more than half of it is lost.
GRID = (
    {"bits": 64},
    {"bits": 128},
    {"bits": 256},
    {"bits": 512},
    {"bits": 128, "mix": 0.9},
    {"bits": 256, "position": False},
)
POSITION = struct.Struct(">hhB")  # east, north and accuracy in whole metres


def decoder(projection: np.ndarray, ridge: float) -> np.ndarray:
    """Return D ``(d, bits)``: ``D b`` is the x that minimises ``||b - W'x||^2 + ridge ||x||^2``.

    That is ``(W W' + ridge I)^{-1} W``, written as ``W (W'W + ridge I)^{-1}``, which inverts a
    matrix of bits by bits only.

    Args:
        projection: W, real ``(d, bits)``. ridge: > 0.
    """
    gram = projection.T @ projection + ridge * np.eye(projection.shape[1])
    return np.linalg.solve(gram, projection.T).T


class DeHashing(System):
    """Bits of a VLAD feature to a server that rebuilds words from them.

    Args:
        bits: length of the code.
        centres: of the phone's small vocabulary. dimensions: kept of each descriptor, by PCA.
        words: of the server's vocabulary.
        ridge: of `decoder`.
        nearest: words that each rebuilt feature is shared among. softness: standard deviation of
            that sharing, in distances of descriptors of length 1.
        mix: share of the context in the words that are searched with, 0..1.
        neighbours: source photos that make the context.
        radius: metres around the phone, beside its own accuracy, where neighbours are looked for.
        position: whether the phone may send where it is; a query without one looks everywhere.
        limit: SIFT features a photo.
        random_state: of the vocabularies, the decomposition and the rotation.

    Attributes:
        server_: `BagOfWordsServer`. projection_: W. decoder_: D. gain_: what D b is multiplied by.
    """

    number, method, kind = 16, "de_hashing", "hash bits"
    source = "Kuo and Hsu, 2016"

    def __init__(
        self,
        bits: int = 256,
        centres: int = 128,
        dimensions: int = 32,
        words: int = 2000,
        ridge: float = 1.0,
        nearest: int = 5,
        softness: float = 0.2,
        mix: float = 0.8,
        neighbours: int = 10,
        radius: float = 60.0,
        position: bool = True,
        limit: int = 300,
        random_state: int = 0,
    ):
        self.bits, self.centres, self.dimensions = bits, centres, dimensions
        self.words, self.ridge, self.nearest, self.softness = words, ridge, nearest, softness
        self.mix, self.neighbours, self.radius, self.position = mix, neighbours, radius, position
        self.limit, self.random_state = limit, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "DeHashing":
        """Learn both vocabularies, the projection and its decoder; index words and codes.

        Raises:
            ValueError: more bits than photos or than VLAD has numbers; ``mix`` beyond 0..1.
        """
        most = min(len(photos) - 1, self.centres * self.dimensions)
        if not 1 <= self.bits <= most or not 0 <= self.mix <= 1:
            raise ValueError(
                f"these photos give 1..{most} bits and mix lies in 0..1, got bits={self.bits} and "
                f"mix={self.mix}"
            )
        self.server_ = BagOfWordsServer(self.words, self.limit, self.random_state, shortlist=0)
        features = self.server_.fit(photos, progress).features_
        descriptors = root(features.descriptors)
        self.descriptor_mean_ = descriptors.mean(0)
        spread = np.cov(descriptors[:: max(1, len(descriptors) // 200_000)].T)
        axes = np.linalg.eigh(spread)[1][:, ::-1]
        self.axes_ = np.ascontiguousarray(axes[:, : self.dimensions], np.float32)
        short = self._shorten(descriptors)
        del descriptors
        self.vocabulary_ = Vocabulary(self.centres, self.random_state)
        self.vocabulary_.fit(short, features.offsets)
        self._learn_lengths(short, features.offsets)
        self._learn_bits(self._aggregate(short, features.offsets))
        self.word_centres_ = self._shorten(self.server_.vocabulary_.centres_)
        known = photos.sensors if {"east", "north"} <= photos.sensors.keys() else {}
        nowhere = np.full(len(photos), np.nan)
        self.positions_ = np.stack([known.get(name, nowhere) for name in ("east", "north")], 1)
        return self

    def _shorten(self, descriptors: np.ndarray) -> np.ndarray:
        return (descriptors - self.descriptor_mean_) @ self.axes_

    def _aggregate(self, short: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Return VLAD vectors, float32 ``(photos, centres * dimensions)``."""
        return vlad(short, self.vocabulary_.assign(short), offsets, self.vocabulary_.centres_)

    def _learn_lengths(self, short: np.ndarray, offsets: np.ndarray) -> None:
        """Learn how far the mean descriptor of a photo lies from each centre: VLAD forgets it."""
        words = self.vocabulary_.assign(short)
        sums = residuals(short, words, offsets, self.vocabulary_.centres_)
        photo = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        counts = np.zeros(sums.shape[:2])
        np.add.at(counts, (photo, words), 1)
        lengths = np.linalg.norm(sums, axis=2) / np.maximum(counts, 1)
        seen = [lengths[counts[:, j] > 0, j] for j in range(self.centres)]
        self.lengths_ = np.array([np.median(each) if len(each) else 0.0 for each in seen])

    def _learn_bits(self, vectors: np.ndarray) -> None:
        """Learn W (principal directions, turned by ITQ), the decoder and its gain."""
        self.mean_ = vectors.mean(0)
        centred = vectors - self.mean_
        _, _, rows = randomized_svd(centred, self.bits, random_state=self.random_state)
        rotation = ITQ(self.bits, 20, self.random_state).fit(centred @ rows.T).projection_
        self.projection_ = rows.T @ rotation
        self.codes_ = pack(centred @ self.projection_ >= 0)
        self.decoder_ = decoder(self.projection_, self.ridge)
        rebuilt = self._signs(self.codes_) @ self.decoder_.T
        # A sign has lost the length: the one factor that brings the source photos' own nearest.
        self.gain_ = float((rebuilt * centred).sum() / np.square(rebuilt).sum())

    def _signs(self, codes: np.ndarray) -> np.ndarray:
        return 2.0 * unpack(codes, self.bits) - 1

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the code, and 5 bytes of position where there is one; nothing without features."""
        features: LocalFeatures = detect(image, self.limit)
        if not len(features):
            return envelope.pack(self.number, b"")
        vector = self._aggregate(self._shorten(root(features.descriptors)), features.offsets)
        body = pack((vector - self.mean_) @ self.projection_ >= 0).tobytes()
        place = [(sensors or {}).get(name, np.nan) for name in ("east", "north", "accuracy")]
        if self.position and np.isfinite(place).all():
            metres = np.clip(np.round(place), (-32768, -32768, 0), (32767, 32767, 255))
            body += POSITION.pack(*map(int, metres))
        return envelope.pack(self.number, body)

    def search(self, payload: bytes) -> np.ndarray:
        """Rebuild the words and score by their cosine with every source photo's."""
        code, place = self._read(envelope.unpack(self.number, payload))
        if code is None:
            return np.zeros(len(self.codes_), np.float32)
        words = (1 - self.mix) * self.rebuild(code) + self.mix * self.context(code, place)
        return (self.server_.matrix_ @ words).astype(np.float32)

    def _read(self, body: bytes) -> tuple[np.ndarray | None, tuple[int, ...] | None]:
        if not body:
            return None, None
        width = bytes_per_code(self.bits)
        if len(body) not in (width, width + POSITION.size):
            raise PayloadError(
                f"{self.bits} bits take {width} bytes and a position {POSITION.size}, got "
                f"{len(body)}"
            )
        try:
            code = check_codes(np.frombuffer(body[:width], np.uint8)[None], self.bits)
        except ValueError as error:
            raise PayloadError(f"the payload holds no code of {self.bits} bits: {error}") from None
        return code, POSITION.unpack(body[width:]) if len(body) > width else None

    def rebuild(self, code: np.ndarray) -> np.ndarray:
        """Return the words that a code, uint8 ``(1, bytes)``, speaks of: tf-idf, length 1.

        The rebuilt VLAD says for each centre to which side of it the photo's descriptors lay; a
        step of the usual length to that side is a descriptor, and that has nearest words.
        """
        vector = self.mean_ + self.gain_ * (self._signs(code) @ self.decoder_.T)[0]
        blocks = vector.reshape(self.centres, self.dimensions)
        weights = np.linalg.norm(blocks, axis=1)
        steps = self.lengths_[:, None] * blocks / np.maximum(weights, 1e-9)[:, None]
        rebuilt = self.vocabulary_.centres_ + steps
        squares = np.square(rebuilt[:, None] - self.word_centres_).sum(2)
        near = np.argsort(squares, axis=1, kind="stable")[:, : self.nearest]
        squares = np.take_along_axis(squares, near, 1)
        shares = np.exp((squares[:, :1] - squares) / (2 * self.softness**2))
        shares *= weights[:, None] / shares.sum(1, keepdims=True)
        counts = np.bincount(near.ravel(), shares.ravel(), minlength=self.words)
        return _unit(counts * self.server_.vocabulary_.idf_)

    def context(self, code: np.ndarray, place: tuple[int, ...] | None = None) -> np.ndarray:
        """Return the words of source photos near by and alike, tf-idf of length 1.

        Of the photos within the radius (all, without a position) the nearest by Hamming distance
        are mixed with the weights, none below zero, that a ridge regression of the query's signs
        on theirs gives.
        """
        there = np.arange(len(self.codes_))
        if place is not None:
            away = np.hypot(*(self.positions_ - place[:2]).T)
            near = np.flatnonzero(away <= self.radius + place[2])
            there = near if len(near) else there
        order = np.argsort(hamming_distance(code, self.codes_[there])[0], kind="stable")
        chosen = there[order[: self.neighbours]]
        signs = self._signs(self.codes_[chosen]).T
        gram = signs.T @ signs + self.bits * np.eye(len(chosen))
        weights = np.maximum(np.linalg.solve(gram, signs.T @ self._signs(code)[0]), 0)
        return _unit(self.server_.matrix_[chosen].T @ weights)

    @property
    def uses_position(self) -> bool:
        """Whether the phone may send where it is."""
        return self.position

    @property
    def index_bytes(self) -> int:
        """Inverted lists and words, codes, positions, and the decoder in single precision."""
        tables = self.mean_.size + self.decoder_.size + self.lengths_.size
        return self.server_.index_bytes + self.codes_.nbytes + 8 * len(self.codes_) + 4 * tables

    @property
    def client_bytes(self) -> int:
        """PCA, centres, mean and projection, in single precision."""
        tables = (self.descriptor_mean_, self.axes_, self.vocabulary_.centres_, self.mean_)
        return 4 * sum(map(np.size, (*tables, self.projection_)))


def _unit(words: np.ndarray) -> np.ndarray:
    return words / np.maximum(np.linalg.norm(words), 1e-9)
