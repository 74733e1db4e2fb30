"""Local features: small patches that look the same when the camera moves. Taught in notebook 01.

SIFT (Lowe, 2004) and ORB (Rublee et al., 2011), as OpenCV computes them; strongest first, so that
the first ``n`` of a photo are the ``n`` that a phone with fewer bytes would send.
"""

import hashlib
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from tqdm.auto import tqdm

from mvs_lib import paths
from mvs_lib.features import preparation

__all__ = ["LocalFeatures", "describe_all", "detect", "root"]

KINDS = ("sift", "orb")
WIDTHS = {"sift": 128, "orb": 32}


@dataclass(frozen=True)
class LocalFeatures:
    """The local features of one photo, or of many photos one after another.

    Attributes:
        positions: float32 ``(n, 2)``, x right and y down, shares of the frame, 0..1.
        scales: float32 ``(n,)``, diameter of the patch as a share of the frame's width.
        angles: float32 ``(n,)``, radians, from x (right) towards y (down): clockwise as seen.
        responses: float32 ``(n,)``, strength of the detector's answer, falling within a photo.
        descriptors: uint8 ``(n, 128)`` for SIFT, ``(n, 32)`` (256 bits) for ORB.
        offsets: int64 ``(photos + 1,)``: photo i owns the rows ``offsets[i]:offsets[i + 1]``.
    """

    positions: np.ndarray
    scales: np.ndarray
    angles: np.ndarray
    responses: np.ndarray
    descriptors: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def photo(self) -> np.ndarray:
        """Which photo each feature is of, int64 ``(n,)``."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def of(self, index: int) -> "LocalFeatures":
        """Return the features of one photo."""
        rows = slice(self.offsets[index], self.offsets[index + 1])
        return self._rows(rows, [0, rows.stop - rows.start])

    def strongest(self, limit: int) -> "LocalFeatures":
        """Return the first ``limit`` features of each photo."""
        rank = np.arange(len(self)) - self.offsets[self.photo]
        counts = np.minimum(np.diff(self.offsets), limit)
        return self._rows(rank < limit, np.concatenate([[0], np.cumsum(counts)]))

    def _rows(self, rows, offsets) -> "LocalFeatures":
        kept = [getattr(self, field.name)[rows] for field in fields(self)[:-1]]
        return LocalFeatures(*kept, np.asarray(offsets, np.int64))


def detect(image: np.ndarray, limit: int = 300, kind: str = "sift") -> LocalFeatures:
    """Find and describe the ``limit`` strongest features of one photo.

    Args:
        image: uint8 ``(h, w, 3)``, RGB.
        limit: how many at most, >= 1.
        kind: ``"sift"`` or ``"orb"``.

    Returns:
        `LocalFeatures` of one photo; a flat photo has none.

    Raises:
        ValueError: not a photo, or an unknown kind.
    """
    image = preparation.check_images(np.asarray(image)[None])[0]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    points, descriptors = _detector(kind, limit).detectAndCompute(grey, None)
    if not points:
        descriptors = np.empty((0, WIDTHS[kind]), np.uint8)
    rows = [(*p.pt, p.size, p.angle, p.response) for p in points]
    table = np.array(rows, np.float64).reshape(-1, 5)
    order = np.lexsort((table[:, 3], table[:, 1], table[:, 0], -table[:, 4]))[:limit]
    table, (height, width) = table[order], grey.shape
    return LocalFeatures(
        np.clip(table[:, :2] / [width, height], 0, 1).astype(np.float32),
        (table[:, 2] / width).astype(np.float32),
        np.deg2rad(table[:, 3]).astype(np.float32),
        table[:, 4].astype(np.float32),
        np.asarray(descriptors)[order].astype(np.uint8),  # OpenCV's SIFT holds whole numbers
        np.array([0, len(table)]),
    )


def describe_all(
    images: np.ndarray, limit: int = 300, kind: str = "sift", progress: bool = False
) -> LocalFeatures:
    """Do `detect` for many photos, on all cores, and keep the answer in ``data/cache``.

    Args:
        images: uint8 ``(n, h, w, 3)``, RGB.
        limit, kind: as in `detect`.
        progress: show a progress bar while features are computed.

    Raises:
        ValueError: see `detect`.
    """
    images = preparation.check_images(images)
    _detector(kind, limit)
    file = paths.cache() / f"local_{kind}{limit}_{_key(images)}.npz"
    names = [field.name for field in fields(LocalFeatures)]
    if file.exists():
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
                return LocalFeatures(*(stored[name] for name in names))
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
            file.unlink(missing_ok=True)  # damaged: computed again
    work = Parallel(n_jobs=-1, return_as="generator")(
        delayed(_detect_some)(images[start : start + 64], limit, kind)
        for start in range(0, len(images), 64)
    )
    found = []
    with tqdm(total=len(images), desc=kind.upper(), unit="photo", disable=not progress) as bar:
        for some in work:
            found += some
            bar.update(len(some))
    counts = np.cumsum([0] + [len(one) for one in found])
    joined = [np.concatenate([getattr(one, name) for one in found]) for name in names[:-1]]
    everything = LocalFeatures(*joined, counts.astype(np.int64))
    with paths.whole_file(file) as beside, open(beside, "wb") as out:
        np.savez(out, **{name: getattr(everything, name) for name in names})
    return everything


def root(descriptors: np.ndarray) -> np.ndarray:
    """Return RootSIFT, float32 ``(n, 128)``: Euclidean distance then is Hellinger's.

    Arandjelovic and Zisserman (2012): scale each SIFT to sum 1, then take the square root.
    """
    values = np.asarray(descriptors, np.float32)
    return np.sqrt(values / np.maximum(values.sum(1, keepdims=True), 1e-9))


def _detector(kind: str, limit: int):
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 1:
        raise ValueError(f"limit must be a whole number >= 1, got {limit!r}")
    return cv2.SIFT_create(int(limit)) if kind == "sift" else cv2.ORB_create(int(limit))


def _detect_some(images: np.ndarray, limit: int, kind: str) -> list[LocalFeatures]:
    cv2.setNumThreads(1)
    return [detect(image, limit, kind) for image in images]


def _key(images: np.ndarray) -> str:
    digest = hashlib.blake2b(digest_size=12)
    digest.update(Path(__file__).read_bytes())
    digest.update(cv2.__version__.encode())
    digest.update(f"{images.shape}".encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()
