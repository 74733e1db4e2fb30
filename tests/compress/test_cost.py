"""Counts against torch's own counter and against the formulas of the papers."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mvs_lib.compress.cost import Cost, cost, layer_costs
from mvs_lib.compress.layers import replaced
from mvs_lib.deep.network import HashNetwork


@pytest.mark.parametrize("trunk", ["small", "airbench", "alexnet", "mobilenet_v3_small"])
def test_macs_are_half_of_torch_s_operations(trunk):
    side = {"airbench": 32, "small": 128}.get(trunk, 224)
    network = HashNetwork(bits=48, classes=5, trunk=trunk).eval()
    photos = torch.zeros((2, side, side, 3), dtype=torch.uint8)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(photos)
    assert cost(network, photos).macs == counter.get_total_flops() // 2 // len(photos)


def test_a_convolution_costs_what_the_formula_says():
    layer = nn.Conv2d(6, 10, 3, stride=2, padding=1)
    (found,) = layer_costs(nn.Sequential(layer), torch.zeros(4, 6, 9, 9)).values()
    assert found == Cost(6 * 10 * 9 + 10, 6 * 10 * 9 * 5 * 5, 4 * (6 * 10 * 9 + 10))
    assert cost(layer.half(), torch.zeros(1, 6, 9, 9).half()).bytes == 2 * (6 * 10 * 9 + 10)


def test_a_layer_that_says_what_it_costs_speaks_for_its_parts():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = nn.Linear(3, 3)

        def forward(self, x):
            return self.inside(x)

        def cost(self, inputs, outputs):
            return Cost(1, 7 * len(inputs), 2)

    network = nn.Sequential(nn.Linear(3, 3), Odd(), nn.ReLU())
    assert layer_costs(network, torch.zeros(5, 3)) == {"0": Cost(12, 9, 48), "1": Cost(1, 7, 2)}


def test_a_layer_that_is_used_twice_multiplies_twice_and_is_stored_once():
    layer = nn.Linear(4, 4)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(self.layer(x))

    assert cost(Twice(), torch.zeros(1, 4)) == Cost(20, 32, 80)


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    network.train()
    cost(network, torch.zeros(1, 2))
    assert network.training and not network[0]._forward_hooks
    with pytest.raises(ValueError, match="at least one"):
        cost(network, torch.zeros(0, 2))


def test_a_layer_takes_the_place_of_another_in_a_copy():
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 3)))
    new = replaced(network, {"1.0": nn.Linear(2, 5)})
    assert new(torch.zeros(1, 2)).shape == (1, 5) and network(torch.zeros(1, 2)).shape == (1, 3)
    for name in ("", "2", "1.1"):
        with pytest.raises(ValueError, match="no layer"):
            replaced(network, {name: nn.Identity()})
