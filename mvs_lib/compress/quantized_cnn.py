"""Convolutions by looking up: the Quantized CNN. Taught in notebook 07.

Wu, Leng, Wang, Hu, Cheng (2016), "Quantized convolutional neural networks for mobile devices". The
channels of a layer are cut into M pieces of C' channels. Piece m has K codewords D_m, the same for
all places of a kernel, and every kernel's weights are labels B of codewords. A pixel's inner
products with all codewords are computed once and put into a table; whatever output needs one of
them looks it up and adds it,

    y_c = sum over kernel places p and pieces m of  T[p, m, B_pmc],    T[p, m, k] = < x_pm, D_mk >.

A convolution of T kernels d x d over C channels takes H_in W_in C K multiplications and
H W T d^2 M additions, in the place of H W T C d^2 of both; a linear layer C K and T M.

The codewords come from k-means, and are then corrected by what the layer says
(`mvs_lib.compress.error_correction`).
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from mvs_lib.compress.cost import Cost
from mvs_lib.compress.layers import check_plain, check_rank, spatial_settings
from mvs_lib.compress.vector_quantization import means

__all__ = ["Codewords", "LookUp", "costs", "quantized"]


@dataclass
class Codewords:
    """What is stored of a layer's kernels.

    Args:
        codebooks: float64 ``(M, K, C')``, D.
        labels: int64 ``(d d, M, T)``, B.
    """

    codebooks: torch.Tensor
    labels: torch.Tensor

    def decoded(self) -> torch.Tensor:
        """Return the kernels that are meant, ``(T, d d, M C')``."""
        pieces = torch.arange(len(self.codebooks))[None, :, None]
        return self.codebooks[pieces, self.labels].permute(2, 0, 1, 3).flatten(2)


def quantized(layer: nn.Conv2d | nn.Linear, length: int, k: int, random_state: int = 0):
    """Return the codewords of a layer, by k-means over the pieces of its kernels.

    Args:
        layer: a linear layer, or a convolution without groups.
        length: C', channels of a piece, a divisor of the layer's channels.
        k: K, codewords of a piece, at most the kernels' places d d T.
        random_state: of k-means.

    Raises:
        ValueError: the layer has groups, or a number does not fit.
    """
    kernels = _kernels(layer)
    outputs, places, channels = kernels.shape
    check_rank("length", length, channels)
    check_rank("k", k, outputs * places)
    if channels % length:
        raise ValueError(f"{channels} channels do not go into pieces of {length}")
    books, labels = [], []
    for piece in kernels.split(length, dim=2):
        rows = piece.transpose(0, 1).flatten(0, 1)  # (d d T, C')
        centres, members = means(rows, k, random_state)
        books.append(centres)
        labels.append(members.view(places, outputs))
    return Codewords(torch.stack(books), torch.stack(labels, 1))


class LookUp(nn.Module):
    """A layer that computes tables, then looks up and adds.

    Args:
        layer: whose bias, stride, padding and dilation it takes over.
        words: its kernels.
    """

    def __init__(self, layer: nn.Conv2d | nn.Linear, words: Codewords):
        super().__init__()
        self.codebooks = nn.Parameter(words.codebooks.to(layer.weight))
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().clone())
        self.register_buffer("labels", words.labels)
        self.linear = isinstance(layer, nn.Linear)
        self.kernel = (1, 1) if self.linear else layer.kernel_size
        self.settings = {} if self.linear else spatial_settings(layer)

    @property
    def words(self) -> Codewords:
        """What is stored of the kernels."""
        return Codewords(self.codebooks, self.labels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the layer says of ``(batch, C, h, w)`` or ``(batch, C)``."""
        pieces, _, length = self.codebooks.shape
        flat = x if self.linear else functional.pad(x, self._padding())
        flat = flat if self.linear else flat.permute(0, 2, 3, 1)  # channels last
        tables = torch.einsum("...ml,mkl->...mk", flat.unflatten(-1, (pieces, length)),
                              self.codebooks)  # fmt: skip
        said = 0.0
        for place, labels in enumerate(self.labels):
            window = tables if self.linear else self._window(tables, place)
            for m in range(pieces):
                said = said + window[..., m, :][..., labels[m]]
        if self.bias is not None:
            said = said + self.bias
        return said if self.linear else said.permute(0, 3, 1, 2)

    def decoded(self) -> torch.Tensor:
        """Return the weights that the labels mean, shaped like the layer's."""
        kernels = self.words.decoded()
        if self.linear:
            return kernels[:, 0]
        return kernels.transpose(1, 2).unflatten(2, self.kernel)

    def cost(self, inputs: torch.Tensor, outputs: torch.Tensor) -> Cost:
        """Return what a batch costs: multiplications and additions, bytes with packed labels."""
        pieces, k, length = self.codebooks.shape
        biases = 0 if self.bias is None else len(self.bias)
        pixels = inputs.numel() // (pieces * length)
        macs = pixels * pieces * length * k + outputs.numel() * len(self.labels) * pieces
        bits = 32 * (self.codebooks.numel() + biases)
        bits += max(1, math.ceil(math.log2(k))) * self.labels.numel()
        return Cost(self.codebooks.numel() + biases, macs, math.ceil(bits / 8))

    def _padding(self) -> tuple[int, int, int, int]:
        down, across = self.settings["padding"]
        return across, across, down, down

    def _window(self, tables: torch.Tensor, place: int) -> torch.Tensor:
        """Return the tables of the pixels that each output sees at one place of the kernel."""
        cuts = []
        for axis, offset in enumerate(divmod(place, self.kernel[1])):
            step, dilation = self.settings["stride"][axis], self.settings["dilation"][axis]
            reach = dilation * (self.kernel[axis] - 1)
            count = (tables.shape[1 + axis] - reach - 1) // step + 1
            first = offset * dilation
            cuts.append(slice(first, first + (count - 1) * step + 1, step))
        return tables[:, cuts[0], cuts[1]]


def costs(
    channels: int, outputs: int, length: int, k: int, kernel: int = 1,
    size_in: int = 1, size_out: int = 1, groups: int = 1,
) -> tuple[int, int, int]:  # fmt: skip
    """Return what a layer costs by looking up, from its numbers alone.

    Args:
        channels, outputs: C and T, of all groups together.
        length, k: C' and K.
        kernel: d; 1 for a linear layer.
        size_in, size_out: pixels of the input and of the output, H W; 1 for a linear layer.
        groups: of a convolution; each has codebooks of its own.

    Returns:
        Operations of the layer as it was, operations by looking up, and the bits to store it:
        codebooks of 32-bit numbers and labels of log2(K) bits.
    """
    pieces = channels // length
    whole = size_out * outputs * channels // groups * kernel**2
    by_look_up = size_in * channels * k + size_out * outputs * kernel**2 * (pieces // groups)
    bits = 32 * channels * k
    bits += math.ceil(math.log2(k)) * kernel**2 * (pieces // groups) * outputs
    return whole, by_look_up, bits


def _kernels(layer: nn.Conv2d | nn.Linear) -> torch.Tensor:
    """Return the kernels, float64 ``(T, d d, C)``."""
    weights = layer.weight.detach().double().cpu()
    if isinstance(layer, nn.Linear):
        return weights[:, None]
    check_plain(layer)
    return weights.flatten(2).transpose(1, 2)
