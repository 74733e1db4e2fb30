"""Normalisation folded into the layer before it, which then says the same by itself.

In evaluation mode a batch normalisation is a scale and a shift for each channel, and both fit into
the weights and the bias of a convolution or linear layer before it. Runtimes do so anyway; who
wants to compress what a layer *says* does it first. Largest-value pooling may stand between the two
where the scales are positive: the largest value stays the largest.

Learning is another matter: without its normalisations a network learns slowly; `unfolded` puts them
back. And weights that share a few values share none any more once each channel has a scale of its
own; `standardised` and `scaled` leave them alone.
"""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from mvs_lib.compress.layers import replaced
from mvs_lib.compress.listening import listening

__all__ = ["Scale", "folded", "scaled", "standardised", "unfolded"]

Normalisation = nn.BatchNorm1d | nn.BatchNorm2d


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


def unfolded(
    network: nn.Module, like: nn.Module, inputs: torch.Tensor, batch_size: int = 128
) -> nn.Module:
    """Return a copy that is normalised where another network is; it says the same at first.

    A normalisation that was folded away gets the mean and the variance of what passes there, and a
    scale and a shift that undo both.

    Args:
        network: `folded`, and then compressed in whichever way.
        like: what it was before both.
        inputs: some of what the network takes, at least one.
        batch_size: how many pass through at once.

    Raises:
        ValueError: no inputs.
    """
    if not len(inputs):
        raise ValueError("give at least one input to look at")
    now, sums, back = dict(network.named_modules()), {}, {}
    for name, layer in like.named_modules():
        if isinstance(layer, Normalisation) and isinstance(now[name], nn.Identity):
            sums[name] = torch.zeros(3, layer.num_features, dtype=torch.float64)

    def heard(name: str):
        def hear(read: torch.Tensor, _) -> None:
            values = read.movedim(1, -1).flatten(0, -2).double()
            count = torch.full_like(values[0], len(values))
            sums[name] += torch.stack([count, values.sum(0), values.square().sum(0)]).cpu()

        return hear

    with listening(network, {name: heard(name) for name in sums}):
        for first in range(0, len(inputs), batch_size):
            network(inputs[first : first + batch_size])
    for name, (count, total, squares) in sums.items():
        layer = copy.deepcopy(like.get_submodule(name))
        mean = total / count
        variance = (squares / count - mean**2).clamp(min=0)
        with torch.no_grad():
            layer.running_mean.copy_(mean)
            layer.running_var.copy_(variance)
            layer.bias.copy_(mean)
            layer.weight.copy_((variance + layer.eps).sqrt())
        back[name] = layer.train(network.training)
    return replaced(network, back)


def standardised(network: nn.Module) -> nn.Module:
    """Return a copy whose normalisations have mean 0, variance 1 (with their epsilon), count 0.

    Scale and shift say the rest: the same function in evaluation mode, to rounding, of half as many
    numbers that need storing.
    """
    new = copy.deepcopy(network)
    for layer in new.modules():
        if isinstance(layer, Normalisation) and layer.track_running_stats and layer.affine:
            with torch.no_grad():
                scale = layer.weight / (layer.running_var + layer.eps).sqrt()
                layer.bias.sub_(layer.running_mean * scale)
                layer.weight.copy_(scale)
                layer.running_mean.zero_()
                layer.running_var.fill_(1 - layer.eps)
                layer.num_batches_tracked.zero_()
    return new


class Scale(nn.Module):
    """What a normalisation does in evaluation mode: a scale and a shift for each channel.

    ``(n, channels, ...)`` becomes the same shape.
    """

    def __init__(self, layer: nn.BatchNorm1d | nn.BatchNorm2d):
        super().__init__()
        shape = (-1, 1, 1) if isinstance(layer, nn.BatchNorm2d) else (-1,)
        plain = standardised(layer)
        self.scale = nn.Parameter(plain.weight.detach().view(shape))
        self.shift = nn.Parameter(plain.bias.detach().view(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x, scaled and shifted."""
        return x * self.scale + self.shift


def scaled(network: nn.Module) -> nn.Module:
    """Return a copy, in evaluation mode, with a `Scale` in the place of each normalisation.

    For an exporter, which would fold a normalisation and write every weight anew.
    """
    layers = network.named_modules()
    new = {name: Scale(layer) for name, layer in layers if isinstance(layer, Normalisation)}
    return replaced(network, new).eval()


def _fold(container: nn.Sequential) -> None:
    for place, layer in enumerate(container):
        if not isinstance(layer, Normalisation) or not layer.track_running_stats:
            continue
        before = place - 1
        if before >= 0 and isinstance(container[before], nn.MaxPool2d) and _rises(layer):
            before -= 1
        if before < 0:
            continue
        inner, at = _last(container, before)
        # A layer whose weights are made of something, a mask or a codebook, is of another type.
        if type(inner[at]) is nn.Conv2d and isinstance(layer, nn.BatchNorm2d):
            inner[at] = fuse_conv_bn_eval(inner[at], layer)
            container[place] = nn.Identity()
        elif type(inner[at]) is nn.Linear and isinstance(layer, nn.BatchNorm1d):
            inner[at] = fuse_linear_bn_eval(inner[at], layer)
            container[place] = nn.Identity()


def _last(container: nn.Sequential, place: int) -> tuple[nn.Sequential, int]:
    """Return where the last layer of what stands at a place is."""
    while isinstance(container[place], nn.Sequential) and len(container[place]):
        container, place = container[place], len(container[place]) - 1
    return container, place


def _rises(layer: nn.BatchNorm2d) -> bool:
    """Whether a larger input always gives a larger output."""
    return layer.weight is None or bool(torch.all(layer.weight > 0))
