"""Fewer filters, alone and in chains with other methods. See `compress` and `compress_faster`.

What keeps a fourth of the multiplications or fewer is taught on at length.
"""

from functools import partial

import torch
from torch import nn

from mvs_lib.benchmarks.compress_faster import separable_rank
from mvs_lib.benchmarks.compress_subject import Made, Subject, halved, large_enough
from mvs_lib.compress.asymmetric import asymmetric, choose_ranks, multiplied_out
from mvs_lib.compress.cost import layer_costs
from mvs_lib.compress.folding import folded
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.low_rank import separable
from mvs_lib.compress.pipeline import Pipeline
from mvs_lib.compress.pruning import pruned
from mvs_lib.compress.reconstruction import responses
from mvs_lib.compress.weight_sharing import shared

__all__ = ["chained", "fewer"]

SEPARATED = 0.39  # share of the multiplications that columns and rows leave, in a chain


def fewer(subject: Subject) -> Made:
    """Fewer filters (Zhang et al., 2016), twice and four times."""
    for speed in (2, 4):
        pair = [_fewer(subject, speed, symmetric=kind) for kind in (True, False)]
        yield f"fewer filters, {speed}x, symmetric", pair[0]
        yield f"fewer filters, {speed}x", pair[1]
        learn = subject.learn if speed < 4 else subject.at_length
        yield f"fewer filters, {speed}x, taught on", learn(pair[1])


def chained(subject: Subject) -> Made:
    """Half the filters, then columns and rows; then pruned and shared; and fewer in two goes."""
    half = _fewer(subject, 2)
    chain = replaced(half, {f"{n}.0": _split(half.get_submodule(f"{n}.0")) for n in subject.wide})
    yield "fewer filters then separable", chain
    chain = subject.at_length(chain)
    yield "fewer filters then separable, taught on", chain
    kept = {name: 0.3 for name, layer in chain.named_modules() if large_enough(name, layer)}
    pipeline = Pipeline({
        "pruned": lambda net: subject.learn(pruned(net, kept)),
        "shared": partial(shared, values=dict.fromkeys(kept, 15)),
        "values taught": subject.briefly,
        "16-bit values": halved,
    })  # fmt: skip
    yield "fewer filters then separable, pruned and shared", pipeline(chain)
    half = folded(subject.learn(half))
    whole = replaced(half, {n: multiplied_out(half.get_submodule(n)) for n in subject.wide})
    again = asymmetric(whole, _ranks(subject, 1 / 6), subject.photos, relu=subject.relu)
    yield "fewer filters, 6x in two goes", again
    yield "fewer filters, 6x in two goes, taught on", subject.at_length(again)


def _fewer(subject: Subject, speed: int, symmetric: bool = False) -> nn.Module:
    ranks = _ranks(subject, 1 / speed)
    network, photos = subject.network, subject.photos
    return asymmetric(network, ranks, photos, relu=subject.relu, symmetric=symmetric)


def _split(layer: nn.Conv2d) -> nn.Sequential:
    return separable(layer, separable_rank(layer, SEPARATED))


def _ranks(subject: Subject, share: float) -> dict[str, int]:
    """Choose how many filters the wide layers keep for a share of their operations."""
    costs = layer_costs(subject.network, subject.photos[:1])
    energies, each, whole = {}, {}, 0.0
    for name, layer in subject.wide.items():
        said = responses(subject.network, name, subject.photos)[1].movedim(1, -1).flatten(0, -2)
        said = said[:: max(1, len(said) // 20_000)].double()
        energies[name] = torch.linalg.svdvals(said - said.mean(0)).square()
        outputs, inputs, height, width = layer.weight.shape
        pixels = costs[name].macs / layer.weight.numel()
        each[name] = pixels * (inputs * height * width + outputs)
        whole += costs[name].macs
    return choose_ranks(energies, each, whole * share)
