"""Layers made of given weights, and put in the place of others."""

import copy

import torch
from torch import nn

__all__ = [
    "axis_settings", "check_plain", "check_rank", "convolution", "linear", "replaced",
    "spatial_settings", "weighted",
]  # fmt: skip


def replaced(network: nn.Module, layers: dict[str, nn.Module]) -> nn.Module:
    """Return a copy of a network in which some layers are others; the network stays as it was.

    Args:
        network: any.
        layers: the new ones, by the names of the old ones in ``network.named_modules()``.

    Raises:
        ValueError: the network has no layer of that name.
    """
    new = copy.deepcopy(network)
    known = dict(new.named_modules())
    for name, layer in layers.items():
        if name not in known or not name:
            raise ValueError(f"no layer {name!r}; there are: {', '.join(filter(None, known))}")
        parent, _, last = name.rpartition(".")
        setattr(known[parent], last, layer)
    return new


def weighted(network: nn.Module, name: str) -> nn.Module:
    """Return the layer of that name, one with weights.

    Raises:
        ValueError: the network has none, or it has no weights.
    """
    layer = dict(network.named_modules()).get(name)
    if not isinstance(getattr(layer, "weight", None), torch.Tensor):
        raise ValueError(f"no layer with weights is called {name!r}")
    return layer


def linear(weight: torch.Tensor, bias: torch.Tensor | None, like: nn.Module) -> nn.Linear:
    """Return a linear layer with this weight ``(n, m)``, of the kind that ``like`` is of."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    return _filled(layer, weight, bias, like)


def convolution(
    weight: torch.Tensor, bias: torch.Tensor | None, like: nn.Module, **settings
) -> nn.Conv2d:
    """Return a convolution with this kernel ``(outputs, inputs / groups, h, w)``.

    ``settings`` (stride, padding, dilation, groups) are those of `torch.nn.Conv2d`; precision and
    device are those of ``like``.
    """
    outputs, inputs, *kernel = weight.shape
    inputs *= settings.get("groups", 1)
    layer = nn.Conv2d(inputs, outputs, tuple(kernel), bias=bias is not None, **settings)
    return _filled(layer, weight, bias, like)


def spatial_settings(layer: nn.Conv2d) -> dict:
    """Return how a convolution goes over the picture: stride, padding and dilation."""
    return {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}


def axis_settings(layer: nn.Conv2d, axis: int) -> dict:
    """Return how a convolution goes along one axis, 0 down and 1 across, for one that does only
    that: stride, padding and dilation of the other axis are none.
    """
    settings = spatial_settings(layer)
    idle = {"stride": 1, "padding": 0, "dilation": 1}
    return {
        name: tuple(value if k == axis else idle[name] for k, value in enumerate(values))
        for name, values in settings.items()
    }


def check_rank(name: str, value: int, most: int) -> None:
    """Check a rank, or another number of parts.

    Raises:
        ValueError: it is no whole number in ``1..most``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError(f"{name} must be a whole number in 1..{most}, got {value!r}")


def check_plain(layer: nn.Conv2d) -> None:
    """Check that a convolution is of the kind that can be split.

    Raises:
        ValueError: it has groups, or pads with something else than a number of zeros.
    """
    if layer.groups != 1 or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        raise ValueError("only convolutions without groups, with zeros as padding, can be split")


def _filled(layer: nn.Module, weight: torch.Tensor, bias: torch.Tensor | None, like: nn.Module):
    layer.to(like.weight)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer
