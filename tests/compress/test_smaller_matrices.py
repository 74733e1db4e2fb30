"""Vector quantisation, hashed weights, merged neurons and Fastfood: identities of each."""

import math

import faiss
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import hadamard
from scipy.stats import chisquare
from torch import nn

from mvs_lib.compress.cost import cost
from mvs_lib.compress.data_free import merge_neurons, merges, spare
from mvs_lib.compress.fastfood import AdaptiveFastfood, walsh_hadamard
from mvs_lib.compress.hashed_net import HashedLinear, deal
from mvs_lib.compress.vector_quantization import (
    QuantizedWeights,
    binarized,
    product,
    residual,
    scalar,
)


def normal(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def error(weights, quantized):
    return float((weights - quantized.decoded()).square().sum())


def test_signs_times_the_mean_size_are_the_best_two_numbers_of_equal_size():
    weights = normal(20, 30)
    found = binarized(weights)
    assert torch.equal(found.decoded().sign(), weights.sign())
    for other in (0.9, 1.1):
        assert error(weights, found) < float((weights - other * found.decoded()).square().sum())
    assert found.bits == 600 + 64


@pytest.mark.parametrize("method", ["scalar", "product", "residual"])
def test_larger_codebooks_lose_less_and_the_bits_are_counted(method):
    weights = normal(64, 12)
    make = {
        "scalar": lambda k: scalar(weights, k),
        "product": lambda k: product(weights, 3, k),
        "residual": lambda k: residual(weights, 2, k),
    }[method]
    errors = [error(weights, make(k)) for k in (2, 8, 32)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0] / 2
    bits = {"scalar": 32 * 8 + 3 * 768, "product": 32 * 8 * 12 + 3 * 3 * 64,
            "residual": 32 * 2 * 8 * 12 + 3 * 2 * 64}[method]  # fmt: skip
    assert make(8).bits == bits


def test_each_row_has_its_nearest_codeword_in_every_block_and_a_peer_is_no_better():
    weights = normal(200, 8).float().double()
    found = product(weights, 2, 16)
    for block, part in enumerate(weights.split(4, dim=1)):
        nearest = torch.cdist(part, found.codebooks[block]).argmin(1)
        assert torch.equal(nearest, found.labels[block])
    peer = faiss.ProductQuantizer(8, 2, 4)
    peer.train(weights.float().numpy())
    theirs = peer.decode(peer.compute_codes(weights.float().numpy()))
    assert error(weights, found) < 1.1 * float((weights - torch.from_numpy(theirs)).square().sum())


def test_with_a_codeword_for_each_row_nothing_is_lost_and_stages_add_up():
    weights = normal(10, 6)
    torch.testing.assert_close(product(weights, 2, 10).decoded(), weights)
    found = residual(weights, 3, 4)
    summed = sum(found.codebooks[t][found.labels[t]] for t in range(3))
    torch.testing.assert_close(found.decoded(), summed)
    errors = [error(weights, residual(weights, t, 4)) for t in (1, 2, 3)]
    assert errors == sorted(errors, reverse=True)


def test_a_quantised_layer_says_what_its_weights_say_and_its_codewords_learn():
    layer = nn.Linear(12, 40)
    for quantized in (product(layer.weight, 3, 8), scalar(layer.weight, 4)):
        new, x = QuantizedWeights(layer, quantized), torch.randn(5, 12)
        wanted = nn.functional.linear(x, quantized.decoded().float(), layer.bias)
        torch.testing.assert_close(new(x), wanted)
        new(x).square().sum().backward()
        assert new.codebooks.grad.abs().sum() > 0
        assert cost(new, x).bytes == math.ceil(quantized.bits / 8) + 4 * 40
    with pytest.raises(ValueError, match="12 columns do not go into 5"):
        product(layer.weight, 5, 8)
    with pytest.raises(ValueError, match="k must be"):
        product(layer.weight, 3, 41)
    with pytest.raises(ValueError, match="a matrix"):
        binarized(torch.zeros(3))


def split_mix(x):
    """SplitMix64's finaliser in Python's own whole numbers."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
    return x ^ (x >> 31)


def test_hashes_deal_evenly_and_are_the_same_everywhere():
    index, sign = deal((200, 300), 64, seed=7)
    assert chisquare(np.bincount(index.flatten(), minlength=64)).pvalue > 1e-3
    assert abs(float(sign.mean())) < 0.02 and set(sign.unique().tolist()) == {-1.0, 1.0}
    together = index.flatten() * 2 + (sign.flatten() > 0)
    assert chisquare(np.bincount(together, minlength=128)).pvalue > 1e-3
    index, sign = deal((2, 3), 5, seed=1)
    starts = split_mix(2), split_mix(3)
    for place in range(6):
        first, second = (split_mix(split_mix(place + 1) ^ start) for start in starts)
        assert index.flatten()[place] == first % 5
        assert sign.flatten()[place] == (1 if second >> 63 else -1)
    other = deal((200, 300), 64, seed=8)[0]
    assert abs(float((other == deal((200, 300), 64, seed=7)[0]).double().mean()) - 1 / 64) < 0.005
    for k, seed in ((0, 0), (5, -1), (5, 1.0)):
        with pytest.raises(ValueError, match=r"must be a whole number"):
            deal((2, 2), k, seed)


def test_a_hashed_weight_gets_the_signed_sum_of_its_places():
    layer, x = HashedLinear(9, 7, 11, seed=3).double(), normal(5, 9)
    virtual = layer.weight.detach().requires_grad_()
    nn.functional.linear(x, virtual, layer.bias).square().sum().backward()
    layer(x).square().sum().backward()
    signed = (virtual.grad * layer.sign).flatten()
    wanted = torch.zeros(11).double().index_add_(0, layer.index.flatten(), signed)
    torch.testing.assert_close(layer.shared.grad, wanted)


def test_hashing_the_weights_is_hashing_the_inputs():
    """The equal view of the paper: z_i = sum_k w_k phi_k(x), phi_k the signed sum of inputs."""
    layer, x = HashedLinear(9, 7, 11, seed=3, bias=False).double(), normal(5, 9)
    for i in range(7):
        phi = torch.zeros(5, 11).double()
        phi.index_add_(1, layer.index[i], x * layer.sign[i])
        torch.testing.assert_close((phi @ layer.shared).detach(), layer(x)[:, i].detach())


def test_the_nearest_hashed_layer_is_the_least_squares_and_a_file_holds_little():
    linear = nn.Linear(9, 7).double()
    layer = HashedLinear.of(linear, 11, seed=3)
    near = (layer.weight - linear.weight).square().sum()
    with torch.no_grad():
        for k in range(11):
            layer.shared[k] += 1e-3
            assert (layer.weight - linear.weight).square().sum() > near - 1e-12
            layer.shared[k] -= 1e-3
    assert {name: value.numel() for name, value in layer.state_dict().items()} == {
        "shared": 11, "bias": 7,
    }  # fmt: skip
    again = HashedLinear(9, 7, 11, seed=3).double()
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.weight, layer.weight)
    assert cost(layer.float(), torch.zeros(1, 9)).bytes == 4 * 18 + 8


def test_twins_become_one_and_nothing_changes():
    torch.manual_seed(0)
    first, second, x = nn.Linear(6, 10).double(), nn.Linear(10, 4).double(), normal(30, 6)
    with torch.no_grad():
        for twin, of in ((3, 0), (7, 0), (9, 5)):
            first.weight[twin], first.bias[twin] = first.weight[of], first.bias[of]
        fewer = merge_neurons(first, second, 3)
        assert fewer[0].out_features == fewer[1].in_features == 7
        wanted, got = (b(torch.relu(a(x))) for a, b in ((first, second), fewer))
        torch.testing.assert_close(got, wanted)
        assert merges(first, second, 4)[1][2] < 1e-20 < merges(first, second, 4)[1][3]


@given(st.integers(0, 1000), st.integers(3, 12), st.booleans())
def test_the_updated_saliencies_are_those_computed_anew(seed, n, bias):
    torch.manual_seed(seed)
    first, second = nn.Linear(4, n, bias=bias).double(), nn.Linear(n, 3).double()
    pairs, costs = merges(first, second, n - 1)
    weights = first.weight.detach()
    if bias:
        weights = torch.cat([weights, first.bias.detach()[:, None]], 1)
    reading, left = second.weight.detach().clone(), list(range(n))
    for (i, j), found in zip(pairs, costs, strict=True):
        table = {
            (a, b): float((weights[a] - weights[b]).square().sum() * reading[:, b].square().mean())
            for a in left for b in left if a != b
        }  # fmt: skip
        assert found == pytest.approx(min(table.values()), rel=1e-9)
        assert table[i, j] == pytest.approx(found, rel=1e-9)
        reading[:, i] += reading[:, j]
        left.remove(j)


def test_spare_neurons_are_those_before_the_first_peak():
    random = np.random.default_rng(0)
    needed = np.sort(np.exp(random.normal(0, 0.3, 150)))
    copies = np.sort(np.exp(random.normal(-12, 0.3, 50)))
    costs = [0.0] * 5 + [*copies, *needed]
    assert 5 < spare(costs) < 45, "the peak of the copies comes first"
    few = [1e-6, 1e-6, *needed]
    assert 50 < spare(few) < 110
    assert spare([1.0] * 20) in (0, 20)
    with pytest.raises(ValueError, match="give costs"):
        spare([])
    first, second = nn.Linear(3, 4), nn.Linear(5, 2)
    with pytest.raises(ValueError, match="4 neurons are read by a layer of 5"):
        merges(first, second, 1)
    with pytest.raises(ValueError, match="0 to 3 of 4"):
        merges(first, nn.Linear(4, 2), 4)


@pytest.mark.parametrize("d", [1, 2, 8, 64])
def test_the_transform_is_the_hadamard_matrix_and_its_own_way_back(d):
    x = normal(3, d)
    matrix = torch.from_numpy(hadamard(d)).double()
    torch.testing.assert_close(walsh_hadamard(x), x @ matrix)
    torch.testing.assert_close(walsh_hadamard(walsh_hadamard(x)), d * x)
    assert torch.autograd.gradcheck(walsh_hadamard, (x[:2].clone().requires_grad_(),))


@pytest.mark.parametrize(("inputs", "outputs"), [(8, 8), (5, 3), (6, 20), (1, 2)])
def test_fastfood_is_the_product_of_its_matrices(inputs, outputs):
    layer, x = AdaptiveFastfood(inputs, outputs, seed=2).double(), normal(4, inputs)
    d, rows = layer.d, []
    h = torch.from_numpy(hadamard(d)).double() / math.sqrt(d)
    for block in range(len(layer.b)):
        permute = torch.eye(d).double()[layer.order[block]]
        s, g, b = (torch.diag(part[block]) for part in (layer.s, layer.g, layer.b))
        rows.append(s @ h @ g @ permute @ h @ b)
    wanted = torch.cat(rows)[:outputs, :inputs].detach()
    torch.testing.assert_close(layer.weight.detach(), wanted)
    torch.testing.assert_close(layer(x).detach(), x @ wanted.T + layer.bias.detach())
    assert sum(p.numel() for p in layer.parameters()) == 3 * d * len(layer.b) + outputs


def test_fastfood_starts_like_a_gaussian_matrix_and_all_its_numbers_learn():
    layer = AdaptiveFastfood(256, 512, seed=0, bias=False)
    lengths = layer.weight.detach().norm(dim=1)
    assert abs(float(lengths.mean()) - 1) < 0.05 and 0.02 < float(lengths.std()) < 0.1
    said = layer(torch.randn(400, 256))
    assert abs(said.std().item() - 1) < 0.1
    said.square().sum().backward()
    assert all((p.grad != 0).float().mean() > 0.99 for p in layer.parameters())
    assert cost(layer, torch.zeros(1, 256)) == (3 * 512, 512 * (3 + 16), 4 * 3 * 512 + 8)
    for shape in ((0, 3), (3, 0)):
        with pytest.raises(ValueError, match="must be a whole number"):
            AdaptiveFastfood(*shape)
    with pytest.raises(ValueError, match="power of two"):
        walsh_hadamard(torch.zeros(3))
