"""Trunks of torchvision, with the weights that ImageNet gave them if asked for.

AlexNet (Krizhevsky, Sutskever, Hinton, 2012) is what most of the survey's methods start from;
MobileNetV3-small (Howard et al., 2019) is a network made for phones. The weights are a download of
233 and 10 MB; nothing is fetched before a training run needs them, and never to load a checkpoint.
Both networks are read before their last layer, the classifier of ImageNet's thousand classes.
Dropout is left out: the loop's draws come from NumPy alone, so that a seed fixes them.
"""

import urllib.error
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torchvision import models

from mvs_lib.deep.trunks.trunk import Trunk

__all__ = ["AlexNetTrunk", "MobileNetTrunk"]


class _ImageNetTrunk(Trunk):
    """A torchvision network without its classifier.

    Args:
        weights: ``"imagenet"`` to start from torchvision's weights, None to start from scratch.
        size: photos of another size are scaled to this side, in pixels; ImageNet's is 224.

    Input: photos ``(n, 3, h, w)``, normalised with ImageNet's mean and deviation. Output: float
    ``(n, features)``.

    Raises:
        ValueError: other weights.
    """

    # Of ImageNet's photos, as torchvision's weights were trained with, on the 0..255 scale.
    MEAN = (255 * 0.485, 255 * 0.456, 255 * 0.406)
    STD = (255 * 0.229, 255 * 0.224, 255 * 0.225)
    orthogonal = False  # not every kernel is followed by a normalisation

    _published: models.WeightsEnum

    def __init__(self, weights: str | None = None, size: int = 224):
        super().__init__()
        if weights not in (None, "imagenet"):
            raise ValueError(f"weights must be 'imagenet' or None, got {weights!r}")
        self.size = size
        self.network = self._build()
        self.features = _behead(self.network)
        self.register_buffer("initialised", torch.tensor(weights is None))

    def _build(self) -> nn.Module:
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Whether it holds the weights that were asked for."""
        return bool(self.initialised)

    def initialise(self, images: np.ndarray, seed: int) -> None:
        """Fetch ImageNet's weights if asked for and not there yet; photos and seed play no part.

        Raises:
            OSError: they are not on the disk and cannot be downloaded; the message says what to do.
        """
        if self.ready:
            return
        url = self._published.url
        file = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
        try:
            # weights_only: nothing in the file may run
            state = self._published.get_state_dict(check_hash=True, weights_only=True)
        except (urllib.error.URLError, OSError) as error:
            raise OSError(
                f"the ImageNet weights of {type(self).__name__} are not at hand ({error}): run "
                f"this once with a network, or put {url} at {file}, or take weights=None and "
                "train from scratch"
            ) from error
        whole = self._build()
        whole.load_state_dict(state)
        _behead(whole)
        self.network.load_state_dict(whole.state_dict())
        self.initialised.fill_(True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the feature vectors, ``(n, features)``, of normalised photos ``(n, 3, h, w)``."""
        if x.shape[2:] != (self.size, self.size):
            x = functional.interpolate(x, (self.size, self.size), mode="bilinear")
        return self.network(x)


class AlexNetTrunk(_ImageNetTrunk):
    """AlexNet up to its second layer of 4096 units (fc7), as DLBH and SSDH read it."""

    _published = models.AlexNet_Weights.IMAGENET1K_V1

    def _build(self) -> nn.Module:
        return models.alexnet()


class MobileNetTrunk(_ImageNetTrunk):
    """MobileNetV3-small up to its vector of 1024 units."""

    _published = models.MobileNet_V3_Small_Weights.IMAGENET1K_V1

    def _build(self) -> nn.Module:
        return models.mobilenet_v3_small()


def _behead(network: nn.Module) -> int:
    """Take the last layer and dropout off a torchvision network; return what it read."""
    *kept, last = network.classifier
    network.classifier = nn.Sequential(*(m for m in kept if not isinstance(m, nn.Dropout)))
    return last.in_features
