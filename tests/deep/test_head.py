"""A head learned on features is one that the whole network then has."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from mvs_lib.deep import encode, encoding
from mvs_lib.deep.head import HeadSettings, learn_head
from mvs_lib.deep.methods import DLBH, SSDH

QUICK = HeadSettings(epochs=8, batch_size=10)
LONG = HeadSettings(epochs=80, batch_size=10)


@pytest.fixture
def given(fresh, photos):
    network = fresh(bits=10).eval()
    return network, encoding.describe(network, photos.images), photos.labels


def test_it_learns_the_classes_and_gives_them_codes_of_their_own(given, photos):
    network, features, labels = given
    learned, seconds = learn_head(network, SSDH(), features, labels, 0, LONG, progress=False)
    assert seconds > 0 and not learned.training
    with torch.no_grad():
        logits = learned(torch.from_numpy(photos.images)).logits
    assert (logits.argmax(1).numpy() == labels).all()
    codes = encode(learned, photos.images)
    per_class = [{code.tobytes() for code in codes[labels == label]} for label in range(3)]
    assert all(per_class[i].isdisjoint(per_class[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_the_trunk_and_the_given_network_stay(given):
    network, features, labels = given
    before = {name: value.clone() for name, value in network.state_dict().items()}
    learned, _ = learn_head(network, DLBH(), features, labels, 0, QUICK, progress=False)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
        assert torch.equal(value, learned.state_dict()[name]) == name.startswith("trunk."), name


class Seen(nn.Module):
    """A loss that keeps what it was shown last and asks for nothing."""

    def forward(self, outputs, labels):
        class Terms(NamedTuple):
            total: torch.Tensor

        self.outputs, self.labels = outputs, labels
        return Terms(0 * outputs.logits.sum())


@pytest.mark.parametrize(("steepness", "logit_scale"), [(1, 1), (5, 0.3)])
def test_the_network_says_what_the_loss_was_shown(given, photos, steepness, logit_scale):
    """Standardisation, steepness and scale are in the layers: the outputs are the same."""
    network, features, labels = given
    settings = HeadSettings(1, 30, steepness=steepness, logit_scale=logit_scale)
    loss = Seen()
    learned, _ = learn_head(network, loss, features, labels, 3, settings, progress=False)
    order = np.random.default_rng([3, 0]).permutation(30)
    assert loss.labels.tolist() == labels[order].tolist()
    with torch.no_grad():
        outputs = learned(torch.from_numpy(photos.images[order]))
    for name in ("projection", "latent", "logits"):
        torch.testing.assert_close(
            getattr(outputs, name), getattr(loss.outputs, name).detach(), atol=1e-4, rtol=1e-3
        )
    standard = loss.outputs.features
    torch.testing.assert_close(standard.mean(0), torch.zeros(16), atol=1e-5, rtol=0)
    again = (features[order] - features.mean(0)) / features.std()
    np.testing.assert_allclose(standard.numpy(), again, atol=1e-4)


def test_steepness_and_scale_multiply_what_the_seed_draws(given):
    network, features, labels = given

    def weights(**options):
        settings = HeadSettings(1, 30, **options)
        learned, _ = learn_head(network, Seen(), features, labels, 2, settings, progress=False)
        return learned.hash.weight.detach(), learned.classifier.weight.detach()

    plain, scaled = weights(steepness=1, logit_scale=1), weights(steepness=6, logit_scale=0.1)
    torch.testing.assert_close(scaled[0], 6 * plain[0])
    torch.testing.assert_close(scaled[1], 0.1 * plain[1])


def test_small_scores_make_classification_itself_push_units_from_the_threshold(given):
    network, features, labels = given

    def distance(scale):
        settings = HeadSettings(20, 10, steepness=1.0, logit_scale=scale)
        learned, _ = learn_head(network, DLBH(), features, labels, 0, settings, progress=False)
        with torch.no_grad():
            latent = learned.hash(torch.from_numpy(features)).sigmoid()
        return float((latent - 0.5).abs().mean())

    assert distance(0.2) > distance(3.0) + 0.02


def test_a_seed_fixes_it_whatever_torch_draws(given):
    network, features, labels = given

    def head(seed, noise):
        torch.manual_seed(noise)
        before = torch.random.get_rng_state()
        learned, _ = learn_head(network, SSDH(), features, labels, seed, QUICK, progress=False)
        assert torch.equal(torch.random.get_rng_state(), before)
        return learned.hash.weight

    assert torch.equal(head(1, 5), head(1, 6)) and not torch.equal(head(1, 5), head(2, 5))


def test_features_that_never_vary_do_no_harm(given):
    network, features, labels = given
    flat = np.ones_like(features)
    learned, _ = learn_head(network, DLBH(), flat, labels, 0, QUICK, progress=False)
    assert all(torch.isfinite(p).all() for p in learned.parameters())


def test_bad_input_is_refused(given):
    network, features, labels = given
    for wrong in ((features[:1], labels[:1]), (features, labels[:5]), (features, labels + 1)):
        with pytest.raises(ValueError, match="need two or more features with a label each below 3"):
            learn_head(network, DLBH(), *wrong, progress=False)
    bad = features.copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match="the loss became nan: lower the learning_rate"):
        learn_head(network, DLBH(), bad, labels, 0, QUICK, progress=False)
    for options in ({"steepness": 0}, {"logit_scale": -1}, {"learning_rate": 0}):
        with pytest.raises(ValueError, match="steepness and logit_scale must be > 0"):
            HeadSettings(**options)
    with pytest.raises(ValueError, match="epochs >= 1 and batch_size >= 2, got 0 and 500"):
        HeadSettings(epochs=0)


def test_features_are_what_the_hash_layer_reads(given, photos):
    network, features, _ = given
    assert features.shape == (30, 16) and features.dtype == np.float32
    with torch.no_grad():
        by_hand = network.hash(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(by_hand, encoding.project(network, photos.images), atol=1e-5)
    assert encoding.describe(network, photos.images[:0]).shape == (0, 16)
