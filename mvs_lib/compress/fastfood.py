"""A matrix as diagonals and Hadamard transforms. Taught in notebook 07.

Yang, Moczulski, Denil, de Freitas, Smola, Song, Wang (2015), "Deep fried convnets". In the place of
a d x d matrix stands the adaptive Fastfood transform,

    y = S H G P H B x,

with S, G and B diagonal and learned, P a permutation that is drawn once, and H the Walsh-Hadamard
transform, which takes d log2(d) additions and no weight at all. 3 d numbers are stored in the place
of d^2. Inputs are padded with zeros to a power of two; more outputs than inputs come from several
such blocks, one above the other.
"""

import math

import numpy as np
import torch
from torch import nn

from mvs_lib.compress.cost import Cost
from mvs_lib.compress.layers import check_rank

__all__ = ["AdaptiveFastfood", "walsh_hadamard"]


def walsh_hadamard(x: torch.Tensor) -> torch.Tensor:
    """Return the Walsh-Hadamard transform of the last axis, without normalising.

    Its matrix is symmetric and H H = d I, so that it is its own inverse but for the factor, and its
    own way back for gradients.

    Args:
        x: real ``(..., d)``, d a power of two.

    >>> walsh_hadamard(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor([10., -2., -4.,  0.])

    Raises:
        ValueError: d is no power of two.
    """
    d = x.shape[-1]
    if d < 1 or d & (d - 1):
        raise ValueError(f"the length must be a power of two, got {d}")
    half = 1
    while half < d:  # by the last axis alone: an exporter then leaves the number of photos open
        even, odd = x.unflatten(-1, (d // (2 * half), 2, half)).unbind(-2)
        x = torch.stack([even + odd, even - odd], -2).flatten(-3)
        half *= 2
    return x


class AdaptiveFastfood(nn.Module):
    """A linear layer of m inputs and n outputs with 3 d numbers a block of d = 2^k >= m outputs.

    Args:
        inputs, outputs: m and n, at least 1.
        seed: of the permutations and the initial values: B draws signs, G a Gaussian, and S gives
            the rows lengths about 1, as they vary in a Gaussian matrix.
        bias: whether each output has a number added.

    Raises:
        ValueError: a number below 1.
    """

    def __init__(self, inputs: int, outputs: int, seed: int = 0, bias: bool = True):
        super().__init__()
        check_rank("inputs", inputs, 2**24)
        check_rank("outputs", outputs, 2**24)
        self.inputs, self.outputs, self.seed = inputs, outputs, seed
        d = self.d = 1 << max(0, (inputs - 1).bit_length())
        blocks = math.ceil(outputs / d)
        random = np.random.default_rng(seed)
        order = np.stack([random.permutation(d) for _ in range(blocks)])
        signs = random.choice([-1.0, 1.0], (blocks, d))
        gauss = random.standard_normal((blocks, d))
        lengths = np.sqrt(random.chisquare(d, (blocks, d)))
        scale = lengths / np.linalg.norm(gauss, axis=1, keepdims=True)
        self.register_buffer("order", torch.from_numpy(order), persistent=False)
        self.b, self.g, self.s = (
            nn.Parameter(torch.from_numpy(part).float()) for part in (signs, gauss, scale)
        )
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(..., n)`` of ``(..., m)``."""
        x = nn.functional.pad(x, (0, self.d - self.inputs))[..., None, :]  # (..., block, d)
        x = walsh_hadamard(x * self.b) / math.sqrt(self.d)
        x = x[..., torch.arange(len(self.order), device=x.device)[:, None], self.order]
        x = walsh_hadamard(x * self.g) / math.sqrt(self.d)
        y = (x * self.s).flatten(-2)[..., : self.outputs]
        return y if self.bias is None else y + self.bias

    @property
    def weight(self) -> torch.Tensor:
        """The matrix that it stands for, ``(n, m)``."""
        eye = torch.eye(self.inputs, dtype=self.b.dtype, device=self.b.device)
        bias = 0 if self.bias is None else self.bias
        return (self(eye) - bias).T

    def cost(self, inputs: torch.Tensor, outputs: torch.Tensor) -> Cost:
        """Return what a batch costs; the transforms' additions count as operations."""
        stored = 3 * self.b.numel() + (0 if self.bias is None else len(self.bias))
        count = outputs.numel() // self.outputs
        each = self.b.numel() * (3 + 2 * int(math.log2(self.d)))
        return Cost(stored, count * each, 4 * stored + 8)
