"""A network that is to be compressed, and what a compressor may look at. See `compress`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from mvs_lib.compress.pruning import settled
from mvs_lib.deep.network import HashNetwork

__all__ = ["Learn", "Made", "Subject", "halved", "large_enough"]

Made = Iterator[tuple[str, nn.Module]]
Learn = Callable[[nn.Module], nn.Module]
LOOKED_AT = 256  # photos that responses are taken from


@dataclass
class Subject:
    """A network to be compressed.

    Args:
        network: normalisations folded.
        images: source photos that it may look at, uint8 ``(n, h, w, 3)``.
        learn: teaches a network on.
        briefly: the same, for fewer epochs.
        relu: whether rectifiers follow its convolutions.
    """

    network: HashNetwork
    images: np.ndarray
    learn: Learn
    briefly: Learn
    relu: bool

    @property
    def photos(self) -> torch.Tensor:
        """Some source photos, evenly spread."""
        chosen = np.linspace(0, len(self.images) - 1, min(LOOKED_AT, len(self.images)))
        return torch.from_numpy(self.images[chosen.astype(np.int64)])

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


def halved(network: nn.Module) -> nn.Module:
    """Return a copy with plain weights, rounded to 16 bits."""
    return settled(network).half()


def large_enough(name: str, layer: nn.Module) -> bool:
    """Whether a layer is worth pruning: it multiplies, travels to the phone, and is not tiny."""
    return (
        isinstance(layer, nn.Conv2d | nn.Linear)
        and name != "classifier"
        and layer.weight.numel() > 1_000
    )
