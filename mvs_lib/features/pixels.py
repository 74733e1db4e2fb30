"""The pixels themselves as features: a photo made so small that its values fit a short row."""

import cv2
import numpy as np

__all__ = ["describe"]


def describe(images: np.ndarray, side: int = 16) -> np.ndarray:
    """Return photos shrunk to ``side`` x ``side`` pixels, a row each.

    Args:
        images: uint8 ``(n, h, w, 3)``.
        side: pixels; photos that are not square are squeezed.

    Returns:
        float64 ``(n, side * side * 3)``, 0 (black) to 1, row by row, red, green and blue of a pixel
        beside each other.

    Raises:
        ValueError: no uint8 photos, or a side below 1.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"images must be uint8 (n, h, w, 3), got {images.dtype} {images.shape}")
    if side < 1:
        raise ValueError(f"side must be at least 1 pixel, got {side!r}")
    shrunk = np.zeros((len(images), side, side, 3), np.uint8)
    for number, image in enumerate(images):
        shrunk[number] = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return shrunk.reshape(len(images), side * side * 3) / 255
