"""Pruning, sharing and gaps: 0 stays 0, a centre learns for its weights, no label is lost."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from torch import nn

from mvs_lib.compress.pruning import density, prune_gradually, pruned, settled
from mvs_lib.compress.sparse_coding import filled_in, gaps
from mvs_lib.compress.weight_sharing import cluster, shared


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 5))


def taught(net, steps=5):
    """Train with momentum and decay, which would bring weights back that a mask did not hold."""
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=0.01)
    x, y = torch.randn(16, 3, 6, 6), torch.arange(16) % 5
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return net


def test_the_largest_weights_stay_and_the_others_are_0_for_good():
    net = network()
    new = pruned(net, {"0": 0.25, "3": 0.1})
    weights = net[3].weight.detach()
    kept = new[3].weight != 0
    assert int(kept.sum()) == round(0.1 * weights.numel())
    assert weights[kept].abs().min() >= weights[~kept].abs().max()
    before = new[3].weight.detach().clone()
    taught(new)
    assert torch.equal(new[3].weight != 0, kept) and not torch.equal(new[3].weight, before)
    assert density(new, ["0", "3"]) == pytest.approx((54 + 64) / (216 + 640))
    again = pruned(new, {"3": 0.05})
    assert not ((again[3].weight != 0) & ~kept).any(), "what is gone stays gone"
    plain = settled(again)
    assert torch.equal(plain[3].weight, again[3].weight) and not list(plain[3].buffers())
    gone = plain[3].weight[plain[3].weight == 0]
    assert not torch.signbit(gone).any(), "-0 is another value than 0 to a file"
    assert (net[3].weight != 0).all(), "the network given is left alone"


def test_rounds_prune_by_equal_ratios():
    seen = []

    def learn(net, number):
        seen.append((number, density(net, ["3"])))
        return net

    prune_gradually(network(), {"3": 0.125}, 3, learn)
    assert [number for number, _ in seen] == [1, 2, 3]
    assert [share for _, share in seen] == pytest.approx([0.5, 0.25, 0.125], abs=1e-3)


def is_left_alone(values, centres):
    """Whether a centre has no members on some turn: the peer then moves it, ours stays."""
    for _ in range(100):
        members = np.abs(values[:, None] - centres).argmin(1)
        if len(np.unique(members)) < len(centres):
            return True
        centres = np.array([values[members == each].mean() for each in range(len(centres))])
    return False


@example(np.array([0.0, 1.0, 6.0, 7.0, 14.0, -7.0]), 5)  # a centre is left alone on the second turn
@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=60).map(np.array),
    st.integers(1, 8),
)
def test_clusters_are_those_of_a_peer_from_the_same_start(values, k):
    centres, members = cluster(values, k)
    assert np.array_equal(np.abs(values[:, None] - centres).min(1),
                          np.abs(values - centres[members]))  # fmt: skip
    if len(np.unique(values)) > k:
        start = np.linspace(values.min(), values.max(), k)
        if not is_left_alone(values, start):
            peer = KMeans(k, init=start[:, None], n_init=1, max_iter=100, tol=0).fit(
                values[:, None]
            )
            ours = ((values - centres[members]) ** 2).sum()
            assert ours <= peer.inertia_ * 1.05 + 1e-6


def shared_and_plain():
    """A network that shares weights and one of the same weights, with a loss's gradients."""
    net = shared(pruned(network(), {"3": 0.3}), {"0": 15, "3": 7})
    plain = settled(net)
    x, y = torch.randn(16, 3, 6, 6), torch.arange(16) % 5
    for each in (net, plain):
        nn.functional.cross_entropy(each(x), y).backward()
    return net, plain


def test_a_centre_s_gradient_is_the_sum_of_its_weights_gradients():
    net, plain = shared_and_plain()
    for name in ("0", "3"):
        layer, other = net[int(name)], plain[int(name)]
        makes, learned = layer.parametrizations.weight[0], layer.parametrizations.weight.original
        wanted = torch.zeros(len(learned) + 1).index_add_(
            0, makes.labels.flatten(), other.weight.grad.flatten()
        )
        torch.testing.assert_close(learned.grad * makes.root, wanted[1:], rtol=1e-4, atol=1e-6)


def test_a_step_moves_weights_as_the_mean_of_those_that_share_would_move():
    net, plain = shared_and_plain()
    for name in ("0", "3"):
        layer, other = net[int(name)], plain[int(name)]
        labels, before = layer.parametrizations.weight[0].labels, layer.weight.detach().clone()
        gradient, wanted = other.weight.grad, torch.zeros_like(before)
        for value in range(1, int(labels.max()) + 1):
            alike = labels == value
            wanted[alike] = gradient[alike].mean()
        torch.optim.SGD(layer.parametrizations.parameters(), lr=0.5).step()
        torch.testing.assert_close(before - layer.weight, 0.5 * wanted, rtol=1e-3, atol=1e-6)


def test_shared_weights_keep_their_values_and_zeros_while_they_learn():
    sparse = pruned(network(), {"3": 0.3})
    net = shared(sparse, {"3": 7})
    kept = sparse[3].weight != 0
    assert torch.equal(net[3].weight != 0, kept)
    assert len(torch.unique(net[3].weight[kept])) <= 7
    before = net[3].weight.detach().clone()
    taught(net)
    assert torch.equal(net[3].weight != 0, kept) and not torch.equal(net[3].weight, before)
    assert len(torch.unique(net[3].weight[kept])) <= 7
    plain = settled(net)
    assert torch.equal(plain[3].weight, net[3].weight)
    assert [n for n, _ in plain.named_parameters()] == [n for n, _ in network().named_parameters()]


@given(st.lists(st.integers(0, 3), max_size=400), st.integers(1, 5), st.integers(0, 300))
def test_gaps_and_labels_say_everything(labels, bits, zeros):
    labels = np.array([0] * zeros + labels + [0] * zeros, np.int64)
    gap, value = gaps(labels, bits)
    assert np.array_equal(filled_in(gap, value, len(labels)), labels)
    assert len(gap) == 0 or gap.max() < 1 << bits
    fillers = value == 0
    assert (gap[fillers] == (1 << bits) - 1).all()
    assert len(gap) - fillers.sum() == np.count_nonzero(labels)


def test_what_does_not_fit_is_refused():
    for name in "91":
        with pytest.raises(ValueError, match="no layer with weights"):
            pruned(network(), {name: 0.5})
    for share in (0.0, 1.5):
        with pytest.raises(ValueError, match="share above 0"):
            pruned(network(), {"0": share})
    with pytest.raises(ValueError, match="rounds must be"):
        prune_gradually(network(), {"3": 0.5}, 0, lambda net, _: net)
    with pytest.raises(ValueError, match="no layer with weights"):
        shared(network(), {"1": 3})
    empty = network()
    nn.init.zeros_(empty[3].weight)
    with pytest.raises(ValueError, match="all weights of 3 are 0"):
        shared(empty, {"3": 3})
    with pytest.raises(ValueError, match="finite numbers"):
        cluster(np.array([np.nan]), 2)
    with pytest.raises(ValueError, match="1 to 16 bits"):
        gaps(np.zeros(3), 0)
    for gap, value in (([1, 2], [1]), ([-1], [1])):
        with pytest.raises(ValueError, match="do not fit"):
            filled_in(np.array(gap), np.array(value), 4)
    for gap in ([5], [0, 2**62, 2**62], [1, 1, 1]):
        with pytest.raises(ValueError, match="beyond 4"):
            filled_in(np.array(gap), np.ones(len(gap)), 4)
