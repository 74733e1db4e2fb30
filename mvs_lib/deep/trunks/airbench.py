"""A trunk that learns CIFAR-10 in minutes. Used by ``python -m mvs_lib bench cifar10_p2``.

Jordan (2024), "94% on CIFAR-10 in 3.29 seconds on a single GPU" (airbench). Three things make it
quick. The first layer is not learned: it takes 2 x 2 pixels apart into directions of equal
variance, computed from the training photos. Every other kernel starts as a copy of its input, so
that the first gradients find their way. And photos shrink early, so that most of the 2 million
weights work on few pixels.
"""

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

from mvs_lib.deep.trunks.trunk import Trunk

__all__ = ["AirbenchTrunk", "whitening"]

PATCH = 2  # pixels, the side of what the first layer sees
SAMPLE = 1000  # photos that the first layer is computed from: 961,000 patches at 32 pixels


def whitening(patches: np.ndarray, ridge: float = 5e-4) -> np.ndarray:
    """Return filters under which patches have equal variance in every direction.

    With ``E[p p'] = V diag(e) V'`` over all patches p, the filters are ``v_i / sqrt(e_i + ridge)``,
    each turned so that its largest component is positive.

    Args:
        patches: float ``(n, d)``.
        ridge: keeps directions without variance from becoming pure noise.

    Returns:
        float64 ``(d, d)``, a row a filter, of rising variance.
    """
    variances, directions = np.linalg.eigh(patches.T @ patches / len(patches))
    filters = directions.T / np.sqrt(np.maximum(variances, 0) + ridge)[:, None]
    largest = np.take_along_axis(filters, np.abs(filters).argmax(1)[:, None], 1)
    return filters * np.sign(largest)


class AirbenchTrunk(Trunk):
    """A whitening layer, three blocks that each halve the picture, the largest value of each map.

    Args:
        width: channels of the first block.
        deeper: channels of each of the two others; four times as many if None.

    Input: normalised photos ``(n, 3, h, w)`` of at least 17 pixels a side; made for 32. Output:
    float ``(n, deeper)``. Until `initialise` has seen photos, `ready` is False.
    """

    def __init__(self, width: int = 64, deeper: int | None = None):
        super().__init__()
        self.features = deeper or 4 * width
        self.whiten = nn.Conv2d(3, 2 * 3 * PATCH**2, PATCH)
        self.whiten.weight.requires_grad_(False)
        self.blocks = nn.Sequential(
            nn.GELU(),
            _block(self.whiten.out_channels, width),
            _block(width, self.features),
            _block(self.features, self.features),
        )
        self.register_buffer("whitened", torch.tensor(False))

    @property
    def ready(self) -> bool:
        """Whether the first layer was computed from photos."""
        return bool(self.whitened)

    @torch.no_grad()
    def initialise(self, images: np.ndarray, seed: int) -> None:
        """Compute the first layer from some of the training photos.

        Each direction is there twice, as itself and negated: the activation after it keeps one
        sign of each.

        Args:
            images: uint8 ``(n, h, w, 3)``, any number from 1 on; `SAMPLE` of them are drawn.
            seed: of the draw.
        """
        random = np.random.default_rng(seed)
        chosen = np.sort(random.permutation(len(images))[:SAMPLE])
        pixels = (images[chosen] - np.array(self.MEAN)) / np.array(self.STD)
        windows = sliding_window_view(pixels, (PATCH, PATCH), (1, 2))  # (n, h, w, 3, 2, 2)
        filters = whitening(windows.reshape(-1, 3 * PATCH**2))
        both = torch.from_numpy(np.concatenate([filters, -filters]))
        self.whiten.weight.copy_(both.view_as(self.whiten.weight))
        self.whitened.fill_(True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the feature vectors, ``(n, features)``, of normalised photos ``(n, 3, h, w)``."""
        return self.blocks(self.whiten(x)).amax((2, 3))


def _block(inputs: int, outputs: int) -> nn.Sequential:
    """Return two convolutions, a halving between them; ``h`` becomes ``floor(h / 2)``."""
    return nn.Sequential(
        _convolution(inputs, outputs),
        nn.MaxPool2d(2),
        _normalisation(outputs),
        nn.GELU(),
        _convolution(outputs, outputs),
        _normalisation(outputs),
        nn.GELU(),
    )


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a 3 x 3 convolution whose first outputs are its inputs as they are."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight.data[:inputs])
    return layer


def _normalisation(channels: int) -> nn.BatchNorm2d:
    """Return batch normalisation that learns a shift; the next kernel's norm makes scale idle."""
    layer = nn.BatchNorm2d(channels)
    layer.weight.requires_grad_(False)
    return layer
