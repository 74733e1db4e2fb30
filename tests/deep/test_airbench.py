"""The trunk whose first layer is computed from photos."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from mvs_lib.deep import HashNetwork, checkpoint
from mvs_lib.deep.methods import DLBH
from mvs_lib.deep.training import Settings, build_network, train
from mvs_lib.deep.trunks import AirbenchTrunk
from mvs_lib.deep.trunks.airbench import whitening

QUICK = Settings(epochs=2, batch_size=10, augment=0)


def small(photos=None, seed=0):
    return build_network(Settings(seed=seed), photos, bits=6, classes=3, trunk="airbench", width=8)


def slow_patches(network, images):
    """All squares of 2 x 2 pixels, normalised, channel by channel as a kernel reads them."""
    pixels = (images - np.array(network.trunk.MEAN)) / np.array(network.trunk.STD)
    n, height, width, _ = pixels.shape
    return np.array([
        pixels[i, y : y + 2, x : x + 2].transpose(2, 0, 1).ravel()
        for i, y, x in itertools.product(range(n), range(height - 1), range(width - 1))
    ])  # fmt: skip


def test_whitened_patches_vary_alike_in_every_direction():
    random = np.random.default_rng(0)
    patches = random.normal(size=(3000, 12)) @ random.normal(size=(12, 12))
    filters = whitening(patches, ridge=0)
    seen = patches @ filters.T
    np.testing.assert_allclose(seen.T @ seen / len(seen), np.eye(12), atol=1e-9)
    assert (filters[np.arange(12), np.abs(filters).argmax(1)] > 0).all()


def test_a_direction_without_variance_stays_finite_and_the_ridge_is_added_to_the_variance():
    filters = whitening(np.array([[2.0, 0.0], [-2.0, 0.0]]), ridge=0.25)
    np.testing.assert_allclose(filters, [[0, 2], [1 / 4.25**0.5, 0]], atol=1e-12)


def test_the_first_layer_whitens_the_photos_patches_and_their_negatives(photos):
    network = small(photos)
    weight = network.trunk.whiten.weight.detach().flatten(1).double().numpy()
    assert weight.shape == (24, 12)
    np.testing.assert_array_equal(weight[12:], -weight[:12])
    patches = slow_patches(network, photos.images)
    np.testing.assert_allclose(weight[:12], whitening(patches), rtol=1e-4, atol=1e-5)
    with torch.no_grad():  # and so the layer's outputs are white, in the units of the network
        shifted = network.trunk.whiten(
            (torch.from_numpy(photos.images).permute(0, 3, 1, 2) - network.mean) / network.std
        )
        flat = (shifted - network.trunk.whiten.bias.view(1, -1, 1, 1)).transpose(0, 1).flatten(1)
    second = (flat[:12] @ flat[:12].T / flat.shape[1]).numpy()
    np.testing.assert_allclose(second, np.eye(12), atol=0.02)  # the ridge takes a little off


def test_the_draw_of_photos_follows_from_the_seed_alone(photos, monkeypatch):
    monkeypatch.setattr("mvs_lib.deep.trunks.airbench.SAMPLE", 5)

    def first_layer(images, seed):
        trunk = AirbenchTrunk(width=2)
        trunk.initialise(images, seed)
        return trunk.whiten.weight

    one = first_layer(photos.images, 1)
    assert torch.equal(one, first_layer(photos.images, 1))
    assert not torch.allclose(one, first_layer(photos.images, 2))
    np.random.seed(3)  # noqa: NPY002 - nobody else's draws play a part
    assert torch.equal(one, first_layer(photos.images, 1))


def test_the_later_blocks_may_be_as_wide_as_one_likes():
    usual, wider = AirbenchTrunk(width=4), AirbenchTrunk(width=4, deeper=24)
    assert (usual.features, wider.features) == (16, 24)
    shapes = [tuple(p.shape[:2]) for p in wider.blocks.parameters() if p.ndim == 4]
    assert shapes == [(4, 24), (4, 4), (24, 4), (24, 24), (24, 24), (24, 24)]
    assert wider(torch.rand(2, 3, 32, 32)).shape == (2, 24)
    same = {name: value.shape for name, value in AirbenchTrunk(4, 16).state_dict().items()}
    assert same == {name: value.shape for name, value in usual.state_dict().items()}


def test_it_is_not_trained_before_it_has_seen_photos(photos):
    network = small()
    assert not network.trunk.ready
    with pytest.raises(ValueError, match=r"not ready to be trained.* build_network\(settings, pho"):
        train(network, DLBH(), photos, QUICK, progress=False)


def test_training_spares_the_first_layers_kernel_and_moves_all_else(photos):
    network, fresh = small(photos), small(photos)
    assert network.trunk.ready
    train(network, DLBH(), photos, QUICK, progress=False)
    for (name, value), start in zip(network.named_parameters(), fresh.parameters(), strict=True):
        fixed = name == "trunk.whiten.weight" or (
            name.startswith("trunk.blocks") and name.endswith(("2.weight", "5.weight"))
        )
        assert torch.equal(value, start) == fixed, name


def test_a_checkpoint_is_read_without_photos(photos, tmp_path):
    network = small(photos).eval()
    checkpoint.save(network, tmp_path / "network.safetensors")
    loaded, _ = checkpoint.load(tmp_path / "network.safetensors")
    assert loaded.trunk.ready
    images = torch.from_numpy(photos.images[:3])
    with torch.no_grad():
        assert torch.equal(loaded(images).projection, network(images).projection)


def test_an_interrupted_run_goes_on_to_the_same_weights(photos, tmp_path):
    def run(**options):
        network = small(photos)
        train(network, DLBH(), photos, QUICK, progress=False, **options)
        return network.state_dict()

    class Stop:
        def on_step(self, step, steps, terms): ...

        def on_epoch(self, network, history):
            return True

    whole = run()
    run(checkpoint=tmp_path / "state", callbacks=(Stop(),))
    resumed = run(checkpoint=tmp_path / "state")
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_a_block_is_two_convolutions_with_a_halving_between():
    trunk = AirbenchTrunk(width=4).eval()
    block = trunk.blocks[1]
    x = torch.randn(2, 24, 9, 9, generator=torch.manual_seed(0))
    one, two = block[0].weight, block[4].weight
    scale = (1 + 1e-5) ** -0.5  # of a normalisation that has seen nothing
    with torch.no_grad():
        y = functional.max_pool2d(functional.conv2d(x, one, padding=1), 2) * scale
        y = functional.conv2d(functional.gelu(y), two, padding=1) * scale
        torch.testing.assert_close(block(x), functional.gelu(y))


def test_kernels_start_as_copies_of_their_input():
    trunk = AirbenchTrunk(width=8)
    layer = trunk.blocks[2][0]  # 8 to 32 channels
    x = torch.randn(1, 8, 5, 5, generator=torch.manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(layer(x)[:, :8], x)
    assert layer.weight[8:].std() > 0


def test_two_million_parameters_as_counted_by_hand_and_photos_of_several_sizes():
    w = 64
    kernels = [(24, w), (w, w), (w, 4 * w), (4 * w, 4 * w), (4 * w, 4 * w), (4 * w, 4 * w)]
    expected = 24 * 12 + 24 + sum(9 * i * o + 2 * o for i, o in kernels)
    assert sum(p.numel() for p in AirbenchTrunk().parameters()) == expected
    assert 1.9e6 < expected < 2.1e6
    trunk = AirbenchTrunk(width=2).eval()
    for size in ((17, 17), (32, 32), (40, 25)):
        with torch.no_grad():
            assert trunk(torch.zeros(3, 3, *size)).shape == (3, 8)


def test_it_reaches_the_network_by_name():
    network = HashNetwork(bits=4, classes=3, trunk="airbench", width=2)
    assert isinstance(network.trunk, AirbenchTrunk) and network.hash.in_features == 8
