"""A convolution as four thin ones: CP-decomposition by nonlinear least squares. See notebook 06.

Lebedev, Ganin, Rakhuba, Oseledets, Lempitsky (2015), "Speeding-up convolutional neural networks
using fine-tuned CP-decomposition". A kernel of S to T channels is written as a sum of R outer
products of four vectors,

    W(t, s, y, x) = sum_r  A(t, r) B(s, r) Y(y, r) X(x, r),

and computed as a 1 x 1 convolution from S to R channels, a vertical and a horizontal one on each of
them alone, and a 1 x 1 convolution from R to T: R (S + 2 d + T) multiplications a pixel in
the place of S T d^2.

The sum is found by nonlinear least squares, as in the paper, not greedily and not one factor after
another: damped Gauss-Newton steps (Levenberg, Marquardt), whose linear systems are solved by
conjugate gradients on the products that CP allows to be written down (Sorber et al., 2013). A CP
may be ill-posed: factors grow without bound and cancel. ``ridge`` keeps them small.
"""

from functools import reduce

import torch
from torch import nn
from tqdm.auto import tqdm

from mvs_lib.compress.layers import axis_settings, check_plain, check_rank, convolution

__all__ = ["cp_convolution", "fit_cp", "from_factors", "outer_sum"]

LETTERS = "abcdefgh"
GROW, SHRINK = 4.0, 3.0  # of the damping, when a step failed or succeeded
SOLVER_STEPS = 50  # of conjugate gradients, at most


def outer_sum(factors: list[torch.Tensor]) -> torch.Tensor:
    """Return the tensor that factors ``(size, rank)``, one a way, stand for."""
    ways = LETTERS[: len(factors)]
    return torch.einsum(",".join(f"{way}r" for way in ways) + f"->{ways}", *factors)


def fit_cp(
    tensor: torch.Tensor, rank: int, *, steps: int = 200, starts: int = 3, ridge: float = 0.0,
    tolerance: float = 1e-9, random_state: int = 0, progress: bool = False,
) -> list[torch.Tensor]:  # fmt: skip
    """Return factors whose `outer_sum` is near a tensor, the best of a few starts.

    Minimises ||tensor - outer_sum(U)||^2 / 2 + ridge / 2 ||tensor||^2 mean_n ||U_n||^2 / rank.

    Args:
        tensor: real, of two to eight ways.
        rank: number of terms, at least 1.
        steps: Gauss-Newton steps of a start, at most.
        starts: random ones; the minimum has many neighbours that are not it.
        ridge: how much large factors cost; 0 lets them grow.
        tolerance: a start ends when a step gains less than this share of the loss, or when the
            error is below this share of the tensor.
        random_state: of the starts.
        progress: show a progress bar.

    Returns:
        float64 ``(size, rank)``, one a way; the columns of one term have equal norms.

    Raises:
        ValueError: a rank below 1, or a tensor of one way or more than eight.
    """
    if not 2 <= tensor.ndim <= len(LETTERS):
        raise ValueError(f"a tensor of 2 to {len(LETTERS)} ways is wanted, got {tensor.ndim}")
    check_rank("rank", rank, 10**6)
    tensor = tensor.detach().double()
    size = tensor.norm().clamp(min=1e-300)
    generator = torch.Generator().manual_seed(random_state)
    best, least = None, float("inf")
    for _ in tqdm(range(starts), "CP", disable=not progress, leave=False):
        factors = [
            torch.randn(n, rank, generator=generator, dtype=torch.float64) / n**0.5
            for n in tensor.shape
        ]
        factors, loss = _gauss_newton(tensor / size, factors, steps, ridge / rank, tolerance)
        if loss < least:
            best, least = factors, loss
    return _even([factor * size ** (1 / tensor.ndim) for factor in best])


def _gauss_newton(tensor, factors, steps: int, ridge: float, tolerance: float):
    """Walk downhill from some factors; return where it ended and the loss there."""
    damping, loss = 1e-2, _loss(tensor, factors, ridge)
    for _ in range(steps):
        grams = [factor.T @ factor for factor in factors]
        slope = [
            factor @ _others(grams, n) - _projected(tensor, factors, n) + ridge * factor
            for n, factor in enumerate(factors)
        ]
        while True:
            step = _solve(factors, grams, [-each for each in slope], ridge + damping)
            moved = [factor + each for factor, each in zip(factors, step, strict=True)]
            new = _loss(tensor, moved, ridge)
            if new < loss or damping > 1e8:
                break
            damping *= GROW
        gain, factors = loss - new, _even(moved) if new < loss else factors
        loss, damping = min(new, loss), max(damping / SHRINK, 1e-12)
        if gain <= tolerance * loss or loss < tolerance**2 / 2:
            break
    return factors, loss


