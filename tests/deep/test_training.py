import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mvs_lib.codes import hamming_distance
from mvs_lib.deep import encode, training
from mvs_lib.deep.augmentation import Augmentation
from mvs_lib.deep.methods import DLBH, SSDH
from mvs_lib.deep.training import Callback, Settings, train

QUICK = Settings(epochs=3, batch_size=8, learning_rate=0.02, augment=0)


class Recorder(Callback):
    def __init__(self):
        self.steps, self.epochs = [], []

    def on_step(self, step, steps, terms):
        self.steps.append((step, steps, terms))

    def on_epoch(self, network, history):
        self.epochs.append((history.epochs, network.training))


def state(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns(fresh, photos):
    network = fresh()
    settings = replace(QUICK, epochs=12, learning_rate=0.1)
    history = train(network, SSDH(), photos, settings, progress=False)
    assert history.epochs == 12 and not history.interrupted and not network.training
    assert history.terms.keys() == {"total", "classification", "binarization", "balance"}
    assert all(len(values) == 12 for values in history.terms.values())
    assert history.terms["classification"][-1] < 0.6 * history.terms["classification"][0]
    with torch.no_grad():
        logits = network(torch.from_numpy(photos.images)).logits
    assert (logits.argmax(1).numpy() == photos.labels).all()
    codes = encode(network, photos.images)
    same = photos.labels[:, None] == photos.labels
    distances = hamming_distance(codes, codes)
    assert distances[same].mean() < 0.3 * distances[~same].mean()


@pytest.mark.parametrize("augment", [0, 0.5, 1])
def test_the_same_settings_give_the_same_network_bit_for_bit(fresh, photos, augment):
    settings = replace(QUICK, epochs=2, augment=augment)
    runs = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        network = fresh()
        history = train(network, SSDH(), photos, settings, progress=False)
        runs.append((state(network), history.terms))
    assert equal(runs[0][0], runs[1][0]) and runs[0][1] == runs[1][1]
    other = fresh()
    train(other, SSDH(), photos, replace(settings, seed=1), progress=False)
    assert not equal(runs[0][0], state(other))


def test_callbacks_see_every_step_and_every_epoch(fresh, photos):
    recorder = Recorder()
    history = train(fresh(), SSDH(), photos, QUICK, callbacks=(recorder,), progress=False)
    assert [step for step, _, _ in recorder.steps] == list(range(9))  # 3 epochs of 30 // 8 steps
    assert {steps for _, steps, _ in recorder.steps} == {9}
    assert recorder.epochs == [(1, False), (2, False), (3, False)]
    for name in ("total", "classification", "binarization", "balance"):
        values = [float(getattr(terms, name)) for _, _, terms in recorder.steps]
        assert history.terms[name] == pytest.approx(np.reshape(values, (3, 3)).mean(1))


def test_callbacks_get_detached_terms(fresh, photos):
    """A callback that keeps them must not keep every step's computation in memory."""
    recorder = Recorder()
    train(fresh(), SSDH(), photos, replace(QUICK, epochs=1), callbacks=[recorder], progress=False)
    for _, _, terms in recorder.steps:
        assert type(terms).__name__ == "SSDHTerms"
        assert not any(term.requires_grad for term in terms)


def test_a_callback_may_stop_the_run_and_all_are_asked(fresh, photos):
    class Stop(Callback):
        def on_epoch(self, network, history):
            return history.epochs == 2

    recorder = Recorder()
    history = train(fresh(), DLBH(), photos, QUICK, callbacks=(Stop(), recorder), progress=False)
    assert history.epochs == 2 and len(history.terms["total"]) == 2 and not history.interrupted
    assert len(recorder.epochs) == 2 and len(recorder.steps) == 6


class Interrupt(Callback):
    """The stop button, pressed in the middle of an epoch or at its end."""

    def __init__(self, at_step=None, at_epoch=None):
        self.at_step, self.at_epoch = at_step, at_epoch

    def on_step(self, step, steps, terms):
        if step == self.at_step:
            raise KeyboardInterrupt

    def on_epoch(self, network, history):
        if history.epochs == self.at_epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("at", "epochs"), [({"at_step": 4}, 1), ({"at_epoch": 2}, 2)])
def test_an_interrupted_run_leaves_a_usable_network(fresh, photos, at, epochs):
    network = fresh()
    start = state(network)
    history = train(network, SSDH(), photos, QUICK, callbacks=(Interrupt(**at),), progress=False)
    assert history.interrupted and history.epochs == epochs
    assert all(len(values) == epochs for values in history.terms.values())
    assert not network.training and not equal(start, state(network))
    assert encode(network, photos.images).shape == (30, 2)


def test_other_errors_are_not_swallowed(fresh, photos):
    class Faulty(Callback):
        def on_step(self, step, steps, terms):
            raise RuntimeError("a bug")

    network = fresh()
    with pytest.raises(RuntimeError, match="a bug"):
        train(network, SSDH(), photos, QUICK, callbacks=(Faulty(),), progress=False)
    assert not network.training


