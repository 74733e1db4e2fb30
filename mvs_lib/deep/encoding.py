"""From a trained network to codes. Taught in notebook 03."""

import numpy as np
import torch
from tqdm.auto import tqdm

from mvs_lib.codes import binarize
from mvs_lib.deep.network import HashNetwork

__all__ = ["encode", "project"]


def project(
    network: HashNetwork, images: np.ndarray, batch_size: int = 128, progress: bool = False
) -> np.ndarray:
    """Return the hash layer's real values, float32 ``(n, bits)``, for uint8 ``(n, h, w, 3)``.

    The network is put in evaluation mode and left as it was found.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    rows = []
    try:
        with torch.inference_mode():
            for start in tqdm(
                range(0, len(images), batch_size), "encode", disable=not progress, leave=False
            ):
                batch = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size]))
                rows.append(network(batch.to(device)).projection.float().cpu().numpy())
    finally:
        network.train(was_training)
    return np.concatenate(rows) if rows else np.empty((0, network.bits), np.float32)


def encode(network: HashNetwork, images: np.ndarray, **options) -> np.ndarray:
    """Return codes, uint8 ``(n, ceil(bits / 8))``: bit 1 where the projection is >= 0.

    A latent unit is a sigmoid, so "projection >= 0" is the papers' "activation >= 0.5".
    Options as in `project`.
    """
    return binarize(project(network, images, **options))
