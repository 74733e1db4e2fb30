"""DLBH: deep learning of binary hash codes. Taught in notebook 03.

Lin, Yang, Hsiao, Chen (2015), "Deep learning of binary hash codes for fast image retrieval",
CVPR Workshops. With a_n = sigmoid(W_h f_n + b_h) the latent layer of photo n,

    L = (1/N) sum_n CE(W_c a_n + c, y_n),        bit k of photo n = [a_nk >= 0.5].

The classifier sees the photo only through its K latent units; nothing else pushes them towards
0 or 1. (The survey speaks of a loss between descriptor and binary vector: the authors' released
code has none, and neither has this.)
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.network import Outputs

__all__ = ["DLBH", "DLBHTerms"]


class DLBHTerms(NamedTuple):
    """The loss and its one term, each a scalar averaged over the batch."""

    total: torch.Tensor
    classification: torch.Tensor


class DLBH(Method):
    """Softmax cross-entropy through the sigmoid latent layer."""

    source = "Lin et al., 2015"
    group, supervision = GROUPS[0], "labels"
    published_trunk = "AlexNet"

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> DLBHTerms:
        """Return the terms of a batch, scalars; ``labels`` is int64 ``(n,)``, in 0..classes - 1."""
        classification = functional.cross_entropy(outputs.logits, labels)
        return DLBHTerms(classification, classification)
