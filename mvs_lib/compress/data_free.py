"""Neurons that say the same become one, without a look at data. Taught in notebook 07.

Srinivas, Babu (2015), "Data-free parameter pruning for deep neural networks". Behind a rectifier,
two neurons i and j of a layer with equal weights W_i = W_j are equal, and one of them may go if the
other speaks for both: a_i becomes a_i + a_j, where a are the weights of the next layer that read
them. If they are only alike, the next layer's outputs change by at most what the *saliency* says
on the average, squared

    s_ij = mean(a_j^2) ||W_i - W_j||^2,    biases counted as weights.

The pair with the least goes first, then row and column of i are computed anew. How
many may go? Saliencies rise slowly as long as neurons are spare; the first peak of their histogram
tells where the others begin.
"""

import torch
from torch import nn

from mvs_lib.compress.layers import check_rank, linear

__all__ = ["merge_neurons", "merges", "spare"]


def merges(
    first: nn.Linear, second: nn.Linear, count: int
) -> tuple[list[tuple[int, int]], list[float]]:
    """Return which neurons go, one after another, and what each costs.

    Args:
        first: the layer whose neurons are merged.
        second: the layer that reads them, behind a rectifier.
        count: how many go, 0 to all but one.

    Returns:
        Pairs (i, j), neuron j goes into neuron i, and the saliency of each.

    Raises:
        ValueError: layers that do not fit together, or a count out of its range.
    """
    n = first.out_features
    if second.in_features != n:
        raise ValueError(f"{n} neurons are read by a layer of {second.in_features} inputs")
    if not isinstance(count, int) or not 0 <= count < n:
        raise ValueError(f"0 to {n - 1} of {n} neurons can go, got {count!r}")
    weights = first.weight.detach().double()
    if first.bias is not None:
        weights = torch.cat([weights, first.bias.detach().double()[:, None]], 1)
    reading = second.weight.detach().double().clone()  # (outputs, n)
    apart = torch.cdist(weights, weights, compute_mode="donot_use_mm_for_euclid_dist").square()
    saliency = apart * reading.square().mean(0)  # row i stays, column j goes
    saliency.fill_diagonal_(torch.inf)
    pairs, costs = [], []
    for _ in range(count):
        i, j = divmod(int(saliency.argmin()), n)
        pairs.append((i, j))
        costs.append(float(saliency[i, j]))
        reading[:, i] += reading[:, j]
        saliency[j], saliency[:, j] = torch.inf, torch.inf
        gone = saliency[:, i] == torch.inf
        saliency[:, i] = apart[:, i] * reading[:, i].square().mean()
        saliency[gone, i] = torch.inf
    return pairs, costs


def merge_neurons(first: nn.Linear, second: nn.Linear, count: int) -> tuple[nn.Linear, nn.Linear]:
    """Return both layers with fewer neurons between them; arguments and errors as in `merges`."""
    pairs, _ = merges(first, second, count)
    reading = second.weight.detach().double().clone()
    stay = torch.ones(first.out_features, dtype=torch.bool)
    for i, j in pairs:
        reading[:, i] += reading[:, j]
        stay[j] = False
    bias = None if first.bias is None else first.bias.detach()[stay]
    return (
        linear(first.weight.detach()[stay], bias, first),
        linear(reading[:, stay], second.bias, second),
    )


def spare(costs: list[float], bins: int = 50) -> int:
    """Return how many neurons are spare: those that cost less than the first peak of all costs.

    Args:
        costs: saliencies in the order of `merges`, of all neurons but one.
        bins: of the histogram, over the logarithms of the costs that are not 0.

    Raises:
        ValueError: no costs, or fewer than three bins.
    """
    check_rank("bins", bins, 10**6)
    if not costs or bins < 3:
        raise ValueError("give costs, and at least three bins")
    values = torch.tensor(costs, dtype=torch.float64)
    there = values[values > values.max() * 1e-12].log()
    counts = torch.histc(there, bins)
    smooth = nn.functional.avg_pool1d(counts[None], 5, 1, 2)[0]
    height = smooth.max() / 10  # less than that is chance, not a peak
    padded = nn.functional.pad(smooth, (1, 1), value=-1.0)
    peaks = (padded[1:-1] >= padded[:-2]) & (padded[1:-1] > padded[2:]) & (smooth >= height)
    peak = int(peaks.nonzero()[0])
    edge = there.min() + (there.max() - there.min()) * (peak + 0.5) / bins
    over = (values > edge.exp()).nonzero()
    return int(over[0]) if len(over) else len(costs)
