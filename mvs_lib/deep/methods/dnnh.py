"""DNNH, or NINH: simultaneous feature learning and hash coding. Taught in notebook 04.

Lai, Pan, Liu, Yan (2015), "Simultaneous feature learning and hash coding with deep neural
networks", arXiv 1504.03410. Two ideas. *Divide and encode*: the last layer's units are cut into K
slices, and each bit reads its own slice alone, so that bits repeat each other less (the network's
``head="slices"``). And a triplet hinge on codes F in [0, 1]^K:

    L = mean max(0, 1 - ||F(x) - F(unlike)||^2 + ||F(x) - F(like)||^2)

F is the latent unit a, pushed onto a bit outside a narrow band around the threshold:

    F = 0 if a < 1/2 - eps,     a if |a - 1/2| <= eps,     1 if a > 1/2 + eps

Its trap: outside the band the slope is zero, and nearly all units are outside. So we let the slope
of a itself pass (straight through; our realisation). Over all triplets of a batch, the mean is over
those that still have a loss.
"""

from typing import NamedTuple

import torch

from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.methods.similarity import similar_pairs
from mvs_lib.deep.methods.triplets import active_mean, squared_distances, triplet_gaps
from mvs_lib.deep.network import Outputs

__all__ = ["DNNH", "DNNHTerms", "piecewise"]


class DNNHTerms(NamedTuple):
    """The loss and its one term, each a scalar."""

    total: torch.Tensor
    triplets: torch.Tensor


def piecewise(latent: torch.Tensor, eps: float) -> torch.Tensor:
    """Push latent values in 0..1 onto 0 and 1 outside the band; the slope is 1 everywhere.

    >>> piecewise(torch.tensor([0.2, 0.45, 0.5, 0.9]), 0.1).tolist()
    [0.0, 0.44999998807907104, 0.5, 1.0]
    """
    pushed = torch.where((latent - 0.5).abs() <= eps, latent, (latent >= 0.5).to(latent.dtype))
    return latent + (pushed - latent).detach()


class DNNH(Method):
    """Triplets of nearly binary codes, each bit from its own slice.

    Args:
        eps: half the width of the band, 0 to 1/2; at 1/2 the latent values stay as they are.
        margin: of the triplets, in bits, > 0.

    Raises:
        ValueError: an argument out of its range.
    """

    source = "Lai et al., 2015"
    group, supervision = GROUPS[2], "triplets"
    published_trunk = "network in network"
    several_labels = True
    head = "slices"

    def __init__(self, eps: float = 0.1, margin: float = 1.0):
        super().__init__()
        if not 0 <= eps <= 0.5 or margin <= 0:
            raise ValueError(f"need eps in 0..0.5 and margin > 0, got {eps} and {margin}")
        self.eps, self.margin = eps, margin

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> DNNHTerms:
        """Return the terms of a batch; labels int64 ``(n,)`` or 0 and 1 ``(n, classes)``."""
        codes = piecewise(outputs.latent, self.eps)
        gaps = triplet_gaps(squared_distances(codes), similar_pairs(labels))
        triplets = active_mean(torch.relu(self.margin + gaps))
        return DNNHTerms(triplets, triplets)