class Looking(nn.Module):
    """A loss that notes which labels it was given."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, outputs, labels):
        self.seen.append(labels.tolist())
        return DLBH()(outputs, labels)


def test_an_epoch_is_a_shuffle_without_repeats(fresh, photos):
    numbered = replace(photos, labels=np.arange(30), names=tuple(map(str, range(30))))
    loss = Looking()
    train(fresh(classes=30), loss, numbered, QUICK, progress=False)
    epochs = [list(itertools.chain(*loss.seen[i : i + 3])) for i in (0, 3, 6)]
    for order in epochs:
        assert len(order) == len(set(order)) == 24  # three whole batches; the rest waits
    assert epochs[0] != epochs[1] != epochs[2] and epochs[0] != sorted(epochs[0])
    assert {index for order in epochs for index in order} == set(range(30))


def test_a_batch_larger_than_the_data_takes_all_of_it(fresh, photos):
    loss = Looking()
    train(fresh(), loss, photos, replace(QUICK, batch_size=100), progress=False)
    assert [len(labels) for labels in loss.seen] == [30, 30, 30]


def test_augmentation_is_used_if_asked_for_with_draws_that_follow_from_seed_and_epoch(
    fresh, photos, monkeypatch
):
    drawn, call = [], Augmentation.__call__

    def spy(self, images, random):
        drawn.append((len(images), random.bit_generator.state["state"]["state"], self.rotation))
        return call(self, images, random)

    monkeypatch.setattr(Augmentation, "__call__", spy)
    train(fresh(), SSDH(), photos, QUICK, progress=False)
    assert drawn == []
    for _ in range(2):
        train(fresh(), SSDH(), photos, replace(QUICK, augment=0.25), progress=False)
    assert {(n, rotation) for n, _, rotation in drawn} == {(8, 0.25 * Augmentation().rotation)}
    assert len(drawn) == 18 and drawn[:9] == drawn[9:] and len(set(drawn)) == 9


def test_read_only_and_turned_photos_do_as_well(fresh, photos):
    images, labels = photos.images[::-1], photos.labels[::-1]
    images.flags.writeable = labels.flags.writeable = False
    turned = replace(photos, images=images, labels=labels)
    copied = replace(photos, images=images.copy(), labels=labels.copy())
    networks = [fresh(), fresh()]
    for network, given in zip(networks, (turned, copied), strict=True):
        train(network, SSDH(), given, QUICK, progress=False)
    assert equal(state(networks[0]), state(networks[1]))


@pytest.mark.parametrize("there", [True, False])
def test_half_precision_is_taken_where_the_machine_has_it(fresh, photos, monkeypatch, there):
    monkeypatch.setattr(training, "computes_bf16", lambda device: there)
    full, half = fresh(), fresh()
    train(full, SSDH(), photos, QUICK, progress=False)
    history = train(half, SSDH(), photos, replace(QUICK, precision="bf16"), progress=False)
    assert all(p.dtype == torch.float32 for p in half.parameters())
    assert equal(state(full), state(half)) is not there
    assert np.isfinite(history.terms["total"]).all()
    torch.testing.assert_close(half.hash.weight, full.hash.weight, atol=0.05, rtol=0.1)


class Exploding(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value, self.calls = value, 0

    def forward(self, outputs, labels):
        self.calls += 1
        terms = DLBH()(outputs, labels)
        return terms if self.calls < 3 else terms._replace(total=terms.total * self.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run_before_it_spoils_the_weights(fresh, photos, value):
    network = fresh()
    with pytest.raises(ValueError, match=r"loss became (nan|inf) at step 2: lower the learning_ra"):
        train(network, Exploding(value), photos, QUICK, progress=False)
    assert all(torch.isfinite(p).all() for p in network.parameters()) and not network.training


def test_bad_photos_are_refused(fresh, photos):
    for few in (photos.take([]), photos.take([0])):
        with pytest.raises(ValueError, match="at least 2 photos"):
            train(fresh(), SSDH(), few, QUICK, progress=False)
    with pytest.raises(
        ValueError, match=r"labels go up to 2 .* 2 classes: build it with classes=3"
    ):
        train(fresh(classes=2), SSDH(), photos, QUICK, progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs >= 1"),
        ({"batch_size": 1}, "batch_size >= 2"),
        ({"learning_rate": 0}, "learning_rate > 0"),
        ({"warmup": 1}, "warmup < 1"),
        ({"warmup": -0.1}, "warmup < 1"),
        ({"augment": -0.1}, r"augment must lie in 0\.\.1, got -0.1"),
        ({"augment": 1.1}, "augment must lie in"),
        ({"precision": "fp16"}, "precision must be 'fp32' or 'bf16'"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Settings(**options)


def test_the_default_settings_are_used_if_none_are_given(fresh, photos, monkeypatch):
    monkeypatch.setattr(training, "Settings", lambda: replace(QUICK, epochs=1))
    assert train(fresh(), SSDH(), photos, progress=False).epochs == 1


def test_progress_goes_to_the_bar_only_if_asked_for(fresh, photos, capsys):
    train(fresh(), SSDH(), photos, replace(QUICK, epochs=1), progress=False)
    assert capsys.readouterr() == ("", "")
    train(fresh(), SSDH(), photos, replace(QUICK, epochs=1), progress=True)
    assert "train" in capsys.readouterr().err
