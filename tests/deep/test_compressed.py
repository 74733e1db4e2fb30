"""A hash network through a pipeline: pruned, shared, taught on, and back from its file."""

from functools import partial

import numpy as np
import pytest
import torch

from mvs_lib.compress.folding import folded
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.low_rank import separable
from mvs_lib.compress.pipeline import Pipeline
from mvs_lib.compress.pruning import density, pruned
from mvs_lib.compress.weight_sharing import shared
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import checkpoint, compressed, encode
from mvs_lib.deep.methods import SSDH
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import build_network

LAYERS = ("trunk.stages.2.0", "trunk.stages.4.0", "trunk.vector.1")


@pytest.fixture(scope="module")
def photos():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, 64, 64, 3), dtype=np.uint8)
    return Photos(images, np.arange(24) % 4, ("a", "b", "c", "d"))


@pytest.fixture
def network():
    return build_network(Settings(seed=1), bits=16, classes=4, width=8, features=32)


def test_pruned_shared_and_taught_in_turn_and_read_again(photos, network, tmp_path):
    learn = compressed.learn_on(
        SSDH, photos, Settings(epochs=2, batch_size=12, learning_rate=0.01), progress=False
    )
    before = {name: value.clone() for name, value in network.state_dict().items()}
    pipeline = Pipeline({
        "prune": partial(pruned, kept=dict.fromkeys(LAYERS, 0.2)), "learn": learn,
        "share": partial(shared, values=dict.fromkeys(LAYERS, 15)), "learn again": learn,
    })  # fmt: skip
    stages = dict(pipeline.stages(network))
    assert list(stages) == ["prune", "learn", "share", "learn again"]
    for stage in stages.values():
        assert density(stage, LAYERS) == pytest.approx(0.2, abs=0.01)
    last = stages["learn again"]
    for name in LAYERS:
        layer = last.get_submodule(name)
        assert len(torch.unique(layer.weight)) <= 16
        mask = stages["prune"].get_submodule(name).weight != 0
        assert torch.equal(layer.weight != 0, mask)
    assert not torch.equal(
        stages["share"].get_submodule(LAYERS[0]).weight, last.get_submodule(LAYERS[0]).weight
    )
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())

    size = compressed.save(last, tmp_path / "a.small", method="ssdh")
    again, about = compressed.load(tmp_path / "a.small")
    assert about == {"method": "ssdh"} and again.config == network.config
    assert np.array_equal(encode(again, photos.images), encode(last.eval(), photos.images))
    checkpoint.save(network, tmp_path / "whole.safetensors")
    assert size < (tmp_path / "whole.safetensors").stat().st_size * 0.75


def test_a_network_without_normalisations_learns_on(photos, network, tmp_path):
    plain = folded(network)
    split = replaced(plain, {LAYERS[0]: separable(plain.get_submodule(LAYERS[0]), 6)})
    settings = Settings(epochs=1, batch_size=12, learning_rate=0.001)
    taught = compressed.learn_on(SSDH, photos, settings, progress=False)(split)
    for name in ("0", "1"):
        ours, theirs = (net.get_submodule(f"{LAYERS[0]}.{name}") for net in (taught, split))
        assert (ours.weight != theirs.weight).any() and torch.isfinite(ours.weight).all()
    compressed.save(taught, tmp_path / "a.small")
    again, _ = compressed.load(tmp_path / "a.small")
    assert np.array_equal(encode(again, photos.images), encode(taught, photos.images))


def test_a_pipeline_without_steps_is_none():
    with pytest.raises(ValueError, match="at least one step"):
        Pipeline({})
    assert Pipeline({"double": lambda x: 2 * x, "add": lambda x: x + 1})(3) == 7
