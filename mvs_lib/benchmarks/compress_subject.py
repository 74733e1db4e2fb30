"""A network to be compressed, what a compressor may look at, and its names. See `compress`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from mvs_lib.compress.folding import standardised
from mvs_lib.compress.pruning import settled
from mvs_lib.datasets.collection import Split
from mvs_lib.deep.network import HashNetwork

__all__ = ["Case", "Learn", "Made", "Subject", "halved", "large_enough", "looked_at", "shares"]

Made = Iterator[tuple[str, nn.Module]]
Learn = Callable[[nn.Module], nn.Module]
LOOKED_AT = 256  # photos that responses are taken from
MOST_KEPT = 0.8  # of a layer's weights, when it is pruned


@dataclass
class Subject:
    """A network to be compressed.

    Args:
        network: normalisations folded.
        trained: the same with its normalisations, as it was trained.
        images: source photos that it may look at, uint8 ``(n, h, w, 3)``.
        learn: teaches a network on, with its normalisations put back if they were folded away.
        briefly: the same, for fewer epochs.
        at_length: the same, for more epochs: what computes less learns in less time.
        relu: whether rectifiers follow its convolutions.
    """

    network: HashNetwork
    trained: HashNetwork
    images: np.ndarray
    learn: Learn
    briefly: Learn
    at_length: Learn
    relu: bool

    @property
    def photos(self) -> torch.Tensor:
        """Some source photos, evenly spread."""
        return looked_at(self.images)

    def layers(self, kind: type, phone_only: bool = True) -> dict[str, nn.Module]:
        """Return the layers of a kind, in the order of the data; the classifier is not sent."""
        found = {
            name: layer for name, layer in self.network.named_modules() if isinstance(layer, kind)
        }
        if phone_only:
            found.pop("classifier", None)
        return found

    @property
    def wide(self) -> dict[str, nn.Conv2d]:
        """The convolutions that read many channels by kernels larger than a pixel."""
        return {
            name: layer
            for name, layer in self.layers(nn.Conv2d).items()
            if layer.in_channels > 3 and layer.kernel_size[0] > 1 and layer.groups == 1
        }

    @property
    def large(self) -> dict[str, nn.Linear]:
        """The linear layers of the trunk."""
        return {n: layer for n, layer in self.layers(nn.Linear).items() if n.startswith("trunk.")}


@dataclass
class Case:
    """A network with its photos and its names.

    Args:
        name: of the network.
        subject: what compressors see.
        split: what it is measured on.
        protocol: in words.
        seed: of the training.
        key: names all that its figures depend on.
        families: of methods that it is measured with; all of them if None.
    """

    name: str
    subject: Subject
    split: Split
    protocol: str
    seed: int
    key: str
    families: tuple[str, ...] | None = None


def looked_at(images: np.ndarray) -> torch.Tensor:
    """Return some photos of many, evenly spread, uint8 ``(m, h, w, 3)``."""
    chosen = np.linspace(0, len(images) - 1, min(LOOKED_AT, len(images)))
    return torch.from_numpy(images[chosen.astype(np.int64)])


def halved(network: nn.Module) -> nn.Module:
    """Return a copy with plain weights, rounded to 16 bits; normalisations are standardised."""
    return standardised(settled(network)).half()


def shares(subject: Subject, others: float, linear: float) -> dict[str, float]:
    """Return by its name what share of a layer's weights stays.

    The trunk's large linear layers keep ``linear``. Of the others the largest keeps ``others``, and
    a smaller one more, as the root of its size falls, up to `MOST_KEPT`: it has less to give, and
    less is won.
    """
    layers = {
        name: layer.weight.numel()
        for name, layer in subject.network.named_modules()
        if large_enough(name, layer) and name not in subject.large
    }
    most = max(layers.values())
    found = {name: min(MOST_KEPT, others * (most / n) ** 0.5) for name, n in layers.items()}
    return found | dict.fromkeys(subject.large, linear)


def large_enough(name: str, layer: nn.Module) -> bool:
    """Whether a layer is worth pruning: it multiplies, travels to the phone, and is not tiny."""
    return (
        isinstance(layer, nn.Conv2d | nn.Linear)
        and name != "classifier"
        and layer.weight.numel() > 1_000
    )
