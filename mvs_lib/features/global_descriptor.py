"""One descriptor for a whole photo, for the traditional hashers. Taught in notebook 02.

GIST says where edges run, not what colour a wall is, and a place is known by both. So a coarse
layout of colour stands beside it.
"""

import numpy as np

from mvs_lib.features import gist
from mvs_lib.features.preparation import describe_in_batches

__all__ = ["DIMENSIONS", "colour_layout", "describe"]

GRID = 4  # cells a side, as in GIST
# Small: sunset, lamps and a phone's white balance move all 32 colour numbers together, while GIST
# stays. Chosen on held-back source photos: python -m mvs_lib bench campus_descriptor
COLOUR_WEIGHT = 0.125
DIMENSIONS = gist.DIMENSIONS + 2 * GRID**2


def describe(images: np.ndarray, progress: bool = False) -> np.ndarray:
    """Describe photos, uint8 ``(n, h, w, 3)`` RGB of any size, float32 ``(n, 544)``.

    The first 512 numbers are GIST (Oliva and Torralba 2001) scaled to length 1, so that haze or
    a flat light does not change them; the last 32 are `colour_layout` times ``COLOUR_WEIGHT``.
    A photo without any texture has a GIST of zeros.

    Raises:
        ValueError: the images are not uint8 ``(n, h, w, 3)``.
    """
    edges = gist.describe(images, progress)
    length = np.linalg.norm(edges, axis=1, keepdims=True)
    edges /= np.maximum(length, 1e-6)
    return np.hstack([edges, COLOUR_WEIGHT * colour_layout(images)])


def colour_layout(images: np.ndarray) -> np.ndarray:
    """Return how red and how blue each cell of a 4 x 4 grid is, float32 ``(n, 32)``.

    Of a cell's mean red, green and blue: ``(R - G) / (R + G + B)`` for the 16 cells, then
    ``(2B - R - G) / (R + G + B)``; 0 for a grey cell. The quotient takes the brightness away.

    Raises:
        ValueError: the images are not uint8 ``(n, h, w, 3)``.
    """
    return describe_in_batches(_colour_layout, images, 2 * GRID**2, False, "colour")


def _colour_layout(images: np.ndarray) -> np.ndarray:
    cell = images.shape[1] // GRID
    cells = images.reshape(-1, GRID, cell, GRID, cell, 3).mean(axis=(2, 4), dtype=np.float32)
    red, green, blue = np.moveaxis(cells.reshape(len(images), GRID**2, 3), 2, 0)
    total = np.maximum(red + green + blue, 1)  # of 765: a black cell has no colour
    return np.hstack([(red - green) / total, (2 * blue - red - green) / total])
