"""Send compressed histograms of gradients (A7: Chandrasekhar et al., 2012, "Compressed histogram
of gradients: a low-bitrate descriptor").

SIFT takes 1,024 bits a feature because it keeps sums of gradients. CHoG keeps their distributions
(`mvs_lib.features.gradient_histograms`), and a distribution may be coded as such: as the nearest
type, by its number (`mvs_lib.queries.type_coding`). The server never decompresses to compare: the
symmetric Kullback-Leibler divergences of all pairs of types stand in a table, and two descriptors
differ by the sum of one entry a cell. The features' places travel as well (`locations`), for
without them no geometry could be checked.

Our realisation of the server: visual words on decoded descriptors choose a short list, there each
query feature is matched with its nearest one if that is clearly the nearest, and RANSAC counts the
matches that one view of a thing could explain. A score's whole part is the number of these inliers;
its fraction is the cosine of the words, which ranks the photos that geometry does not know.
"""

from collections.abc import Mapping

import cv2
import numba
import numpy as np
from joblib import Parallel, delayed

from mvs_lib.datasets.collection import Photos
from mvs_lib.features import gradient_histograms
from mvs_lib.features.local import LocalFeatures, describe_all, detect
from mvs_lib.features.vocabulary import Vocabulary
from mvs_lib.queries import geometric_verification, locations, type_coding
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.payload import PayloadError, pack, unpack
from mvs_lib.queries.server import LEAST
from mvs_lib.queries.system import System

__all__ = ["GRID", "Chog"]

GRID = [
    {"words": 20_000, "m": 5, "n": 5},  # 63 bits a descriptor
    {"words": 20_000, "m": 5, "n": 7},  # 81 bits
    {"words": 20_000, "m": 7, "n": 7},  # 99 bits
    {"words": 20_000, "m": 7, "n": 7, "cells": 13},  # 143 bits
    {"words": 20_000, "m": 7, "n": 7, "cells": 17},  # 187 bits
]


