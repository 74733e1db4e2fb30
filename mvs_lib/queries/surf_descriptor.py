"""SURF's 64 numbers, turned by the moment of the gradients (for `tiled_surf`).

Bay et al. (2008) look for the orientation by sliding a window of 60 degrees over the gradients
around a blob. Yang and Cheng (2012) take their moment instead, in one pass:

    theta = atan2(sum G dy, sum G dx),    G a Gaussian weight.

Gradients are Haar wavelets: the half on one side minus the half on the other, from an integral
image. The descriptor sums them over 4 x 4 cells of a window of 20 s, turned by theta: in each cell
(sum dx, sum |dx|, sum dy, sum |dy|), the whole scaled to length 1.
"""

import numpy as np

from mvs_lib.queries.surf_boxes import Blobs, integral

__all__ = ["DIMENSIONS", "describe", "gradients", "orientations"]

DIMENSIONS = 64
SIDE = 20  # samples a side, s apart
CELLS = 4  # a side

_REACH = np.arange(-5, 6)  # samples of the orientation: a disc of radius 6 s
_DISC = np.array([(x, y) for y in _REACH for x in _REACH if x * x + y * y < 36], np.float32)
_DISC_WEIGHT = np.exp(-(_DISC**2).sum(1) / (2 * 2.5**2))
_LINE = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
_GRID = np.stack(np.meshgrid(_LINE, _LINE), -1).reshape(-1, 2)  # x, y; rows first
_GRID_WEIGHT = np.exp(-(_GRID**2).sum(1) / (2 * 3.3**2)).astype(np.float32)


def gradients(
    sums: np.ndarray, x: np.ndarray, y: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the Haar wavelets' answers dx and dy, float32, grey levels times pixels.

    A wavelet covers 2 ``radius`` pixels a side, x - radius .. x + radius - 1 and so y; beyond the
    photo there is nothing.

    Args:
        sums: `integral` of the photo.
        x, y: int, any shape: pixels. radius: int, of a shape that fits theirs.
    """
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    rows = [np.clip(y + k * radius, 0, height) for k in (-1, 0, 1)]
    columns = [np.clip(x + k * radius, 0, width) for k in (-1, 0, 1)]
    flat, stride = sums.ravel(), sums.shape[1]
    at = {
        (i, j): flat[rows[i] * stride + columns[j]]
        for i in range(3) for j in range(3) if (i, j) != (1, 1)
    }  # fmt: skip
    across = (at[2, 2] - at[0, 2]) - 2 * (at[2, 1] - at[0, 1]) + (at[2, 0] - at[0, 0])
    down = (at[2, 2] - at[2, 0]) - 2 * (at[1, 2] - at[1, 0]) + (at[0, 2] - at[0, 0])
    return across.astype(np.float32), down.astype(np.float32)


def orientations(sums: np.ndarray, blobs: Blobs) -> np.ndarray:
    """Return theta of each blob, float64 ``(n,)``, radians, from x towards y.

    Wavelets of 4 s a side on a disc of radius 6 s, weighted by a Gaussian of 2.5 s.
    """
    x, y = (blobs.positions[:, None] + blobs.scales[:, None, None] * _DISC).transpose(2, 0, 1)
    radius = np.maximum(1, np.rint(2 * blobs.scales)).astype(np.int64)[:, None]
    across, down = gradients(sums, _whole(x), _whole(y), radius)
    return np.arctan2(down @ _DISC_WEIGHT, across @ _DISC_WEIGHT)


def describe(grey: np.ndarray, blobs: Blobs) -> np.ndarray:
    """Return SURF descriptors, float32 ``(n, 64)``, of length 1 (of zeros where all is flat).

    Args:
        grey: uint8 ``(h, w)``.
        blobs: of this photo.

    Returns:
        Cells row by row as the turned window sees them, four numbers each.
    """
    if not len(blobs.scales):
        return np.empty((0, DIMENSIONS), np.float32)
    sums = integral(grey)
    theta = orientations(sums, blobs).astype(np.float32)[:, None]
    cos, sin = np.cos(theta), np.sin(theta)
    scale = blobs.scales[:, None]
    x = blobs.positions[:, :1] + scale * (cos * _GRID[:, 0] - sin * _GRID[:, 1])
    y = blobs.positions[:, 1:] + scale * (sin * _GRID[:, 0] + cos * _GRID[:, 1])
    radius = np.maximum(1, np.rint(scale)).astype(np.int64)
    across, down = gradients(sums, _whole(x), _whole(y), radius)
    along = _GRID_WEIGHT * (cos * across + sin * down)
    aside = _GRID_WEIGHT * (cos * down - sin * across)
    parts = np.stack([along, np.abs(along), aside, np.abs(aside)], -1)
    side = SIDE // CELLS
    cells = parts.reshape(-1, CELLS, side, CELLS, side, 4).sum(axis=(2, 4))
    flat = cells.reshape(len(cells), DIMENSIONS)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)


def _whole(places: np.ndarray) -> np.ndarray:
    """Round to the pixel corner nearest: a wavelet of even side has its middle at a corner."""
    return np.floor(places + 1).astype(np.int64)
