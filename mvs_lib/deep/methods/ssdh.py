"""SSDH: supervised semantics-preserving deep hashing. Taught in notebook 03.

Yang, Lin, Chen (2015), "Supervised learning of semantics-preserving hash via deep convolutional
neural networks", arXiv 1507.00101. DLBH with two constraints on the latent units a_nk:

    L  = alpha E1 + beta E2 + gamma E3
    E1 = (1/N) sum_n CE(W_c a_n + c, y_n)              say the class
    E2 = -(1/(N K)) sum_n sum_k (a_nk - 1/2)^2         away from the threshold, towards 0 or 1
    E3 = (1/N) sum_n (mean_k a_nk - 1/2)^2             half of the bits of a photo on

N is the batch (the paper sums where we average, so that a weight means the same at any batch
size). E3 as released balances the bits *of one photo*. That does not keep a single bit from being
on for every photo; ``balance="bit"`` is our named variant that does, with the mean over the batch
in the place of the mean over the bits:

    E3' = (1/K) sum_k (mean_n a_nk - 1/2)^2            half of the photos on, for each bit
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.network import Outputs

__all__ = ["SSDH", "SSDHTerms"]


class SSDHTerms(NamedTuple):
    """The weighted total and the three terms before weighting, each a scalar."""

    total: torch.Tensor
    classification: torch.Tensor  # E1
    binarization: torch.Tensor  # E2, between -1/4 (all units at 0 or 1) and 0
    balance: torch.Tensor  # E3 or E3', between 0 and 1/4


class SSDH(Method):
    """Classification, units at 0 or 1, half of the units on.

    Args:
        alpha, beta, gamma: weights of E1, E2, E3; all 1 in the authors' released network.
        balance: ``"image"`` as released (E3), ``"bit"`` for per-bit balance (E3', ours).

    Raises:
        ValueError: a negative weight, or another balance.
    """

    source = "Yang et al., 2015"
    group, supervision = GROUPS[0], "labels"
    published_trunk = "AlexNet"

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        gamma: float = 1.0,
        balance: str = "image",
    ):
        super().__init__()
        if min(alpha, beta, gamma) < 0:
            raise ValueError(f"weights must be >= 0, got {alpha}, {beta}, {gamma}")
        if balance not in ("image", "bit"):
            raise ValueError(f"balance must be 'image' or 'bit', got {balance!r}")
        self.alpha, self.beta, self.gamma, self.balance = alpha, beta, gamma, balance

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> SSDHTerms:
        """Return the terms of a batch, scalars; ``labels`` is int64 ``(n,)``, in 0..classes - 1."""
        a = outputs.latent
        e1 = functional.cross_entropy(outputs.logits, labels)
        e2 = -(a - 0.5).square().mean()
        e3 = (a.mean(1 if self.balance == "image" else 0) - 0.5).square().mean()
        return SSDHTerms(self.alpha * e1 + self.beta * e2 + self.gamma * e3, e1, e2, e3)
