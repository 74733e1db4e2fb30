import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loss_cases import assert_only_these_weights

from mvs_lib.deep.methods.cnnh import CNNH, CNNHPlus
from mvs_lib.deep.methods.similarity_codes import fit_codes
from mvs_lib.deep.training import Callback, Settings, train

weight = st.floats(0, 20)


def with_codes(method, seed, photos, bits):
    codes = np.random.default_rng(seed).choice([-1.0, 1.0], (photos, bits))
    method.remember(codes)
    return method, codes


def slow_terms(outputs, labels, codes, index):
    """E1 and E2 as the file's head writes them: loops over n and k."""
    a, logits = outputs.latent.tolist(), outputs.logits.tolist()
    e1 = e2 = 0.0
    for n, photo in enumerate(index.tolist()):
        for k in range(codes.shape[1]):
            said = a[n][k] if codes[photo, k] > 0 else 1 - a[n][k]
            e1 -= math.log(said) / (len(a) * codes.shape[1])
        total = sum(math.exp(value) for value in logits[n])
        e2 -= math.log(math.exp(logits[n][int(labels[n])]) / total) / len(a)
    return e1, e2


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 9), st.tuples(weight, weight))
def test_the_terms_are_those_of_the_loops(random_outputs, seed, n, bits, weights):
    outputs, labels = random_outputs(seed, n, bits, 4)
    index = torch.tensor(np.random.default_rng(seed).permutation(12)[:n])
    plus, codes = with_codes(CNNHPlus(*weights), seed, 12, bits)
    expected = slow_terms(outputs, labels, codes, index)
    terms = plus(outputs, labels, index)
    assert [float(term) for term in terms[1:]] == pytest.approx(expected)
    assert float(terms.total) == pytest.approx(np.dot(weights, expected))
    plain, _ = with_codes(CNNH(weights[0]), seed, 12, bits)
    terms = plain(outputs, labels, index)
    assert float(terms.code) == pytest.approx(expected[0])
    assert float(terms.total) == pytest.approx(weights[0] * expected[0])


def test_any_other_sign_or_weight_would_show(random_outputs):
    outputs, labels = random_outputs(0, 5, 7, 4)
    weights, index = np.array([0.7, 1.9]), torch.arange(5)
    plus, codes = with_codes(CNNHPlus(*weights), 3, 5, 7)
    expected = np.array(slow_terms(outputs, labels, codes, index))
    total = float(plus(outputs, labels, index).total)
    assert_only_these_weights(total, weights, expected)


def test_its_gradient_is_the_numeric_one(random_outputs):
    outputs, labels = random_outputs(1, 4, 6, 3)
    plus, _ = with_codes(CNNHPlus(1.5, 0.8), 0, 4, 6)

    def terms(projection, logits):
        return tuple(plus(outputs._replace(projection=projection, logits=logits), labels, order))

    order = torch.tensor([2, 0, 3, 1])
    given_ = outputs.projection.requires_grad_(), outputs.logits.requires_grad_()
    assert torch.autograd.gradcheck(terms, given_)


def test_perfect_codes_cost_nothing_silence_log_two_and_certain_error_no_infinity(random_outputs):
    outputs, labels = random_outputs(2, 4, 6, 3)
    method, codes = with_codes(CNNH(), 1, 4, 6)
    order = torch.arange(4)
    for projection, expected in ((codes * 1e3, 0), (codes * 0, math.log(2)), (-codes * 1e3, 1e3)):
        said = outputs._replace(projection=torch.tensor(projection))
        assert float(method(said, labels, order).total) == pytest.approx(expected)


def test_prepare_factorises_the_labels_by_the_seed_and_the_codes_travel_with_the_state(photos):
    method = CNNH(sweeps=3)
    method.prepare(photos, 8, 5)
    expected = fit_codes(photos.labels, 8, 3, 5).codes
    np.testing.assert_array_equal(method.codes.numpy(), expected > 0)
    assert "codes" in method.state_dict()
    method.prepare(photos, 8, 6)
    assert not np.array_equal(method.codes.numpy(), expected > 0)


@pytest.mark.parametrize("method", [CNNH, CNNHPlus])
def test_a_network_learns_the_codes(method, photos, fresh):
    network = fresh(bits=8)
    loss = method()
    settings_ = Settings(epochs=12, batch_size=10, learning_rate=0.05, augment=0.0)
    history = train(network, loss, photos, settings_, progress=False)
    assert history.terms["code"][-1] < 0.5 * history.terms["code"][0]
    with torch.no_grad():
        said = network(torch.from_numpy(photos.images)).projection >= 0
    assert (said == loss.codes.bool()).float().mean() > 0.95


def test_it_wants_to_be_prepared_and_for_as_many_bits(random_outputs, photos):
    outputs, labels = random_outputs(0, 4, 6, 3)
    method = CNNH()
    with pytest.raises(ValueError, match=r"codes of 0 bits for a network of 6: call prepare"):
        method(outputs, labels, torch.arange(4))
    method.prepare(photos, 5, 0)
    with pytest.raises(ValueError, match="codes of 5 bits for a network of 6"):
        method(outputs, labels, torch.arange(4))


def test_bad_weights():
    with pytest.raises(ValueError, match="alpha must be >= 0"):
        CNNH(alpha=-1)
    with pytest.raises(ValueError, match="beta must be >= 0"):
        CNNHPlus(beta=-0.1)


class StopAfterOne(Callback):
    def on_epoch(self, network, history):
        return history.epochs == 1


def test_an_interrupted_run_finds_its_codes_again(photos, fresh, tmp_path):
    settings_ = Settings(epochs=2, batch_size=10, learning_rate=0.05)
    whole = fresh(bits=8)
    train(whole, CNNH(), photos, settings_, progress=False)
    for callbacks in ((StopAfterOne(),), ()):
        network = fresh(bits=8)
        train(
            network,
            CNNH(),
            photos,
            settings_,
            callbacks=callbacks,
            checkpoint=tmp_path / "run.safetensors",
            progress=False,
        )
    for ours, theirs in zip(whole.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
