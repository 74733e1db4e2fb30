"""Which detector, which descriptor, and does colour help? (A10: Bianco et al., 2015, "Local
detectors and compact descriptors for visual search: a quantitative comparison".)

Nine pairs of detector and descriptor (`mvs_lib.features.colour_features`) go through one and the
same aggregator and may spend the same bytes, so that a difference in the answer is theirs alone.

The aggregator is in the style of MPEG's compact descriptors (CDVS); its details are our
realisation. Descriptors are projected to ``depth`` principal components and summed as residuals
around ``k`` centres (`mvs_lib.features.vlad`). The phone sends one bit a centre, whether any
descriptor fell there, and for each visited centre the signs of its ``depth`` sums. The largest
payload is thus k (1 + depth) bits, and k follows from the budget. Two signatures compare over the
centres that both visited:

    s = sum over common centres of (depth - 2 Hamming) / (depth sqrt(visited in one * in other)).
"""

from collections.abc import Mapping

import cv2
import numpy as np
from joblib import Parallel, delayed
from sklearn.decomposition import PCA

from mvs_lib.datasets.collection import Photos
from mvs_lib.features import colour_features
from mvs_lib.features.vlad import residuals
from mvs_lib.features.vocabulary import Vocabulary
from mvs_lib.queries.payload import OVERHEAD, PayloadError, pack, unpack
from mvs_lib.queries.system import System

__all__ = ["GRID", "ColourDescriptors"]

GRID = [
    {"detector": detector, "descriptor": descriptor}
    for detector in colour_features.DETECTORS
    for descriptor in colour_features.DESCRIPTORS
]


