"""Descriptors, kept on disk: computed once for a set of photos, then read.

Describing the 8,062 photos of the campus takes half a minute of one core, and every notebook and
benchmark that hashes traditionally needs the same numbers. They are kept in ``data/cache`` under a
digest of the photos and of the source that describes them: other photos, another order or another
way of describing is another file, so that nothing stale is ever read.
"""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mvs_lib import paths
from mvs_lib.features import gist, global_descriptor, preparation

__all__ = ["FEWEST", "describe", "describe_gist", "key"]

FEWEST = 200  # photos; fewer are described faster than they are worth keeping


def describe(images: np.ndarray, progress: bool = False) -> np.ndarray:
    """Do what `global_descriptor.describe` does, and keep the answer in ``data/cache``.

    Args:
        images: uint8 ``(n, h, w, 3)``, RGB, of any size. Fewer than ``FEWEST`` are not kept.
        progress: show a progress bar while photos are described (reading shows none).

    Returns:
        float32 ``(n, 544)``.

    Raises:
        ValueError: the images are not uint8 ``(n, h, w, 3)``.
    """
    made = global_descriptor.DIMENSIONS
    return _kept(images, "descriptors", made, lambda: global_descriptor.describe(images, progress))


def describe_gist(images: np.ndarray, size: int, progress: bool = False) -> np.ndarray:
    """Do what `gist.describe` does with photos of ``size`` pixels, and keep the answer.

    Returns:
        float32 ``(n, 512)``.

    Raises:
        ValueError: see `gist.describe`.
    """
    made = gist.DIMENSIONS
    return _kept(images, f"gist{size}", made, lambda: gist.describe(images, progress, size))


def key(images: np.ndarray) -> str:
    """Return 24 hexadecimal digits that name these photos, in this order, and how they are read.

    Raises:
        ValueError: see `preparation.check_images`.
    """
    images = np.ascontiguousarray(preparation.check_images(images))
    digest = hashlib.blake2b(digest_size=12)
    for module in (gist, global_descriptor, preparation):
        digest.update(Path(module.__file__).read_bytes())
    digest.update(str(images.shape).encode())
    digest.update(images.data)
    return digest.hexdigest()


def _kept(images, name: str, dimensions: int, describe: Callable[[], np.ndarray]) -> np.ndarray:
    """Return the rows kept under ``name`` for these photos; describe and keep them if need be."""
    images = preparation.check_images(images)
    if len(images) < FEWEST:
        return describe()
    file = paths.cache() / f"{name}_{key(images)}.npz"
    descriptors = _read(file, (len(images), dimensions))
    if descriptors is None:
        descriptors = describe()
        _write(file, descriptors)
    return descriptors


def _read(file: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the descriptors in a file, or None if it is missing, damaged or of another shape."""
    try:
        with open(file, "rb") as opened, np.load(opened, allow_pickle=False) as stored:
            descriptors = stored["descriptors"]  # the zip format checks its own sums
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    return descriptors if descriptors.shape == shape and descriptors.dtype == np.float32 else None


def _write(file: Path, descriptors: np.ndarray) -> None:
    with paths.whole_file(file) as beside, open(beside, "wb") as part:
        np.savez(part, descriptors=descriptors)
