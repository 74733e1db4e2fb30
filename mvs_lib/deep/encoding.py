"""From a trained network to codes. Taught in notebook 03."""

import numpy as np
import torch
from tqdm.auto import tqdm

from mvs_lib.codes import binarize
from mvs_lib.deep.network import HashNetwork

__all__ = ["describe", "encode", "project"]


def project(
    network: HashNetwork,
    images: np.ndarray,
    batch_size: int = 128,
    progress: bool = False,
    mirror: bool = False,
) -> np.ndarray:
    """Compute the hash layer's real values of photos.

    Args:
        network: on whichever device it lies; put in evaluation mode and left as it was found.
        images: uint8 ``(n, h, w, 3)``.
        batch_size: how many photos pass through the network at once.
        progress: show a progress bar.
        mirror: see each photo mirrored too, and take the mean of both: steadier bits for twice the
            time. Not for places, whose mirror images are others.

    Returns:
        float32 ``(n, bits)``.

    Raises:
        ValueError: photos of another shape or dtype, or ``batch_size`` below 1.
    """
    return _pass(network, images, "projection", network.bits, batch_size, progress, mirror)


def describe(
    network: HashNetwork,
    images: np.ndarray,
    batch_size: int = 128,
    progress: bool = False,
    mirror: bool = False,
) -> np.ndarray:
    """Compute the trunk's feature vectors of photos, float32 ``(n, features)``.

    Arguments and errors as in `project`.
    """
    width = network.trunk.features
    return _pass(network, images, "features", width, batch_size, progress, mirror)


def _pass(
    network, images, output: str, width: int, batch_size: int, progress: bool, mirror: bool
) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"photos must be uint8 (n, h, w, 3), got {images.dtype} {images.shape}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be >= 1, got {batch_size}")
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
                batch = batch.to(device)
                values = getattr(network(batch), output)
                if mirror:
                    values = (values + getattr(network(batch.flip(2)), output)) / 2
                rows.append(values.float().cpu().numpy())
    finally:
        network.train(was_training)
    return np.concatenate(rows) if rows else np.empty((0, width), np.float32)


def encode(network: HashNetwork, images: np.ndarray, **options) -> np.ndarray:
    """Return codes, uint8 ``(n, ceil(bits / 8))``: bit 1 where the projection is >= 0.

    A latent unit is a sigmoid, so "projection >= 0" is the papers' "activation >= 0.5".
    Arguments as in `project`.

    Raises:
        ValueError: see `project`; or the network's output is NaN.
    """
    return binarize(project(network, images, **options))