class Chog(System):
    """CHoG descriptors to a server of visual words, nearest neighbours and their geometry.

    Args:
        limit: features that the phone sends at most.
        cells: of the layout, 9, 13 or 17.
        m: points of the gradient plane.
        n: denominator of the types.
        radius: of the gradient plane's circle, in root mean squares.
        words: of the server's vocabulary.
        shortlist: photos in which features are matched.
        ratio: a match needs its nearest feature nearer than this share of the second nearest.
        grid: cells a side of the coded places.
        tolerance: of `geometric_verification.inliers`, a share of the frame.
        random_state: of the vocabulary.

    Attributes:
        codes_: uint16 ``(features, cells)``, the types' numbers of all source features.
        offsets_: int64 ``(n + 1,)``: photo i owns the rows ``offsets_[i]:offsets_[i + 1]``.
        positions_: uint16 ``(features,)``, where the source features lie: the cell of a grid of
            256 x 256, 2 bytes each.
        divergence_: float32 ``(types, types)``, symmetric Kullback-Leibler.
        hellinger_: float32 ``(types, m)``, square roots of the types' distributions.
    """

    number, method, kind = 7, "chog", "compressed features"
    source = "Chandrasekhar et al., 2012"
    SOURCE_FEATURES = 300  # a source photo: the server has room
    GRAIN = 256  # cells a side in which the server keeps a place

    def __init__(
        self, limit: int = 200, cells: int = 9, m: int = 5, n: int = 7, radius: float = 1.5,
        words: int = 2000, shortlist: int = 100, ratio: float = 0.75, grid: int = 64,
        tolerance: float = 0.03, random_state: int = 0,
    ):  # fmt: skip
        self.limit, self.cells, self.m, self.n, self.radius = limit, cells, m, n, radius
        self.words, self.shortlist, self.ratio, self.grid = words, shortlist, ratio, grid
        self.tolerance, self.random_state = tolerance, random_state

    @property
    def descriptor_bits(self) -> int:
        """Bits of one descriptor, its place not counted."""
        return self.cells * type_coding.bits(self.m, self.n)

    def fit(self, photos: Photos, progress: bool = False) -> "Chog":
        """Describe and index the source photos; return self.

        Raises:
            ValueError: a hyper-parameter out of its range.
        """
        types = type_coding.count(self.m, self.n)
        gradient_histograms.cells(self.cells)
        gradient_histograms.bins(self.m, self.radius)
        every = type_coding.smooth(type_coding.unrank(np.arange(types), self.m, self.n))
        self.hellinger_ = np.sqrt(every).astype(np.float32)
        self.divergence_ = divergences(every)
        features = describe_all(photos.images, self.SOURCE_FEATURES, progress=progress)
        self.offsets_ = features.offsets
        self.positions_ = locations.cells(features.positions, self.GRAIN).astype(np.uint16)
        self.codes_ = self._compress_all(photos.images, features)
        embedded = self._embed(self.codes_)
        self.vocabulary_ = Vocabulary(self.words, self.random_state)
        self.vocabulary_.fit(embedded, self.offsets_)
        self.matrix_ = self.vocabulary_.histograms(self.vocabulary_.assign(embedded), self.offsets_)
        return self

    def compress(self, image: np.ndarray, features: LocalFeatures) -> np.ndarray:
        """Return the types' numbers of a photo's features, uint16 ``(n, cells)``."""
        return compress(image, features, self.cells, self.m, self.n, self.radius)

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the strongest features: their places, then their types' numbers."""
        features = detect(image, self.limit)
        return self.write(features.positions, self.compress(image, features))

    def write(self, positions: np.ndarray, codes: np.ndarray) -> bytes:
        """Return some features as a payload, in the order of their places."""
        writer, width = BitWriter(), type_coding.bits(self.m, self.n)
        for row in codes[locations.encode(writer, positions, self.grid)]:
            for number in row:
                writer.write(number, width)
        return pack(self.number, writer.getvalue())

    def read(self, payload: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Return the places ``(n, 2)``, shares of the frame, and codes ``(n, cells)``.

        Raises:
            PayloadError: damaged, or a number that no type has.
        """
        reader, width = BitReader(unpack(self.number, payload)), type_coding.bits(self.m, self.n)
        where = locations.decode(reader, self.grid)
        numbers = [reader.read(width) for _ in range(len(where) * self.cells)]
        reader.finish()
        codes = np.array(numbers, np.int64).reshape(-1, self.cells)
        if codes.size and codes.max() >= type_coding.count(self.m, self.n):
            raise PayloadError(f"the payload names type {codes.max()}, which there is not")
        return locations.centres(where, self.grid), codes.astype(np.uint16)

    def search(self, payload: bytes) -> np.ndarray:
        """Score by the inliers in the short list, and by the cosine of the words below 1."""
        return self.score(*self.read(payload))

    def score(self, positions: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Score all source photos by decoded features, float32 ``(n,)``."""
        scores = np.clip(self.cosine(codes), 0, 0.999)
        seen = self.layout(positions)
        for photo in self.candidates(scores):
            scores[photo] += self.verify(seen, self.matches(codes, photo), photo)
        return scores

    def cosine(self, codes: np.ndarray) -> np.ndarray:
        """Return the cosine of the words' tf-idf rows, float32 ``(n,)``."""
        words = self.vocabulary_.assign(self._embed(codes))
        row = self.vocabulary_.histograms(words, np.array([0, len(words)]))
        return np.asarray((self.matrix_ @ row.T).todense(), np.float32).ravel()

    def candidates(self, scores: np.ndarray) -> np.ndarray:
        """Return the short list: the photos with the best scores above zero, int ``(k,)``."""
        best = np.argsort(-scores, kind="stable")[: self.shortlist]
        return best[scores[best] > 0]

    def matches(self, codes: np.ndarray, photo: int) -> np.ndarray:
        """Return pairs (query feature, feature of the photo), int ``(k, 2)``, by the ratio test."""
        rows = slice(*self.offsets_[photo : photo + 2])
        nearest = _clearly_nearest(codes, self.codes_[rows], self.divergence_, self.ratio)
        kept = np.flatnonzero(nearest >= 0)
        return np.stack([kept, nearest[kept]], 1)

    def places(self, photo: int) -> np.ndarray:
        """Return where the features of one source photo lie, float32 ``(k, 2)``, as kept."""
        rows = slice(*self.offsets_[photo : photo + 2])
        return locations.centres(self.positions_[rows], self.GRAIN)

    def layout(self, positions: np.ndarray) -> np.ndarray:
        """Return what `verify` needs to know of the query's places ``(n, 2)``: themselves."""
        return positions

    def verify(self, seen: np.ndarray, pairs: np.ndarray, photo: int) -> float:
        """Return how much geometry supports the matches: the inliers, 0 where chance makes them."""
        there = self.places(photo)[pairs[:, 1]]
        found = geometric_verification.inliers(seen[pairs[:, 0]], there, self.tolerance).sum()
        return float(found) if found >= LEAST else 0.0

    @property
    def index_bytes(self) -> int:
        """Bytes of all that `search` reads.

        That is the inverted lists (a photo's number and a weight, 4 + 4), centres and weights of
        the words; the tables; and for each source feature its place and its code, 16 bits a cell as
        it is held, so that no shortlisted photo must be unpacked.
        """
        words, tables = self.vocabulary_, (self.divergence_, self.hellinger_)
        held = words.centres_, words.idf_, *tables, self.codes_, self.positions_, self.offsets_
        return 8 * self.matrix_.nnz + sum(each.nbytes for each in held)

    def _embed(self, codes: np.ndarray) -> np.ndarray:
        """Decode for Euclidean distance: that of the square roots is Hellinger's."""
        return self.hellinger_[codes].reshape(len(codes), self.cells * self.m)

    def _compress_all(self, images: np.ndarray, found: LocalFeatures) -> np.ndarray:
        features = [found.of(index) for index in range(len(images))]
        settings = self.cells, self.m, self.n, self.radius  # not the whole of self: it is large
        work = (
            delayed(_compress_some)(images[at : at + 64], features[at : at + 64], *settings)
            for at in range(0, len(images), 64)
        )
        return np.concatenate(Parallel(n_jobs=-1 if len(images) > 64 else 1)(work))


def compress(
    image: np.ndarray, features: LocalFeatures, cells: int, m: int, n: int, radius: float
) -> np.ndarray:
    """Return the types' numbers of a photo's features, uint16 ``(k, cells)``; see `Chog`."""
    found = gradient_histograms.describe(image, features, cells, m, radius)
    return type_coding.rank(type_coding.quantise(found, n)).astype(np.uint16)


def divergences(distributions: np.ndarray) -> np.ndarray:
    """Return sum over i of (p_i - q_i) log(p_i / q_i) for all pairs, float32 ``(n, n)``.

    Args:
        distributions: real ``(n, m)``, > 0, rows sum to 1.
    """
    p, logs = distributions, np.log(distributions)
    own = (p * logs).sum(1)
    return np.maximum(own[:, None] + own - p @ logs.T - logs @ p.T, 0).astype(np.float32)


@numba.njit(nogil=True)
def _clearly_nearest(codes, others, table, ratio):
    """Return for each code the row of ``others`` that is clearly nearest by the table, or -1."""
    out = np.full(len(codes), -1, np.int64)
    for one in range(len(codes)):
        first, second, best = np.float32(np.inf), np.float32(np.inf), -1
        for other in range(len(others)):
            apart = np.float32(0)
            for cell in range(codes.shape[1]):
                apart += table[codes[one, cell], others[other, cell]]
                if apart >= second:  # no entry is negative: it can only grow
                    break
            if apart < first:
                first, second, best = apart, first, other
            elif apart < second:
                second = apart
        if len(others) > 1 and first < ratio * second:
            out[one] = best
    return out


def _compress_some(images: np.ndarray, features: list[LocalFeatures], *settings) -> np.ndarray:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the cores are busy with other photos
    try:
        pairs = zip(images, features, strict=True)
        return np.concatenate([compress(*pair, *settings) for pair in pairs])
    finally:
        cv2.setNumThreads(threads)
