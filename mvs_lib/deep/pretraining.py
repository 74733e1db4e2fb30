"""A trunk that can already see: pretraining by plain classification. Taught in notebook 03.

The survey's methods start from AlexNet trained on ImageNet and then learn their hash layer. Without
internet, ImageNet is not at hand, and a hash layer of K sigmoids is a narrow door for the first
gradients to pass. So the trunk first learns the places from its own feature vector,

    L = (1/N) sum_n CE(V f_n + d, y_n),

and every method then starts from the same trunk, as in the papers. V and d are thrown away.
With smoothing s the label's class is asked for with probability 1 - s + s / C, each other of the C
classes with s / C (Szegedy et al., 2016): features of one class then gather closer. Where a photo
may have several labels, each is a question of its own, and CE the mean over the classes of the
cross-entropy of a sigmoid.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from mvs_lib.deep.network import HashNetwork, Outputs

__all__ = ["Pretraining", "PretrainingTerms"]


class PretrainingTerms(NamedTuple):
    """The loss and its one term, each a scalar averaged over the batch."""

    total: torch.Tensor
    classification: torch.Tensor


class Pretraining(nn.Module):
    """Softmax cross-entropy from the feature vector, past the hash layer.

    Args:
        network: whose trunk is to learn; its hash layer and classifier get no gradient.
        smoothing: s, from 0 to below 1.

    Raises:
        ValueError: ``smoothing`` is out of range.
    """

    smoothing = 0.0

    def __init__(self, network: HashNetwork, smoothing: float = 0.0):
        super().__init__()
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must be >= 0 and below 1, got {smoothing}")
        if smoothing:  # else unsaid: a run stored before there was a smoothing had none
            self.smoothing = smoothing
        self.classifier = nn.Linear(network.trunk.features, network.classes)
        nn.init.zeros_(self.classifier.weight)  # no draw: the seed's draws are the network's
        nn.init.zeros_(self.classifier.bias)

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> PretrainingTerms:
        """Return the terms for a batch; ``labels`` int64 ``(n,)``, or 0 and 1 ``(n, classes)``."""
        scores = self.classifier(outputs.features)
        if labels.ndim == 2:
            wanted = labels.to(scores.dtype) * (1 - self.smoothing) + self.smoothing / 2
            classification = functional.binary_cross_entropy_with_logits(scores, wanted)
        else:
            classification = functional.cross_entropy(
                scores, labels, label_smoothing=self.smoothing
            )
        return PretrainingTerms(classification, classification)
