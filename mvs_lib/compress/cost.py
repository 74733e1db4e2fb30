"""What a network costs: parameters, multiply-accumulates, bytes. Taught in notebook 06.

A convolution of T kernels d x d over S channels that makes H x W outputs costs T S d^2 H W
multiply-accumulates (MACs), a linear layer one for each weight. Normalisation, activations and
pooling are left out, as in the papers: at run time they are folded into their neighbours or cost
next to nothing. `torch.utils.flop_counter` counts the same (two operations a MAC), and is held
against these counts in tests.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from mvs_lib.compress.listening import listening

__all__ = ["Cost", "cost", "layer_costs"]


class Cost(NamedTuple):
    """What one photo costs, and what must be kept."""

    parameters: int  # numbers that are stored, those of buffers that learn included
    macs: int  # multiply-accumulates of one photo
    bytes: int  # of the stored numbers in the precision that they have

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(ours + theirs for ours, theirs in zip(self, other, strict=True)))


def layer_costs(network: nn.Module, inputs: torch.Tensor) -> dict[str, Cost]:
    """Return the cost of every layer that multiplies, by its name in the network.

    Convolutions and linear layers are known. A layer of another kind counts if it says what it
    costs: with a method ``cost(inputs, outputs)`` that returns a `Cost` for the batch it saw.

    Args:
        network: put in evaluation mode meanwhile and left as it was found.
        inputs: a batch that it takes, at least one.

    Raises:
        ValueError: an empty batch.
    """
    if not len(inputs):
        raise ValueError("give at least one input to count with")
    found: dict[str, Cost] = {}

    def listen(name: str, layer: nn.Module, given: torch.Tensor, output: torch.Tensor) -> None:
        new = _measure(layer, given, output)
        before = found.get(name)  # a layer that is used twice multiplies twice
        found[name] = new if before is None else new._replace(macs=before.macs + new.macs)

    hear = {}
    for name, layer in network.named_modules():
        if any(name.startswith(f"{outer}.") for outer in hear):
            continue  # a layer that says what it costs speaks for its parts
        if hasattr(layer, "cost") or isinstance(layer, nn.Conv2d | nn.Linear):
            hear[name] = partial(listen, name, layer)
    with listening(network, hear):
        network(inputs)
    count = len(inputs)
    return {name: each._replace(macs=each.macs // count) for name, each in found.items()}


def cost(network: nn.Module, inputs: torch.Tensor) -> Cost:
    """Return the cost of all layers that multiply; arguments and errors as in `layer_costs`.

    >>> cost(nn.Linear(10, 5), torch.zeros(1, 10))
    Cost(parameters=55, macs=50, bytes=220)
    """
    return sum(layer_costs(network, inputs).values(), Cost(0, 0, 0))


def _measure(layer: nn.Module, given: torch.Tensor, output: torch.Tensor) -> Cost:
    if hasattr(layer, "cost"):
        return layer.cost(given, output)
    weights = layer.weight[0].numel()  # of one output
    parameters = list(layer.parameters())
    return Cost(
        sum(each.numel() for each in parameters),
        output.numel() * weights,
        sum(each.numel() * each.element_size() for each in parameters),
    )
