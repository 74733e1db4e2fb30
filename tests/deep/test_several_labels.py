"""Photos with several labels: which losses take them, and what they then learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mvs_lib.codes import hamming_distance
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import encode
from mvs_lib.deep.methods import DSRH, METHODS
from mvs_lib.deep.network import Outputs
from mvs_lib.deep.pretraining import Pretraining
from mvs_lib.deep.training import Settings, build_network, train

QUICK = Settings(epochs=1, batch_size=20, learning_rate=0.02, augment=0)


@pytest.fixture(scope="module")
def several():
    """Sixty photos, each with one to three of four patterns, every pattern in its own quarter."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 256, (4, 8, 8, 3)).repeat(2, 1).repeat(2, 2)
    labels = random.integers(0, 2, (60, 4))
    labels[labels.sum(1) == 0, 0] = 1
    images = np.full((60, 32, 32, 3), 128.0)
    for label in range(4):
        row, column = 16 * (label // 2), 16 * (label % 2)
        shown = labels[:, label].astype(bool)
        images[shown, row : row + 16, column : column + 16] = patterns[label]
    images = np.clip(images + random.normal(0, 15, images.shape), 0, 255)
    return Photos(images.astype(np.uint8), labels.astype(np.int64), ("a", "b", "c", "d"))


def network_for(method, bits=12):
    return build_network(QUICK, bits=bits, classes=4, width=8, features=24, head=method.head)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_several_labels_or_says_that_it_does_not(name, several):
    method = METHODS[name]
    if method.several_labels:
        history = train(network_for(method), method(), several, QUICK, progress=False)
        assert np.isfinite(history.terms["total"]).all()
    else:
        with pytest.raises(ValueError, match="learns from one label a photo"):
            train(network_for(method), method(), several, QUICK, progress=False)


def test_dsrh_puts_photos_nearer_the_more_labels_they_share(several):
    network = network_for(DSRH, bits=24)
    settings = replace(QUICK, epochs=40, learning_rate=0.05)
    train(network, DSRH(), several, settings, progress=False)
    codes = encode(network, several.images)
    distance, shared = hamming_distance(codes, codes), several.labels @ several.labels.T
    off = ~np.eye(60, dtype=bool)
    means = [distance[off & (shared == count)].mean() for count in range(3)]
    assert means[0] > means[1] + 1 > means[2] + 2


def test_pretraining_asks_each_label_by_itself():
    network = network_for(DSRH)
    loss = Pretraining(network, smoothing=0.2).double()
    random = np.random.default_rng(1)
    torch.nn.init.normal_(loss.classifier.weight)
    features = torch.tensor(random.normal(0, 1, (5, network.trunk.features)))
    labels = torch.tensor(random.integers(0, 2, (5, 4)))
    outputs = Outputs(**dict.fromkeys(Outputs._fields, features))
    scores = loss.classifier(features)
    chance = torch.sigmoid(scores)
    asked = labels * 0.8 + 0.1
    wanted = -(asked * chance.log() + (1 - asked) * (1 - chance).log()).mean()
    assert torch.allclose(loss(outputs, labels).total, wanted)


def test_what_does_not_fit_is_said(several):
    with pytest.raises(ValueError, match="these have several"):
        train(network_for(DSRH), DSRH(), several, replace(QUICK, per_class=2), progress=False)
    narrow = replace(several, labels=several.labels[:, :3], names=("a", "b", "c"))
    with pytest.raises(ValueError, match="build it with classes=3"):
        train(network_for(DSRH), DSRH(), narrow, QUICK, progress=False)
    for labels in (several.labels * 2, several.labels - 1, several.labels[:, :2]):
        with pytest.raises(ValueError, match="labels must"):
            replace(several, labels=labels)
