"""What the networks of the published timings cost: counted, never typed in. Needs torch.

Networks are torchvision's own definitions, without weights, on the *meta* device: shapes are
computed, numbers are not. Two are not in torchvision and are defined here as the list of timings
has them: AlexNet with two groups (Krizhevsky, Sutskever, Hinton, 2012, as Caffe's BVLC AlexNet;
torchvision's is a later one without groups) and MobileNet (Howard et al., 2017, table 1). YOLO
(Redmon, Divvala, Girshick, Farhadi, 2016, figure 3) is what Rallapalli et al. ran on a phone's
graphics. Two of torchvision's differ a little from the list's: GoogLeNet has 3 x 3 kernels where
the paper has 5 x 5 (some 5 % fewer MACs), and MobileNetV3's squeezing layers are rounded to
multiples of 8.

Convolutions and linear layers are counted, as in `mvs_lib.compress.cost`.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import nn
from torchvision import models

from mvs_lib.compress.cost import cost
from mvs_lib.compress.listening import listening
from mvs_lib.phone.latency import NetworkCost

__all__ = ["SIZES", "alexnet", "measured_cost", "mobilenet", "network_cost", "yolo"]

SIZES = {"SqueezeNet 1.1": 227, "AlexNet": 227, "YOLO": 448}  # side of the photo; others 224


def alexnet() -> nn.Sequential:
    """Return AlexNet in two groups, for photos ``(n, 3, 227, 227)``."""
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(), nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 1000),
    )  # fmt: skip


def mobilenet() -> nn.Sequential:
    """Return MobileNet, the first, for photos ``(n, 3, 224, 224)``; normalisation is folded."""
    layers, channels = [nn.Conv2d(3, 32, 3, 2, padding=1), nn.ReLU()], 32
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    widths = (64, 128, 128, 256, 256, *6 * (512,), 1024, 1024)
    for stride, width in zip(strides, widths, strict=True):
        layers += [nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels), nn.ReLU()]
        layers += [nn.Conv2d(channels, width, 1), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000))


def yolo() -> nn.Sequential:
    """Return the first YOLO, 24 convolutions and 2 linear layers, for ``(n, 3, 448, 448)``."""
    plan = [
        (7, 64, 2), "pool", (3, 192, 1), "pool",
        (1, 128, 1), (3, 256, 1), (1, 256, 1), (3, 512, 1), "pool",
        *4 * [(1, 256, 1), (3, 512, 1)], (1, 512, 1), (3, 1024, 1), "pool",
        *2 * [(1, 512, 1), (3, 1024, 1)], (3, 1024, 1), (3, 1024, 2), *2 * [(3, 1024, 1)],
    ]  # fmt: skip
    layers, channels = [], 3
    for step in plan:
        if step == "pool":
            layers.append(nn.MaxPool2d(2))
            continue
        kernel, width, stride = step
        layers += [nn.Conv2d(channels, width, kernel, stride, kernel // 2), nn.LeakyReLU(0.1)]
        channels = width
    cells, values = 7 * 7, 2 * 5 + 20  # two boxes of five numbers and twenty classes a cell
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(cells * channels, 4096), nn.LeakyReLU(0.1),
        nn.Linear(4096, cells * values),
    )  # fmt: skip


_BUILD: dict[str, Callable[[], nn.Module]] = {
    "SqueezeNet 1.1": models.squeezenet1_1,
    "MobileNet": mobilenet,
    "MobileNetV2": models.mobilenet_v2,
    "MobileNetV3-large": models.mobilenet_v3_large,
    "ShuffleNetV2": models.shufflenet_v2_x1_0,
    "MNASNet": models.mnasnet1_0,
    "GoogLeNet": lambda: models.googlenet(aux_logits=False, init_weights=False),
    "ResNet-18": models.resnet18,
    "AlexNet": alexnet,
    "ResNet-50": models.resnet50,
    "VGG-16": lambda: models.vgg16(init_weights=False),
    "YOLO": yolo,
}


def measured_cost(network: nn.Module, inputs: torch.Tensor) -> NetworkCost:
    """Return what one photo costs in a network.

    Bytes are those of the tensors as they are; a convolution's or linear layer's input and output
    count once each time it works.

    Args:
        network: left as it was found; on the meta device nothing is computed.
        inputs: a batch that it takes, at least one.

    Raises:
        ValueError: an empty batch.
    """
    counted, moved = cost(network, inputs), 0

    def hear(given: torch.Tensor, output: torch.Tensor) -> None:
        nonlocal moved
        moved += sum(each.numel() * each.element_size() for each in (given, output))

    layers = dict.fromkeys(
        (
            name
            for name, layer in network.named_modules()
            if isinstance(layer, nn.Conv2d | nn.Linear)
        ),
        hear,
    )
    with listening(network, layers):
        network(inputs)
    return NetworkCost(counted.macs, counted.bytes, moved // len(inputs))


@lru_cache
def network_cost(name: str) -> NetworkCost:
    """Return what one photo costs in a network of the list of timings, or in ``YOLO``.

    Raises:
        ValueError: an unknown network.
    """
    if name not in _BUILD:
        raise ValueError(f"unknown network {name!r}; there are: {', '.join(_BUILD)}")
    size = SIZES.get(name, 224)
    with torch.device("meta"):
        return measured_cost(_BUILD[name](), torch.zeros(1, 3, size, size))
