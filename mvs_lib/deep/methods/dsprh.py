"""DSPRH: deep semantic-preserving and ranking-based hashing. Taught in notebook 04.

Yao, Long, Mei, Rui (2016), "Deep semantic-preserving and ranking-based hashing for image
retrieval", IJCAI. One hash layer serves two masters, a ranking of triplets and a classifier, and
its bits shall not repeat each other. With a_n in (0, 1) the latent units and h_n = 2 a_n - 1,

    L  = alpha E1 + beta E2 + gamma E3
    E1 = (1/T) sum max(0, margin + ||a_i - a_j||^2 - ||a_i - a_l||^2)      the same place is nearer
    E2 = (1/N) sum_n CE(W_c a_n + c, y_n)                                  say the class
    E3 = (1/K^2) ||(1/N) H'H - I||_F^2                                     bits unlike each other

E1 runs over all T triplets of the batch: j is another photo of i's place, l one of another place.
Where units are at 0 or 1, ||a_i - a_j||^2 is the Hamming distance, so the margin counts in bits.
H, (N, K), has the rows h_n. N is the batch (averages, so that a weight means the same at any batch
size). The three parts are the paper's; its text and weights were not to be had, so that all
triplets, the units' range, the margin of one bit and weights of 1 are our realisation. The authors
call it DSRH, a name that Zhao's semantic ranking has too.

Traps: H'H has no more rank than the batch has photos, so that with N < K photos E3 is at least
1/N - 1/K. The terms also pull against each other: once all photos of a place have one code, E3 is
at least 1/C - 1/K for C places of equal shares, which ten places and 48 bits cannot get below.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.methods.similarity import similar_pairs
from mvs_lib.deep.methods.triplets import squared_distances, triplet_gaps
from mvs_lib.deep.network import Outputs

__all__ = ["DSPRH", "DSPRHTerms"]


class DSPRHTerms(NamedTuple):
    """The weighted total and the three terms before weighting, each a scalar >= 0."""

    total: torch.Tensor
    triplet: torch.Tensor  # E1, the margin where all codes are one; 0 if the batch has no triplet
    classification: torch.Tensor  # E2
    orthogonality: torch.Tensor  # E3, 0 where no two bits agree more often than by chance


class DSPRH(Method):
    """Ranking of triplets and classification through one hash layer, orthogonal bits.

    Args:
        alpha, beta, gamma: weights of E1, E2, E3.
        margin: by how much the other place must be further away, in bits.

    Raises:
        ValueError: a negative weight, or a margin that is not above 0.
    """

    source = "Yao et al., 2016"
    group, supervision = GROUPS[2], "triplets"
    published_trunk = "AlexNet"

    def __init__(
        self, alpha: float = 1.0, beta: float = 1.0, gamma: float = 1.0, margin: float = 1.0
    ):
        super().__init__()
        if min(alpha, beta, gamma) < 0:
            raise ValueError(f"weights must be >= 0, got {alpha}, {beta}, {gamma}")
        if margin <= 0:
            raise ValueError(f"margin must be > 0, got {margin}")
        self.alpha, self.beta, self.gamma, self.margin = alpha, beta, gamma, margin

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> DSPRHTerms:
        """Return the terms of a batch, scalars; ``labels`` is int64 ``(n,)``, in 0..classes - 1.

        Takes memory for n numbers a similar pair, and for ``n * n * bits``.
        """
        a = outputs.latent
        gaps = triplet_gaps(squared_distances(a), similar_pairs(labels))
        e1 = torch.relu(self.margin + gaps).sum() / max(1, len(gaps))
        e2 = functional.cross_entropy(outputs.logits, labels)
        h = 2 * a - 1
        identity = torch.eye(h.shape[1], dtype=h.dtype, device=h.device)
        e3 = (h.T @ h / len(h) - identity).square().mean()
        return DSPRHTerms(self.alpha * e1 + self.beta * e2 + self.gamma * e3, e1, e2, e3)
