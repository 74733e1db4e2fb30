"""Search by a drawn sketch, in a few bits (A13 of the course: Tseng et al., 2012).

"Sketch-based image retrieval on mobile devices using compact hash bits" (ACM Multimedia). A sketch
is compared with a photo's contours by how far each point of the frame is from the nearest line:
the distance transform, clipped, of which the low frequencies suffice. As numbers such an index is
too large for a phone; as bits it fits, so that the search happens on the phone itself. Contours,
cosine transform and the learned projection are our realisation of what is known of the paper.

The projection separates what sketches of one thing share from what tells things apart. With the
covariance T of all descriptors (contours of source photos and synthetic sketches of them), and W
that around the mean of each group, its directions solve T v = lambda (W + r I) v, largest lambda
first (Fisher, 1936); ITQ then turns them to lose little by taking signs.
"""

import binascii
from collections.abc import Mapping

import cv2
import numpy as np
from joblib import Parallel, delayed
from scipy.linalg import eigh
from tqdm.auto import tqdm

from mvs_lib.codes import binarize, bytes_per_code, check_codes, hamming_distance
from mvs_lib.datasets.collection import Photos
from mvs_lib.hashing.itq import ITQ
from mvs_lib.queries.payload import PayloadError, pack, unpack
from mvs_lib.queries.sketch_drawing import SIDE, contours, draw
from mvs_lib.queries.system import System

__all__ = ["GRID", "Sketch", "describe"]

GRID = [  # what the benchmark tries on held-back source photos
    {"bits": 32},
    {"bits": 64},
    {"bits": 96},
    {"bits": 64, "groups": "photo"},
    {"bits": 64, "clip": 24.0},
]


