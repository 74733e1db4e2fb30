"""The course's own trunk: trained from scratch in minutes on two cores, fit for a phone."""

import torch
from torch import nn

from mvs_lib.deep.trunks.trunk import Trunk

__all__ = ["Residual", "SmallTrunk", "convolution"]


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Return convolution, batch normalisation and ReLU, the repeated brick of the trunk.

    ``(n, inputs, h, w)`` becomes ``(n, outputs, ceil(h / stride), ceil(w / stride))``.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """A convolution whose input is added to its output (He et al., 2016)."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = convolution(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return an output of the input's shape, ``(n, channels, h, w)``."""
        return x + self.body(x)


class SmallTrunk(Trunk):
    """Five stages that each halve the picture, and a vector that still knows left from right.

    Args:
        width: channels of the first stage; the later ones have 2, 4 and 6 times as many.
        features: length of the feature vector.

    Input: float ``(n, 3, 128, 128)``, zero mean, unit variance (roughly). Any size that is at
    least 32 works: the last stage is pooled to 2x2 cells. Output: float ``(n, features)``, >= 0.
    """

    def __init__(self, width: int = 32, features: int = 256):
        super().__init__()
        self.features = features
        self.stages = nn.Sequential(
            nn.AvgPool2d(2),  # 64 px: what matters of a building survives, at a quarter of the cost
            convolution(3, width, kernel=5, stride=2),
            convolution(width, 2 * width, stride=2),
            Residual(2 * width),
            convolution(2 * width, 4 * width, stride=2),
            Residual(4 * width),
            convolution(4 * width, 6 * width, stride=2),
        )
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.vector = nn.Sequential(
            nn.Flatten(),
            nn.Linear(4 * 6 * width, features, bias=False),
            nn.BatchNorm1d(features),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the feature vectors, ``(n, features)``, of normalised photos ``(n, 3, h, w)``."""
        return self.vector(self.pool(self.stages(x)))
