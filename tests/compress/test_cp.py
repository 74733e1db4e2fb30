"""Lebedev et al.: a CP that is there is found, and the four convolutions are the sum."""

import pytest
import torch
from torch import nn

from mvs_lib.compress.cost import cost
from mvs_lib.compress.cp import _solve, cp_convolution, fit_cp, from_factors, outer_sum


def some(*sizes, rank, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, rank, generator=generator, dtype=torch.float64) for n in sizes]


def error(tensor, factors):
    return float((tensor - outer_sum(factors)).norm() / tensor.norm())


@pytest.mark.parametrize(("sizes", "rank"), [((24, 16, 3, 3), 10), ((9, 8, 7), 6), ((7, 5), 4)])
def test_a_sum_that_is_there_is_found(sizes, rank):
    """Alternating least squares stops at errors of a hundredth here; Gauss-Newton does not."""
    tensor = outer_sum(some(*sizes, rank=rank))
    assert error(tensor, fit_cp(tensor, rank)) < 1e-8


def test_more_terms_lose_less_and_of_a_matrix_what_eckart_and_young_say():
    (matrix,) = some(12, rank=9, seed=5)
    values = torch.linalg.svdvals(matrix)
    for rank in (1, 3, 6):
        wanted = float(values[rank:].square().sum().sqrt() / matrix.norm())
        assert error(matrix, fit_cp(matrix, rank)) == pytest.approx(wanted, rel=1e-4)


def test_the_products_of_the_solver_are_those_of_the_derivative():
    """(J'J + I) step = right, with J written out by autograd."""
    factors = some(4, 3, 2, rank=3, seed=1)
    right = some(4, 3, 2, rank=3, seed=2)
    step = _solve(factors, [f.T @ f for f in factors], right, 1.0)

    def flat(parts):
        return torch.cat([part.flatten() for part in parts])

    def said(vector):
        parts = vector.split([f.numel() for f in factors])
        return outer_sum([p.view_as(f) for p, f in zip(parts, factors, strict=True)]).flatten()

    jacobian = torch.autograd.functional.jacobian(said, flat(factors))
    matrix = jacobian.T @ jacobian + torch.eye(27, dtype=torch.float64)
    torch.testing.assert_close(matrix @ flat(step), flat(right), rtol=1e-4, atol=1e-4)


def test_the_columns_of_a_term_are_of_one_size_and_a_ridge_keeps_them_small():
    tensor = outer_sum(some(6, 5, 4, rank=5, seed=6))
    free, held = fit_cp(tensor, 3), fit_cp(tensor, 3, ridge=0.1)
    for factors in (free, held):
        norms = torch.stack([factor.norm(dim=0) for factor in factors])
        torch.testing.assert_close(norms, norms[:1].expand_as(norms))
    assert held[0].norm() < free[0].norm() and error(tensor, held) >= error(tensor, free)


@pytest.mark.parametrize(
    "settings", [{}, {"stride": 2, "padding": 1}, {"stride": (1, 2), "dilation": (2, 1)},
                 {"bias": False, "padding": (0, 2)}],
)  # fmt: skip
def test_the_four_convolutions_are_the_sum(settings):
    torch.manual_seed(0)
    layer = nn.Conv2d(5, 7, (3, 5), **settings).double()
    factors = some(7, 5, 3, 5, rank=4)
    with torch.no_grad():
        layer.weight.copy_(outer_sum(factors))
        x = torch.randn(2, 5, 12, 13).double()
        thin = from_factors(layer, factors)
        torch.testing.assert_close(thin(x), layer(x), rtol=1e-10, atol=1e-10)
        found = cp_convolution(layer, 4)
        torch.testing.assert_close(found(x), layer(x), rtol=1e-6, atol=1e-6)


def test_it_costs_what_the_paper_says():
    layer, rank = nn.Conv2d(16, 24, 3, padding=1), 6
    thin = from_factors(layer, some(24, 16, 3, 3, rank=rank))
    x = torch.zeros(1, 16, 10, 10)
    assert cost(thin, x).macs == 100 * rank * (16 + 2 * 3 + 24)
    assert cost(layer, x).macs == 100 * 16 * 24 * 9


def test_a_start_follows_from_its_seed():
    tensor = torch.ones(4, 4, 4).double() + outer_sum(some(4, 4, 4, rank=3))
    one, again = (fit_cp(tensor, 2, starts=1, steps=3, random_state=5) for _ in range(2))
    other = fit_cp(tensor, 2, starts=1, steps=3, random_state=6)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[0], other[0])


def test_what_cannot_be_summed_is_refused():
    with pytest.raises(ValueError, match="rank must be"):
        fit_cp(torch.zeros(3, 3), 0)
    with pytest.raises(ValueError, match="2 to 8 ways"):
        fit_cp(torch.zeros(3), 1)
    with pytest.raises(ValueError, match="without groups"):
        cp_convolution(nn.Conv2d(4, 4, 3, groups=2), 1)
