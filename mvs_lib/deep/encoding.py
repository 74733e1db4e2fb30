"""From a trained network to codes. Taught in notebook 03."""

from collections.abc import Iterator

import numpy as np
import torch
from tqdm.auto import tqdm

from mvs_lib.codes import binarize
from mvs_lib.deep.augmentation import reflected
from mvs_lib.deep.network import HashNetwork

__all__ = ["describe", "encode", "project"]


def project(
    network: HashNetwork,
    images: np.ndarray,
    batch_size: int = 128,
    progress: bool = False,
    mirror: bool = False,
    shift: int = 0,
) -> np.ndarray:
    """Compute the hash layer's real values of photos.

    Args:
        network: on whichever device it lies; put in evaluation mode and left as it was found.
        images: uint8 ``(n, h, w, 3)``.
        batch_size: how many photos pass through the network at once.
        progress: show a progress bar.
        mirror: see each photo mirrored too, and take the mean of both: steadier bits for twice the
            time. Not for places, whose mirror images are others.
        shift: see each photo also moved by so many pixels, up and left and down and right, and take
            the mean of all: steadier still for three times the time.

    Returns:
        float32 ``(n, bits)``.

    Raises:
        ValueError: photos of another shape or dtype, ``batch_size`` below 1, or a shift below 0 or
            as long as a side.
    """
    views = {"mirror": mirror, "shift": shift}
    return _pass(network, images, "projection", network.bits, batch_size, progress, **views)


def describe(
    network: HashNetwork,
    images: np.ndarray,
    batch_size: int = 128,
    progress: bool = False,
    mirror: bool = False,
    shift: int = 0,
) -> np.ndarray:
    """Compute the trunk's feature vectors of photos, float32 ``(n, features)``.

    Arguments and errors as in `project`.
    """
    width, views = network.trunk.features, {"mirror": mirror, "shift": shift}
    return _pass(network, images, "features", width, batch_size, progress, **views)


def _pass(
    network, images, output: str, width: int, batch_size: int, progress: bool, **views
) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"photos must be uint8 (n, h, w, 3), got {images.dtype} {images.shape}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be >= 1, got {batch_size}")
    if not 0 <= views["shift"] < max(1, min(images.shape[1:3])):
        raise ValueError(f"shift must be >= 0 and below a side, got {views['shift']} pixels")
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    rows = []
    try:
        with torch.inference_mode():
            for start in tqdm(
                range(0, len(images), batch_size), "encode", disable=not progress, leave=False
            ):
                # A copy: torch wants memory that it may write to.
                batch = torch.from_numpy(np.array(images[start : start + batch_size], order="C"))
                seen = [getattr(network(v), output) for v in _views(batch.to(device), **views)]
                rows.append((sum(seen) / len(seen)).float().cpu().numpy())
    finally:
        network.train(was_training)
    return np.concatenate(rows) if rows else np.empty((0, width), np.float32)


def _views(batch: torch.Tensor, mirror: bool, shift: int) -> Iterator[torch.Tensor]:
    """Yield photos ``(n, h, w, 3)`` as they are, and as they are to be seen besides."""
    for move in (0, shift, -shift) if shift else (0,):
        rows, columns = (
            torch.from_numpy(reflected(np.arange(side) + move, side)).to(batch.device)
            for side in batch.shape[1:3]
        )
        moved = batch[:, rows][:, :, columns] if move else batch
        yield moved
        if mirror:
            yield moved.flip(2)


def encode(network: HashNetwork, images: np.ndarray, **options) -> np.ndarray:
    """Return codes, uint8 ``(n, ceil(bits / 8))``: bit 1 where the projection is >= 0.

    A latent unit is a sigmoid, so "projection >= 0" is the papers' "activation >= 0.5".
    Arguments as in `project`.

    Raises:
        ValueError: see `project`; or the network's output is NaN.
    """
    return binarize(project(network, images, **options))
