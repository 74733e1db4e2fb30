"""Fewer bytes: the methods of notebook 07, at some strengths. See `compress`.

Each function takes a `Subject` and yields names and networks; a name says the method, and after a
comma how strongly it was used, or which step of several it is. Nothing looks at a query.
"""

from functools import partial

import torch
from torch import nn

from mvs_lib.benchmarks.compress_subject import Made, Subject, halved, shares
from mvs_lib.compress.data_free import merge_neurons, merges, spare
from mvs_lib.compress.error_correction import correct
from mvs_lib.compress.fastfood import AdaptiveFastfood
from mvs_lib.compress.hashed_net import HashedLinear
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.pipeline import Pipeline
from mvs_lib.compress.pruning import prune_gradually
from mvs_lib.compress.quantized_cnn import LookUp, quantized
from mvs_lib.compress.reconstruction import responses
from mvs_lib.compress.vector_quantization import (
    QuantizedWeights,
    binarized,
    product,
    residual,
    scalar,
)
from mvs_lib.compress.weight_sharing import shared

__all__ = [
    "as_they_are",
    "deep_compression_middle",
    "deep_compression_mild",
    "deep_compression_moderate",
    "deep_compression_strong",
    "looked_up",
    "matrices",
]


def as_they_are(subject: Subject) -> Made:
    """Yield the network in half precision, and taught on as long as those that are compressed."""
    yield "16-bit weights", halved(subject.network)
    yield "taught on, not compressed", subject.learn(subject.trained)


def _deep_compression(label: str, others: float, linear: float, bits: int):
    """Return the family of one strength: what layers keep, see `shares`, and bits of a label."""

    def made(subject: Subject) -> Made:
        kept = shares(subject, others, linear)
        pipeline = Pipeline({
            "pruned": lambda network: prune_gradually(
                network, kept, 3, lambda net, number: subject.learn(net)
            ),
            "shared": partial(shared, values=dict.fromkeys(kept, (1 << bits) - 1)),
            "values taught": subject.briefly,
            "16-bit values": halved,
        })  # fmt: skip
        for step, network in pipeline.stages(subject.trained):
            yield f"deep compression, {label}, {step}", network

    return made


# Prune in rounds, share, let the values learn on (Han et al., 2016).
deep_compression_mild = _deep_compression("mild", 0.2, 0.12, 4)
deep_compression_moderate = _deep_compression("moderate", 0.14, 0.09, 4)
deep_compression_middle = _deep_compression("middle", 0.11, 0.06, 4)
deep_compression_strong = _deep_compression("strong", 0.09, 0.04, 3)


def matrices(subject: Subject) -> Made:
    """The large linear layers, if any: codebooks, hashes, Fastfood, and fewer neurons."""
    if not subject.large:
        return
    for name, make in {
        "signs of linear layers": binarized,
        "16 values of linear layers": partial(scalar, k=16),
        "product quantisation of linear layers": _product,
        "residual quantisation of linear layers": _residual,
    }.items():
        new = {key: QuantizedWeights(layer, make(layer.weight))
               for key, layer in subject.large.items()}  # fmt: skip
        network = replaced(subject.network, new)
        yield name, network
        yield f"{name}, taught on", subject.briefly(network)
    for divisor in (8, 32):
        new = {
            key: HashedLinear.of(layer, max(1, layer.weight.numel() // divisor))
            for key, layer in subject.large.items()
        }
        yield f"hashed linear layers, 1/{divisor}", subject.learn(replaced(subject.network, new))
    new = {}
    for key, layer in subject.large.items():
        new[key] = AdaptiveFastfood(layer.in_features, layer.out_features)
        new[key].bias.data.copy_(layer.bias.detach())
    yield "fastfood for linear layers", subject.learn(replaced(subject.network, new))
    (last, layer) = list(subject.large.items())[-1]
    count = spare(merges(layer, subject.network.hash, layer.out_features - 1)[1])
    for label, number in (("as many as are spare", count), ("half", layer.out_features // 2)):
        pair = merge_neurons(layer, subject.network.hash, min(number, layer.out_features - 1))
        yield (
            f"merged neurons, {label}",
            replaced(subject.network, dict(zip((last, "hash"), pair, strict=True))),
        )


def looked_up(subject: Subject) -> Made:
    """Layers by looking up (Wu et al., 2016), with and without error correction."""
    plain, corrected = subject.network, subject.network
    for name, layer in {**subject.wide, **subject.large}.items():
        length = 8 if isinstance(layer, nn.Conv2d) else 4
        channels = layer.weight.shape[1]
        length = next(each for each in range(min(length, channels), 0, -1) if channels % each == 0)
        k = min(128 if isinstance(layer, nn.Conv2d) else 32, layer.weight[:, 0].numel())
        words = quantized(layer, length, k)
        plain = replaced(plain, {name: LookUp(layer, words)})
        read = responses(corrected, name, subject.photos)[0]
        said = responses(subject.network, name, subject.photos)[1]
        better, _ = correct(layer, words, read, said, turns=3)
        corrected = replaced(corrected, {name: LookUp(layer, better)})
    yield "looked up", plain
    yield "looked up, corrected", corrected


def _product(weights: torch.Tensor):
    columns = weights.shape[1]
    blocks = next(b for b in range(max(1, columns // 4), columns + 1) if columns % b == 0)
    return product(weights, blocks, min(32, len(weights)))


def _residual(weights: torch.Tensor):
    return residual(weights, 4, min(16, len(weights)))
