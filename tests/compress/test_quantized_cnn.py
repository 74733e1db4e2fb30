"""Wu et al.: looking up is computing, the cost is the paper's, and a correction never does harm."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from mvs_lib.compress.cost import cost
from mvs_lib.compress.error_correction import correct, unrolled
from mvs_lib.compress.quantized_cnn import LookUp, costs, quantized


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def conv(**settings):
    torch.manual_seed(0)
    return nn.Conv2d(8, 10, (3, 2), **settings).double()


SETTINGS = [{}, {"stride": 2, "padding": 1}, {"stride": (1, 2), "dilation": (2, 1), "bias": False}]


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_look_up_is_the_convolution_of_the_kernels_that_are_meant(settings):
    layer, x = conv(**settings), normal(3, 8, 9, 11)
    words = quantized(layer, length=4, k=5)
    look = LookUp(layer, words)
    wanted = nn.functional.conv2d(
        x, look.decoded(), layer.bias, layer.stride, layer.padding, layer.dilation
    )
    torch.testing.assert_close(look(x), wanted)
    x, layer = normal(7, 12), nn.Linear(12, 6, bias=settings.get("bias", True)).double()
    look = LookUp(layer, quantized(layer, length=3, k=4))
    torch.testing.assert_close(look(x), nn.functional.linear(x, look.decoded(), layer.bias))


def test_each_piece_gets_its_nearest_codeword_and_with_enough_of_them_nothing_is_lost():
    layer, x = conv(), normal(3, 8, 9, 11)
    words = quantized(layer, length=4, k=5)
    pieces = layer.weight.detach().flatten(2).transpose(1, 2).unflatten(2, (2, 4))
    for m in range(2):
        rows = pieces[:, :, m].transpose(0, 1).flatten(0, 1)
        nearest = torch.cdist(rows, words.codebooks[m]).argmin(1)
        assert torch.equal(nearest.view(6, 10), words.labels[:, m])
    with torch.no_grad():
        everything = LookUp(layer, quantized(layer, length=4, k=60))
        torch.testing.assert_close(everything(x), layer(x))


@pytest.mark.parametrize("settings", SETTINGS)
def test_unrolled_inputs_times_kernels_are_the_convolution(settings):
    layer, x = conv(**settings), normal(3, 8, 9, 11)
    kernels = layer.weight.detach().flatten(2).transpose(1, 2).flatten(1)  # places, then channels
    wanted = nn.functional.conv2d(x, layer.weight, None, layer.stride, layer.padding,
                                  layer.dilation)  # fmt: skip
    got = unrolled(layer, x) @ kernels.T
    torch.testing.assert_close(got, wanted.detach().movedim(1, -1).flatten(0, -2))


@pytest.mark.parametrize("kind", ["convolution", "linear"])
def test_a_correction_never_raises_the_error_and_the_error_is_the_real_one(kind):
    layer = conv(padding=1) if kind == "convolution" else nn.Linear(8, 30).double()
    mixing = normal(8, 8, seed=1) * torch.logspace(0, -1.5, 8).double()
    x = normal(40, 8, 6, 6) if kind == "convolution" else normal(400, 8)
    x = torch.einsum("nc...,cd->nd...", x, mixing)
    noisy = x + 0.1 * normal(*x.shape, seed=2)
    with torch.no_grad():
        said = layer(x)
        words = quantized(layer, length=4, k=6)
        better, errors = correct(layer, words, noisy, said, turns=6)
        bias = layer.bias.view(-1, *[1] * (x.ndim - 2))
        for each, error in ((words, errors[0]), (better, errors[-1])):
            left = (LookUp(layer, each)(noisy) - said).square().sum()
            assert float(left / (said - bias).square().sum()) == pytest.approx(error, rel=1e-6)
    assert all(after <= before + 1e-12 for before, after in itertools.pairwise(errors))
    assert errors[-1] < 0.8 * errors[0]
    fresh = quantized(layer, length=4, k=6)
    assert torch.equal(words.codebooks, fresh.codebooks), "what was given is left alone"


def test_codewords_and_labels_end_where_no_single_change_helps():
    """No other label, and no step of a codeword, makes the error smaller."""
    layer, x = nn.Linear(6, 12).double(), normal(200, 6) @ normal(6, 6, seed=3)
    with torch.no_grad():
        said = layer(x)
        words, errors = correct(layer, quantized(layer, length=3, k=4), x, said, turns=40)
        whole = float((said - layer.bias).square().sum())

        def error():
            return float((LookUp(layer, words)(x) - said).square().sum()) / whole

        least = error()
        assert least == pytest.approx(errors[-1], rel=1e-6)
        for m in range(2):
            for c in range(12):
                before = int(words.labels[0, m, c])
                for k in range(4):
                    words.labels[0, m, c] = k
                    assert error() >= least - 1e-9
                words.labels[0, m, c] = before
            for k in range(4):
                for step in (1e-3, -1e-3):
                    words.codebooks[m, k, 1] += step
                    assert error() >= least - 1e-9
                    words.codebooks[m, k, 1] -= step


def test_it_costs_what_the_formula_says():
    layer, x = conv(padding=1), normal(2, 8, 9, 11)
    look = LookUp(layer, quantized(layer, length=4, k=5))
    outputs = look(x).shape[2] * look(x).shape[3]
    padded = cost(look, x)
    assert padded.macs == 9 * 11 * 8 * 5 + outputs * 10 * 6 * 2
    assert padded.bytes == -(-(32 * (8 * 5 + 10) + 3 * 6 * 2 * 10) // 8)
    assert costs(8, 10, 4, 5, kernel=1, size_in=99, size_out=99)[1] == 99 * 8 * 5 + 99 * 10 * 2


def test_alexnet_s_figures_are_the_paper_s():
    """4.15 times fewer operations and 12.6 to 12.75 MiB, by the settings of the released files."""
    convolutions = [  # channels, outputs, d, pixels in and out, groups, C'
        (3, 96, 11, 227**2, 55**2, 1, 3), (96, 256, 5, 27**2, 27**2, 2, 8),
        (256, 384, 3, 13**2, 13**2, 1, 8), (384, 384, 3, 13**2, 13**2, 2, 8),
        (384, 256, 3, 13**2, 13**2, 2, 8),
    ]  # fmt: skip
    linears = [(9216, 4096, 4, 32), (4096, 4096, 4, 32), (4096, 1000, 1, 16)]
    totals = np.zeros(3)
    for channels, outputs, kernel, size_in, size_out, groups, length in convolutions:
        totals += costs(channels, outputs, length, 128, kernel, size_in, size_out, groups)
    for channels, outputs, length, k in linears:
        totals += costs(channels, outputs, length, k)
    whole, by_look_up, bits = totals
    assert whole == pytest.approx(724.4e6, rel=0.001)
    assert whole / by_look_up == pytest.approx(4.15, abs=0.02)
    assert 12.6 <= bits / 8 / 2**20 <= 12.76


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="8 channels do not go into pieces of 3"):
        quantized(conv(), 3, 4)
    with pytest.raises(ValueError, match=r"k must be a whole number in 1..60"):
        quantized(conv(), 4, 61)
    with pytest.raises(ValueError, match="without groups"):
        quantized(nn.Conv2d(4, 4, 3, groups=2), 2, 2)
    words = quantized(conv(), 4, 5)
    with pytest.raises(ValueError, match="do not fit together"):
        correct(conv(), words, normal(2, 8, 9, 11), normal(2, 10, 5, 5))