def _loss(tensor, factors, ridge: float) -> float:
    error = (tensor - outer_sum(factors)).square().sum()
    return float(error + ridge * sum(factor.square().sum() for factor in factors)) / 2


def _projected(tensor, factors, n: int) -> torch.Tensor:
    """Multiply the tensor with all factors but the n-th: ``(size of n, rank)``."""
    ways = LETTERS[: tensor.ndim]
    others = [m for m in range(tensor.ndim) if m != n]
    words = ",".join([ways, *(f"{ways[m]}r" for m in others)])
    return torch.einsum(f"{words}->{ways[n]}r", tensor, *(factors[m] for m in others))


def _others(grams, *left_out: int) -> torch.Tensor:
    """Multiply the Gram matrices, element by element, of all ways but some."""
    kept = [gram for m, gram in enumerate(grams) if m not in left_out]
    return reduce(torch.mul, kept, torch.ones_like(grams[0]))


def _solve(factors, grams, right, damping: float) -> list[torch.Tensor]:
    """Solve (J'J + damping I) step = right, J the derivative of `outer_sum` at the factors."""
    eye = torch.eye(len(grams[0]), dtype=torch.float64)
    blocks = [_others(grams, n) + damping * eye for n in range(len(factors))]
    inverses = [torch.linalg.inv(block) for block in blocks]

    def multiply(step):
        out = [each @ block for each, block in zip(step, blocks, strict=True)]
        mixed = [each.T @ factor for each, factor in zip(step, factors, strict=True)]
        for n, factor in enumerate(factors):
            for m in range(len(factors)):
                if m != n:
                    out[n] = out[n] + factor @ (_others(grams, n, m) * mixed[m])
        return out

    def dot(one, other) -> torch.Tensor:
        return sum((a * b).sum() for a, b in zip(one, other, strict=True))

    found, rest = [torch.zeros_like(each) for each in right], list(right)
    turned = [each @ inverse for each, inverse in zip(rest, inverses, strict=True)]
    way, length = turned, dot(rest, turned)
    enough = 1e-10 * length
    for _ in range(SOLVER_STEPS):
        if length <= enough:
            break
        product = multiply(way)
        far = length / dot(way, product)
        found = [a + far * b for a, b in zip(found, way, strict=True)]
        rest = [a - far * b for a, b in zip(rest, product, strict=True)]
        turned = [each @ inverse for each, inverse in zip(rest, inverses, strict=True)]
        before, length = length, dot(rest, turned)
        way = [a + length / before * b for a, b in zip(turned, way, strict=True)]
    return found


def _even(factors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Give the columns of each term equal norms; their product stays."""
    norms = torch.stack([factor.norm(dim=0).clamp(min=1e-150) for factor in factors])
    mean = norms.log().mean(0).exp()
    return [factor * (mean / norm) for factor, norm in zip(factors, norms, strict=True)]


def cp_convolution(layer: nn.Conv2d, rank: int, **options) -> nn.Sequential:
    """Return four convolutions in the place of one.

    Args:
        layer: a convolution without groups.
        rank: R, at least 1; S d^2 or T d^2 are always enough.
        **options: of `fit_cp`.

    Raises:
        ValueError: the layer has groups, or see `fit_cp`.
    """
    check_plain(layer)
    factors = fit_cp(layer.weight, rank, **options)
    return from_factors(layer, factors)


def from_factors(layer: nn.Conv2d, factors: list[torch.Tensor]) -> nn.Sequential:
    """Return the four convolutions that factors of a layer's kernel stand for.

    Args:
        layer: whose bias, stride, padding and dilation they take over.
        factors: ``(T, R)``, ``(S, R)``, ``(height, R)`` and ``(width, R)``.
    """
    outputs, inputs, rows, columns = factors
    rank = outputs.shape[1]
    down, across = axis_settings(layer, 0), axis_settings(layer, 1)
    return nn.Sequential(
        convolution(inputs.T[:, :, None, None], None, layer),
        convolution(rows.T[:, None, :, None], None, layer, groups=rank, **down),
        convolution(columns.T[:, None, None, :], None, layer, groups=rank, **across),
        convolution(outputs[:, :, None, None], layer.bias, layer),
    )
