"""Functions that every processor rounds alike, for photos that are drawn.

NumPy computes a power or an exponential by whatever the processor is quickest at, its library of
linear algebra (OpenBLAS) has a product of matrices for each family of processors, and OpenCV
multiplies and adds in one step where it can: the last digit differs. A pixel that lies close to two
grey levels then goes to the other, and a hash function that is learned from such photos becomes
another one.
"""

import cv2
import numpy as np

__all__ = ["exponential", "filtered", "product", "whole_power"]


def exponential(values: np.ndarray) -> np.ndarray:
    """Return e to the power of ``values``, float32 of the same shape.

    Computed in double precision and rounded once: the digits that differ are far behind.
    """
    return np.exp(np.asarray(values, np.float64)).astype(np.float32)


def filtered(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return a photo, uint8 ``(h, w, 3)``, filtered by a kernel that sums to 1: the same shape.

    The border is mirrored. Computed in double precision and rounded once, to the nearest.
    """
    border = cv2.BORDER_REFLECT_101
    sums = cv2.filter2D(image.astype(np.float64), -1, kernel, borderType=border)
    return np.clip(np.rint(sums), 0, 255).astype(np.uint8)


def product(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return ``rows @ matrix``: ``(..., n, k)`` and ``(..., k, m)``, or ``(..., k)`` and ``(k,)``.

    Summed over ``k`` from the first to the last, each product rounded: for the two or three
    coordinates of a drawing. OpenBLAS sums as the processor likes.
    """
    rows, matrix = np.asarray(rows), np.asarray(matrix)
    if matrix.ndim == 1:
        return product(rows, matrix[:, None])[..., 0]
    total = rows[..., :1] * matrix[..., :1, :]
    for k in range(1, matrix.shape[-2]):
        total = total + rows[..., k : k + 1] * matrix[..., k : k + 1, :]
    return total


def whole_power(values: np.ndarray, exponent: int) -> np.ndarray:
    """Return ``values`` to a whole power >= 1 by multiplication alone, in their own precision."""
    power, square = None, values
    while True:
        if exponent & 1:
            power = square if power is None else power * square
        exponent >>= 1
        if not exponent:
            return power
        square = square * square
