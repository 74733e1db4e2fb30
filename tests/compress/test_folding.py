import pytest
import torch
from torch import nn

from mvs_lib.compress.folding import folded
from mvs_lib.deep.network import HashNetwork


def with_statistics(network, side):
    """Give every normalisation something to say."""
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_(0, 1, generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
            layer.bias.data.normal_(0, 1, generator=generator)
    return network.eval()


@pytest.mark.parametrize("trunk", ["small", "airbench", "mobilenet_v3_small"])
def test_without_its_normalisations_a_network_says_the_same(trunk):
    side = 32 if trunk == "airbench" else 64
    network = with_statistics(HashNetwork(bits=16, classes=4, trunk=trunk), side).double()
    photos = torch.randint(0, 256, (3, side, side, 3), dtype=torch.uint8)
    plain = folded(network)
    with torch.no_grad():
        torch.testing.assert_close(plain(photos).projection, network(photos).projection)
    kinds = [type(layer) for layer in plain.modules()]
    assert nn.BatchNorm2d not in kinds and nn.BatchNorm1d not in kinds
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert [n for n, _ in plain.named_modules()] == [n for n, _ in network.named_modules()]


def test_a_scale_below_zero_keeps_the_normalisation_behind_a_pooling():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.BatchNorm2d(4)).eval()
    assert isinstance(folded(network)[2], nn.Identity)
    with torch.no_grad():
        network[2].weight[1] = -1.0
    assert isinstance(folded(network)[2], nn.BatchNorm2d)
