"""Codewords that are right about what a layer says, not about its weights. See notebook 07.

The learning of Wu, Leng, Wang, Hu, Cheng (2016), "Quantized convolutional neural networks for
mobile devices", which its authors never released. With x read from the layers that are quantised
already, and y what the whole network said of the same photo, the codewords D and labels B of
`mvs_lib.compress.quantized_cnn` are to make

    || Y - sum_pm X_pm D_m B_pm ||^2

small: each piece's codewords (least squares) and labels (the best of K, a kernel place at a time)
take turns while the rest stays. All that is needed of the data are the products X'X and X'Y, so
that it costs the same for ten photos or ten thousand. No turn can raise the error.
"""

import torch
from torch import nn
from torch.nn import functional

from mvs_lib.compress.quantized_cnn import Codewords

__all__ = ["correct", "unrolled"]


def unrolled(layer: nn.Conv2d | nn.Linear, read: torch.Tensor) -> torch.Tensor:
    """Return what each output of a layer is a product of, ``(n, d d C)``: places, then channels.

    Args:
        layer: with bias or without.
        read: what it reads, ``(batch, C, h, w)`` or ``(batch, C)``.
    """
    if isinstance(layer, nn.Linear):
        return read.flatten(0, -2)
    patches = functional.unfold(
        read, layer.kernel_size, layer.dilation, layer.padding, layer.stride
    )
    channels = read.shape[1]
    patches = patches.view(len(read), channels, -1, patches.shape[2])
    return patches.permute(0, 3, 2, 1).flatten(2).flatten(0, 1)


def correct(
    layer: nn.Conv2d | nn.Linear, words: Codewords, read: torch.Tensor, said: torch.Tensor,
    turns: int = 10,
) -> tuple[Codewords, list[float]]:  # fmt: skip
    """Return codewords for which a layer says more nearly what it should.

    Args:
        layer: whose bias stays.
        words: from `quantized`.
        read: what the layer reads, behind layers that are quantised already.
        said: what it said in the whole network, bias included, ``(batch, T, ...)``.
        turns: how often all pieces are gone through.

    Returns:
        New codewords, and the error before and after each turn: the mean of ||y - y'||^2 as a share
        of that of ||y||^2, biases left out; it never rises.
    """
    x = unrolled(layer, read).double()
    y = said.movedim(1, -1).flatten(0, -2).double()
    if layer.bias is not None:
        y = y - layer.bias.detach().double()
    if len(x) != len(y) or y.shape[1] != words.labels.shape[2]:
        raise ValueError(f"{tuple(x.shape)} read and {tuple(y.shape)} said do not fit together")
    gram, goal, size = x.T @ x, x.T @ y, float(y.square().sum())
    words = Codewords(words.codebooks.clone(), words.labels.clone())
    state = _Correction(words, gram, goal)
    errors = [state.error(size)]
    for _ in range(turns):
        for m in range(len(words.codebooks)):
            state.move_codewords(m)
            state.choose_labels(m)
        errors.append(state.error(size))
    return words, errors


class _Correction:
    """Codewords W(D, B), and the slope of tr(W'GW) / 2 - tr(W'P), kept up to date."""

    def __init__(self, words: Codewords, gram: torch.Tensor, goal: torch.Tensor):
        self.words, self.gram, self.goal = words, gram, goal
        self.places = len(words.labels)
        self.pieces, self.k, self.length = words.codebooks.shape
        self.weights = words.decoded().flatten(1).T.contiguous()  # (d d C, T)
        self.slope = gram @ self.weights - goal

    def rows(self, place: int, m: int) -> slice:
        first = (place * self.pieces + m) * self.length
        return slice(first, first + self.length)

    def error(self, size: float) -> float:
        inner = (self.weights * (self.slope - self.goal)).sum()
        return max(0.0, float(size + inner)) / max(size, 1e-300)

    def move(self, place: int, m: int, change: torch.Tensor) -> None:
        """Change the weights of a piece at a kernel place by ``(C', T)``."""
        rows = self.rows(place, m)
        self.weights[rows] += change
        self.slope += self.gram[:, rows] @ change

    def move_codewords(self, m: int) -> None:
        """Give each codeword of a piece its best value, the labels as they are."""
        labels = self.words.labels[:, m]  # (d d, T)
        for k in range(self.k):
            here = (labels == k).double()  # (d d, T)
            if not here.any():
                continue
            together = here @ here.T  # how many kernels have it at both places
            matrix = torch.zeros(self.length, self.length, dtype=torch.float64)
            right = torch.zeros(self.length, dtype=torch.float64)
            for p in range(self.places):
                right -= self.slope[self.rows(p, m)] @ here[p]
                for q in torch.nonzero(together[p]).flatten().tolist():
                    block = self.gram[self.rows(p, m), self.rows(q, m)]
                    matrix += together[p, q] * block
            step = torch.linalg.lstsq(matrix, right[:, None], driver="gelsd").solution[:, 0]
            if not torch.isfinite(step).all() or float(right @ step) <= 0:
                continue  # nothing to gain, or no data to tell
            self.words.codebooks[m, k] += step
            for p in range(self.places):
                self.move(p, m, step[:, None] * here[p])

    def choose_labels(self, m: int) -> None:
        """Give each kernel its best codeword of a piece, one place after another."""
        words = self.words.codebooks[m]  # (K, C')
        for p in range(self.places):
            rows = self.rows(p, m)
            block = self.gram[rows, rows]
            # With weights w now and slope g: (D - w)'g + (D - w)'block (D - w) / 2 is to be least.
            now = self.weights[rows]  # (C', T)
            linear = self.slope[rows] - block @ now
            costs = words @ linear + ((words @ block) * words).sum(1, keepdim=True) / 2
            before = self.words.labels[p, m]
            best = costs.argmin(0)
            gain = costs.gather(0, before[None])[0] - costs.gather(0, best[None])[0]
            best = torch.where(gain > 0, best, before)
            self.words.labels[p, m] = best
            self.move(p, m, words[best].T - now)
