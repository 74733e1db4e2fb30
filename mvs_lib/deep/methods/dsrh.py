"""DSRH: deep semantic ranking hashing for photos with several labels. Taught in notebook 04.

Zhao, Huang, Wang, Tan (2015), "Deep semantic ranking based hashing for multi-label image
retrieval", arXiv 1501.06272. A photo that shares two labels with the query should come before one
that shares one. With r_i the labels that photo i shares with the query q, d the Hamming distance,
and triplets weighted by what a wrong order would cost in NDCG:

    L = mean_q sum over i, j with r_j < r_i of w_ij max(0, d(q, i) - d(q, j) + rho)
        + (alpha / 2) mean_k (mean_n h_nk)^2
    w_ij = (2^(r_i) - 2^(r_j)) / Z,         Z such that the weights of a query sum to 1

The second line keeps each bit on for half of the photos. d is relaxed to (K - h_q' h_i) / 2 with
h = tanh of the hash layer. The paper's weight decay is the optimiser's here, and its skip from fc6
past fc7 to the hash layer has no counterpart in a trunk that ends in one vector.
"""

from typing import NamedTuple

import torch

from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.methods.triplets import shared_labels
from mvs_lib.deep.network import Outputs

__all__ = ["DSRH", "DSRHTerms"]


class DSRHTerms(NamedTuple):
    """The weighted total and the two terms before weighting, each a scalar."""

    total: torch.Tensor
    ranking: torch.Tensor
    balance: torch.Tensor


class DSRH(Method):
    """Order by the number of shared labels, and bits that are on for half of the photos.

    Args:
        alpha: weight of the balance, >= 0.
        margin: rho, in bits; None for a quarter of the bits (our choice).
        weighted: False lets every triplet count the same, to see what the weights are worth.

    Raises:
        ValueError: a negative weight or margin.
    """

    source = "Zhao et al., 2015"
    group, supervision = GROUPS[0], "shared labels"  # the survey's group, though it has triplets
    published_trunk = "AlexNet"
    several_labels = True

    def __init__(self, alpha: float = 1.0, margin: float | None = None, weighted: bool = True):
        super().__init__()
        if alpha < 0 or (margin is not None and margin < 0):
            raise ValueError(f"need alpha >= 0 and margin >= 0, got {alpha} and {margin}")
        self.alpha, self.margin, self.weighted = alpha, margin, weighted

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> DSRHTerms:
        """Return the terms of a batch; labels int64 ``(n,)`` or 0 and 1 ``(n, classes)``."""
        h = torch.tanh(outputs.projection)
        n, bits = h.shape
        margin = bits / 4 if self.margin is None else self.margin
        distance = (bits - h @ h.T) / 2
        shared = shared_labels(labels).to(h.dtype)
        others = ~torch.eye(n, dtype=torch.bool, device=h.device)
        gain = 2**shared
        weights = (gain[:, :, None] - gain[:, None, :]).clamp(min=0)  # query, i, j
        weights = weights if self.weighted else (weights > 0).to(h.dtype)
        weights = weights * (others[:, :, None] & others[:, None, :])
        total_weight = weights.sum((1, 2), keepdim=True)
        weights = weights / total_weight.clamp(min=1e-12)
        hinge = torch.relu(distance[:, :, None] - distance[:, None, :] + margin)
        asked = (total_weight > 0).sum().clamp(min=1)  # queries with an order to be learned
        ranking = (weights * hinge).sum() / asked
        balance = h.mean(0).square().mean() / 2
        return DSRHTerms(ranking + self.alpha * balance, ranking, balance)
