"""Many weights, few values: each layer learns a small codebook. Taught in notebook 07.

Han, Mao, Dally (2016), "Deep compression", section 3. The weights of a layer that are not 0 are
clustered to k values c by k-means, W_ij = c_(I_ij), and a weight is stored as a label of log2(k)
bits. The first centres lie evenly between the smallest and the largest weight: large weights are
few and matter most, and centres drawn by density would forget them. Then the values learn on: the
gradient of a centre is the sum of those of its weights, dL/dc_k = sum_(I_ij = k) dL/dW_ij.
Weights of 0 are pruned ones; they stay 0 and have a label of their own, 0.

A sum over thousands of weights would need a rate of its own for each value. So what learns is
``c_k sqrt(n_k)``, with n_k the weights that share the value: a step of gradient descent then moves
each weight by the mean of what its like would have moved by themselves, at any rate that suits
them; it is their own step, projected on the networks that share (ours; equal to the paper's with
a rate of 1/n_k).
"""

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from mvs_lib.compress.layers import check_rank, weighted
from mvs_lib.compress.pruning import settled

__all__ = ["SharedWeights", "cluster", "shared"]

STEPS = 100  # of k-means, at most


def cluster(values: np.ndarray, k: int, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Cluster numbers by k-means, from centres that lie evenly between the least and the largest.

    Args:
        values: real ``(n,)``, at least one.
        k: number of centres, at least 1.
        steps: at most; fewer if nothing changes any more.

    Returns:
        centres: float64 ``(k,)``, rising; one without members stays where it was.
        members: int64 ``(n,)``, the nearest centre of each value, the lower one of two.

    Raises:
        ValueError: no values, values that are not finite, or ``k`` below 1.
    """
    values = np.asarray(values, np.float64)
    check_rank("k", k, 10**6)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"values must be finite numbers (n,), at least one, got {values.shape}")
    order = np.argsort(values, kind="stable")
    rising = values[order]
    sums = np.concatenate([[0.0], np.cumsum(rising)])
    centres = np.linspace(rising[0], rising[-1], k)
    edges = _edges(rising, centres)
    for _ in range(steps):
        counts = np.diff(edges)
        means = np.diff(sums[edges]) / np.maximum(counts, 1)
        new = np.sort(np.where(counts > 0, means, centres))
        if np.array_equal(new, centres):
            break
        centres, edges = new, _edges(rising, new)
    members = np.empty(len(values), np.int64)
    members[order] = np.repeat(np.arange(k), np.diff(edges))
    return centres, members


def _edges(rising: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return where each centre's members begin among rising values, and where the last end."""
    between = np.searchsorted(rising, (centres[1:] + centres[:-1]) / 2, side="right")
    return np.concatenate([[0], between, [len(rising)]])


class SharedWeights(nn.Module):
    """Makes weights of a codebook: a parametrization, see `torch.nn.utils.parametrize`.

    ``labels``, int64 of the weights' shape, says which value each weight has: 0 is 0, i is the
    codebook's value i - 1. ``root``, real ``(k,)``, is the square root of how many weights have a
    value, or 1. What learns is the codebook times the root; backwards, a value of the codebook gets
    the sum of its weights' gradients.
    """

    def __init__(self, labels: torch.Tensor, codebook: torch.Tensor):
        super().__init__()
        self.register_buffer("labels", labels)
        counts = torch.bincount(labels.flatten(), minlength=len(codebook) + 1)[1:]
        self.register_buffer("root", counts.clamp(min=1).to(codebook).sqrt())
        self._first = codebook

    def forward(self, learned: torch.Tensor) -> torch.Tensor:
        """Return the weights."""
        codebook = learned / self.root
        return torch.cat([codebook.new_zeros(1), codebook])[self.labels]

    def right_inverse(self, weights: torch.Tensor) -> torch.Tensor:
        """Return what `torch.nn.utils.parametrize` keeps in the weights' place and teaches."""
        return self._first.to(weights) * self.root


def shared(network: nn.Module, values: dict[str, int]) -> nn.Module:
    """Return a copy whose layers share their weights, and in which only the values learn.

    Args:
        network: pruned or not; weights of 0 stay 0.
        values: by the layer's name, how many different values besides 0 it has: 15 fit 4 bits.

    Raises:
        ValueError: no such layer, one without weights, one all of whose weights are 0, or fewer
            than one value.
    """
    new = settled(network)
    for name, k in values.items():
        layer = weighted(new, name)
        weights = layer.weight.detach()
        there = weights != 0
        if not there.any():
            raise ValueError(f"all weights of {name} are 0: nothing is left to share")
        centres, members = cluster(weights[there].double().cpu().numpy(), k)
        labels = torch.zeros(weights.shape, dtype=torch.int64, device=weights.device)
        labels[there] = torch.from_numpy(members + 1).to(labels.device)
        codebook = torch.from_numpy(centres).to(weights)
        parametrize.register_parametrization(layer, "weight", SharedWeights(labels, codebook))
    return new
