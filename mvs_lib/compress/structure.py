"""Layers as plain facts, and built again from them: what a file of a compressed network needs.

A network is known by its configuration; a layer that took the place of another is not. So a file
also says, for each replaced layer, what it is made of. Only kinds of `KINDS` can be described or
built, and numbers are checked before anything is made of them.
"""

from collections.abc import Callable

import torch
from torch import nn

from mvs_lib.compress.fastfood import AdaptiveFastfood
from mvs_lib.compress.hashed_net import HashedLinear
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.quantized_cnn import Codewords, LookUp
from mvs_lib.compress.svd import Biclustered, Monochromatic
from mvs_lib.compress.vector_quantization import Quantized, QuantizedWeights

__all__ = ["KINDS", "build", "changed_layers", "describe", "restored"]

LARGEST = 2**24  # of any number in a description
MOST = 2**26  # entries of a virtual matrix, which is dealt out even when it gets no weights


def _conv2d(layer: nn.Conv2d) -> dict:
    names = (
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
    )
    return {name: getattr(layer, name) for name in names} | {"bias": layer.bias is not None}


def _linear(layer: nn.Linear) -> dict:
    return {
        "in_features": layer.in_features,
        "out_features": layer.out_features,
        "bias": layer.bias is not None,
    }


def _normalisation(layer: nn.BatchNorm1d | nn.BatchNorm2d) -> dict:
    names = ("num_features", "eps", "momentum", "affine", "track_running_stats")
    return {name: getattr(layer, name) for name in names}


def _lookup(layer: LookUp) -> dict:
    settings = {name: list(value) for name, value in layer.settings.items()}
    return {
        "codebooks": list(layer.codebooks.shape), "labels": list(layer.labels.shape),
        "bias": layer.bias is not None, "linear": layer.linear, "kernel": list(layer.kernel),
        "settings": settings,
    }  # fmt: skip


def _build_lookup(facts: dict) -> LookUp:
    pieces, k, length = facts["codebooks"]
    places, _, outputs = facts["labels"]
    words = Codewords(torch.zeros(pieces, k, length), torch.zeros(places, pieces, outputs).long())
    channels, bias = pieces * length, facts["bias"]
    if facts["linear"]:
        return LookUp(nn.Linear(channels, outputs, bias=bias), words)
    settings = {name: tuple(value) for name, value in facts["settings"].items()}
    kernel = tuple(facts["kernel"])
    return LookUp(nn.Conv2d(channels, outputs, kernel, bias=bias, **settings), words)


def _quantized(layer: QuantizedWeights) -> dict:
    return {
        "codebooks": list(layer.codebooks.shape), "labels": list(layer.labels.shape),
        "shape": list(layer.shape), "added": layer.added, "bias": layer.bias is not None,
    }  # fmt: skip


def _build_quantized(facts: dict) -> QuantizedWeights:
    n, m = facts["shape"]
    layer = nn.Linear(m, n, bias=facts["bias"])
    codebooks, labels = torch.zeros(*facts["codebooks"]), torch.zeros(*facts["labels"]).long()
    return QuantizedWeights(layer, Quantized(codebooks, labels, (n, m), facts["added"]))


def _hashed(layer: HashedLinear) -> dict:
    outputs, inputs = layer.index.shape
    return {"inputs": inputs, "outputs": outputs, "k": len(layer.shared), "seed": layer.seed,
            "bias": layer.bias is not None}  # fmt: skip


def _fastfood(layer: AdaptiveFastfood) -> dict:
    return {"inputs": layer.inputs, "outputs": layer.outputs, "seed": layer.seed,
            "bias": layer.bias is not None}  # fmt: skip


def _monochromatic(layer: Monochromatic) -> dict:
    return {"mix": _conv2d(layer.mix), "patterns": _conv2d(layer.patterns)}


def _build_monochromatic(facts: dict) -> Monochromatic:
    mix, patterns = nn.Conv2d(**facts["mix"]), nn.Conv2d(**facts["patterns"])
    return Monochromatic(mix, patterns, torch.zeros(patterns.out_channels).long())


def _biclustered(layer: Biclustered) -> dict:
    parts = {name: _conv2d(getattr(layer, name)) for name in ("reduce", "spatial", "expand")}
    return {**parts, "blocks": list(layer.blocks)}


def _build_biclustered(facts: dict) -> Biclustered:
    reduce, spatial, expand = (nn.Conv2d(**facts[n]) for n in ("reduce", "spatial", "expand"))
    order, back = torch.zeros(reduce.in_channels), torch.zeros(expand.out_channels)
    return Biclustered(order.long(), reduce, spatial, expand, back.long(), tuple(facts["blocks"]))


def _sequential(layer: nn.Sequential) -> dict:
    return {"layers": [describe(each) for each in layer]}


