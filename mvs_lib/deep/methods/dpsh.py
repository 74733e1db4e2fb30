"""DPSH: deep pairwise-supervised hashing. Taught in notebook 04.

Li, Wang, Kang (2016), "Feature learning based deep supervised hashing with pairwise labels",
IJCAI. With u_i the hash layer's real values, b_i = sgn(u_i), and s_ij = 1 for photos of one place,

    Theta_ij = (1/2) u_i . u_j                         p(s_ij = 1) = sigmoid(Theta_ij)
    L = E1 + eta E2
    E1 = -(1/(N M)) sum_i sum_j (s_ij Theta_ij - log(1 + e^Theta_ij))      similar pairs agree
    E2 = (1/(N K)) sum_i ||b_i - u_i||^2                                   values near -1 and +1

i runs over the N photos of the batch. j runs over all M photos of the training set, i among them:
U, what the network last said of each, is remembered, and the batch's rows are renewed before the
sum is taken. U starts at zero (our realisation): a photo not seen yet pulls nowhere. With
``memory="batch"``, our named variant without U, j runs over the batch alone.

The paper sums where we average, so that a weight means the same at any batch size. It also counts
a pair from both of its ends, and we from the end that is in the batch, for U is held fixed; so the
paper's eta is eta K / (2 M) here. Traps: s is very uneven (on CIFAR-10 one pair in ten is similar,
on the campus one in 162), and log(1 + e^Theta) overflows unless it is taken as softplus.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.methods.similarity import similar_pairs
from mvs_lib.deep.network import Outputs

__all__ = ["DPSH", "DPSHTerms"]


class DPSHTerms(NamedTuple):
    """The weighted total and the two terms before weighting, each a scalar >= 0."""

    total: torch.Tensor
    likelihood: torch.Tensor  # E1, log 2 where all Theta are 0
    quantization: torch.Tensor  # E2, 0 where all values are -1 or +1


class DPSH(Method):
    """Negative log-likelihood of the pairs, values near the signs.

    Args:
        eta: weight of E2. 0.1 is the usual choice where pairs are averaged; the paper's 10 to 100
            belong to its sums.
        memory: ``"all"`` for U as in the paper, ``"batch"`` for the pairs of a batch alone.

    Raises:
        ValueError: a negative weight, or another memory.
    """

    source = "Li et al., 2016"
    group, supervision = GROUPS[2], "pairs"
    published_trunk = "CNN-F"
    several_labels = True
    uses_index = True

    def __init__(self, eta: float = 0.1, memory: str = "all"):
        super().__init__()
        if eta < 0:
            raise ValueError(f"eta must be >= 0, got {eta}")
        if memory not in ("all", "batch"):
            raise ValueError(f"memory must be 'all' or 'batch', got {memory!r}")
        self.eta, self.memory = eta, memory
        self.register_buffer("remembered", torch.zeros(0, 0))  # U, (M, K)
        self.register_buffer("labels", torch.zeros(0, dtype=torch.int64))  # of its rows

    def prepare(self, photos: Photos, bits: int, seed: int) -> None:
        """Make room for what the network will say of each photo; U is zero again."""
        if self.memory == "all":
            device = self.remembered.device
            self.remembered = torch.zeros(len(photos), bits, device=device)
            self.labels = torch.from_numpy(np.array(photos.labels)).to(device)

    def forward(
        self, outputs: Outputs, labels: torch.Tensor, index: torch.Tensor | None = None
    ) -> DPSHTerms:
        """Return the terms of a batch, scalars, and remember what the network said.

        Args:
            outputs: only the projection ``(n, bits)`` is read.
            labels: int64 ``(n,)``; with ``memory="batch"`` also ``(n, classes)`` of 0 and 1.
            index: int64 ``(n,)``, the photos' places in the collection that was prepared; not
                read with ``memory="batch"``.

        Raises:
            ValueError: with ``memory="all"``: no index, places or bits other than those
                prepared, or labels that are not those of the places.
        """
        u = outputs.projection
        if self.memory == "all":
            self._check(u, labels, index)
            # A new tensor, so that the gradients of an earlier batch stay right.
            self.remembered = self.remembered.to(u.dtype).index_copy(0, index, u.detach())
            others, similar = self.remembered, similar_pairs(labels, self.labels)
        else:
            others, similar = u, similar_pairs(labels)
        theta = 0.5 * u @ others.T
        # log(1 + e^Theta) - Theta = log(1 + e^-Theta), which keeps its digits.
        e1 = functional.softplus(torch.where(similar, -theta, theta)).mean()
        b = torch.where(u >= 0, 1.0, -1.0)
        e2 = (b - u).square().mean()
        return DPSHTerms(e1 + self.eta * e2, e1, e2)

    def _check(self, u, labels, index) -> None:
        photos, bits = self.remembered.shape
        if index is None:
            raise ValueError("memory='all' needs the index of the photos; or take memory='batch'")
        if u.shape[1] != bits or int(index.max()) >= photos:
            raise ValueError(
                f"{photos} photos of {bits} bits were prepared, got place {int(index.max())} of "
                f"{u.shape[1]} bits: call prepare(photos, bits, seed) with these photos first"
            )
        if not torch.equal(self.labels[index], labels):
            raise ValueError("the labels are not those of the prepared photos at this index")
