"""Convolutional trunks: photo in, feature vector out. Taught in notebook 03.

The survey's methods take AlexNet pretrained on ImageNet; a laptop without internet has neither
the weights nor the time. `SmallTrunk` is our stand-in on the campus, `AirbenchTrunk` for photos of
32 pixels; AlexNet and MobileNetV3 are there for whoever can download their weights.
"""

from mvs_lib.deep.trunks.airbench import AirbenchTrunk
from mvs_lib.deep.trunks.imagenet import AlexNetTrunk, MobileNetTrunk
from mvs_lib.deep.trunks.small import Residual, SmallTrunk, convolution
from mvs_lib.deep.trunks.trunk import Trunk

__all__ = [
    "TRUNKS", "AirbenchTrunk", "AlexNetTrunk", "MobileNetTrunk", "Residual", "SmallTrunk", "Trunk",
    "convolution",
]  # fmt: skip

TRUNKS = {
    "airbench": AirbenchTrunk,
    "alexnet": AlexNetTrunk,
    "mobilenet_v3_small": MobileNetTrunk,
    "small": SmallTrunk,
}
