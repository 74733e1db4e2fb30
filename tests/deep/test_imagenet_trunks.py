"""torchvision's networks as trunks; nothing here downloads."""

import urllib.error

import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision import models
from torchvision.models import WeightsEnum

from mvs_lib.deep import HashNetwork
from mvs_lib.deep.methods import DLBH
from mvs_lib.deep.training import Settings, build_network, train
from mvs_lib.deep.trunks import TRUNKS

MOBILE = "mobilenet_v3_small"
MAKERS = {"alexnet": models.alexnet, MOBILE: models.mobilenet_v3_small}


@pytest.fixture
def published(monkeypatch):
    """Give ``get_state_dict`` weights of our own, and note what was asked of it."""
    asked = []

    def give(self, **options):
        asked.append((self.url, options))
        with torch.random.fork_rng():
            torch.manual_seed(7)
            maker = models.alexnet if "alexnet" in self.url else models.mobilenet_v3_small
            return maker().state_dict()

    monkeypatch.setattr(WeightsEnum, "get_state_dict", give)
    return asked


@pytest.mark.parametrize(("name", "features"), [("alexnet", 4096), (MOBILE, 1024)])
def test_features_are_what_the_published_last_layer_reads(photos, published, name, features):
    network = build_network(Settings(), photos, bits=4, classes=3, trunk=name, weights="imagenet")
    network.eval()
    assert network.trunk.ready and network.trunk.features == features
    assert len(published) == 1 and published[0][1] == {"check_hash": True, "weights_only": True}
    whole = MAKERS[name]().eval()
    whole.load_state_dict(models.get_model_weights(name).IMAGENET1K_V1.get_state_dict())
    read = []
    whole.classifier[-1].register_forward_pre_hook(lambda layer, given: read.append(given[0]))
    images = photos.images[:2]
    # as torchvision's own transforms do after scaling: to 0..1, minus mean, by deviation
    x = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    x = functional.interpolate(x, (224, 224), mode="bilinear")
    mean, std = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    x = (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    with torch.no_grad():
        whole(x)
        torch.testing.assert_close(
            network(torch.from_numpy(images)).features, read[0], rtol=1e-3, atol=1e-4
        )


def test_photos_of_the_right_size_are_not_scaled(monkeypatch):
    monkeypatch.setattr(functional, "interpolate", lambda *_, **__: pytest.fail("scaled"))
    trunk = TRUNKS[MOBILE](size=64).eval()
    with torch.no_grad():
        assert trunk(torch.zeros(1, 3, 64, 64)).shape == (1, 1024)


def test_without_network_it_says_what_to_do(photos, monkeypatch, tmp_path):
    def fail(self, **options):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(WeightsEnum, "get_state_dict", fail)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(
        OSError,
        match=r"not at hand .*no route.* once with a network, or put https"
        rf".*pth at {tmp_path}/checkpoints/mobilenet.*pth, or take weights=None",
    ):
        build_network(Settings(), photos, bits=4, classes=3, trunk=MOBILE, weights="imagenet")


def test_a_config_builds_the_network_again_without_a_download(published, photos):
    first = build_network(Settings(), photos, bits=4, classes=3, trunk=MOBILE, weights="imagenet")
    published.clear()
    again = HashNetwork(**first.config)
    assert not again.trunk.ready
    again.load_state_dict(first.state_dict())
    assert again.trunk.ready and published == []
    again.trunk.initialise(photos.images, 0)  # nothing left to fetch
    assert published == []


def test_only_known_weights_are_taken():
    with pytest.raises(ValueError, match="weights must be 'imagenet' or None, got 'IMAGENET1K'"):
        TRUNKS[MOBILE](weights="IMAGENET1K")


def test_published_kernels_keep_their_norm_scale_when_trained(photos):
    """Muon would set every kernel to a norm of its own; these go by small steps of SGD."""
    network = build_network(Settings(), photos, bits=4, classes=3, trunk=MOBILE, size=32)
    assert network.trunk.ready  # from scratch: nothing to wait for
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    settings = Settings(epochs=1, batch_size=10, augment=0, learning_rate=1e-3)
    train(network, DLBH(), photos, settings, progress=False)
    moved = 0
    for name, parameter in network.named_parameters():
        value = parameter.detach()
        if name.startswith("trunk.") and value.ndim > 1:
            assert float((value - before[name]).norm()) < 0.1 * float(before[name].norm()), name
            moved += not torch.equal(value, before[name])
    assert moved > 30


def test_the_same_seed_trains_the_same_network_although_torch_drew_meanwhile(photos):
    settings = Settings(epochs=1, batch_size=10, augment=0)

    def weights(noise):
        torch.manual_seed(noise)
        network = build_network(settings, photos, bits=4, classes=3, trunk=MOBILE, size=32)
        train(network, DLBH(), photos, settings, progress=False)
        return np.concatenate([v.flatten().float() for v in network.state_dict().values()])

    np.testing.assert_array_equal(weights(1), weights(2))
