"""Zhang et al.: each step is the best there is, and the three ways stand in the paper's order."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mvs_lib.compress.asymmetric import (
    asymmetric,
    auxiliary,
    choose_ranks,
    fewer_filters,
    fit_responses,
    multiplied_out,
    reduced_rank,
)
from mvs_lib.compress.cost import cost


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def said(x, found):
    p, q, b = found
    return x @ q @ p.T + b


def test_a_reduced_rank_regression_is_the_best_of_its_rank():
    """Against gradient descent over all matrices of the rank, from several starts."""
    x = normal(300, 6) @ normal(6, 6, seed=1)
    y = x @ normal(6, 5, seed=2) + 0.3 * normal(300, 5, seed=3) + 2
    ours = float((y - said(x, reduced_rank(x, y, 2))).square().sum())
    for start in range(3):
        parts = [normal(*shape, seed=10 + start).requires_grad_() for shape in ((5, 2), (6, 2))]
        b = torch.zeros(5).double().requires_grad_()
        optimizer = torch.optim.LBFGS([*parts, b], max_iter=300, line_search_fn="strong_wolfe")

        def loss(p=parts[0], q=parts[1], b=b, optimizer=optimizer):
            optimizer.zero_grad()
            value = (y - (x @ q @ p.T + b)).square().sum()
            value.backward()
            return value

        optimizer.step(loss)
        assert ours <= loss().item() * (1 + 1e-5)
    p, _, _ = reduced_rank(x, y, 2)
    torch.testing.assert_close(p.T @ p, torch.eye(2).double())


def test_of_y_itself_it_is_the_principal_component_analysis():
    y = normal(200, 7) @ normal(7, 7, seed=4) + 1
    error = float((y - said(y, reduced_rank(y, y, 3))).square().sum())
    values = torch.linalg.svdvals(y - y.mean(0))
    assert error == pytest.approx(float(values[3:].square().sum()), rel=1e-5)
    whole = reduced_rank(y, y, 7)
    torch.testing.assert_close(said(y, whole), y, rtol=1e-4, atol=1e-4)


@given(st.floats(-5, 5), st.floats(-5, 5), st.sampled_from([0.01, 0.1, 1.0, 10.0]))
def test_no_auxiliary_value_of_a_fine_grid_is_better(y, there, penalty):
    def loss(z):
        return (max(y, 0) - np.maximum(z, 0)) ** 2 + penalty * (z - there) ** 2

    z = float(auxiliary(torch.tensor([y]).double(), torch.tensor([there]).double(), penalty)[0])
    assert loss(z) <= loss(np.linspace(-6, 6, 24_001)).min() + 1e-9


def test_each_turn_lowers_the_penalised_loss():
    y = normal(400, 8) @ normal(8, 8, seed=5)
    seen, penalty = y + 0.5 * normal(400, 8, seed=6), 0.1
    found, losses = reduced_rank(seen, y, 3), []
    for _ in range(15):
        z = auxiliary(y, said(seen, found), penalty)
        found = reduced_rank(seen, z, 3)
        error = (y.clamp(min=0) - z.clamp(min=0)).square().sum()
        losses.append(float(error + penalty * (z - said(seen, found)).square().sum()))
    assert all(b <= a * (1 + 1e-6) for a, b in itertools.pairwise(losses))
    assert losses[-1] < 0.98 * losses[0]


def test_knowing_the_rectifier_and_the_real_input_both_help():
    y = normal(2000, 10) @ normal(10, 10, seed=7) - 1
    seen = y + normal(2000, 10, seed=8) @ normal(10, 10, seed=9) / 2

    def error(found):
        return float((y.clamp(min=0) - said(seen, found).clamp(min=0)).square().mean())

    symmetric = error(fit_responses(y, y, 4))
    linear = error(fit_responses(y, seen, 4, relu=False))
    both = error(fit_responses(y, seen, 4))
    assert both < 0.97 * linear and both < 0.97 * symmetric


@pytest.mark.parametrize("bias", [True, False])
def test_two_layers_multiplied_out_say_what_both_say(bias):
    layer = nn.Conv2d(5, 8, 3, stride=2, padding=1, bias=bias).double()
    pair = fewer_filters(layer, fit_responses(normal(60, 8), normal(60, 8, seed=1), 3))
    x = normal(2, 5, 9, 9)
    whole = multiplied_out(pair)
    torch.testing.assert_close(whole(x), pair(x))
    assert whole.weight.shape == layer.weight.shape
    pair[0].bias = nn.Parameter(normal(3))
    torch.testing.assert_close(multiplied_out(pair)(x), pair(x))
    with pytest.raises(ValueError, match="1 x 1"):
        multiplied_out(nn.Sequential(layer, nn.Conv2d(8, 4, 3)))


@pytest.mark.parametrize("bias", [True, False])
def test_fewer_filters_say_what_the_fit_says(bias):
    torch.manual_seed(0)
    layer = nn.Conv2d(5, 8, 3, stride=2, padding=1, bias=bias).double()
    x = normal(6, 5, 9, 9)
    with torch.no_grad():
        y = layer(x).movedim(1, -1).flatten(0, -2)
        found = fit_responses(y, y, 3, relu=False)
        split = fewer_filters(layer, found)
        wanted = said(y, found).view(6, 5, 5, 8).movedim(-1, 1)
        torch.testing.assert_close(split(x), wanted, rtol=1e-9, atol=1e-9)
        whole = fewer_filters(layer, fit_responses(y, y, 8, relu=False))
        torch.testing.assert_close(whole(x), layer(x), rtol=1e-4, atol=1e-4)
    assert cost(split, x).macs == 25 * (3 * 5 * 9 + 8 * 3)
    linear = nn.Linear(4, 6, bias=bias).double()
    x = normal(30, 4)
    with torch.no_grad():
        found = fit_responses(linear(x), linear(x), 2, relu=False)
        torch.testing.assert_close(fewer_filters(linear, found)(x), said(linear(x), found))


@pytest.fixture
def network():
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(12, 12, 3, padding=1),
        nn.ReLU(), nn.Conv2d(12, 12, 3), nn.ReLU(),
    ).double()  # fmt: skip


def test_layers_behind_compressed_ones_make_up_for_them(network):
    x, ranks = normal(30, 3, 8, 8), {"0": 4, "2": 4, "4": 4}
    with torch.no_grad():
        wanted = network(x)
        errors = {
            symmetric: float((asymmetric(network, ranks, x, symmetric=symmetric)(x) - wanted)
                             .square().mean())
            for symmetric in (True, False)
        }  # fmt: skip
    assert errors[False] < 0.95 * errors[True]


def test_at_full_rank_the_network_stays_and_the_original_is_untouched(network):
    x = normal(30, 3, 8, 8)
    before = [p.clone() for p in network.parameters()]
    new = asymmetric(network, {"0": 12, "2": 12}, x)
    with torch.no_grad():
        torch.testing.assert_close(new(x), network(x), rtol=1e-3, atol=1e-3)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    with pytest.raises(ValueError, match="no convolution or linear layer"):
        asymmetric(network, {"1": 2}, x)
    with pytest.raises(ValueError, match=r"the rank of 0 must be a whole number in 1..12"):
        asymmetric(network, {"0": 13}, x)


def test_the_greedy_ranks_keep_within_the_budget_and_take_what_is_cheap():
    energies = {"a": torch.tensor([8.0, 1, 1, 1e-9]), "b": torch.tensor([4.0, 3, 2, 1])}
    macs = {"a": 10.0, "b": 20.0}
    assert choose_ranks(energies, macs, 120) == {"a": 4, "b": 4}
    assert choose_ranks(energies, macs, 119) == {"a": 3, "b": 4}
    ranks = choose_ranks(energies, macs, 60)
    assert sum(macs[name] * k for name, k in ranks.items()) <= 60
    assert choose_ranks(energies, macs, 30) == {"a": 1, "b": 1}
    with pytest.raises(ValueError, match="more than the budget"):
        choose_ranks(energies, macs, 29)
    dear = choose_ranks(energies, {"a": 10.0, "b": 1000.0}, 3030)
    assert dear == {"a": 3, "b": 3}, "what saves more may lose more"
