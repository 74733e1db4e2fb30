"""Fewer multiplications: the methods of notebook 06, at some strengths. See `compress`.

Each function takes a `Subject` and yields names and networks; a name says the method, and after a
comma how strongly it was used, or which step of several it is. Nothing looks at a query.
"""

import torch
from torch import nn

from mvs_lib.benchmarks.compress_subject import Made, Subject
from mvs_lib.compress.cp import cp_convolution
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.low_rank import separable, separable_basis
from mvs_lib.compress.reconstruction import reconstruct, responses
from mvs_lib.compress.svd import biclustered, monochromatic, split_linear

__all__ = ["canonical", "denton", "separated", "separated_basis"]


def separated(subject: Subject) -> Made:
    """Columns and rows (Jaderberg et al., 2014), by weights, by responses, and taught on."""
    for divisor in (2, 4):
        new = {
            name: separable(layer, separable_rank(layer, 1 / divisor))
            for name, layer in subject.wide.items()
        }
        by_weights = replaced(subject.network, new)
        yield f"separable, 1/{divisor}", by_weights
        yield f"separable, 1/{divisor}, responses", _reconstructed(subject, new)
        yield f"separable, 1/{divisor}, taught on", subject.learn(by_weights)


def separated_basis(subject: Subject) -> Made:
    """A basis of rank-one filters for all channels (Jaderberg et al., 2014, scheme 1)."""
    for filters in (2, 3):
        new = {
            name: separable_basis(layer, filters, steps=60, starts=1)
            for name, layer in subject.wide.items()
        }
        network = replaced(subject.network, new)
        yield f"separable basis, {filters} filters", network
        yield f"separable basis, {filters} filters, taught on", subject.learn(network)


def canonical(subject: Subject) -> Made:
    """CP by nonlinear least squares, then taught on (Lebedev et al., 2015)."""
    for divisor in (3, 6):
        new = {
            name: cp_convolution(layer, _cp_rank(layer, divisor), steps=60, starts=1, ridge=1e-4)
            for name, layer in subject.wide.items()
        }
        network = replaced(subject.network, new)
        yield f"CP, 1/{divisor}", network
        yield f"CP, 1/{divisor}, taught on", subject.learn(network)


def denton(subject: Subject) -> Made:
    """Singular values and clusters (Denton et al., 2014)."""
    first = next(iter(subject.layers(nn.Conv2d).items()))
    if first[1].in_channels == 3:
        half = max(1, first[1].out_channels // 4)
        yield "monochromatic", replaced(subject.network, {first[0]: monochromatic(first[1], half)})
    new = {}
    for name, layer in subject.wide.items():
        inputs, outputs = layer.in_channels // 2, layer.out_channels // 2
        new[name] = biclustered(layer, (2, 2), (max(1, inputs // 2), max(1, outputs // 2)))
    network = replaced(subject.network, new)
    yield "biclustered", network
    yield "biclustered, taught on", subject.learn(network)
    for divisor in (4, 8) if subject.large else ():
        new = {
            name: split_linear(
                layer, max(1, min(layer.weight.shape) // divisor), _read(subject, name)
            )
            for name, layer in subject.large.items()
        }
        yield f"split linear layers, 1/{divisor}", replaced(subject.network, new)


def separable_rank(layer: nn.Conv2d, share: float) -> int:
    """Return the K of `separable` that leaves a share of a layer's multiplications.

    The vertical filters work at all columns of what they read, and so are many where columns are
    left out later.
    """
    outputs, inputs, height, width = layer.weight.shape
    whole = outputs * inputs * height * width
    most = min(inputs * height, outputs * width)
    return max(
        1, min(most, round(whole * share / (height * inputs * layer.stride[1] + width * outputs)))
    )


def _cp_rank(layer: nn.Conv2d, divisor: int) -> int:
    outputs, inputs, height, width = layer.weight.shape
    whole = outputs * inputs * height * width
    return max(1, round(whole / divisor / (inputs + height + width + outputs)))


def _read(subject: Subject, name: str) -> torch.Tensor:
    return responses(subject.network, name, subject.photos)[0]


def _reconstructed(subject: Subject, new: dict[str, nn.Module]) -> nn.Module:
    """Fit each layer to what the whole network's says, reading what it will really read."""
    network = subject.network
    for name, layer in new.items():
        read = responses(network, name, subject.photos)[0]
        said = responses(subject.network, name, subject.photos)[1]
        network = replaced(network, {name: reconstruct(layer, read, said, steps=30)})
    return network
