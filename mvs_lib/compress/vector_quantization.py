"""The weights of a linear layer as entries of codebooks. Taught in notebook 07.

Gong, Liu, Yang, Bourdev (2014), "Compressing deep convolutional networks using vector
quantization". For a weight matrix of n rows (outputs) and m columns, ever more cleverly:

- `binarized`: each weight its sign, times one number a layer (which is ours; the paper keeps the
  sign alone);
- `scalar`: k-means over all weights, log2(k) bits each;
- `product`: columns in s blocks; each row's piece of a block is one of the block's k codewords;
- `residual`: whole rows are one of k codewords, what is left over is one of k others, and so on, t
  times.

A codebook is part of the bill: (32 m n) / (32 k m + log2(k) n s) is the ratio of `product`.
"""

import math
import warnings
from dataclasses import dataclass

import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from mvs_lib.compress.cost import Cost
from mvs_lib.compress.layers import check_rank
from mvs_lib.compress.weight_sharing import cluster

__all__ = ["Quantized", "QuantizedWeights", "binarized", "means", "product", "residual", "scalar"]


@dataclass
class Quantized:
    """What is stored of a matrix.

    Args:
        codebooks: real ``(books, k, length)``.
        labels: int64 ``(books, pieces)``, each below k.
        shape: ``(n, m)`` of the matrix.
        added: whether the books' pieces are added up (`residual`); else they stand side by side.
    """

    codebooks: torch.Tensor
    labels: torch.Tensor
    shape: tuple[int, int]
    added: bool = False

    def decoded(self) -> torch.Tensor:
        """Return the matrix that is meant, ``(n, m)``."""
        books = range(len(self.codebooks))
        pieces = torch.stack([self.codebooks[b][self.labels[b]] for b in books])
        if self.added:
            return pieces.sum(0).view(self.shape)
        if len(self.codebooks) == 1:
            return pieces.view(self.shape)
        return pieces.transpose(0, 1).reshape(self.shape)  # (n, books, length)

    @property
    def bits(self) -> int:
        """What it takes to store: 32 a number of the codebooks, log2(k), rounded up, a label."""
        each = max(1, math.ceil(math.log2(self.codebooks.shape[1])))
        return 32 * self.codebooks.numel() + each * self.labels.numel()


def binarized(weights: torch.Tensor) -> Quantized:
    """Return the signs of a matrix, times the mean size of its weights."""
    weights = _matrix(weights)
    size = weights.abs().mean()
    codebooks = torch.stack([-size, size]).view(1, 2, 1)
    return Quantized(codebooks, (weights >= 0).long().view(1, -1), tuple(weights.shape))


def scalar(weights: torch.Tensor, k: int) -> Quantized:
    """Return a matrix each of whose weights is one of k numbers."""
    weights = _matrix(weights)
    check_rank("k", k, weights.numel())
    centres, members = cluster(weights.flatten().numpy(), k)
    codebooks = torch.from_numpy(centres).view(1, k, 1)
    return Quantized(codebooks, torch.from_numpy(members).view(1, -1), tuple(weights.shape))


def product(weights: torch.Tensor, blocks: int, k: int, random_state: int = 0) -> Quantized:
    """Return a matrix each of whose rows is one of k codewords in every block of columns.

    Args:
        weights: real ``(n, m)``.
        blocks: s, a divisor of m.
        k: codewords of a block, at most n.
        random_state: of k-means.

    Raises:
        ValueError: a number out of its range, or blocks of different widths.
    """
    weights = _matrix(weights)
    n, m = weights.shape
    check_rank("blocks", blocks, m)
    check_rank("k", k, n)
    if m % blocks:
        raise ValueError(f"{m} columns do not go into {blocks} equal blocks")
    found = [means(part, k, random_state) for part in weights.split(m // blocks, dim=1)]
    codebooks, labels = (torch.stack(part) for part in zip(*found, strict=True))
    return Quantized(codebooks, labels, (n, m))


def residual(weights: torch.Tensor, stages: int, k: int, random_state: int = 0) -> Quantized:
    """Return a matrix each of whose rows is a sum of codewords, one of each stage.

    Args:
        weights: real ``(n, m)``.
        stages: t, at least 1.
        k: codewords of a stage, at most n.
        random_state: of k-means.

    Raises:
        ValueError: a number out of its range.
    """
    left = _matrix(weights)
    check_rank("stages", stages, 10**4)
    check_rank("k", k, len(left))
    found = []
    for _ in range(stages):
        centres, members = means(left, k, random_state)
        left = left - centres[members]
        found.append((centres, members))
    codebooks, labels = (torch.stack(part) for part in zip(*found, strict=True))
    return Quantized(codebooks, labels, tuple(left.shape), added=True)


class QuantizedWeights(nn.Module):
    """A linear layer whose weights are looked up in codebooks, which may learn on.

    Args:
        layer: whose bias it takes over.
        quantized: its weights.
    """

    def __init__(self, layer: nn.Linear, quantized: Quantized):
        super().__init__()
        self.codebooks = nn.Parameter(quantized.codebooks.to(layer.weight))
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().clone())
        self.register_buffer("labels", quantized.labels)
        self.shape, self.added = quantized.shape, quantized.added

    @property
    def quantized(self) -> Quantized:
        """What is stored of the weights."""
        return Quantized(self.codebooks, self.labels, self.shape, self.added)

    @property
    def weight(self) -> torch.Tensor:
        """The weights, ``(n, m)``."""
        return self.quantized.decoded()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(..., n)`` of ``(..., m)``."""
        return nn.functional.linear(x, self.weight, self.bias)

    def cost(self, inputs: torch.Tensor, outputs: torch.Tensor) -> Cost:
        """Return what a batch costs: as many operations as before, fewer bytes."""
        biases = 0 if self.bias is None else len(self.bias)
        stored = math.ceil(self.quantized.bits / 8) + 4 * biases
        return Cost(self.codebooks.numel() + biases, outputs.numel() * self.shape[1], stored)


def _matrix(weights: torch.Tensor) -> torch.Tensor:
    if weights.ndim != 2 or not weights.numel():
        raise ValueError(f"weights must be a matrix (n, m), got {tuple(weights.shape)}")
    return weights.detach().double().cpu()


def means(rows: torch.Tensor, k: int, random_state: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cluster rows by k-means: centres ``(k, d)`` and members int64 ``(n,)``.

    Where there are no more than k different rows, each is a centre.
    """
    different, members = torch.unique(rows, dim=0, return_inverse=True)
    if len(different) <= k:
        spare = different[-1:].expand(k - len(different), -1)
        return torch.cat([different, spare]), members
    with warnings.catch_warnings():  # rows that differ by rounding alone share a centre
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(k, n_init=4, random_state=random_state).fit(rows.numpy())
    return torch.from_numpy(found.cluster_centers_), torch.from_numpy(found.labels_).long()
