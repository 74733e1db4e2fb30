"""Jaderberg et al.: both schemes are exact at full rank and cost what the paper says."""

import pytest
import torch
from torch import nn

from mvs_lib.compress.cost import cost
from mvs_lib.compress.cp import outer_sum
from mvs_lib.compress.low_rank import separable, separable_basis

SETTINGS = [{}, {"stride": 2, "padding": 1}, {"stride": (2, 1), "padding": (0, 2), "bias": False}]


def layer_of(inputs=4, outputs=6, kernel=3, **settings):
    torch.manual_seed(7)
    return nn.Conv2d(inputs, outputs, kernel, **settings).double()


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_column_and_a_row_at_full_rank_are_the_convolution(settings):
    layer, x = layer_of(kernel=(3, 5), **settings), torch.randn(2, 4, 11, 12).double()
    with torch.no_grad():
        torch.testing.assert_close(separable(layer, 12)(x), layer(x), rtol=1e-10, atol=1e-10)


def test_below_it_the_error_is_what_is_left_of_the_singular_values():
    layer = layer_of()
    matrix = layer.weight.detach().permute(1, 2, 0, 3).reshape(12, 18)
    for rank in (1, 4, 9):
        down, across = (part.weight.detach() for part in separable(layer, rank))
        said = torch.einsum("kcy,fkx->fcyx", down[..., 0], across[:, :, 0])
        left_out = torch.linalg.svdvals(matrix)[rank:].square().sum().sqrt()
        assert float((layer.weight.detach() - said).norm()) == pytest.approx(float(left_out))


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_shared_basis_that_is_there_is_found(settings):
    layer, x = layer_of(**settings), torch.randn(2, 4, 9, 9).double()
    with torch.no_grad():
        factors = [torch.randn(n, 3).double() for n in (24, 3, 3)]
        layer.weight.copy_(outer_sum(factors).view_as(layer.weight))
        split = separable_basis(layer, 3)
        torch.testing.assert_close(split(x), layer(x), rtol=1e-6, atol=1e-6)


def test_nine_filters_are_a_basis_of_all():
    layer, x = layer_of(), torch.randn(2, 4, 9, 9).double()
    with torch.no_grad():
        error = (separable_basis(layer, 9, starts=5)(x) - layer(x)).abs().max()
    assert error < 1e-3


def test_they_cost_what_the_paper_says():
    layer, x = layer_of(padding=1), torch.zeros(1, 4, 10, 10).double()
    assert cost(separable(layer, 5), x).macs == 100 * 5 * 3 * (4 + 6)
    assert cost(separable_basis(layer, 2), x).macs == 100 * (4 * 2 * 2 * 3 + 6 * 4 * 2)


def test_a_rank_out_of_its_range_is_refused():
    with pytest.raises(ValueError, match=r"rank must be a whole number in 1..12, got 13"):
        separable(layer_of(), 13)
    with pytest.raises(ValueError, match="without groups"):
        separable_basis(nn.Conv2d(4, 4, 3, groups=4), 1)
