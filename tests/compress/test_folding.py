import pytest
import torch
from torch import nn

from mvs_lib.compress.folding import Scale, folded, scaled, standardised, unfolded
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.low_rank import separable
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


@pytest.mark.parametrize("trunk", ["small", "airbench"])
def test_normalisations_put_back_say_nothing_at_first_and_normalise(trunk):
    side = 32 if trunk == "airbench" else 64
    network = with_statistics(HashNetwork(bits=16, classes=4, trunk=trunk), side).double()
    photos = torch.randint(0, 256, (40, side, side, 3), dtype=torch.uint8)
    plain = folded(network)
    wide = [n for n, m in plain.named_modules() if isinstance(m, nn.Conv2d) and m.in_channels > 24]
    thin = {n: separable(plain.get_submodule(n), 20) for n in wide}
    given = replaced(plain, thin)
    back = unfolded(given, network, photos, batch_size=16)
    assert [type(m) for m in back.modules()].count(nn.BatchNorm2d) == [
        type(m) for m in network.modules()
    ].count(nn.BatchNorm2d)
    with torch.no_grad():
        wanted = given(photos).projection
        torch.testing.assert_close(back(photos).projection, wanted)
        torch.testing.assert_close(folded(back)(photos).projection, wanted)
        assert not any(isinstance(m, nn.BatchNorm2d) for m in folded(back).modules())
        # The data's own mean and variance: with them, learning begins where evaluation stands.
        torch.testing.assert_close(
            back.train()(photos).projection, wanted, rtol=1e-3, atol=1e-3 * float(wanted.std())
        )


def test_standardised_normalisations_say_the_same_with_constant_statistics():
    network = with_statistics(HashNetwork(bits=16, classes=4), 64).double()
    photos = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    plain = standardised(network)
    with torch.no_grad():
        torch.testing.assert_close(plain(photos).projection, network(photos).projection)
    for layer in plain.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert not layer.running_mean.any() and len(layer.running_var.unique()) == 1


def test_scales_say_what_normalisations_say_and_leave_the_weights_alone():
    network = with_statistics(HashNetwork(bits=16, classes=4), 64).double()
    photos = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    plain = scaled(network)
    with torch.no_grad():
        torch.testing.assert_close(plain(photos).projection, network(photos).projection)
    kinds = [type(layer) for layer in plain.modules()]
    assert kinds.count(Scale) == 7 and nn.BatchNorm2d not in kinds and nn.BatchNorm1d not in kinds
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert torch.equal(plain.get_submodule(name).weight, layer.weight)