class ColourDescriptors(System):
    """A signature of sign bits from one detector and one descriptor, within a budget of bytes.

    Args:
        detector: ``"sift"``, ``"orb"`` or ``"gftt"``.
        descriptor: ``"grey"``, ``"opponent"`` or ``"hue"``.
        budget: bytes of a payload at most, envelope included.
        depth: principal components of a descriptor that are kept, a multiple of 8.
        limit: features a photo.
        random_state: of the samples and the centres.

    Attributes:
        mean_: float32 ``(d,)``. directions_: float32 ``(d, depth)``.
        centres_: float32 ``(k, depth)``.
        signs_: float32 ``(n, k * depth)``, -1, 0 (centre not visited) or 1, of the source photos.
    """

    number, method, kind = 10, "colour_descriptors", "compressed features"
    source = "Bianco et al., 2015"
    SAMPLE = 300  # photos from whose descriptors the directions are learned

    def __init__(
        self, detector: str = "sift", descriptor: str = "opponent", budget: int = 128,
        depth: int = 32, limit: int = 300, random_state: int = 0,
    ):  # fmt: skip
        self.detector, self.descriptor, self.budget = detector, descriptor, budget
        self.depth, self.limit, self.random_state = depth, limit, random_state

    @property
    def k(self) -> int:
        """How many centres the budget allows."""
        return 8 * (self.budget - OVERHEAD) // (1 + self.depth)

    def fit(self, photos: Photos, progress: bool = False) -> "ColourDescriptors":
        """Learn directions and centres from the source photos and index them; return self.

        Raises:
            ValueError: an unknown detector or descriptor, a budget too small for two centres, or
                too few descriptors to learn from.
        """
        if self.descriptor not in colour_features.DESCRIPTORS:
            raise ValueError(
                f"descriptor must be one of {tuple(colour_features.DESCRIPTORS)}, "
                f"got {self.descriptor!r}"
            )
        if self.k < 2 or self.depth < 1 or self.depth > 128:
            raise ValueError(
                f"{self.budget} bytes give {self.k} centres of depth {self.depth}: need two or "
                "more, and a depth of 1..128"
            )
        random = np.random.default_rng(self.random_state)
        some = random.permutation(len(photos))[: self.SAMPLE]
        sample = np.concatenate([rows for rows in self._all(photos.images[np.sort(some)])])
        if len(sample) < max(self.depth, self.k):
            raise ValueError(f"the photos have only {len(sample)} features: give more of them")
        sample = sample[random.permutation(len(sample))[:50_000]]
        pca = PCA(self.depth, svd_solver="covariance_eigh").fit(sample)
        self.mean_ = pca.mean_.astype(np.float32)
        self.directions_ = np.ascontiguousarray(pca.components_.T, np.float32)
        found = self._all(photos.images, self.mean_, self.directions_)
        counts = np.array([len(rows) for rows in found])
        offsets = np.concatenate([[0], np.cumsum(counts)])
        descriptors = np.concatenate(found)
        vocabulary = Vocabulary(self.k, self.random_state).fit(descriptors, offsets)
        self.vocabulary_, self.centres_ = vocabulary, vocabulary.centres_
        self.signs_ = self._signs(descriptors, offsets)
        return self

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return a bit a centre, then the signs at the visited ones, in the envelope."""
        settings = self.detector, self.descriptor, self.limit
        rows = _describe(image, *settings, self.mean_, self.directions_)
        return self.write(self._signs(rows, np.array([0, len(rows)]))[0])

    def write(self, signs: np.ndarray) -> bytes:
        """Return a row of ``signs_`` as a payload."""
        table = signs.reshape(self.k, self.depth)
        visited = table[:, 0] != 0
        bits = np.concatenate([visited, (table[visited] > 0).ravel()])
        return pack(self.number, np.packbits(bits).tobytes())

    def read(self, payload: bytes) -> np.ndarray:
        """Return what `write` wrote, float32 ``(k * depth,)``.

        Raises:
            PayloadError: damaged, or of another length than its visited centres ask for.
        """
        body = unpack(self.number, payload)
        bits = np.unpackbits(np.frombuffer(body, np.uint8))
        visited = bits[: self.k].astype(bool)
        size = self.k + int(visited.sum()) * self.depth
        if len(bits) < self.k or len(body) != -(-size // 8) or bits[size:].any():
            raise PayloadError(
                f"the payload has {len(body)} bytes, its visited centres need {-(-size // 8)}"
            )
        table = np.zeros((self.k, self.depth), np.float32)
        table[visited] = bits[self.k : size].reshape(-1, self.depth) * 2.0 - 1
        return table.ravel()

    def search(self, payload: bytes) -> np.ndarray:
        """Score by the correlation of signs over the centres that both visited."""
        signs = self.read(payload)
        length = np.sqrt((self.signs_**2).sum(1) * (signs**2).sum())
        return (self.signs_ @ signs) / np.maximum(length, 1)

    @property
    def index_bytes(self) -> int:
        """Bytes of the signatures, as payload bits, and of the learned tables."""
        visited = int((self.signs_ != 0).sum())
        return (len(self.signs_) * self.k + visited) // 8 + self.client_bytes

    @property
    def client_bytes(self) -> int:
        """Bytes of mean, directions and centres, which the phone holds."""
        return self.mean_.nbytes + self.directions_.nbytes + self.centres_.nbytes

    def _signs(self, descriptors: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        words = self.vocabulary_.assign(descriptors)
        sums = residuals(descriptors, words, offsets, self.centres_)
        photo = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        visited = np.zeros(sums.shape[:2], bool)
        visited[photo, words] = True
        signs = np.where(sums >= 0, np.float32(1), np.float32(-1)) * visited[..., None]
        return signs.reshape(len(sums), self.k * self.depth)

    def _all(self, images: np.ndarray, mean=None, directions=None) -> list[np.ndarray]:
        settings = self.detector, self.descriptor, self.limit, mean, directions
        starts = range(0, len(images), 64)
        work = (delayed(_describe_some)(images[at : at + 64], *settings) for at in starts)
        parts = Parallel(n_jobs=-1 if len(images) > 64 else 1)(work)
        return [rows for part in parts for rows in part]


def _describe(image, detector, descriptor, limit, mean=None, directions=None) -> np.ndarray:
    keypoints = colour_features.detect(image, detector, limit)
    rows = colour_features.describe(image, keypoints, descriptor)
    return rows if directions is None else (rows - mean) @ directions


def _describe_some(images: np.ndarray, *settings) -> list[np.ndarray]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the cores are busy with other photos
    try:
        return [_describe(image, *settings) for image in images]
    finally:
        cv2.setNumThreads(threads)
