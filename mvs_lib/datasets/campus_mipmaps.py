"""The pictures of a scene at every size they may be seen at: mip levels and their lookup.

A far wall shows many texels in one pixel; it is looked up in a copy that has been shrunk already,
so that photos do not sparkle (Williams, 1983, "Pyramidal parametrics").
"""

import cv2
import numpy as np

__all__ = ["HOLE", "Textures"]

LEVELS = 7  # each half as fine as the one before
# Texels a pixel from which on a level is looked at: log2(texels) + 0.35, rounded down. Compared
# with, since a logarithm rounds otherwise on another processor.
STEPS = np.float32([2.0 ** (level - 0.35) for level in range(1, LEVELS)])
HOLE = 110  # alpha below this is a hole in a cut-out


class Textures:
    """All pictures of a scene with their mip levels, in one array.

    A picture is uint8 ``(h, w, 4)``. On the triangles of a cut-out, alpha below `HOLE` is a hole.
    On all others alpha marks glass: 1..254 is a window that may be lit at night, 255 always shines.

    Attributes:
        texels: uint8 ``(n, 4)``, every level of every picture, row by row (after `finish`).
    """

    def __init__(self):
        self._pixels, self._table, self._end = [], [], 0
        self.texels = None
        self.add(np.full((1, 1, 4), [255, 255, 255, 0], np.uint8))

    def add(self, picture: np.ndarray, cutout: bool = False) -> int:
        """Store a picture, uint8 ``(h, w, 4)``, and return its number. Number 0 is plain white."""
        rows = []
        for _ in range(LEVELS):
            height, width = picture.shape[:2]
            rows.append((self._end, width, height))
            self._pixels.append(picture.reshape(-1, 4))
            self._end += width * height
            smaller = (max(width // 2, 1), max(height // 2, 1))
            halved = cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA)
            if cutout:  # keep the covered share: leaves must not melt away with distance
                halved[..., 3] = np.minimum(halved[..., 3].astype(np.int32) * 23 // 20, 255)
            else:
                halved[..., 3] = cv2.resize(
                    picture[..., 3], smaller, interpolation=cv2.INTER_NEAREST
                )
            picture = halved
        self._table.append(rows)
        return len(self._table) - 1

    def finish(self) -> "Textures":
        """Join the pictures; call once, after the last `add`."""
        self.texels = np.concatenate(self._pixels)
        table = np.array(self._table, np.int32)
        self._offset, self._width, self._height = table[..., 0], table[..., 1], table[..., 2]
        return self

    @staticmethod
    def level(texels: np.ndarray) -> np.ndarray:
        """Return the mip level for pixels that are ``texels`` texels wide."""
        return np.searchsorted(STEPS, texels, side="right").astype(np.int32)

    def _at(self, texture, level, u, v):
        place = texture * LEVELS + level
        width, height = self._width.ravel()[place], self._height.ravel()[place]
        return self._offset.ravel()[place], width, height, u * width, v * height

    def alpha(self, texture, level, u, v) -> np.ndarray:
        """Return the alpha of the nearest texel, uint8 ``(n,)``; u, v in 0..1, v from the top."""
        offset, width, height, x, y = self._at(texture, level, u, v)
        x = np.clip(x.astype(np.int32), 0, width - 1)
        y = np.clip(y.astype(np.int32), 0, height - 1)
        return self.texels[:, 3][offset + y * width + x]

    def colour(self, texture, level, u, v) -> np.ndarray:
        """Return colours, float32 ``(n, 3)`` in 0..1, bilinear."""
        offset, width, height, x, y = self._at(texture, level, u, v)
        x = np.clip(x - np.float32(0.5), 0, width - 1).astype(np.float32)
        y = np.clip(y - np.float32(0.5), 0, height - 1).astype(np.float32)
        x0, y0 = x.astype(np.int32), y.astype(np.int32)
        fx, fy = (x - x0)[:, None], (y - y0)[:, None]
        right = np.minimum(x0 + 1, width - 1)
        upper, lower = offset + y0 * width, offset + np.minimum(y0 + 1, height - 1) * width
        a, b = self.texels[upper + x0], self.texels[upper + right]
        c, d = self.texels[lower + x0], self.texels[lower + right]
        top = a + (b.astype(np.float32) - a) * fx
        bottom = c + (d.astype(np.float32) - c) * fx
        return ((top + (bottom - top) * fy) * np.float32(1 / 255))[:, :3]
