"""The codes of classes are counted, and every loss is measured on the shipped trunk."""

import numpy as np
import pytest
import torch

from mvs_lib.benchmarks import cifar10_p2_reasons as reasons
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep.methods import SSDH
from mvs_lib.deep.network import HashNetwork


class Network:
    """Thresholds its features: a bit a feature."""

    hash = staticmethod(lambda features: features)


@pytest.mark.parametrize("shared", [False, True])
def test_classes_that_share_their_most_frequent_code_are_counted_once(shared):
    codes = np.array([[1, 1, 1], [1, -1, 1], [-1, -1, 1]], np.float32)
    if shared:
        codes[2] = codes[0]
    labels = np.repeat(np.arange(3), 5)
    features = codes[labels].copy()
    features[::5] = [-1, 1, -1]  # a stray photo in every class
    assert reasons.class_codes(Network, features, labels) == 3 - shared


def test_a_row_a_loss_length_and_seed_and_all_that_is_left_out_is(monkeypatch):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    photos = Photos(images, np.arange(40) % 10, cifar.NAMES)
    split = Split("CIFAR-10 (in small)", photos, photos.take(np.arange(20)))
    monkeypatch.setattr(cifar, "load", lambda **options: split)
    losses, honest = [], reasons.learn_head

    def learn(network: HashNetwork, loss, *others):
        losses.append(loss)
        return honest(network, loss, *others)

    monkeypatch.setattr(reasons, "learn_head", learn)
    found = list(reasons.rows(seeds=2, quick=True))
    assert [(row["bits"], row["seed"]) for row in found] == [(12, 0), (12, 1), (24, 0), (24, 1)] * 4
    assert all(1 <= row["class_codes"] <= row["classes"] == 10 for row in found)
    weights = [(loss.beta, loss.gamma) for loss in losses if isinstance(loss, SSDH)]
    assert weights == [(1, 1)] * 4 + [(0, 1)] * 4 + [(1, 0)] * 4
    assert all(torch.isfinite(torch.tensor(row["map"])) for row in found)
