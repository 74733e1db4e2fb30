"""Weights that are nearly nothing become nothing, and the rest learns to do without them.

Han, Mao, Dally (2016), "Deep compression", section 2 (after Han et al., 2015). The smallest weights
of a layer are set to 0 and stay there while the others go on learning: the mask is a part of the
forward pass, so that neither a gradient nor momentum brings a weight back. In several rounds, each
of which prunes more, a network loses far more weights than in one. Taught in notebook 07.
"""

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.utils import parametrize

from mvs_lib.compress.layers import weighted

__all__ = ["Mask", "density", "prune_gradually", "pruned", "settled"]


class Mask(nn.Module):
    """Holds weights at 0: a parametrization, see `torch.nn.utils.parametrize`.

    ``kept`` is 1 where a weight stays and 0 where it is gone, of the weights' shape and kind.
    """

    def __init__(self, kept: torch.Tensor):
        super().__init__()
        self.register_buffer("kept", kept)

    def forward(self, weights: torch.Tensor) -> torch.Tensor:
        """Return the weights that are left, the others 0."""
        return weights.where(self.kept != 0, 0)  # a product would make two kinds of 0, 0 and -0

    def right_inverse(self, weights: torch.Tensor) -> torch.Tensor:
        """Return what `torch.nn.utils.parametrize` keeps: the weights as they are."""
        return weights


def pruned(network: nn.Module, kept: dict[str, float]) -> nn.Module:
    """Return a copy in which layers keep the largest of their weights; the others stay 0.

    Args:
        network: whose layers may have been pruned before; what is gone stays gone.
        kept: by the layer's name, the share of its weights that it keeps, above 0 and at most 1.
            Of equal weights the first ones stay.

    Raises:
        ValueError: no such layer, one without weights, or a share out of its range.
    """
    new = copy.deepcopy(network)
    for name, share in kept.items():
        layer = weighted(new, name)
        if not 0 < share <= 1:
            raise ValueError(f"{name} must keep a share above 0 and at most 1, got {share}")
        weights = layer.weight.detach()
        order = weights.abs().flatten().argsort(stable=True, descending=True)
        mask = torch.zeros_like(weights).flatten()
        mask[order[: max(1, round(share * weights.numel()))]] = 1
        mask = mask.view_as(weights) * (weights != 0)
        _settle(layer)
        parametrize.register_parametrization(layer, "weight", Mask(mask))
    return new


def prune_gradually(
    network: nn.Module, kept: dict[str, float], rounds: int,
    learn: Callable[[nn.Module, int], nn.Module],
) -> nn.Module:  # fmt: skip
    """Prune in rounds of equal ratio, and let the network learn after each.

    Args:
        network: to begin with.
        kept: as in `pruned`, at the end.
        rounds: of them, at least 1; after round i of n a layer keeps ``share ** (i / n)``.
        learn: is given the pruned network and the number of the round, from 1 on, and returns it
            taught; it must keep the masks, as any training of its parameters does.

    Raises:
        ValueError: fewer than one round, or see `pruned`.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    for number in range(1, rounds + 1):
        shares = {name: share ** (number / rounds) for name, share in kept.items()}
        network = learn(pruned(network, shares), number)
    return network


def settled(network: nn.Module) -> nn.Module:
    """Return a copy with plain weights: what made them, masks or codebooks, is settled."""
    new = copy.deepcopy(network)
    for layer in list(new.modules()):
        _settle(layer)
    return new


def _settle(layer: nn.Module) -> None:
    """Give a layer its weights as a plain parameter.

    `torch.nn.utils.parametrize.remove_parametrizations` would take the weights from a copy's
    original, too: both are of one class, made for the original.
    """
    if not parametrize.is_parametrized(layer, "weight"):
        return
    weights = layer.weight.detach().clone()
    layer.__class__ = parametrize.type_before_parametrizations(layer)
    del layer.parametrizations
    others = dict(layer._parameters)
    layer._parameters.clear()
    layer.weight = nn.Parameter(weights)
    layer._parameters.update(others)  # weights first, as they were


def density(network: nn.Module, layers: list[str]) -> float:
    """Return the share of the weights of some layers that are not 0."""
    known = dict(network.named_modules())
    weights = [known[name].weight for name in layers]
    return sum(int((w != 0).sum()) for w in weights) / sum(w.numel() for w in weights)
