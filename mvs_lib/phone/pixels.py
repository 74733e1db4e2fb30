"""What every encoder on a phone takes: square photos of its own size."""

import numpy as np

__all__ = ["checked_pixels", "random_photo"]


def checked_pixels(images: np.ndarray, size: int) -> np.ndarray:
    """Return photos as an array, uint8 ``(n, size, size, 3)``.

    Raises:
        ValueError: other shape or dtype.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (size, size, 3):
        raise ValueError(
            f"this encoder takes photos uint8 (n, {size}, {size}, 3), got "
            f"{images.dtype} {images.shape}"
        )
    return images


def random_photo(size: int) -> np.ndarray:
    """Return a photo of noise to measure with, the same each time, uint8 ``(1, size, size, 3)``."""
    return np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
