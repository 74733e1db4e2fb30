import numpy as np
import pytest
import torch

from mvs_lib.deep import HashNetwork
from mvs_lib.deep.training import Settings, build_network


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("bits", [1, 12, 48])
def test_the_outputs_have_the_stated_shapes_and_meanings(fresh, photos, bits):
    network = fresh(bits=bits).eval()
    with torch.no_grad():
        outputs = network(torch.from_numpy(photos.images[:5]))
    assert [tuple(o.shape) for o in outputs] == [(5, 16), (5, bits), (5, bits), (5, 3)]
    torch.testing.assert_close(outputs.latent, 1 / (1 + torch.exp(-outputs.projection)))
    by_hand = outputs.latent @ network.classifier.weight.T + network.classifier.bias
    torch.testing.assert_close(outputs.logits, by_hand)
    assert (outputs.features >= 0).all()


def test_photos_are_normalised_channel_by_channel(fresh):
    """Seen by the trunk: (value - mean) / deviation, channels in front."""
    network, seen = fresh().eval(), []
    network.trunk.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    image = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3)).astype(np.uint8)
    with torch.no_grad():
        network(torch.from_numpy(image))
    expected = (image - np.array(HashNetwork.MEAN)) / np.array(HashNetwork.STD)
    np.testing.assert_allclose(seen[0].numpy(), expected.transpose(0, 3, 1, 2), rtol=1e-5)


def test_bytes_and_floats_on_the_same_scale_are_the_same_photo(fresh, photos):
    network = fresh().eval()
    images = torch.from_numpy(photos.images[:4])
    with torch.no_grad():
        assert torch.equal(network(images).logits, network(images.float()).logits)


def test_initial_weights_follow_from_the_seed_alone(fresh):
    torch.manual_seed(123)
    first = weights(fresh(seed=5))
    torch.manual_seed(9)
    before = torch.random.get_rng_state()
    second = weights(fresh(seed=5))
    assert equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), before)  # nobody else's draws are disturbed
    assert not torch.equal(first["hash.weight"], fresh(seed=6).hash.weight)
    settings = Settings(seed=5, epochs=99, learning_rate=1.0)  # the other settings play no part
    again = build_network(settings, bits=12, classes=3, width=4, features=16)
    assert equal(first, weights(again))


def test_the_classifier_starts_as_released():
    network = HashNetwork(bits=48, classes=162, width=1, features=4)
    assert float(network.classifier.weight.detach().std()) == pytest.approx(0.2, rel=0.05)
    assert not network.classifier.bias.any() and not network.hash.bias.any()


def test_the_classifier_sees_the_photo_through_the_latent_layer_only(fresh, photos):
    network = fresh().eval()
    torch.nn.init.zeros_(network.hash.weight)
    with torch.no_grad():
        logits = network(torch.from_numpy(photos.images)).logits
    assert torch.equal(logits, logits[:1].expand_as(logits))


def test_the_config_builds_the_same_network_again(fresh):
    network = fresh(bits=7, classes=5)
    again = HashNetwork(**network.config)
    again.load_state_dict(network.state_dict())
    assert again.config == network.config and again.bits == 7 and again.classes == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 0}, "need bits >= 1"),
        ({"classes": 1}, "classes >= 2"),
        ({"trunk": "resnet"}, r"unknown trunk 'resnet': choose from \['airbench'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        HashNetwork(**options)


@pytest.mark.parametrize("shape", [(32, 32, 3), (2, 3, 32, 32), (2, 32, 32, 1)])
def test_what_is_no_batch_of_photos_is_refused(fresh, shape):
    with pytest.raises(ValueError, match=r"photos must have shape \(n, h, w, 3\), got"):
        fresh()(torch.zeros(shape))
