"""Normalisation folded into the layer before it, which then says the same by itself.

In evaluation mode a batch normalisation is a scale and a shift for each channel, and both fit into
the weights and the bias of a convolution or linear layer before it. Runtimes do so anyway; who
wants to compress what a layer *says* does it first. Largest-value pooling may stand between the two
where the scales are positive: the largest value stays the largest.
"""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

__all__ = ["folded"]


def folded(network: nn.Module) -> nn.Module:
    """Return a copy without the batch normalisations that can be folded, in evaluation mode.

    Looks into every `torch.nn.Sequential`; what was folded away is an identity there, so that no
    other layer changes its name.
    """
    new = copy.deepcopy(network).eval()
    for container in new.modules():
        if isinstance(container, nn.Sequential):
            _fold(container)
    return new


def _fold(container: nn.Sequential) -> None:
    for place, layer in enumerate(container):
        if not isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) or not layer.track_running_stats:
            continue
        before = place - 1
        if before >= 0 and isinstance(container[before], nn.MaxPool2d) and _rises(layer):
            before -= 1
        if before < 0:
            continue
        if isinstance(container[before], nn.Conv2d) and isinstance(layer, nn.BatchNorm2d):
            container[before] = fuse_conv_bn_eval(container[before], layer)
            container[place] = nn.Identity()
        elif isinstance(container[before], nn.Linear) and isinstance(layer, nn.BatchNorm1d):
            container[before] = fuse_linear_bn_eval(container[before], layer)
            container[place] = nn.Identity()


def _rises(layer: nn.BatchNorm2d) -> bool:
    """Whether a larger input always gives a larger output."""
    return layer.weight is None or bool(torch.all(layer.weight > 0))
