"""DHN: deep hashing network. Taught in notebook 04.

Zhu, Long, Wang, Cao (2016), "Deep hashing network for efficient similarity retrieval", AAAI. A
maximum a posteriori estimate: a likelihood of the pairs, and a prior with its peaks at -1 and +1.
With z_i = tanh of the hash layer's values of photo i, and s_ij = 1 for photos of one place,

    Theta_ij = alpha <z_i, z_j>                        p(s_ij = 1) = sigmoid(Theta_ij)
    L  = E1 + lambda E2
    E1 = (1/N^2) sum_i sum_j (log(1 + e^Theta_ij) - s_ij Theta_ij)         similar pairs agree
    E2 = (1/(N K)) sum_i sum_k log cosh(|z_ik| - 1)                        values near -1 and +1

i and j run over the N photos of the batch. The paper sums where we average, so that a weight means
the same at any batch size. log cosh is a smooth |.|: near zero it is a parabola, far from it a
slope of one.

Traps: the paper's inner product is the plain one, alpha = 1. It then grows with the code: at 48
bits a pair that agrees in 30 of them has Theta = 12, its gradient is gone and the other 18 bits
are never asked for. Ours is alpha = 10 / K, so that only codes alike in all bits are quite sure.
And s is very uneven; ``balanced=True``, as in code that the authors' group released later, weighs
each similar pair by N^2 over the number of similar pairs.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.methods.similarity import similar_pairs
from mvs_lib.deep.network import Outputs

__all__ = ["DHN", "DHNTerms"]


class DHNTerms(NamedTuple):
    """The weighted total and the two terms before weighting, each a scalar >= 0."""

    total: torch.Tensor
    cross_entropy: torch.Tensor  # E1, log 2 where all Theta are 0 (and the pairs not balanced)
    quantization: torch.Tensor  # E2, between 0 (all values at -1 or +1) and log cosh 1 (all at 0)


class DHN(Method):
    """Cross-entropy of the pairs, tanh values near the signs.

    The paper lets the hash layer learn ten times faster than the rest: ``Settings(head_rate=10)``.

    Args:
        weight: lambda of E2; 0.1 is ours, the paper chooses it on held-back photos.
        alpha: scale of the inner product; 1 as in the paper, 10 / K if None.
        balanced: weigh the similar pairs as much as all pairs together.

    Raises:
        ValueError: a negative weight, or an alpha that is not above 0.
    """

    source = "Zhu et al., 2016"
    group, supervision = GROUPS[2], "pairs"
    published_trunk = "AlexNet"
    several_labels = True

    def __init__(self, weight: float = 0.1, alpha: float | None = None, balanced: bool = False):
        super().__init__()
        if weight < 0:
            raise ValueError(f"weight must be >= 0, got {weight}")
        if alpha is not None and alpha <= 0:
            raise ValueError(f"alpha must be > 0, or None for 10 / bits, got {alpha}")
        self.weight, self.alpha, self.balanced = weight, alpha, balanced

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> DHNTerms:
        """Return the terms of a batch, scalars.

        Args:
            outputs: only the projection ``(n, bits)`` is read.
            labels: int64 ``(n,)``, or ``(n, classes)`` of 0 and 1.
        """
        z = torch.tanh(outputs.projection)
        alpha = 10 / z.shape[1] if self.alpha is None else self.alpha
        similar = similar_pairs(labels)
        theta = alpha * z @ z.T
        # log(1 + e^Theta) - Theta = log(1 + e^-Theta), which keeps its digits.
        pairs = functional.softplus(torch.where(similar, -theta, theta))
        if self.balanced:
            share = similar.to(pairs.dtype).mean().clamp(min=1 / similar.numel())
            pairs = torch.where(similar, pairs / share, pairs)
        e1 = pairs.mean()
        e2 = torch.cosh(z.abs() - 1).log().mean()
        return DHNTerms(e1 + self.weight * e2, e1, e2)