# By name: the class, the facts of one, and one of the facts.
KINDS: dict[str, tuple[type, Callable[[nn.Module], dict], Callable[[dict], nn.Module]]] = {
    "sequential": (nn.Sequential, _sequential,
                   lambda facts: nn.Sequential(*map(_build, facts["layers"]))),
    "conv2d": (nn.Conv2d, _conv2d, lambda facts: nn.Conv2d(**facts)),
    "linear": (nn.Linear, _linear, lambda facts: nn.Linear(**facts)),
    "identity": (nn.Identity, lambda _: {}, lambda facts: nn.Identity(**facts)),
    "flatten": (nn.Flatten, lambda _: {}, lambda facts: nn.Flatten(**facts)),
    "relu": (nn.ReLU, lambda layer: {"inplace": layer.inplace}, lambda facts: nn.ReLU(**facts)),
    "adaptive_avg_pool2d": (nn.AdaptiveAvgPool2d, lambda layer: {"output_size": layer.output_size},
                            lambda facts: nn.AdaptiveAvgPool2d(**facts)),
    "batch_norm1d": (nn.BatchNorm1d, _normalisation, lambda facts: nn.BatchNorm1d(**facts)),
    "batch_norm2d": (nn.BatchNorm2d, _normalisation, lambda facts: nn.BatchNorm2d(**facts)),
    "monochromatic": (Monochromatic, _monochromatic, _build_monochromatic),
    "biclustered": (Biclustered, _biclustered, _build_biclustered),
    "quantized_weights": (QuantizedWeights, _quantized, _build_quantized),
    "hashed_linear": (HashedLinear, _hashed, lambda facts: HashedLinear(**facts)),
    "fastfood": (AdaptiveFastfood, _fastfood, lambda facts: AdaptiveFastfood(**facts)),
    "look_up": (LookUp, _lookup, _build_lookup),
}  # fmt: skip


def describe(layer: nn.Module) -> dict:
    """Return what a layer is, as JSON can hold it.

    Raises:
        ValueError: it is of none of the `KINDS`.
    """
    for kind, (class_, facts, _) in KINDS.items():
        if type(layer) is class_:
            return {"kind": kind, **facts(layer)}
    raise ValueError(f"a file cannot hold a {type(layer).__name__}: there are {', '.join(KINDS)}")


def build(facts: dict) -> nn.Module:
    """Return a layer of such facts, its weights yet to be set.

    Raises:
        ValueError: the facts describe no layer, or one with a number that is too large.
    """
    _check_numbers(facts)
    try:
        return _build(facts)
    except (TypeError, KeyError, AttributeError, RuntimeError, IndexError) as error:
        raise ValueError(f"these facts describe no layer: {facts} ({error})") from None


def changed_layers(network: nn.Module, like: nn.Module) -> dict[str, dict]:
    """Return the facts of the layers in which a network differs from another, by name.

    Args:
        network: with some layers replaced.
        like: as its configuration makes it.

    Raises:
        ValueError: a layer that differs is of none of the `KINDS`.
    """
    found: dict[str, dict] = {}

    def compare(ours: nn.Module, theirs: nn.Module, name: str) -> None:
        known = any(type(ours) is class_ for class_, _, _ in KINDS.values())
        alike = type(ours) is type(theirs) and (
            not known or isinstance(ours, nn.Sequential) or describe(ours) == describe(theirs)
        )
        ours_inside, theirs_inside = dict(ours.named_children()), dict(theirs.named_children())
        if not alike or ours_inside.keys() != theirs_inside.keys():
            found[name] = describe(ours)
            return
        for each, inner in ours_inside.items():
            compare(inner, theirs_inside[each], f"{name}.{each}" if name else each)

    compare(network, like, "")
    return found


def _build(facts: dict) -> nn.Module:
    facts = dict(facts)
    kind = facts.pop("kind")
    if kind not in KINDS:
        raise ValueError(f"no kind of layer is called {kind!r}: there are {', '.join(KINDS)}")
    if kind in ("hashed_linear", "fastfood") and facts["inputs"] * facts["outputs"] > MOST:
        raise ValueError(f"a matrix of more than {MOST} entries")
    return KINDS[kind][2](facts)


def _check_numbers(value) -> None:
    """Refuse what would make a layer of absurd size, before it is made."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            _check_numbers(each)
    elif not isinstance(value, str | bool) and not (
        isinstance(value, int | float) and abs(value) <= LARGEST  # which nan is not
    ):
        raise ValueError(f"{value!r} is no number of a layer")


def restored(network: nn.Module, layers: dict[str, dict]) -> nn.Module:
    """Return a network with layers replaced by those that facts describe.

    Raises:
        ValueError: see `build`; or a name that is no layer's.
    """
    return replaced(network, {name: build(facts) for name, facts in layers.items()})
