"""Send the photo itself, smaller (A1 of the course: Girod et al., 2011; Su et al., 2013).

The phone shrinks the photo and writes a JPEG file; all vision happens on the server. The bytes
depend on two numbers, the scale s and the JPEG quality q, and a fair comparison takes, for each
budget, the pair that recognises best: minimise bytes(s, q) subject to MAP(s, q) >= a target.
The server sees what a decoder gives back, never the photo before compression.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from mvs_lib.datasets.collection import Photos
from mvs_lib.queries import picture
from mvs_lib.queries.payload import pack, unpack
from mvs_lib.queries.server import BagOfWordsServer
from mvs_lib.queries.system import System

__all__ = ["GRID", "ScaledImage"]

GRID = [  # what the benchmark tries on held-back source photos
    {"scale": 1.0, "quality": 90},
    {"scale": 1.0, "quality": 20},
    {"scale": 0.5, "quality": 60},
    {"scale": 0.5, "quality": 20},
    {"scale": 0.25, "quality": 60},
    {"scale": 0.25, "quality": 20},
]


class ScaledImage(System):
    """A scaled JPEG photo to a bag-of-words server.

    Args:
        scale: side of the photo that is sent over that of the photo taken, 0 < scale <= 1.
        quality: of the JPEG file, 1..100.
        server: fitted together with the system; None makes one.
        random_state: of the server that is made.
    """

    number, method, kind = 1, "scaled_image", "image"
    source = "Girod et al., 2011"

    def __init__(
        self,
        scale: float = 0.5,
        quality: int = 40,
        server: BagOfWordsServer | None = None,
        random_state: int = 0,
    ):
        self.scale, self.quality = scale, quality
        self.server, self.random_state = server, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "ScaledImage":
        """Index the source photos; return self.

        Raises:
            ValueError: a scale or quality out of its range.
        """
        if not 0 < self.scale <= 1 or not 1 <= self.quality <= 100:
            raise ValueError(
                f"need 0 < scale <= 1 and 1 <= quality <= 100, got {self.scale}, {self.quality}"
            )
        server = self.server or BagOfWordsServer(random_state=self.random_state)
        self.server_ = server.fit(photos, progress)
        self.side_ = photos.images.shape[1:3]
        return self

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the JPEG file of the shrunk photo in its envelope."""
        height, width = (max(1, round(self.scale * side)) for side in image.shape[:2])
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        return pack(self.number, picture.write(small, self.quality))

    def search(self, payload: bytes) -> np.ndarray:
        """Decode the photo, enlarge it to the source photos' size, and score by its words."""
        photo = picture.read(unpack(self.number, payload))
        large = cv2.resize(photo, self.side_[::-1], interpolation=cv2.INTER_CUBIC)
        return self.server_.score_image(large)

    @property
    def index_bytes(self) -> int:
        """See `BagOfWordsServer.index_bytes`."""
        return self.server_.index_bytes
