"""A thumbnail, and SIFT as far as the thumbnail does not tell it (for `cloud_coding`).

Yue et al. (2013, "Cloud-based image coding for mobile devices"): both ends hold the thumbnail, so
both can enlarge it and compute there a blurred SIFT at every place that is sent. What is sent is
only the difference from that prediction, in whole steps, and the place, size and angle of each
feature. Large patches survive the thumbnail and are predicted well, small ones are not.

The paper's text was not to be had. From it come the thumbnail, the prediction, the quantised
difference and the geometry sent with it. Our realisation: the trust in the prediction (one learned
factor for each size of patch, where the paper takes the plain difference), the means taken off
first, one step for all 128 numbers, the grids of places, sizes and angles, Rice codes and WebP.
"""

import cv2
import numpy as np

from mvs_lib.features.local import LocalFeatures
from mvs_lib.queries import locations, picture
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.payload import PayloadError

__all__ = ["CloudCodec"]

CELLS = 256  # a side, of the grid of locations
LEVELS = 16  # sizes of patch, half an octave apart
TURNS = 32  # angles
SMALLEST = 2.0**-8  # of the frame's width: the size of level 0
LONGEST = 0xFFFF  # bytes of a thumbnail: its length is sent in 2


class CloudCodec:
    """Code a thumbnail and predicted, quantised SIFT features.

    Args:
        side: height of the thumbnail in pixels. quality: of its WebP file.
        step: of the quantiser, in units of OpenCV's SIFT (0..255).
        predict: False sends the descriptors themselves, for comparison.

    Attributes:
        shape_: ``(h, w)`` that the thumbnail is enlarged to.
        mean_: float32 ``(128,)``, of SIFT. blurred_: likewise, of the predictions.
        trust_: float32 ``(LEVELS,)``, the factor of the prediction by size of patch.
    """

    def __init__(self, side: int = 40, quality: int = 40, step: int = 32, predict: bool = True):
        self.side, self.quality, self.step, self.predict = side, quality, step, predict

    def fit(self, images: np.ndarray, features: list[LocalFeatures]) -> "CloudCodec":
        """Learn the prediction from photos and the SIFT features of each; return self.

        For a size of patch, trust = sum (d - mean)(p - blurred) / sum (p - blurred)^2: the least
        squares of d - mean on p - blurred, one factor for all 128 numbers.
        """
        self.shape_ = images.shape[1:3]
        true, blurred, levels = [np.empty((0, 128), np.float32)], [], [np.empty(0, np.int64)]
        blurred.append(true[0])
        for image, one in zip(images, features, strict=True):
            large = self.enlarge(picture.read(self.thumbnail(image)))
            cells, level, turn = _geometry(one)
            true.append(one.descriptors.astype(np.float32))
            blurred.append(_describe(large, *_shares(cells, level, turn)))
            levels.append(level)
        true, blurred, levels = map(np.concatenate, (true, blurred, levels))
        self.mean_, self.blurred_ = (
            (x.mean(0) if len(x) else np.zeros(128, np.float32)) for x in (true, blurred)
        )
        both = ((true - self.mean_) * (blurred - self.blurred_)).sum(1)
        power = ((blurred - self.blurred_) ** 2).sum(1)
        sums = (np.bincount(levels, values, LEVELS) for values in (both, power))
        self.trust_ = np.divide(
            *sums, out=np.zeros(LEVELS), where=np.bincount(levels, power, LEVELS) > 0
        )
        self.trust_ = np.clip(self.trust_, 0, 1).astype(np.float32)
        return self

    def thumbnail(self, image: np.ndarray) -> bytes:
        """Return the WebP file of the shrunk photo."""
        height, width = self.shape_
        size = (max(1, round(self.side * width / height)), self.side)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return picture.write(small, self.quality, ".webp")

    def enlarge(self, thumbnail: np.ndarray) -> np.ndarray:
        """Return the thumbnail at the photo's size, uint8 ``(h, w, 3)``."""
        return cv2.resize(thumbnail, self.shape_[::-1], interpolation=cv2.INTER_CUBIC)

    def encode(self, image: np.ndarray, features: LocalFeatures) -> bytes:
        """Return the body of a payload: the thumbnail's length (2 bytes), its file, the features.

        A feature is a cell of 256 x 256, a size of 16, an angle of 32, and 128 differences in Rice
        codes whose shift fits this payload.

        Raises:
            ValueError: the thumbnail's file is longer than 2 bytes can say.
        """
        file = self.thumbnail(image)
        if len(file) > LONGEST:
            raise ValueError(
                f"the thumbnail takes {len(file)} bytes and {LONGEST} fit a payload: lower its "
                f"side ({self.side}) or quality ({self.quality})"
            )
        cells, level, turn = _geometry(features)
        writer = BitWriter()
        order = locations.encode(writer, features.positions, CELLS)
        predicted = self._predict(picture.read(file), cells[order], level[order], turn[order])
        steps = np.rint((features.descriptors[order] - predicted) / self.step).astype(np.int64)
        zigzag = np.where(steps > 0, 2 * steps - 1, -2 * steps)  # 0, 1, -1, 2, -2, ...
        shift = min(range(8), key=lambda shift: (zigzag >> shift).sum() + shift * zigzag.size)
        writer.write(shift, 3)
        for row, (size, angle) in zip(
            zigzag, zip(level[order], turn[order], strict=True), strict=True
        ):
            writer.write(size, 4)
            writer.write(angle, 5)
            for value in row.tolist():
                writer.rice(value, shift)
        return len(file).to_bytes(2, "big") + file + writer.getvalue()

    def decode(self, body: bytes) -> tuple[np.ndarray, LocalFeatures]:
        """Return the thumbnail, uint8 RGB, and the features that `encode` wrote.

        Raises:
            PayloadError: the body holds something else.
        """
        end = 2 + int.from_bytes(body[:2], "big")
        if len(body) < end:
            raise PayloadError("the payload ends within its thumbnail")
        thumbnail, reader = picture.read(body[2:end]), BitReader(body[end:])
        cells = locations.decode(reader, CELLS)
        shift, count = reader.read(3), len(cells)
        level, turn = np.empty((2, count), np.int64)
        zigzag = np.empty((count, 128), np.int64)
        for row in range(count):
            level[row], turn[row] = reader.read(4), reader.read(5)
            zigzag[row] = [reader.rice(shift) for _ in range(128)]
        reader.finish()
        steps = np.where(zigzag % 2, (zigzag + 1) // 2, -(zigzag // 2))
        predicted = self._predict(thumbnail, cells, level, turn)
        descriptors = np.clip(np.rint(predicted + self.step * steps), 0, 255).astype(np.uint8)
        shares = _shares(cells, level, turn)
        return thumbnail, LocalFeatures(
            *shares, np.zeros(count, np.float32), descriptors, np.array([0, count])
        )

    def _predict(self, thumbnail, cells, level, turn) -> np.ndarray:
        if not self.predict:
            return np.broadcast_to(self.mean_, (len(cells), 128))
        blurred = _describe(self.enlarge(thumbnail), *_shares(cells, level, turn))
        return self.mean_ + self.trust_[level, None] * (blurred - self.blurred_)


def _geometry(features: LocalFeatures) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cell, the level of size and the turn of each feature, int64 ``(n,)`` each."""
    octaves = np.log2(np.maximum(features.scales, SMALLEST) / SMALLEST)
    level = np.clip(np.rint(2 * octaves), 0, LEVELS - 1).astype(np.int64)
    turn = np.rint(features.angles * TURNS / (2 * np.pi)).astype(np.int64) % TURNS
    return locations.cells(features.positions.reshape(-1, 2), CELLS), level, turn


def _shares(cells, level, turn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return positions, scales and angles as `LocalFeatures` holds them."""
    scales = SMALLEST * 2.0 ** (level / 2)
    angles = turn * (2 * np.pi / TURNS)
    return locations.centres(cells, CELLS), scales.astype(np.float32), angles.astype(np.float32)


def _describe(image: np.ndarray, positions, scales, angles) -> np.ndarray:
    """Return OpenCV's SIFT at given places, float32 ``(n, 128)``."""
    if not len(positions):
        return np.empty((0, 128), np.float32)
    height, width = image.shape[:2]
    points = []
    for (x, y), size, angle in zip(positions, scales * width, np.rad2deg(angles), strict=True):
        # Where OpenCV's detector would have found this size: octave o, layer 1..3 of 3.
        octaves = float(np.log2(max(size, 1.7) / 3.2))
        octave = int(np.clip(np.floor(octaves - 1 / 6), -1, 4))
        layer = int(np.clip(round(3 * (octaves - octave)), 1, 3))
        packed = (octave & 255) | layer << 8
        points.append(
            cv2.KeyPoint(float(x * width), float(y * height), float(size), float(angle), 0, packed)
        )
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    _, descriptors = cv2.SIFT_create().compute(grey, points)
    return descriptors.astype(np.float32)
