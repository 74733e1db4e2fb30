"""Filters made of a column and a row. Taught in notebook 06.

Jaderberg, Vedaldi, Zisserman (2014), "Speeding up convolutional neural networks with low rank
expansions". A d x d filter of rank one is a vertical and a horizontal one, and costs 2 d in the
place of d^2 multiplications. Two schemes:

- `separable_basis` (scheme 1): M rank-one filters s_m, the same for every input channel c,
  and each filter of the layer a mixture, W_f^c = sum_m a_f^cm s_m. Cost a pixel: C M 2 d + T C M.
  Over all pairs (f, c) that is a CP of the three-way tensor (T C) x d x d;
- `separable` (scheme 2): K vertical filters over all channels, then T horizontal ones over
  the K, W_f^c = sum_k h_f^k v_k^c. Cost: K d (C + T), in the place of T C d^2. The best of them is
  the SVD of the kernel as a (C d) x (T d) matrix; at K = min(C, T) d nothing is lost.

Both reconstruct the weights in closed form or by least squares; to reconstruct what the layer says
of data, hand the result to `mvs_lib.compress.reconstruction.reconstruct`.
"""

import torch
from torch import nn

from mvs_lib.compress.cp import fit_cp
from mvs_lib.compress.layers import axis_settings, check_plain, check_rank, convolution

__all__ = ["separable", "separable_basis"]


def separable(layer: nn.Conv2d, rank: int) -> nn.Sequential:
    """Return a vertical and a horizontal convolution in the place of one (scheme 2).

    Args:
        layer: a convolution without groups, T filters of height h and width w over C channels.
        rank: K, from 1 to min(C h, T w); the latter changes nothing.

    Raises:
        ValueError: the layer has groups, or the rank is out of its range.
    """
    check_plain(layer)
    outputs, inputs, height, width = layer.weight.shape
    check_rank("rank", rank, min(inputs * height, outputs * width))
    matrix = layer.weight.detach().double().permute(1, 2, 0, 3).reshape(inputs * height, -1)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    share = s[:rank].sqrt()  # half of each singular value on either side
    down = (u[:, :rank] * share).T.view(rank, inputs, height, 1)
    across = (v[:rank] * share[:, None]).view(rank, outputs, width).transpose(0, 1)
    return nn.Sequential(
        convolution(down, None, layer, **axis_settings(layer, 0)),
        convolution(across[:, :, None, :], layer.bias, layer, **axis_settings(layer, 1)),
    )


def separable_basis(layer: nn.Conv2d, filters: int, **options) -> nn.Sequential:
    """Return a convolution by a few rank-one filters, and the mixture of what they say (scheme 1).

    Args:
        layer: a convolution without groups, T filters over C channels.
        filters: M, at least 1; d^2 are always enough.
        **options: of `mvs_lib.compress.cp.fit_cp`.

    Raises:
        ValueError: the layer has groups, or see `mvs_lib.compress.cp.fit_cp`.
    """
    check_plain(layer)
    outputs, inputs, height, width = layer.weight.shape
    mixture, down, across = fit_cp(layer.weight.flatten(0, 1), filters, **options)
    # Channel c's copies of the M filters lie side by side: c M, c M + 1, ...
    down, across = (
        part.T.repeat(inputs, 1).view(inputs * filters, 1, *shape)
        for part, shape in ((down, (height, 1)), (across, (1, width)))
    )
    mixture = mixture.view(outputs, inputs * filters, 1, 1)
    every = inputs * filters
    return nn.Sequential(
        convolution(down, None, layer, groups=inputs, **axis_settings(layer, 0)),
        convolution(across, None, layer, groups=every, **axis_settings(layer, 1)),
        convolution(mixture, layer.bias, layer),
    )
