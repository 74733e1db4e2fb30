"""Fewer filters that lose little of what the layer says. Taught in notebook 06.

Zhang, Zou, He, Sun (2016), "Accelerating very deep convolutional networks for classification and
detection". The d values y of a layer at one place lie near a space of k < d dimensions, so that k
filters and a 1 x 1 convolution M = P Q' do the work of d: W' = Q' W, then P. Two things make it
better than a principal component analysis of y:

- nonlinear: what the next layer reads is r(y) = max(0, y), so keep that,
  min sum_i ||r(y_i) - r(M y_i + b)||^2;
- asymmetric: a layer behind compressed ones reads something else than it was made for. Let
  yhat be what its own filters say of *that*, and keep the y of the whole network,
  min sum_i ||r(y_i) - r(M yhat_i + b)||^2.

Auxiliary values z_i in the place of M yhat_i + b, and a penalty lambda ||z_i - (M yhat_i + b)||^2,
let two solvable problems take turns: the best z, a number at a time, and the best M of rank k for
it, a reduced-rank regression. Lambda is small at first, then 1.
"""

import torch
from torch import nn

from mvs_lib.compress.layers import check_rank, convolution, linear, replaced, spatial_settings
from mvs_lib.compress.reconstruction import responses

__all__ = [
    "asymmetric", "choose_ranks", "fewer_filters", "fit_responses", "multiplied_out",
    "reduced_rank",
]  # fmt: skip

LAMBDAS = (0.01, 1.0)
TURNS = 25  # with each
RIDGE = 1e-6  # of the regression, as a share of the mean variance of what it reads
SAMPLES = 20_000  # places that responses are compared at


