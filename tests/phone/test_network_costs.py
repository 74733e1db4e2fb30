"""Costs are counted: against torch's own counter, real tensors, and the papers' figures."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mvs_lib.phone import network_costs
from mvs_lib.phone.latency import NetworkCost
from mvs_lib.phone.network_costs import SIZES, measured_cost, network_cost
from mvs_lib.phone.published_timings import NETWORKS


@pytest.mark.parametrize("name", [*NETWORKS, "YOLO"])
def test_multiplications_are_those_of_torch_s_counter(name):
    size = SIZES.get(name, 224)
    with torch.device("meta"):
        network, photo = network_costs._BUILD[name]().eval(), torch.zeros(1, 3, size, size)
    with FlopCounterMode(display=False) as counter:
        network(photo)
    assert 2 * network_cost(name).macs == counter.get_total_flops()


def test_bytes_are_those_of_real_weights_and_tensors():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
        nn.Linear(4 * 5 * 5, 6),
    )  # fmt: skip
    weights = 4 * (4 * 3 * 9 + 100 * 6 + 6)  # normalisation is folded
    moved = 4 * (3 * 11 * 11 + 4 * 5 * 5) + 4 * (100 + 6)
    macs = 25 * 4 * 27 + 100 * 6
    wanted = NetworkCost(macs, weights, moved)
    for photos in (1, 3):
        assert measured_cost(network, torch.zeros(photos, 3, 11, 11)) == wanted
    half = measured_cost(network.bfloat16(), torch.zeros(1, 3, 11, 11, dtype=torch.bfloat16))
    assert half == NetworkCost(macs, weights // 2, moved // 2)
    assert network.training
    with pytest.raises(ValueError, match="at least one input"):
        measured_cost(network, torch.zeros(0, 3, 11, 11))


@pytest.mark.parametrize(
    ("name", "macs", "parameters"),
    [
        ("AlexNet", 724e6, 60.97e6),  # Krizhevsky et al.: 60 million; BVLC's release: 61.0
        ("MobileNet", 569e6, 4.2e6),  # Howard et al., table 4
        ("YOLO", 20.3e9, 271.7e6),  # Rallapalli et al. ran this one
    ],
)
def test_networks_defined_here_are_the_papers(name, macs, parameters):
    found = network_cost(name)
    assert found.macs == pytest.approx(macs, rel=0.005)
    assert found.weight_bytes / 4 == pytest.approx(parameters, rel=0.01)


def test_networks_defined_here_compute_what_they_are_named_for():
    assert network_costs.alexnet()(torch.zeros(1, 3, 227, 227)).shape == (1, 1000)
    assert network_costs.mobilenet()(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    with torch.device("meta"):
        found = network_costs.yolo()(torch.zeros(1, 3, 448, 448))
    assert found.shape == (1, 7 * 7 * 30)


def test_most_of_yolo_s_weights_are_in_its_linear_layers():
    with torch.device("meta"):
        layers = [layer for layer in network_costs.yolo() if isinstance(layer, nn.Linear)]
    linear = 4 * sum(parameter.numel() for layer in layers for parameter in layer.parameters())
    assert linear / network_cost("YOLO").weight_bytes == pytest.approx(0.78, abs=0.005)


def test_unknown_networks_are_refused():
    with pytest.raises(ValueError, match="unknown network 'LeNet'; there are: SqueezeNet"):
        network_cost("LeNet")
