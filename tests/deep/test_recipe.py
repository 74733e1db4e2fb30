"""Pretraining reads the features alone; the second step leaves the pretrained network alone."""

from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import recipe
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
