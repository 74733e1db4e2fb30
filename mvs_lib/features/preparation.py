"""One shape for every photo before it is described: 128 x 128 pixels.

Every global descriptor begins here, so that photos of any size give descriptors that compare.
"""

from collections.abc import Callable

import cv2
import numpy as np
from tqdm.auto import tqdm

__all__ = ["SIZE", "check_images", "describe_in_batches", "grey", "resize"]

SIZE = 128  # pixels, the side of the square that every photo is resized to
BATCH = 32  # photos described at once: the working arrays of GIST then take some 60 MB


def check_images(images: np.ndarray) -> np.ndarray:
    """Return ``images`` as an array, or say what is wrong with them.

    Args:
        images: uint8 ``(n, h, w, 3)``, RGB, of any size from one pixel up.

    Raises:
        ValueError: another dtype or shape.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        hint = "; give a single photo as photo[None]" if images.ndim == 3 else ""
        raise ValueError(
            f"images must be uint8 (n, h, w, 3), got {images.dtype} {images.shape}{hint}"
        )
    if 0 in images.shape[1:]:
        raise ValueError(f"images must have at least one pixel, got shape {images.shape}")
    return images


def resize(images: np.ndarray, size: int = SIZE) -> np.ndarray:
    """Resize uint8 ``(n, h, w, 3)`` to uint8 ``(n, size, size, 3)``.

    A side longer than ``size`` is shrunk by averaging areas (``INTER_AREA``), which does not alias;
    a shorter one is interpolated linearly. The frame is stretched, not cropped: crop to a
    square first where the proportions matter (`mvs_lib.datasets.photos.read` does).

    Raises:
        ValueError: see `check_images`.
    """
    images = check_images(images)
    if images.shape[1:3] == (size, size):
        return images
    height, width = np.minimum(images.shape[1:3], size).tolist()
    resized = np.empty((len(images), size, size, 3), np.uint8)
    for photo, image in zip(resized, images, strict=True):
        shrunk = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        photo[:] = cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR)
    return resized


def grey(images: np.ndarray) -> np.ndarray:
    """Return the luma of RGB photos (ITU-R BT.601), float64 ``(n, h, w)`` in 0..255.

    In whole numbers up to the last step, so that every processor gives the same.
    """
    return images @ np.array([299, 587, 114], np.int32) / 1000


def describe_in_batches(
    describe: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    dimensions: int,
    progress: bool,
    name: str,
    size: int = SIZE,
) -> np.ndarray:
    """Apply ``describe`` (batch of resized photos to float32 rows) to all photos, with a bar.

    Raises:
        ValueError: see `check_images`.
    """
    images = check_images(images)
    rows = np.empty((len(images), dimensions), np.float32)
    with tqdm(total=len(images), desc=name, unit="photo", disable=not progress) as bar:
        for start in range(0, len(images), BATCH):
            batch = resize(images[start : start + BATCH], size)
            rows[start : start + BATCH] = describe(batch)
            bar.update(len(batch))
    return rows
