"""Shrink a photo along each axis by a scale that varies along it, and undo that.

Each axis is cut into bands. A band of scale 1 keeps its size, one of scale 0.3 shrinks to three
tenths; one scale a band, so that a warp is as small as a handful of bytes. Used by `retargeting`.
"""

import cv2
import numpy as np
from scipy.linalg import solveh_banded

__all__ = ["quantise", "restore", "scales", "shrink"]


def scales(
    energy: np.ndarray, total: float, smoothness: float = 1.0, least: float = 0.0
) -> np.ndarray:
    """Return the scale of each band, float64 ``(n,)``, that harms the energetic ones least.

    Minimise sum_c E_c (w_c - 1)^2 + mu sum_c (w_c - w_{c+1})^2 subject to sum_c w_c = total. With
    the tridiagonal A = diag(E) + mu D'D, D the differences of neighbours, and since A 1 = E, the
    conditions of Lagrange give, in closed form,

        w = 1 - (n - total) u / sum(u),    A u = 1.

    A is an M-matrix, so u > 0: no band is ever enlarged. Too small a mu may squeeze an idle band
    to nothing; mu is doubled until every band keeps ``least``, which ends, because w tends to
    total / n as mu grows.

    Args:
        energy: real ``(n,)``, > 0, n >= 2.
        total: 0 < total < n, the sum of the scales.
        smoothness: mu > 0.
        least: every scale's lower bound, below total / n.

    >>> scales(np.array([1.0, 1.0, 1.0]), 1.5)
    array([0.5, 0.5, 0.5])

    Raises:
        ValueError: an argument out of its range.
    """
    energy = np.asarray(energy, np.float64)
    if energy.ndim != 1 or len(energy) < 2 or not np.isfinite(energy).all() or energy.min() <= 0:
        raise ValueError("energy must hold at least two finite numbers > 0")
    count = len(energy)
    if not 0 < total < count or not smoothness > 0 or not least < total / count:
        raise ValueError(
            f"need 0 < total < {count}, smoothness > 0 and least < total / {count}, got "
            f"{total}, {smoothness} and {least}"
        )
    while True:
        bands = np.zeros((2, count))  # the lower form of scipy: diagonal, below it
        bands[0] = energy + smoothness * np.r_[1, np.full(count - 2, 2.0), 1]
        bands[1, :-1] = -smoothness
        solved = solveh_banded(bands, np.ones(count), lower=True)
        widths = 1 - (count - total) * solved / solved.sum()
        if widths.min() >= least:
            return widths
        smoothness *= 2


def quantise(widths: np.ndarray) -> np.ndarray:
    """Return the scales as shares of the largest, uint8 ``(n,)``, 1..255: what is sent."""
    return np.clip(np.rint(255 * widths / widths.max()), 1, 255).astype(np.uint8)


def shrink(
    image: np.ndarray, shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return the warped photo, uint8 ``(*shape, 3)``: each pixel the mean over what falls into it.

    Args:
        image: uint8 ``(h, w, 3)``.
        shape: ``(h', w')``, smaller.
        rows, columns: scale of each band along an axis; only their ratios matter. Equal scales
            give OpenCV's ``INTER_AREA``.
    """
    down = _overlaps(rows, image.shape[0], shape[0])
    across = _overlaps(columns, image.shape[1], shape[1])
    warped = np.einsum("ih,hwc->iwc", down, image.astype(np.float32), optimize=True)
    warped = np.einsum("jw,iwc->ijc", across, warped, optimize=True)
    return np.clip(np.rint(warped), 0, 255).astype(np.uint8)


def restore(
    image: np.ndarray, shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Undo `shrink`, uint8 ``(*shape, 3)``: cubic interpolation where the photo was shrunk."""
    down = _positions(rows, shape[0], image.shape[0])
    across = _positions(columns, shape[1], image.shape[1])
    x, y = np.meshgrid(across.astype(np.float32), down.astype(np.float32))
    return cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _warp(widths: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Map places along the photo's axis (shares) to places along the warped one (shares)."""
    knots = np.r_[0.0, np.cumsum(widths, dtype=np.float64)]
    return np.interp(at, np.linspace(0, 1, len(knots)), knots / knots[-1])


def _overlaps(widths: np.ndarray, size: int, target: int) -> np.ndarray:
    """Return how much of each new pixel each old one fills, float32 ``(target, size)``."""
    edges = target * _warp(widths, np.arange(size + 1) / size)
    start = np.maximum(edges[:-1], np.arange(target)[:, None])
    end = np.minimum(edges[1:], np.arange(1, target + 1)[:, None])
    return np.maximum(end - start, 0).astype(np.float32)


def _positions(widths: np.ndarray, size: int, target: int) -> np.ndarray:
    """Return where the middle of each of ``size`` pixels lies among ``target`` warped ones."""
    return target * _warp(widths, (np.arange(size) + 0.5) / size) - 0.5
