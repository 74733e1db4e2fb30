"""DRSCH: bit-scalable deep hashing with regularized similarity learning. Taught in notebook 04.

Zhang, Lin, Zhang, Zuo, Zhang (2015), "Bit-scalable deep hashing with regularized similarity
learning for image retrieval and person re-identification", IEEE TIP. Each bit has a learned weight,
and short codes are made of long ones by keeping the heaviest bits. With r = o_beta(v) =
(1 - e^(-beta v)) / (1 + e^(-beta v)) of the hash layer v, the weighted affinity of two photos, like
a distance (small for like ones), and the graph Laplacian of the batch:

    M(i, j) = - sum_k w_k^2 r_ik r_jk
    L = mean over triplets of max(M(i, like) - M(i, unlike), C) + lambda (1/N^2) tr(R' Lap R)

Below C = -K/2 a triplet is satisfied. Lap = D - S of s_ij = 1 if i and j show the same: the second
term is half the mean of s_ij ||r_i - r_j||^2, and draws like photos together even where no triplet
does. beta grows with the steps, and o_beta from a slope into a step. w and r could trade scales, so
||w||^2 = K is held, by division. Means for sums, and how beta grows, are our realisation.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.methods.similarity import similar_pairs
from mvs_lib.deep.methods.triplets import active_mean, triplet_gaps
from mvs_lib.deep.network import Outputs

__all__ = ["DRSCH", "DRSCHTerms"]


class DRSCHTerms(NamedTuple):
    """The weighted total and the two terms before weighting, each a scalar."""

    total: torch.Tensor
    triplets: torch.Tensor  # above C = -K/2
    laplacian: torch.Tensor


class DRSCH(Method):
    """Triplets in a weighted affinity, and like photos together.

    Args:
        weight: lambda, of the Laplacian term, >= 0.
        beta: slope of o_beta at first, > 0.
        growth: by which beta grows in a thousand steps, >= 0.

    Raises:
        ValueError: an argument out of its range.
    """

    source = "Zhang et al., 2015"
    group, supervision = GROUPS[2], "triplets"
    published_trunk = "CNN of three convolutions"
    several_labels = True

    def __init__(self, weight: float = 0.001, beta: float = 1.0, growth: float = 1.0):
        super().__init__()
        if weight < 0 or beta <= 0 or growth < 0:
            raise ValueError(
                f"need weight >= 0, beta > 0 and growth >= 0, got {weight}, {beta} and {growth}"
            )
        self.weight, self.beta, self.growth = weight, beta, growth
        self.register_parameter("bit_weights", None)
        self.register_buffer("steps", torch.zeros((), dtype=torch.float64))

    def prepare(self, photos: Photos, bits: int, seed: int) -> None:
        """Give each bit a weight of 1."""
        self.bit_weights = nn.Parameter(torch.ones(bits))

    def squared_weights(self) -> torch.Tensor:
        """Return w_k^2, ``(bits,)``; they sum to the number of bits."""
        squared = self.bit_weights.square()
        return len(squared) * squared / squared.sum()

    def heaviest(self, bits: int) -> np.ndarray:
        """Return the ``bits`` bits with the largest weights, int64, rising: the shorter code.

        Raises:
            ValueError: fewer than one bit, or more than there are.
        """
        weights = self.bit_weights.detach().abs().cpu().numpy()
        if not 1 <= bits <= len(weights):
            raise ValueError(f"bits must lie in 1..{len(weights)}, got {bits}")
        return np.sort(np.argsort(-weights, kind="stable")[:bits])

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> DRSCHTerms:
        """Return the terms of a batch; labels int64 ``(n,)`` or 0 and 1 ``(n, classes)``.

        Raises:
            ValueError: the weights were not made yet.
        """
        if self.bit_weights is None:
            raise ValueError("DRSCH has no weights yet: call prepare(photos, bits, seed) first")
        beta = self.beta + self.growth * float(self.steps) / 1000
        if self.training and torch.is_grad_enabled():
            self.steps += 1
        r = torch.tanh(beta * outputs.projection / 2)  # o_beta
        n, bits = r.shape
        affinity = -(self.squared_weights().to(r.dtype) * r) @ r.T
        alike = similar_pairs(labels)
        floor = -bits / 2
        gaps = triplet_gaps(affinity, alike)
        triplets = active_mean(torch.clamp(gaps, min=floor), floor)
        s = alike.to(r.dtype)
        laplacian = torch.diag(s.sum(1)) - s
        together = (r * (laplacian @ r)).sum() / n**2
        return DRSCHTerms(triplets + self.weight * together, triplets, together)