class Sketch(System):
    """A drawn sketch as hash bits, looked up among the hash bits of the photos' contours.

    `encode` draws a synthetic sketch of the photo it is given, as its user would, and codes that;
    `encode_sketch` codes a drawing.

    Args:
        bits: of a code, at most the number of frequencies.
        clip: distance beyond which all is equally far, pixels of 128.
        frequencies: cosine terms with u + v below this are kept, without the constant.
        groups: what one thing is: ``"place"`` uses the source photos' labels, ``"photo"`` none.
        copies: synthetic sketches of each source photo to learn from.
        jitter, dropout: of synthetic sketches (`sketch_drawing.draw`).
        ridge: r, as a share of W's mean variance.
        random_state: of all drawings and of ITQ.

    Attributes:
        mean_: float64 ``(d,)``. projection_: float64 ``(d, bits)``. codes_: of the source photos.
    """

    number, method, kind = 13, "sketch", "hash bits"
    source = "Tseng et al., 2012"

    def __init__(
        self,
        bits: int = 64,
        clip: float = 16.0,
        frequencies: int = 16,
        groups: str = "place",
        copies: int = 3,
        jitter: float = 2.0,
        dropout: float = 0.2,
        ridge: float = 0.1,
        random_state: int = 0,
    ):
        self.bits, self.clip, self.frequencies, self.groups = bits, clip, frequencies, groups
        self.copies, self.jitter, self.dropout = copies, jitter, dropout
        self.ridge, self.random_state = ridge, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "Sketch":
        """Learn the projection and code the source photos' contours; return self.

        Raises:
            ValueError: a hyper-parameter out of its range, or too few photos for so many bits.
        """
        self._check()
        starts = range(0, len(photos), 64)
        jobs = -1 if len(starts) > 1 else 1  # a few photos are done before a process has started
        parts = Parallel(n_jobs=jobs, return_as="generator")(
            delayed(_describe_some)(self, photos.images[start : start + 64]) for start in starts
        )
        bar = tqdm(parts, desc="contours", total=len(starts), disable=not progress)
        everything = np.concatenate(list(bar))  # (photos, 1 + copies, d)
        features = everything.reshape(-1, everything.shape[2]).astype(np.float64)
        group = photos.labels if self.groups == "place" else np.arange(len(photos))
        self._learn(features, np.repeat(group, everything.shape[1]))
        self.codes_ = self._code(everything[:, 0])
        return self

    def drawing(self, image: np.ndarray) -> np.ndarray:
        """Return the synthetic sketch of a photo, bool ``(128, 128)``: the same every time."""
        seed = binascii.crc32(np.ascontiguousarray(image))
        random = np.random.default_rng([self.random_state, 1, seed])
        return draw(image, random, self.jitter, self.dropout)

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Draw a synthetic sketch of the photo and return its bits in their envelope."""
        return self.encode_sketch(self.drawing(image))

    def encode_sketch(self, ink: np.ndarray) -> bytes:
        """Return the bits of a drawing in their envelope; an empty sheet sends none.

        Args:
            ink: bool ``(h, w)``, True where there is a line.
        """
        if not np.any(ink):
            return pack(self.number, b"")
        features = describe(ink, self.clip, self.frequencies)
        return pack(self.number, self._code(features[None]).tobytes())

    def search(self, payload: bytes) -> np.ndarray:
        """Score by the number of bits in common: on the phone, or on a server."""
        body = unpack(self.number, payload)
        if not body:
            return np.zeros(len(self.codes_))
        try:
            code = check_codes(np.frombuffer(body, np.uint8)[None], self.bits)
        except ValueError as error:
            raise PayloadError(f"the payload holds no code of {self.bits} bits: {error}") from error
        return self.bits - hamming_distance(code, self.codes_)[0].astype(np.float64)

    @property
    def uses_labels(self) -> bool:
        """True unless every photo is a thing of its own."""
        return self.groups == "place"

    @property
    def index_bytes(self) -> int:
        """Bytes of the codes, the mean and the projection (4 a number)."""
        return self.codes_.nbytes + 4 * (self.mean_.size + self.projection_.size)

    @property
    def client_bytes(self) -> int:
        """The whole index: with so few bits, it is the phone's own."""
        return self.index_bytes

    @property
    def raw_bytes(self) -> int:
        """Bytes of an index of the descriptors themselves, 4 a number."""
        return 4 * len(self.codes_) * len(self.mean_)

    def _learn(self, features: np.ndarray, group: np.ndarray) -> None:
        self.mean_ = features.mean(0)
        centred = features - self.mean_
        _, group = np.unique(group, return_inverse=True)
        sums = np.zeros((group.max() + 1, centred.shape[1]))
        np.add.at(sums, group, centred)
        apart = centred - (sums / np.bincount(group)[:, None])[group]
        total, within = (x.T @ x / len(x) for x in (centred, apart))
        within += self.ridge * max(np.trace(within) / len(within), 1e-12) * np.eye(len(within))
        last = len(within) - 1
        _, directions = eigh(total, within, subset_by_index=[last + 1 - self.bits, last])
        turn = ITQ(self.bits, random_state=self.random_state).fit(centred @ directions)
        self.projection_ = directions @ turn.projection_

    def _code(self, features: np.ndarray) -> np.ndarray:
        return binarize((features - self.mean_) @ self.projection_)

    def _check(self) -> None:
        bytes_per_code(self.bits)
        size = self.frequencies * (self.frequencies + 1) // 2 - 1
        if not 2 <= self.frequencies <= SIDE or self.bits > size:
            raise ValueError(
                f"need 2 <= frequencies <= {SIDE} and bits <= {size}, the number of terms, got "
                f"{self.frequencies}, {self.bits}"
            )
        if not self.clip > 0 or self.copies < 1 or self.groups not in ("place", "photo"):
            raise ValueError(
                "need clip > 0, copies >= 1 and groups 'place' or 'photo', got "
                f"{self.clip}, {self.copies}, {self.groups!r}"
            )


def describe(ink: np.ndarray, clip: float = 16.0, frequencies: int = 16) -> np.ndarray:
    """Return the low frequencies of the clipped distance transform, float32 ``(d,)``.

    Each pixel holds min(distance to the nearest ink, ``clip``) / ``clip``; of its orthonormal
    cosine transform (DCT-II) over the frame the terms 0 < u + v < ``frequencies`` are kept, row by
    row, so that d = frequencies (frequencies + 1) / 2 - 1. A sheet without ink gives zeros.

    Args:
        ink: bool ``(h, w)``; any size but 128 x 128 is resized.
        clip: pixels of 128.
        frequencies: 2..128.
    """
    ink = np.asarray(ink, bool)
    if ink.shape != (SIDE, SIDE):
        share = cv2.resize(ink.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        ink = share > 0
    away = cv2.distanceTransform((~ink).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    if not ink.any():
        away[:] = clip
    terms = cv2.dct(np.minimum(away, clip) / np.float32(clip))
    low = np.add.outer(np.arange(SIDE), np.arange(SIDE)) < frequencies
    return terms[low][1:]


def _describe_some(system: Sketch, images: np.ndarray) -> np.ndarray:
    """Describe the contours of each photo, then synthetic sketches of it."""
    rows = []
    for image in images:
        seed = binascii.crc32(np.ascontiguousarray(image))
        random = np.random.default_rng([system.random_state, 0, seed])
        inks = [contours(image)]
        inks += [draw(image, random, system.jitter, system.dropout) for _ in range(system.copies)]
        rows.append([describe(ink, system.clip, system.frequencies) for ink in inks])
    return np.array(rows, np.float32)
