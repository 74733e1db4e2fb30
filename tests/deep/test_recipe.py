"""Pretraining reads the features alone; the second step leaves the pretrained network alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import recipe, training
from mvs_lib.deep.methods import DLBH
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.pretraining import Pretraining
from mvs_lib.deep.training import Settings, build_network, train

BRIEF = Settings(epochs=2, batch_size=8)


def coloured(n=24, classes=3):
    labels = np.arange(n) % classes
    images = np.full((n, 32, 32, 3), 60, np.uint8)
    images[np.arange(n), :, :, labels] = 200
    return Photos(images, labels.astype(np.int64), tuple("abcdefgh"[:classes]))


def test_the_loss_is_cross_entropy_of_the_features_and_spares_the_hash_layer():
    network = HashNetwork(bits=5, classes=3, width=4, features=6).eval()
    loss, labels = Pretraining(network), torch.tensor([0, 2])
    with torch.no_grad():
        loss.classifier.weight.normal_()
    outputs = network(torch.randint(0, 255, (2, 32, 32, 3), dtype=torch.uint8))
    terms = loss(outputs, labels)
    scores = outputs.features @ loss.classifier.weight.T + loss.classifier.bias
    assert torch.allclose(terms.total, functional.cross_entropy(scores, labels))
    terms.total.backward()
    assert network.hash.weight.grad is None and network.classifier.weight.grad is None
    assert loss.classifier.weight.grad.abs().sum() > 0


def test_what_the_loss_learns_is_taken_up_again_after_an_interruption(tmp_path):
    def run(checkpoint=None, stop=None):
        network = build_network(BRIEF, bits=5, classes=3, width=4, features=6)
        loss = Pretraining(network)
        settings = BRIEF
        callbacks = (stop,) if stop else ()
        train(network, loss, coloured(), settings, callbacks=callbacks, checkpoint=checkpoint,
              progress=False)  # fmt: skip
        return network, loss

    class StopAfterOne:
        def on_step(self, step, steps, terms): ...

        def on_epoch(self, network, history):
            return True

    whole, its_loss = run()
    path = tmp_path / "state.safetensors"
    run(path, StopAfterOne())
    resumed, loss = run(path)
    for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(its_loss.classifier.weight, loss.classifier.weight)


def test_hash_learning_starts_from_the_pretrained_trunk_and_leaves_it(monkeypatch):
    photos = coloured()
    network, _ = recipe.pretrain(photos, bits=4, seed=1, settings=BRIEF, progress=False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    frozen = replace(BRIEF, learning_rate=1e-12, head_rate=1.0)
    same, _ = recipe.learn_hash(network, DLBH(), photos, 1, frozen, progress=False)
    moved, history = recipe.learn_hash(network, DLBH(), photos, 1, BRIEF, progress=False)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    kernel = "trunk.stages.1.0.weight"
    turned = functional.cosine_similarity(
        same.state_dict()[kernel].flatten(), before[kernel].flatten(), 0
    )
    assert turned > 1 - 1e-5  # Muon may set its norm, not its direction
    assert not torch.equal(moved.state_dict()[kernel], before[kernel])
    assert history.epochs == BRIEF.epochs


def test_a_seed_fixes_a_pretrained_network():
    def weights(seed):
        network, _ = recipe.pretrain(coloured(), bits=4, seed=seed, settings=BRIEF, progress=False)
        return torch.cat([value.flatten().float() for value in network.state_dict().values()])

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


def test_smoothed_labels_ask_for_every_class_a_little():
    network = HashNetwork(bits=5, classes=3, width=4, features=6).eval()
    loss, labels = Pretraining(network, smoothing=0.3), torch.tensor([0, 2, 1, 1])
    with torch.no_grad():
        loss.classifier.weight.normal_()
        outputs = network(torch.randint(0, 255, (4, 32, 32, 3), dtype=torch.uint8))
        logs = torch.log_softmax(loss.classifier(outputs.features), 1)
        expected = -sum(
            0.7 * logs[n, y] + 0.3 / 3 * logs[n].sum() for n, y in enumerate(labels.tolist())
        )
        assert float(loss(outputs, labels).total) == pytest.approx(float(expected / 4), rel=1e-5)
    for wrong in (-0.1, 1.0):
        with pytest.raises(ValueError, match="smoothing must be >= 0 and below 1"):
            Pretraining(network, wrong)


def test_a_run_without_smoothing_is_described_as_before_there_was_one():
    network = HashNetwork(bits=5, classes=3, width=4, features=6)
    assert training._describe(Pretraining(network)) == {"method": "Pretraining"}
    described = training._describe(Pretraining(network, 0.3))
    assert described == {"method": "Pretraining", "smoothing": 0.3}


def test_a_fresh_head_of_another_length_sits_on_a_copy_of_the_trunk():
    network, _ = recipe.pretrain(
        coloured(), 4, 0, BRIEF, progress=False, smoothing=0.1, trunk="airbench", width=2
    )
    assert network.config == {"bits": 4, "classes": 3, "trunk": "airbench", "width": 2}
    other = recipe.with_fresh_head(network, 9, seed=5)
    assert other.bits == 9 and other.config == {**network.config, "bits": 9}
    for name, value in network.trunk.state_dict().items():
        assert torch.equal(value, other.trunk.state_dict()[name])
    before = network.trunk.whiten.weight.clone()
    other.trunk.whiten.weight.data.zero_()
    assert torch.equal(network.trunk.whiten.weight, before)
    again, differs = (recipe.with_fresh_head(network, 9, seed=seed) for seed in (5, 6))
    assert torch.equal(other.hash.weight, again.hash.weight)
    assert not torch.equal(other.hash.weight, differs.hash.weight)
