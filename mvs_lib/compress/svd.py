"""Linear structure within layers, found by singular values. Taught in notebook 06.

Denton, Zaremba, Bruna, LeCun, Fergus (2014), "Exploiting linear structure within convolutional
networks for efficient evaluation". Three ways to say a layer with fewer numbers:

- `split_linear`: W = U S V' of rank r, two layers in the place of one.
  The error is sqrt(sum of s_i^2, i > r), and none of rank r has a smaller one (Eckart and Young);
- `monochromatic`, for layers that read few channels: each filter's C x XY slice is nearly
  one colour times one pattern. The colours are clustered to C', so that every filter reads one
  of C' mixed channels;
- `biclustered`: channels that are used alike go together, and each block of input and
  output channels becomes 1 x 1, d x d and 1 x 1 convolutions of ranks K1 and K2, by two SVDs.

With ``inputs`` the error counts where data lies, ||(W - W') C^(1/2)|| with C = E[x x'].
"""

import math

import torch
from sklearn.cluster import KMeans
from torch import nn

from mvs_lib.compress.layers import check_plain, check_rank, convolution, linear, spatial_settings

__all__ = ["Biclustered", "Monochromatic", "biclustered", "monochromatic", "split_linear"]


def split_linear(layer: nn.Linear, rank: int, inputs: torch.Tensor | None = None) -> nn.Sequential:
    """Return two linear layers in the place of one, ``rank`` values between them.

    Args:
        layer: from m values to n.
        rank: 1 to min(m, n); the latter changes nothing.
        inputs: float ``(count, m)`` that the layer reads: then what it *says* of them is kept, in
            the place of its weights. Directions that no input has are free.

    Raises:
        ValueError: the rank is out of its range, or inputs of another length.
    """
    n, m = layer.weight.shape
    check_rank("rank", rank, min(m, n))
    weight = layer.weight.detach().double()
    root, back = _correlation_roots(inputs, m)
    u, s, v = torch.linalg.svd(weight @ root, full_matrices=False)
    first, second = v[:rank] @ back, u[:, :rank] * s[:rank]
    return nn.Sequential(linear(first, None, layer), linear(second, layer.bias, layer))


class Monochromatic(nn.Module):
    """A convolution whose filters see one mixed colour each.

    ``mix`` makes C' colours of C channels, ``patterns`` has one filter of one channel for each
    output, and ``colour`` says which colour it reads, int64 ``(outputs,)``.
    """

    def __init__(self, mix: nn.Conv2d, patterns: nn.Conv2d, colour: torch.Tensor):
        super().__init__()
        self.mix, self.patterns = mix, patterns
        self.register_buffer("colour", colour)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the convolution returns, ``(n, outputs, h, w)``."""
        return self.patterns(self.mix(x)[:, self.colour])


def monochromatic(layer: nn.Conv2d, colours: int, random_state: int = 0) -> Monochromatic:
    """Return a convolution whose filters share a few colours.

    Args:
        layer: a convolution over C channels without groups.
        colours: C', from 1 to the number of filters.
        random_state: of the clustering.

    Raises:
        ValueError: the layer has groups, or ``colours`` is out of range.
    """
    check_plain(layer)
    outputs, _, height, width = layer.weight.shape
    check_rank("colours", colours, outputs)
    slices = layer.weight.detach().double().flatten(2)  # (F, C, XY)
    u, s, _ = torch.linalg.svd(slices, full_matrices=False)
    first = u[:, :, 0] * torch.sign(u[:, :, 0].sum(1, keepdim=True) + 1e-30)  # colours have no sign
    clusters = KMeans(colours, n_init=10, random_state=random_state)
    member = torch.from_numpy(clusters.fit_predict(first.numpy(), sample_weight=s[:, 0].numpy()))
    mixed = torch.stack([_shared_colour(slices[member == k]) for k in range(colours)])
    patterns = torch.einsum("fc,fcp->fp", mixed[member], slices)  # the best, given the colour
    mix = convolution(mixed[:, :, None, None], None, layer)
    settings = spatial_settings(layer)
    spatial = patterns.view(outputs, 1, height, width)
    return Monochromatic(
        mix, convolution(spatial, layer.bias, layer, groups=outputs, **settings), member.long()
    )


def _shared_colour(slices: torch.Tensor) -> torch.Tensor:
    """Return the colour, a unit vector ``(C,)``, that loses least of slices ``(k, C, XY)``."""
    together = torch.einsum("kcp,kdp->cd", slices, slices)
    return torch.linalg.eigh(together).eigenvectors[:, -1]


class Biclustered(nn.Module):
    """A convolution in blocks: G groups of input channels times H groups of output channels.

    ``order`` sorts the input channels by group, ``back`` puts the outputs where they belong; both
    int64. Between them lie three convolutions in groups.
    """

    def __init__(
        self, order: torch.Tensor, reduce: nn.Conv2d, spatial: nn.Conv2d, expand: nn.Conv2d,
        back: torch.Tensor, blocks: tuple[int, int],
    ):  # fmt: skip
        super().__init__()
        self.reduce, self.spatial, self.expand, self.blocks = reduce, spatial, expand, blocks
        self.register_buffer("order", order)
        self.register_buffer("back", back)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the convolution returns, ``(n, outputs, h, w)``."""
        x = self.spatial(self.reduce(x[:, self.order]))
        inner, outer = self.blocks  # what comes from all input groups is added up per output group
        x = x.unflatten(1, (inner, outer, -1)).transpose(1, 2).flatten(1, 3)
        return self.expand(x)[:, self.back]


