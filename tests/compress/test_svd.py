"""Denton et al.: at full rank nothing changes, below it the error is the one that theory says."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mvs_lib.compress.cost import cost
from mvs_lib.compress.svd import biclustered, monochromatic, split_linear


def exact(layer, other, inputs, tolerance=1e-9):
    with torch.no_grad():
        torch.testing.assert_close(other(inputs), layer(inputs), rtol=tolerance, atol=tolerance)


def conv(inputs, outputs, kernel=3, **settings):
    torch.manual_seed(inputs * outputs)
    return nn.Conv2d(inputs, outputs, kernel, **settings).double()


def product(layers):
    return layers[1].weight @ layers[0].weight


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_the_error_of_a_split_is_that_of_eckart_and_young(n, m, data):
    torch.manual_seed(data.draw(st.integers(0, 1000)))
    layer = nn.Linear(m, n).double()
    rank = data.draw(st.integers(1, min(n, m)))
    split = split_linear(layer, rank)
    left_out = torch.linalg.svdvals(layer.weight)[rank:]
    error = torch.linalg.matrix_norm(layer.weight - product(split))
    assert abs(error - left_out.square().sum().sqrt()) < 1e-10
    if rank == min(n, m):
        exact(layer, split, torch.randn(3, m, dtype=torch.float64))
    assert cost(split, torch.zeros(1, m).double()).macs == rank * (n + m)


def test_with_inputs_no_other_split_says_them_better():
    torch.manual_seed(0)
    layer = nn.Linear(20, 15).double()
    x = torch.randn(400, 20).double() @ torch.diag(torch.logspace(0, -2, 20).double())
    x = x @ torch.linalg.qr(torch.randn(20, 20).double()).Q
    with torch.no_grad():
        wanted = x @ layer.weight.T
        best = torch.linalg.svdvals(wanted)[5:].square().sum()  # of any rank-5 approximation
        ours = (x @ product(split_linear(layer, 5, x)).T - wanted).square().sum()
        plain = (x @ product(split_linear(layer, 5)).T - wanted).square().sum()
    assert abs(ours - best) < 1e-8 * best and plain > 1.2 * ours


def test_directions_without_data_are_free():
    torch.manual_seed(1)
    layer = nn.Linear(10, 8).double()
    x = torch.randn(50, 3).double() @ torch.randn(3, 10).double()
    split = split_linear(layer, 3, x)
    exact(layer, split, x, 1e-7)


@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 1}, {"bias": False}])
def test_filters_that_share_colours_are_found(settings):
    """Sixteen filters over RGB made of three colours, and as many as there are filters."""
    layer = conv(3, 16, 5, **settings)
    x = torch.randn(2, 3, 17, 17).double()
    with torch.no_grad():
        colours = torch.linalg.qr(torch.randn(3, 3).double()).Q
        patterns = torch.randn(16, 5, 5).double()
        layer.weight.copy_(torch.einsum("fc,fyx->fcyx", colours[torch.arange(16) % 3], patterns))
    shared = monochromatic(layer, 3)
    exact(layer, shared, x)
    whole, split = cost(layer, x), cost(shared, x)
    outputs = layer(x)[0, 0].numel()
    assert whole.macs == 16 * 3 * 25 * outputs
    assert split.macs == 3 * 3 * 17 * 17 + 16 * 25 * outputs


def test_more_colours_lose_less_and_one_loses_what_the_best_one_must():
    layer = conv(3, 24, 5)
    slices = layer.weight.detach().flatten(2)
    errors = []
    for colours in (1, 4, 12, 24):
        shared = monochromatic(layer, colours)
        mixed = shared.mix.weight[:, :, 0, 0][shared.colour]
        said = torch.einsum("fc,fp->fcp", mixed, shared.patterns.weight.flatten(1))
        errors.append((slices - said).square().sum().item())
    assert errors == sorted(errors, reverse=True)
    together = slices.transpose(0, 1).flatten(1)  # one colour: the first left singular vector
    assert np.isclose(errors[0], torch.linalg.svdvals(together)[1:].square().sum().item())
    alone = torch.linalg.svdvals(slices)[:, 1:].square().sum().item()
    assert np.isclose(errors[-1], alone), "with a colour of its own each filter is of rank one"


@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 1}, {"bias": False}])
@pytest.mark.parametrize("groups", [(1, 1), (2, 3), (4, 1)])
def test_blocks_at_full_rank_are_the_convolution(groups, settings):
    layer = conv(8, 12, **settings)
    ranks = 8 // groups[0], 12 // groups[1]
    exact(layer, biclustered(layer, groups, ranks), torch.randn(2, 8, 9, 9).double())


def test_blocks_that_are_there_are_found():
    """Channels of two kinds, shuffled: each kind of output reads one kind of input at rank one."""
    torch.manual_seed(2)
    layer = conv(8, 12, padding=1)
    order, places = torch.randperm(8), torch.randperm(12)
    with torch.no_grad():
        weight = torch.zeros(12, 8, 3, 3).double()
        for kind in range(2):
            sides = torch.rand(6).double() + 1, torch.rand(4).double() + 1
            block = torch.einsum("t,s,yx->tsyx", *sides, torch.randn(3, 3).double())
            weight[6 * kind : 6 * kind + 6, 4 * kind : 4 * kind + 4] = block
        layer.weight.copy_(weight[places][:, order])
    x = torch.randn(2, 8, 9, 9).double()
    split = biclustered(layer, (2, 2), (1, 1))
    exact(layer, split, x)
    assert cost(split, x).macs == 81 * (4 * 4 + 4 * 9 + 2 * 6 * 2)


def test_higher_ranks_lose_less():
    layer, x = conv(16, 16), torch.randn(4, 16, 9, 9).double()
    with torch.no_grad():
        errors = [
            (biclustered(layer, (2, 2), (k, k))(x) - layer(x)).square().mean().item()
            for k in (1, 2, 4, 8)
        ]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-20 < errors[-2]


def test_what_cannot_be_split_is_refused():
    layer, whole = conv(8, 12), nn.Linear(4, 6)
    with pytest.raises(ValueError, match=r"rank must be a whole number in 1..4, got 5"):
        split_linear(whole, 5)
    with pytest.raises(ValueError, match=r"inputs must be \(count, 4\)"):
        split_linear(whole, 2, torch.zeros(3, 5))
    with pytest.raises(ValueError, match="colours"):
        monochromatic(layer, 13)
    with pytest.raises(ValueError, match="8 channels do not go into G = 3 equal groups"):
        biclustered(layer, (3, 2), (1, 1))
    with pytest.raises(ValueError, match=r"K1 must be a whole number in 1..4"):
        biclustered(layer, (2, 2), (5, 1))
    with pytest.raises(ValueError, match="without groups"):
        biclustered(conv(8, 12, groups=2), (2, 2), (1, 1))
