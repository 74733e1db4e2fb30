"""The hash network: trunk, latent layer of K units, classifier. Taught in notebook 03.

Lin et al. (2015) put a layer of K sigmoid units between a network's features and its classifier.
Trained for classification, those units must carry what tells the classes apart; thresholded at
one half they are the hash bits. Every deep method of this course trains this same network; what
differs is the loss (`mvs_lib.deep.methods`).
"""

from typing import NamedTuple

import torch
from torch import nn

from mvs_lib.deep.slices import SlicedLayer
from mvs_lib.deep.trunks import TRUNKS, Trunk

__all__ = ["HEADS", "HashNetwork", "Outputs"]

HEADS = {"linear": nn.Linear, "slices": SlicedLayer}


class Outputs(NamedTuple):
    """What the network says of a batch, by name, so that any loss can pick what it needs."""

    features: torch.Tensor  # (n, features), the trunk's vector
    projection: torch.Tensor  # (n, bits), real: the hash layer before its sigmoid
    latent: torch.Tensor  # (n, bits) in (0, 1): sigmoid of the projection
    logits: torch.Tensor  # (n, classes): the classifier's scores, read from the latent layer only


class HashNetwork(nn.Module):
    """Photo to features to K latent units to class scores.

    Args:
        bits: K, the length of the code.
        classes: number of places; the classifier is needed in training only.
        trunk: a name in `mvs_lib.deep.trunks.TRUNKS`.
        head: the hash layer, "linear" or "slices" (`mvs_lib.deep.slices`).
        **trunk_options: given to the trunk (``width``, ``features``, ``weights``…).

    The classifier's initial values follow the released network of Yang, Lin and Chen; the other
    layers start from PyTorch's defaults, the hash layer's biases from zero.

    Raises:
        ValueError: fewer than one bit or two classes, or an unknown trunk or head.
    """

    MEAN, STD = Trunk.MEAN, Trunk.STD  # of natural photos; a trunk may have its own

    def __init__(
        self,
        bits: int = 48,
        classes: int = 162,
        trunk: str = "small",
        head: str = "linear",
        **trunk_options,
    ):
        super().__init__()
        if bits < 1 or classes < 2:
            raise ValueError(f"need bits >= 1 and classes >= 2, got {bits} and {classes}")
        if trunk not in TRUNKS:
            raise ValueError(f"unknown trunk {trunk!r}: choose from {sorted(TRUNKS)}")
        if head not in HEADS:
            raise ValueError(f"unknown head {head!r}: choose from {sorted(HEADS)}")
        self.config = {"bits": bits, "classes": classes, "trunk": trunk, **trunk_options}
        if head != "linear":  # files of before know of no other
            self.config["head"] = head
        self.bits, self.classes = bits, classes
        made = TRUNKS[trunk](**trunk_options)
        for name, values in (("mean", made.MEAN), ("std", made.STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)
        self.trunk = made
        self.hash = HEADS[head](self.trunk.features, bits)
        self.classifier = nn.Linear(bits, classes)
        self._initialize()

    def _initialize(self):
        nn.init.normal_(self.classifier.weight, std=0.2)  # as released by Yang, Lin and Chen
        nn.init.zeros_(self.classifier.bias)
        nn.init.zeros_(self.hash.bias)

    def forward(self, images: torch.Tensor) -> Outputs:
        """Return `Outputs` for photos ``(n, h, w, 3)``, uint8 or float on the 0..255 scale.

        Raises:
            ValueError: another shape.
        """
        if images.ndim != 4 or images.shape[3] != 3:
            raise ValueError(f"photos must have shape (n, h, w, 3), got {tuple(images.shape)}")
        x = (images.permute(0, 3, 1, 2).to(self.std.dtype) - self.mean) / self.std
        features = self.trunk(x)
        projection = self.hash(features)
        latent = torch.sigmoid(projection)
        return Outputs(features, projection, latent, self.classifier(latent))
