"""Layers are listened to faithfully, and a cheaper one learns to say the same."""

import pytest
import torch
from torch import nn

from mvs_lib.compress.low_rank import separable
from mvs_lib.compress.reconstruction import reconstruct, responses


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(8, 6, 3), nn.Flatten(),
        nn.Linear(6 * 36, 4),
    ).double()  # fmt: skip


def test_a_layer_s_inputs_and_outputs_are_taken_down(network):
    x = torch.randn(7, 3, 8, 8).double()
    with torch.no_grad():
        first = network[0](x)
    read, said = responses(network, "0", x, batch_size=3)
    assert torch.equal(read, x) and torch.allclose(said, first) and (said < 0).any()
    read, said = responses(network, "2", x)
    assert torch.allclose(read, first.clamp(min=0)) and said.shape == (7, 6, 6, 6)
    assert network.training and not network[0]._forward_hooks


def test_a_cheaper_layer_learns_to_say_the_same(network):
    x = torch.randn(40, 3, 8, 8).double()
    read, said = responses(network, "2", x)
    split = separable(network[2], 6)
    before = [p.clone() for p in split.parameters()]
    taught = reconstruct(split, read, said, steps=60)
    with torch.no_grad():
        errors = [float((each(read) - said).square().mean()) for each in (split, taught)]
    assert errors[1] < 0.8 * errors[0]
    assert all(torch.equal(a, b) for a, b in zip(before, split.parameters(), strict=True))


def test_a_linear_layer_reaches_the_least_squares():
    torch.manual_seed(1)
    read, said = torch.randn(50, 6).double(), torch.randn(50, 3).double()
    taught = reconstruct(nn.Linear(6, 3, bias=False).double(), read, said, steps=200)
    best = torch.linalg.lstsq(read, said).solution.T
    torch.testing.assert_close(taught.weight.detach(), best, rtol=1e-4, atol=1e-5)
    held = reconstruct(nn.Linear(6, 3, bias=False).double(), read, said, ridge=1e6)
    assert (held.weight.detach() - best).abs().max() > 0.05


def test_what_cannot_be_listened_to_is_refused(network):
    x = torch.zeros(2, 3, 8, 8).double()
    with pytest.raises(ValueError, match="no layer '9'"):
        responses(network, "9", x)
    with pytest.raises(ValueError, match="at least one"):
        responses(network, "0", x[:0])
    unused = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
    unused.forward = unused["a"].forward
    with pytest.raises(ValueError, match="not called once a batch"):
        responses(unused, "b", torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"is to say \(5,\)"):
        reconstruct(nn.Linear(3, 4), torch.zeros(2, 3), torch.zeros(2, 5))
