"""Shrink the photo where nothing is to be found (A3 of the course: Tan et al., 2014).

"Image retargeting for preserving robust local feature: application to mobile visual search" (IEEE
Transactions on Multimedia). Shrinking a photo evenly wastes its pixels on sky and lawn; here areas
with strong local features keep more of their scale. The energy of a place is the blurred sum of
the responses of the features around it, and each axis is warped by the scales that minimise a
quadratic in closed form (`mvs_lib.queries.axis_warp`). The paper's own objective was not to be
had: the energy, the quadratic and the comment below are our realisation.

The payload is the JPEG file of the retargeted photo, which any reader opens. Its comment holds the
scales, a byte a band, so that the server can undo the warp before it looks for features.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import LocalFeatures, detect
from mvs_lib.queries import axis_warp, picture
from mvs_lib.queries.payload import PayloadError, pack, unpack
from mvs_lib.queries.server import BagOfWordsServer
from mvs_lib.queries.system import System

__all__ = ["GRID", "Retargeting", "energy_map", "repeatability"]

GRID = [  # what the benchmark tries on held-back source photos
    {"scale": 0.5, "quality": 60},
    {"scale": 0.5, "quality": 20},
    {"scale": 0.35, "quality": 60},
    {"scale": 0.35, "quality": 20},
    {"scale": 0.5, "quality": 40, "straighten": False},
]
BLUR = 0.04  # standard deviation of the energy's blur, as a share of the frame
LEAST = 0.3  # of the mean scale: what an idle band keeps


class Retargeting(System):
    """A retargeted JPEG photo to a bag-of-words server.

    Args:
        scale: side of the retargeted photo over that of the photo taken, 0 < scale < 1.
        quality: of the JPEG file, 1..100.
        bands: along each axis, 2..120.
        smoothness: mu, of the quadratic; energies have mean 1.
        base: energy of a band without features, > 0.
        straighten: the server undoes the warp; False sends no scales, and the server looks for
            features in the retargeted photo as it is.
        limit: SIFT features that make the energy.
        server: fitted together with the system; None makes one.
        random_state: of the server that is made.
    """

    number, method, kind = 3, "retargeting", "image"
    source = "Tan et al., 2014"

    def __init__(
        self,
        scale: float = 0.5,
        quality: int = 40,
        bands: int = 24,
        smoothness: float = 0.5,
        base: float = 1.0,
        straighten: bool = True,
        limit: int = 300,
        server: BagOfWordsServer | None = None,
        random_state: int = 0,
    ):
        self.scale, self.quality, self.bands = scale, quality, bands
        self.smoothness, self.base, self.straighten = smoothness, base, straighten
        self.limit, self.server, self.random_state = limit, server, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "Retargeting":
        """Index the source photos; return self.

        Raises:
            ValueError: a hyper-parameter out of its range.
        """
        if not 0 < self.scale < 1 or not 1 <= self.quality <= 100:
            raise ValueError(
                f"need 0 < scale < 1 and 1 <= quality <= 100, got {self.scale}, {self.quality}"
            )
        if not 2 <= self.bands <= 120 or not self.smoothness > 0 or not self.base > 0:
            raise ValueError(
                "need 2 <= bands <= 120, smoothness > 0 and base > 0, got "
                f"{self.bands}, {self.smoothness}, {self.base}"
            )
        server = self.server or BagOfWordsServer(random_state=self.random_state)
        self.server_ = server.fit(photos, progress)
        self.side_ = photos.images.shape[1:3]
        return self

    def warp(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the scales that suit a photo, uint8 ``(bands,)``: of its rows, of its columns."""
        energy = energy_map(detect(image, self.limit), self.bands)
        both = []
        for axis in (1, 0):
            along = energy.sum(axis)
            along = along / max(along.mean(), 1e-12) + self.base
            total = self.scale * self.bands
            found = axis_warp.scales(along, total, self.smoothness, LEAST * self.scale)
            both.append(axis_warp.quantise(found))
        return tuple(both)

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the JPEG file of the retargeted photo in its envelope."""
        rows, columns = self.warp(image)
        shape = tuple(max(1, round(self.scale * side)) for side in image.shape[:2])
        file = picture.write(axis_warp.shrink(image, shape, rows, columns), self.quality)
        if self.straighten:
            file = _with_comment(file, rows.tobytes() + columns.tobytes())
        return pack(self.number, file)

    def receive(self, payload: bytes) -> np.ndarray:
        """On the server: return the photo in which it looks for features, uint8 ``(h, w, 3)``.

        Raises:
            PayloadError: see `System.search`; or the scales are missing.
        """
        file = unpack(self.number, payload)
        photo = picture.read(file)
        if not self.straighten:
            return cv2.resize(photo, self.side_[::-1], interpolation=cv2.INTER_CUBIC)
        both = np.frombuffer(_comment(file), np.uint8)
        if len(both) != 2 * self.bands or not both.all():
            raise PayloadError(f"the photo's comment must hold {2 * self.bands} scales >= 1")
        return axis_warp.restore(photo, self.side_, both[: self.bands], both[self.bands :])

    def search(self, payload: bytes) -> np.ndarray:
        """Decode the photo, undo its warp, and score by its words."""
        return self.server_.score_image(self.receive(payload))

    @property
    def index_bytes(self) -> int:
        """See `BagOfWordsServer.index_bytes`."""
        return self.server_.index_bytes


def energy_map(features: LocalFeatures, bands: int) -> np.ndarray:
    """Return the blurred sum of the features' responses, float32 ``(bands, bands)``, y down.

    Args:
        features: of one photo; none gives zeros.
        bands: cells a side.
    """
    energy = np.zeros((bands, bands), np.float32)
    at = np.clip((features.positions * bands).astype(int), 0, bands - 1).reshape(-1, 2)
    np.add.at(energy, (at[:, 1], at[:, 0]), features.responses)
    return cv2.GaussianBlur(energy, (0, 0), BLUR * bands, borderType=cv2.BORDER_REFLECT)


def repeatability(photo: np.ndarray, received: np.ndarray, limit: int = 150) -> float:
    """Return the share of a photo's strongest features that are found again where they were.

    Found again (after Mikolajczyk et al., 2005): some feature lies within half the patch's radius,
    and its patch is at most 1.5 times as large or as small.

    Args:
        photo, received: uint8 RGB of one shape.
        limit: features of the photo; of what was received twice as many are looked at.
    """
    true, found = detect(photo, limit), detect(received, 2 * limit)
    if not len(true):
        return 1.0
    if not len(found):
        return 0.0
    apart = np.linalg.norm(true.positions[:, None] - found.positions, axis=2)
    octaves = np.abs(np.log(true.scales[:, None] / found.scales))
    near = apart <= np.maximum(true.scales[:, None] / 4, 1.5 / photo.shape[1])
    return float((near & (octaves <= np.log(1.5))).any(1).mean())


def _with_comment(file: bytes, comment: bytes) -> bytes:
    """Put a comment behind the first segment (JFIF's, which must stay the first)."""
    end = 4 + int.from_bytes(file[4:6], "big")
    return file[:end] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + file[end:]


def _comment(file: bytes) -> bytes:
    """Read what `_with_comment` put there; nothing where there is none."""
    start = 4 + int.from_bytes(file[4:6], "big")
    if file[start : start + 2] != b"\xff\xfe":
        return b""
    size = int.from_bytes(file[start + 2 : start + 4], "big")
    return file[start + 4 : start + 2 + size]
