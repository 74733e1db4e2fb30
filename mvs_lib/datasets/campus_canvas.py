"""Painting in metres: a picture with its origin at the bottom left, and the noise that soils it.

Alpha marks glass on opaque pictures (see `mvs_lib.datasets.campus_mipmaps.Textures`) and holes on
cut-outs.
"""

from functools import cache

import cv2
import numpy as np

__all__ = ["Canvas", "soft_noise"]

SHIFT = 4  # sub-pixel bits of OpenCV's drawing


@cache
def soft_noise(size: int = 256, seed: int = 5) -> np.ndarray:
    """Return smooth noise that repeats at its borders: float32 ``(size, size)``, evenly in 0..1."""
    random = np.random.default_rng(seed)
    total = np.zeros((size, size))  # in double precision, so that every processor ranks alike
    for octave in range(2, 8):
        n = 2**octave
        if n > size:
            break
        grid = np.pad(random.random((n, n), dtype=np.float32), 2, mode="wrap").astype(np.float64)
        scale = size / n
        large = cv2.resize(grid, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        edge = int(2 * scale)
        total += large[edge : edge + size, edge : edge + size] * 0.56**octave
    order = total.ravel().argsort(kind="stable")
    ranks = order.argsort(kind="stable").reshape(size, size)
    return (ranks / np.float32(size * size)).astype(np.float32)


class Canvas:
    """A picture ``width`` by ``height`` metres at ``density`` texels a metre.

    Colours are 0..255. Attributes ``w`` and ``h`` are its size in texels, ``pixels`` is uint8
    ``(h, w, 4)``.
    """

    def __init__(self, width, height, density, colour=(255, 255, 255), alpha=0):
        self.width, self.height = width, height
        self.w = max(round(width * density), 2)
        self.h = max(round(height * density), 2)
        self.density = density
        self.pixels = np.empty((self.h, self.w, 4), np.uint8)
        self.pixels[:] = (*np.clip(colour, 0, 255), alpha)

    def _points(self, points):
        points = np.asarray(points, float)
        x = points[..., 0] * self.w / self.width
        y = self.h - points[..., 1] * self.h / self.height
        return np.round((np.stack([x, y], -1) - 0.5) * (1 << SHIFT)).astype(np.int32)

    def polygon(self, points, colour, alpha=0):
        """Fill a polygon given by its corners ``(n, 2)``."""
        cv2.fillPoly(
            self.pixels,
            [self._points(points)],
            (*map(float, np.clip(colour, 0, 255)), alpha),
            cv2.LINE_8 if alpha else cv2.LINE_AA,
            SHIFT,
        )

    def rect(self, x, y, width, height, colour, alpha=0):
        """Fill a rectangle whose lower left corner is at (x, y)."""
        x0, x1 = round(x * self.w / self.width), round((x + width) * self.w / self.width)
        y0 = self.h - round((y + height) * self.h / self.height)
        y1 = self.h - round(y * self.h / self.height)
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        area = self.pixels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        area[:] = (*np.clip(colour, 0, 255), alpha)

    def disc(self, x, y, rx, colour, alpha=0, ry=None, start=0.0, stop=360.0):
        """Fill an ellipse or (angles in degrees, anti-clockwise from the right) a slice of it."""
        angle = np.deg2rad(np.linspace(start, stop, 28))
        ry = rx if ry is None else ry
        self.polygon(np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], 1), colour, alpha)

    def grain(self, amount, metres=6.0, seed=0, fine=0.0):
        """Make it uneven: stains ``metres`` wide, and ``fine`` grit; ``seed`` shifts the stains."""
        tile = soft_noise(256, 5)
        y = np.arange(self.h) / self.density / metres * 256 + 37 * seed
        x = np.arange(self.w) / self.density / metres * 256 + 91 * seed
        stains = tile[np.ix_(y.astype(int) % 256, x.astype(int) % 256)]
        factor = 1 + amount * (stains - 0.5)
        if fine:
            grit = soft_noise(256, 9)
            y, x = (np.arange(n) * 24 / self.density * 4 for n in (self.h, self.w))
            factor += fine * (grit[np.ix_(y.astype(int) % 256, x.astype(int) % 256)] - 0.5)
        rgb = self.pixels[..., :3] * factor[..., None].astype(np.float32)
        self.pixels[..., :3] = np.minimum(rgb, 255)

    def paste(self, picture, x, y, width, height):
        """Lay an RGBA picture (alpha is coverage) over a rectangle; glass beneath it is gone."""
        w = max(round(width * self.w / self.width), 1)
        h = max(round(height * self.h / self.height), 1)
        left = round(x * self.w / self.width)
        top = self.h - round((y + height) * self.h / self.height)
        part = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + w, self.w), min(top + h, self.h)
        if x1 <= x0 or y1 <= y0:
            return
        part = part[y0 - top : y1 - top, x0 - left : x1 - left]
        area = self.pixels[y0:y1, x0:x1]
        cover = part[..., 3:] / np.float32(255)
        area[..., :3] = area[..., :3] * (1 - cover) + part[..., :3] * cover
        area[..., 3][part[..., 3] > 100] = 0
