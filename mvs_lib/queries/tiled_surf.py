"""SURF for a phone's cache: tiles, and moments (A4 of the course: Yang and Cheng, 2012).

"Accelerating SURF detector on mobile devices" (ACM Multimedia). The phone finds and describes
blobs itself and sends them: for each feature a cell of a grid, the sign of its contrast, and 64
numbers in a few bits each. Levels are as likely as one another (the boundaries are quantiles of the
source photos' descriptors), so that fixed widths waste little (our realisation). The server assigns
words, and counts the matches that agree on a homography.

SURF itself is patented and left out of ordinary builds of OpenCV; `surf_boxes` and
`surf_descriptor` are written from the papers.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from mvs_lib.datasets.collection import Photos
from mvs_lib.features import preparation
from mvs_lib.features.vocabulary import Vocabulary
from mvs_lib.queries import locations
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.homography import match, verify
from mvs_lib.queries.payload import pack, unpack
from mvs_lib.queries.surf_boxes import Blobs, maxima
from mvs_lib.queries.surf_descriptor import DIMENSIONS, describe
from mvs_lib.queries.system import System

__all__ = ["GRID", "TiledSurf"]

GRID = [  # what the benchmark tries on held-back source photos
    {"features": 200, "bits": 3, "verified": 100},
    {"features": 300, "bits": 2, "verified": 100},
    {"features": 300, "bits": 3, "verified": 60},
    {"features": 300, "bits": 3, "verified": 100},  # more would help, and take search too long
    {"features": 300, "bits": 4, "verified": 100},
    {"features": 400, "bits": 3, "verified": 100},
]
# Chosen on source photos alone: nine of each of the 162 places, one of them asked for and eight
# searched. MAP rises from a threshold of 80 over 40 and 20 to 10. A tile's side is not chosen by
# MAP: it changes what finding costs, and but for flat tiles not what is found.
THRESHOLD = 10.0
LEAST = 7  # agreeing matches below which a homography is chance
CONTRAST = 0.2  # of the sign, as a 65th number beside descriptors of length 1


class TiledSurf(System):
    """Quantised SURF features with their locations, found tile by tile.

    Args:
        features: sent, the strongest first; the source photos keep 300.
        bits: of each of the 64 numbers, 1..4.
        threshold: of the determinant (`surf_boxes.maxima`).
        tile: side of the tiles in pixels, a multiple of 4. flat: see `surf_boxes.maxima`.
        cells: of the grid of locations, a side.
        words: size of the vocabulary.
        verified: source photos, best words first, whose geometry the server looks at.
        random_state: of the vocabulary and of RANSAC.

    Attributes:
        boundaries_: float32 ``(64, 2 ** bits - 1)``. values_: float32 ``(64, 2 ** bits)``, the
            mean of each level. matrix_: tf-idf rows of the source photos.
    """

    number, method, kind = 4, "tiled_surf", "compressed features"
    source = "Yang and Cheng, 2012"
    LIMIT = 300  # features a source photo

    def __init__(
        self,
        features: int = 200,
        bits: int = 3,
        threshold: float = THRESHOLD,
        tile: int = 128,
        flat: float = 1.0,
        cells: int = 128,
        words: int = 2000,
        verified: int = 20,
        random_state: int = 0,
    ):
        self.features, self.bits, self.threshold = features, bits, threshold
        self.tile, self.flat, self.cells, self.words = tile, flat, cells, words
        self.verified, self.random_state = verified, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "TiledSurf":
        """Find, describe and index the source photos' features; return self.

        Photos without any feature can be fitted: whatever is asked, they score zero.

        Raises:
            ValueError: a hyper-parameter out of its range, or some features but fewer than words.
        """
        if not 1 <= self.features <= locations.MOST or not 1 <= self.bits <= 4:
            raise ValueError(
                f"need 1 <= features <= {locations.MOST} and 1 <= bits <= 4, got "
                f"{self.features}, {self.bits}"
            )
        starts = range(0, len(photos), 64)
        jobs = -1 if len(starts) > 1 else 1  # a few photos are done before a process has started
        parts = Parallel(n_jobs=jobs, return_as="generator")(
            delayed(_find_some)(photos.images[start : start + 64], self.threshold, self.LIMIT)
            for start in starts
        )
        bar = tqdm(parts, desc="SURF", total=len(starts), disable=not progress)
        found = [one for part in bar for one in part]
        self.offsets_ = np.cumsum([0] + [len(signs) for _, signs, _ in found])
        self.positions_, signs, descriptors = map(np.concatenate, zip(*found, strict=True))
        self._learn_levels(descriptors)
        self.levels_, self.signs_ = self._quantise(descriptors), signs
        rows = self._rows(self.levels_, signs)
        self.vocabulary_ = Vocabulary(self.words, self.random_state)
        if len(rows):
            self.vocabulary_.fit(rows, self.offsets_)
        else:
            self.vocabulary_.take(np.zeros((self.words, rows.shape[1]), np.float32))
            self.vocabulary_.idf_ = np.zeros(self.words, np.float32)
        words = self.vocabulary_.assign(rows)
        self.matrix_ = self.vocabulary_.histograms(words, self.offsets_)
        return self

    def find(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """On the phone: return positions (shares), signs and descriptors, the strongest first."""
        image = preparation.check_images(np.asarray(image)[None])[0]
        return _find(image, self.threshold, self.features, self.tile, self.flat)

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the features' cells, signs and levels in their envelope."""
        positions, signs, descriptors = self.find(image)
        writer = BitWriter()
        order = locations.encode(writer, positions, self.cells)
        shifts = np.arange(self.bits)[::-1]
        bits = self._quantise(descriptors[order])[..., None] >> shifts & 1
        packed = np.packbits(bits.reshape(len(order), DIMENSIONS * self.bits), axis=1)
        for sign, row in zip(signs[order], packed, strict=True):
            writer.write(sign, 1)
            writer.write(int.from_bytes(row.tobytes(), "big"), DIMENSIONS * self.bits)
        return pack(self.number, writer.getvalue())

    def decode(self, payload: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return cells int64 ``(n,)``, signs bool ``(n,)`` and levels uint8 ``(n, 64)``.

        Raises:
            PayloadError: see `System.search`.
        """
        reader = BitReader(unpack(self.number, payload))
        where, width = locations.decode(reader, self.cells), DIMENSIONS * self.bits
        rows = [(reader.read(1), reader.read(width)) for _ in range(len(where))]
        reader.finish()
        packed = b"".join(row.to_bytes(width // 8, "big") for _, row in rows)
        bits = np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(-1, DIMENSIONS, self.bits)
        levels = bits @ (1 << np.arange(self.bits)[::-1]).astype(np.uint8)
        return where, np.array([sign for sign, _ in rows], bool), levels

    def search(self, payload: bytes) -> np.ndarray:
        """Score by the cosine of words, plus the agreeing matches of those that verify."""
        where, signs, levels = self.decode(payload)
        rows, positions = self._rows(levels, signs), locations.centres(where, self.cells)
        words = self.vocabulary_.assign(rows)
        row = self.vocabulary_.histograms(words, np.array([0, len(words)]))
        scores = np.asarray((self.matrix_ @ row.T).todense(), np.float32).ravel()
        for photo in np.argsort(-scores, kind="stable")[: self.verified]:
            its = slice(self.offsets_[photo], self.offsets_[photo + 1])
            pairs = match(rows, self._rows(self.levels_[its], self.signs_[its]))
            places = positions[pairs[:, 0]], self.positions_[its][pairs[:, 1]]
            agreed = verify(*places, seed=self.random_state)
            if agreed is not None and agreed.inliers.sum() >= LEAST:
                scores[photo] += agreed.inliers.sum()
        return scores

    @property
    def index_bytes(self) -> int:
        """Inverted lists (4 + 4), centres, tables, and the features as they are stored.

        That is of each feature 64 levels and a sign, a byte each, and its position (two numbers of
        4 bytes); and 8 bytes a photo that say where its features begin.
        """
        lists = 8 * self.matrix_.nnz + self.vocabulary_.centres_.nbytes
        kept = (self.levels_, self.signs_, self.positions_, self.offsets_)
        return lists + self.client_bytes + self.values_.nbytes + sum(each.nbytes for each in kept)

    @property
    def client_bytes(self) -> int:
        """Bytes of the quantiser's boundaries, which the phone holds."""
        return self.boundaries_.nbytes

    def _learn_levels(self, descriptors: np.ndarray) -> None:
        count = 1 << self.bits
        shares = np.arange(1, count) / count
        some = descriptors if len(descriptors) else np.zeros((1, DIMENSIONS))
        self.boundaries_ = np.quantile(some, shares, axis=0).T.astype(np.float32)
        levels = self._quantise(descriptors)
        flat = levels + count * np.arange(DIMENSIONS)
        sums = np.bincount(flat.ravel(), descriptors.ravel(), count * DIMENSIONS)
        sizes = np.bincount(flat.ravel(), minlength=count * DIMENSIONS)
        self.values_ = (sums / np.maximum(sizes, 1)).reshape(DIMENSIONS, count).astype(np.float32)

    def _quantise(self, descriptors: np.ndarray) -> np.ndarray:
        """Return the level of each number, uint8 ``(n, 64)``: how many boundaries lie below."""
        levels = np.zeros(descriptors.shape, np.uint8)
        for boundary in self.boundaries_.T:
            levels += descriptors > boundary
        return levels

    def _rows(self, levels: np.ndarray, signs: np.ndarray) -> np.ndarray:
        """Return the levels' values and the signs, float32 ``(n, 65)``."""
        values = self.values_[np.arange(DIMENSIONS), levels]
        return np.c_[values, np.where(signs, CONTRAST, -CONTRAST)].astype(np.float32)


def _find(image, threshold, limit, tile=None, flat=0.0):
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    blobs = Blobs(*(each[:limit] for each in maxima(grey, threshold, tile, flat)[0]))
    shares = np.clip((blobs.positions + 0.5) / grey.shape[::-1], 0, 1).astype(np.float32)
    return shares, blobs.signs, describe(grey, blobs)


def _find_some(images, threshold, limit):
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the cores are busy with other photos
    try:
        return [_find(image, threshold, limit) for image in images]
    finally:
        cv2.setNumThreads(threads)
