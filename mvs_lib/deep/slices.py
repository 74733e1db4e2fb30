"""Divide and encode: a hash layer in which each bit reads its own slice of units. See notebook 04.

Lai, Pan, Liu, Yan (2015), "Simultaneous feature learning and hash coding with deep neural
networks", arXiv 1504.03410: if all bits read the same features they come to say the same. So a
layer of K * s units stands between, and bit k sees only the units k s to (k + 1) s - 1. (Both maps
are linear, so the layer can say no more than a plain one; what differs is the way down the loss.)
"""

import torch
from torch import nn

__all__ = ["SlicedLayer"]


class SlicedLayer(nn.Module):
    """Features to K * s units, and each s of them to one value.

    Args:
        features: length of the feature vector.
        bits: K.
        width: s, units a slice; 50 in the paper, whose features are longer.

    Raises:
        ValueError: an argument below 1.
    """

    def __init__(self, features: int, bits: int, width: int = 8):
        super().__init__()
        if min(features, bits, width) < 1:
            raise ValueError(
                f"need features, bits and width >= 1, got {features}, {bits} and {width}"
            )
        self.units = nn.Linear(features, bits * width)
        self.weight = nn.Parameter(torch.empty(bits, width))
        self.bias = nn.Parameter(torch.zeros(bits))
        bound = width**-0.5
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the values of all bits, ``(n, bits)``, from features ``(n, features)``."""
        slices = self.units(features).unflatten(1, self.weight.shape)
        return (slices * self.weight).sum(2) + self.bias