def biclustered(
    layer: nn.Conv2d, groups: tuple[int, int], ranks: tuple[int, int], random_state: int = 0
) -> Biclustered:
    """Return a convolution in blocks of low rank.

    Args:
        layer: a convolution over S channels without groups.
        groups: G and H, into how many groups of equal size input and output channels go.
        ranks: K1 and K2, the channels of a block before and behind its d x d convolution; at most
            S / G and T / H, which change nothing.
        random_state: of the clustering.

    Raises:
        ValueError: the layer has groups itself, G or H divide the channels unevenly, or a rank is
            out of its range.
    """
    check_plain(layer)
    outputs, inputs, height, width = layer.weight.shape
    for name, count, whole in (("G", groups[0], inputs), ("H", groups[1], outputs)):
        check_rank(name, count, whole)
        if whole % count:
            raise ValueError(f"{whole} channels do not go into {name} = {count} equal groups")
    inner, outer = groups
    check_rank("K1", ranks[0], inputs // inner)
    check_rank("K2", ranks[1], outputs // outer)
    weight = layer.weight.detach().double()
    order = _balanced(weight.transpose(0, 1).flatten(1), inner, random_state)
    places = _balanced(weight.flatten(1), outer, random_state)
    blocks = weight[places][:, order].view(
        outer, outputs // outer, inner, inputs // inner, height, width
    )
    reduce, spatial, expand = [], [], [[] for _ in range(outer)]
    for g in range(inner):
        for h in range(outer):
            first, middle, last = _two_svds(blocks[h, :, g], *ranks)
            reduce.append(first)
            spatial.append(middle)
            expand[h].append(last)
    settings = spatial_settings(layer)
    last = torch.cat([torch.cat(parts, 1) for parts in expand])[:, :, None, None]
    bias = None if layer.bias is None else layer.bias.detach()[places]
    return Biclustered(
        order,
        convolution(torch.cat(reduce)[:, :, None, None], None, layer, groups=inner),
        convolution(torch.cat(spatial), None, layer, groups=inner * outer, **settings),
        convolution(last, bias, layer, groups=outer),
        torch.argsort(places),
        groups,
    )


def _two_svds(block: torch.Tensor, first: int, second: int) -> tuple[torch.Tensor, ...]:
    """Split a block ``(t, s, d, d)`` into ``(K1, s)``, ``(K2, K1, d, d)`` and ``(t, K2)``."""
    by_input = torch.linalg.svd(block.transpose(0, 1).flatten(1), full_matrices=False)[0]
    reduce = by_input[:, :first].T  # what the input channels have in common
    core = torch.einsum("tsyx,ks->tkyx", block, reduce)
    expand = torch.linalg.svd(core.flatten(1), full_matrices=False)[0][:, :second]
    core = torch.einsum("tkyx,tl->lkyx", core, expand)
    if len(core) < second or len(reduce) < first:  # fewer directions than asked for: pad with none
        core = nn.functional.pad(core, (0, 0, 0, 0, 0, first - len(reduce), 0, second - len(core)))
        reduce = nn.functional.pad(reduce, (0, 0, 0, first - len(reduce)))
        expand = nn.functional.pad(expand, (0, second - expand.shape[1]))
    return reduce, core, expand


def _balanced(vectors: torch.Tensor, groups: int, random_state: int) -> torch.Tensor:
    """Order vectors ``(n, d)`` by groups of equal size: nearest centre first, as long as there is
    room."""
    n = len(vectors)
    if groups == 1:
        return torch.arange(n)
    centres = KMeans(groups, n_init=10, random_state=random_state).fit(vectors.numpy())
    distances = torch.cdist(vectors, torch.from_numpy(centres.cluster_centers_))
    member, room = torch.full((n,), -1), [n // groups] * groups
    for place in distances.flatten().argsort(stable=True).tolist():
        vector, group = divmod(place, groups)
        if member[vector] < 0 and room[group]:
            member[vector], room[group] = group, room[group] - 1
    return member.argsort(stable=True)


def _correlation_roots(inputs: torch.Tensor | None, m: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return C^(1/2) and its inverse (pseudo-inverse where no data lies); twice I without data."""
    if inputs is None:
        return torch.eye(m, dtype=torch.float64), torch.eye(m, dtype=torch.float64)
    if inputs.ndim != 2 or inputs.shape[1] != m or not len(inputs):
        raise ValueError(f"inputs must be (count, {m}), got {tuple(inputs.shape)}")
    x = inputs.detach().double().cpu()
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    values = values.clamp(min=0).sqrt()
    there = values > values.max() * math.sqrt(torch.finfo(torch.float64).eps)
    inverse = torch.where(there, 1 / values.clamp(min=1e-300), 0.0)
    return (vectors * values) @ vectors.T, (vectors * inverse) @ vectors.T
