"""The phone of the papers: what was measured in 2016, from two numbers. See notebook 08.

Wu, Leng, Wang, Hu, Cheng (2016), "Quantized convolutional neural networks for mobile devices",
ran AlexNet on a Huawei Mate 7 in 2.93 s, and in 0.95 s by looking up. Their software there used no
tuned linear algebra, so that `mvs_lib.phone.devices`, fitted to one that does, says nothing of it.
It is described by

- a throughput, the MACs a second of AlexNet as it is;
- an efficiency eta: operations by looking up (`mvs_lib.compress.quantized_cnn.costs`) run at eta
  times the throughput, for a look-up jumps about in memory.

Both come from the Mate 7. The check is another machine, from the README of the authors' program: on
one thread of an i7-4790K, Caffe with ATLAS took 167.8 ms for the network as it is. Eta, which has
never seen that machine, then says what looking up takes there, and 55.3 ms were measured. The two
baselines are not one software, so that part of the agreement may be luck.

Rallapalli et al. (2016) ran YOLO on a Jetson TK1 in 0.262 s. Its arithmetic at the data sheet's
peak, and after it its weights read once at the memory's peak, is the least that this sum of terms
allows: `yolo_bound`, of which nothing is fitted.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from mvs_lib.compress.listening import listening
from mvs_lib.compress.quantized_cnn import costs
from mvs_lib.phone.network_costs import SIZES, alexnet, network_cost

__all__ = [
    "I7_LOOK_UP_SECONDS", "I7_SECONDS", "MATE_7_LOOK_UP_SECONDS", "MATE_7_SECONDS",
    "TK1_MEMORY", "TK1_PEAK", "YOLO_FACTOR", "YOLO_SECONDS", "LookUpLayer", "Operations",
    "PaperStack", "alexnet_layers", "alexnet_operations", "calibrated", "i7_look_up_seconds",
    "mate_7", "yolo_bound",
]  # fmt: skip

MATE_7_SECONDS = 2.93
MATE_7_LOOK_UP_SECONDS = 0.95
I7_SECONDS = 0.1678
I7_LOOK_UP_SECONDS = 0.0553

YOLO_SECONDS = 0.262
TK1_PEAK = 326e9, 365.2e9  # operations a second of the GK20A's 192 cores: two sources, two clocks
TK1_MEMORY = 14.9e9  # bytes a second at most, 64-bit DDR3L: recalled, not read in a source
YOLO_FACTOR = 1.5  # what was measured is to be within this factor of the bound: our choice

# C' and K of each layer that the authors' released files hold: convolutions, then linear layers.
_CONVOLUTIONS = ((3, 128), (8, 128), (8, 128), (8, 128), (8, 128))
_LINEARS = ((4, 32), (4, 32), (1, 16))


class LookUpLayer(NamedTuple):
    """A layer of AlexNet, and how it is looked up; a linear one is a convolution of one pixel."""

    channels: int  # of all groups together, as the outputs
    outputs: int
    kernel: int  # side, as of what is read and said; pixels
    side_in: int
    side_out: int
    stride: int
    padding: int
    groups: int
    length: int  # C', channels of a piece
    k: int  # K, codewords of a piece

    @property
    def costs(self) -> tuple[int, int, int]:
        """See `mvs_lib.compress.quantized_cnn.costs`."""
        return costs(
            self.channels, self.outputs, self.length, self.k, self.kernel, self.side_in**2,
            self.side_out**2, self.groups,
        )  # fmt: skip


class Operations(NamedTuple):
    """Of one photo."""

    direct: int  # multiply-accumulates of the network as it is
    look_up: int  # multiplications for tables and additions from them
    bits: int = 0  # of the codebooks and labels


def alexnet_operations() -> Operations:
    """Return AlexNet's operations, as it is and with the settings that the authors released."""
    every = [layer.costs for layer in alexnet_layers().values()]
    return Operations(*(sum(column) for column in zip(*every, strict=True)))


def alexnet_layers() -> dict[str, LookUpLayer]:
    """Return AlexNet's layers, conv1 to fc8, with the settings that the authors released."""
    sides: dict[str, list[int]] = {}  # of what is read and said
    with torch.device("meta"):
        network, photo = alexnet(), torch.zeros(1, 3, SIZES["AlexNet"], SIZES["AlexNet"])
    layers = {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    }

    def listener(name: str):
        def hear(given: torch.Tensor, output: torch.Tensor) -> None:
            sides[name] = [1 if x.dim() == 2 else x.shape[-1] for x in (given, output)]

        return hear

    with listening(network, {name: listener(name) for name in layers}):
        network(photo)
    settings, found = _CONVOLUTIONS + _LINEARS, {}
    for number, ((name, layer), chosen) in enumerate(zip(layers.items(), settings, strict=True), 1):
        if isinstance(layer, nn.Linear):
            found[f"fc{number}"] = LookUpLayer(
                layer.in_features, layer.out_features, 1, *sides[name], 1, 0, 1, *chosen
            )
        else:
            found[f"conv{number}"] = LookUpLayer(
                layer.in_channels, layer.out_channels, layer.kernel_size[0], *sides[name],
                layer.stride[0], layer.padding[0], layer.groups, *chosen,
            )  # fmt: skip
    return found


@dataclass(frozen=True)
class PaperStack:
    """A machine with the software of 2016.

    Attributes:
        macs_per_second: of a network as it is.
        efficiency: eta, the rate of operations by looking up in units of that.
    """

    macs_per_second: float
    efficiency: float

    def direct_seconds(self, operations: float) -> float:
        """Return the seconds of a network as it is, from its MACs."""
        return operations / self.macs_per_second

    def look_up_seconds(self, operations: float) -> float:
        """Return the seconds by looking up, from the operations."""
        return operations / (self.efficiency * self.macs_per_second)


def calibrated(operations: Operations, seconds: float, look_up_seconds: float) -> PaperStack:
    """Return the machine that takes these seconds for these operations.

    Raises:
        ValueError: something is not above 0.
    """
    if min(operations.direct, operations.look_up, seconds, look_up_seconds) <= 0:
        raise ValueError(
            f"operations and seconds must be above 0, got {operations}, {seconds}, "
            f"{look_up_seconds}"
        )
    throughput = operations.direct / seconds
    return PaperStack(throughput, operations.look_up / look_up_seconds / throughput)


def mate_7() -> PaperStack:
    """Return the Mate 7 of Wu et al., calibrated on AlexNet."""
    return calibrated(alexnet_operations(), MATE_7_SECONDS, MATE_7_LOOK_UP_SECONDS)


def i7_look_up_seconds() -> float:
    """Return what AlexNet by looking up should take on the i7, with the Mate 7's efficiency."""
    operations = alexnet_operations()
    i7 = PaperStack(operations.direct / I7_SECONDS, mate_7().efficiency)
    return i7.look_up_seconds(operations.look_up)


def yolo_bound() -> tuple[float, float]:
    """Return the seconds of YOLO on the TK1 at its peaks, for the higher and the lower one."""
    network = network_cost("YOLO")
    low, high = (2 * network.macs / peak for peak in reversed(TK1_PEAK))
    weights = network.weight_bytes / TK1_MEMORY
    return low + weights, high + weights