def reduced_rank(
    x: torch.Tensor, y: torch.Tensor, rank: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return P, Q and b that minimise sum_i ||y_i - (P Q' x_i + b)||^2.

    Args:
        x: ``(n, d)``.
        y: ``(n, e)``.
        rank: k, columns of P and Q, 1 to min(d, e).

    Returns:
        float64 ``(e, k)`` with orthonormal columns, ``(d, k)`` and ``(e,)``.
    """
    x, y = x.double(), y.double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    centred, wanted = x - x_mean, y - y_mean
    gram = centred.T @ centred
    ridge = RIDGE * gram.diagonal().mean().clamp(min=1e-30) * torch.eye(len(gram)).double()
    whole = torch.linalg.solve(gram + ridge, centred.T @ wanted)  # (d, e), of full rank
    # The best of rank k is the whole one, projected on what it says most.
    said = whole.T @ gram @ whole
    p = torch.linalg.eigh(said).eigenvectors[:, -rank:].flip(1)
    q = whole @ p
    return p, q, y_mean - p @ (q.T @ x_mean)


def fit_responses(
    y: torch.Tensor, seen: torch.Tensor, rank: int, relu: bool = True
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return P, Q and b for which r(P Q' seen_i + b) is near r(y_i), r the rectifier.

    Args:
        y: ``(n, d)``, what the layer says in the whole network.
        seen: ``(n, d)``, what its filters say of what they really read; `y` itself makes the fit
            symmetric.
        rank: k, 1 to d.
        relu: whether a rectifier follows; without it the fit is a `reduced_rank` regression.
    """
    y, seen = y.double(), seen.double()
    found = reduced_rank(seen, y, rank)
    if not relu:
        return found
    least, best = _rectified_error(y, seen, found), found
    for penalty in LAMBDAS:
        for _ in range(TURNS):
            z = auxiliary(y, _apply(seen, found), penalty)
            found = reduced_rank(seen, z, rank)
            error = _rectified_error(y, seen, found)
            if error < least:  # the penalised loss falls at each turn; what is asked for mostly
                least, best = error, found
    return best


def auxiliary(y: torch.Tensor, said: torch.Tensor, penalty: float) -> torch.Tensor:
    """Return the z that minimise (r(y) - r(z))^2 + penalty (z - said)^2, number by number."""
    kept = y.clamp(min=0)
    off = said.clamp(max=0)
    on = ((penalty * said + kept) / (penalty + 1)).clamp(min=0)
    costs = [(kept - z.clamp(min=0)) ** 2 + penalty * (z - said) ** 2 for z in (off, on)]
    return torch.where(costs[0] <= costs[1], off, on)


def _apply(x: torch.Tensor, found: tuple[torch.Tensor, ...]) -> torch.Tensor:
    p, q, b = found
    return x @ q @ p.T + b


def _rectified_error(y, seen, found) -> float:
    return float((y.clamp(min=0) - _apply(seen, found).clamp(min=0)).square().sum())


def fewer_filters(
    layer: nn.Conv2d | nn.Linear, found: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> nn.Sequential:
    """Return k filters and a layer that makes d values of theirs.

    Args:
        layer: with d outputs.
        found: P, Q and b, from `fit_responses`.

    Raises:
        ValueError: a convolution in groups.
    """
    if getattr(layer, "groups", 1) != 1:
        raise ValueError("a convolution in groups has no filters that could be shared")
    p, q, bias = found
    weight = layer.weight.detach().double()
    if layer.bias is not None:
        bias = bias + p @ (q.T @ layer.bias.detach().double())
    first = torch.einsum("dk,d...->k...", q, weight)
    if isinstance(layer, nn.Linear):
        return nn.Sequential(linear(first, None, layer), linear(p, bias, layer))
    return nn.Sequential(
        convolution(first, None, layer, **spatial_settings(layer)),
        convolution(p[:, :, None, None], bias, layer),
    )


def multiplied_out(pair: nn.Sequential) -> nn.Conv2d:
    """Return the one convolution that says what k filters and a 1 x 1 convolution say.

    The way back from `fewer_filters`: what learned on can be taken apart again, further.

    Args:
        pair: of convolutions, the second one of 1 x 1.

    Raises:
        ValueError: another second layer.
    """
    first, second = pair
    if second.kernel_size != (1, 1) or second.groups != 1 or second.stride != (1, 1):
        raise ValueError(f"the second layer must be a 1 x 1 convolution, got {second}")
    mixture = second.weight.detach()[:, :, 0, 0].double()
    weight = torch.einsum("tk,k...->t...", mixture, first.weight.detach().double())
    bias = None if second.bias is None else second.bias.detach().double()
    if first.bias is not None:
        bias = mixture @ first.bias.detach().double() + (0 if bias is None else bias)
    return convolution(weight, bias, first, groups=first.groups, **spatial_settings(first))


def asymmetric(
    network: nn.Module, ranks: dict[str, int], inputs: torch.Tensor, *, relu: bool = True,
    symmetric: bool = False, random_state: int = 0,
) -> nn.Module:  # fmt: skip
    """Return a copy of a network some of whose layers have fewer filters, fitted one by one.

    Args:
        network: normalisations folded (`mvs_lib.compress.folding`): what a layer says should be
            what its rectifier reads.
        ranks: k by the layer's name, in the order in which data passes through them.
        inputs: what the network takes, some hundreds.
        relu: whether a rectifier follows these layers.
        symmetric: fit each layer as if those before it were whole, for comparison.
        random_state: of the places at which responses are compared.

    Raises:
        ValueError: no such layer, or a rank out of its range.
    """
    new, known = network, dict(network.named_modules())
    generator = torch.Generator().manual_seed(random_state)
    for name, rank in ranks.items():
        layer = known.get(name)
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            raise ValueError(f"{name!r} is no convolution or linear layer of the network")
        check_rank(f"the rank of {name}", rank, layer.weight.shape[0])
        said = responses(network, name, inputs)[1]
        seen = said
        if new is not network and not symmetric:
            with torch.no_grad():
                seen = layer(responses(new, name, inputs)[0])
        chosen = torch.randperm(said.numel() // said.shape[1], generator=generator)[:SAMPLES]
        pair = (part.movedim(1, -1).flatten(0, -2)[chosen] for part in (said, seen))
        found = fit_responses(*pair, rank, relu)
        new = replaced(new, {name: fewer_filters(layer, found)})
    return new


def choose_ranks(
    energies: dict[str, torch.Tensor], macs: dict[str, float], budget: float
) -> dict[str, int]:
    """Return how many filters each layer keeps, the product of the kept energies large.

    Greedily: as long as the layers cost more than the budget, the filter goes whose energy, as a
    share of what its layer still has, is least for the operations that it saves.

    Args:
        energies: by layer, the variances of its responses in principal directions, falling.
        macs: by layer, the operations that one filter costs, the 1 x 1 convolution included.
        budget: operations in all.

    Raises:
        ValueError: even one filter a layer costs more than the budget.
    """
    if sum(macs.values()) > budget:
        raise ValueError(
            f"one filter a layer costs {sum(macs.values()):,.0f} operations, more than the budget "
            f"of {budget:,.0f}"
        )
    ranks = {name: len(values) for name, values in energies.items()}
    left = {name: values.double().cumsum(0) for name, values in energies.items()}

    def loss(name: str) -> float:
        k = ranks[name]
        share = energies[name][k - 1].double() / left[name][k - 1].clamp(min=1e-300)
        return float(share / macs[name])

    while sum(ranks[name] * macs[name] for name in ranks) > budget:
        cheapest = min((name for name in ranks if ranks[name] > 1), key=loss)
        ranks[cheapest] -= 1
    return ranks
