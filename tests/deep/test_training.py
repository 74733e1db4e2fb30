import itertools
import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from mvs_lib.codes import hamming_distance
from mvs_lib.deep import encode, training
from mvs_lib.deep.augmentation import Augmentation
from mvs_lib.deep.methods import DLBH, SSDH
from mvs_lib.deep.muon import Muon, orthogonalize
from mvs_lib.deep.training import Callback, Settings, learning_rate, train

QUICK = Settings(epochs=3, batch_size=8, learning_rate=0.02, augment=False)


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


@pytest.mark.parametrize("augment", [False, True])
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


# The schedule


@pytest.mark.parametrize(("warmup", "steps"), [(0.2, 100), (0.25, 10), (0.5, 7), (0.2, 1), (0, 9)])
def test_the_rate_climbs_straight_to_the_peak_and_falls_straight_towards_zero(warmup, steps):
    settings = Settings(learning_rate=0.3, warmup=warmup)
    rates = [learning_rate(settings, step, steps) for step in range(steps)]
    climb = warmup * steps
    top = math.ceil(climb)
    assert all(0 < rate <= 0.3 + 1e-12 for rate in rates)
    np.testing.assert_allclose(np.diff(rates[:top]), 0.3 / (climb + 1))
    np.testing.assert_allclose(np.diff(rates[top:]), -0.3 / (steps - climb))
    # one more step of the fall would end at zero
    assert learning_rate(settings, steps, steps) == 0
    if climb == top < steps:
        assert rates[top] == 0.3 == max(rates)


def test_every_step_uses_the_schedules_rate_scaled_for_the_head(fresh, photos, monkeypatch):
    rates = []
    step = Muon.step

    def spy(self, *args):
        rates.append([group["lr"] for group in self.param_groups])
        return step(self, *args)

    monkeypatch.setattr(Muon, "step", spy)
    settings = replace(QUICK, head_rate=10.0, kernel_rate=0.5)
    train(fresh(), SSDH(), photos, settings, progress=False)
    expected = [learning_rate(settings, step, 9) for step in range(9)]
    np.testing.assert_allclose(rates, np.outer(expected, [0.5, 1, 10]))


# The optimiser


def rule(name):
    """Which rule moves a parameter: the trunk's kernels, its normalisation, or the head."""
    if not name.startswith("trunk."):
        return "head"
    return "kernel" if name.endswith(("0.weight", "vector.1.weight")) else "norm"


def test_every_parameter_follows_one_rule(fresh, photos, monkeypatch):
    made, build = [], Muon.__init__
    monkeypatch.setattr(
        Muon, "__init__", lambda self, *args, **kw: made.append(self) or build(self, *args, **kw)
    )
    network = fresh()
    settings = replace(QUICK, weight_decay=0.01, head_rate=7.0, kernel_rate=0.4, momentum=0.8)
    train(network, SSDH(), photos, settings, progress=False)
    (optimizer,) = made
    names = {id(p): name for name, p in network.named_parameters()}
    groups = [[names[id(p)] for p in group["params"]] for group in optimizer.param_groups]
    assert sorted(itertools.chain(*groups)) == sorted(names.values())
    assert [{rule(name) for name in group} for group in groups] == [{"kernel"}, {"norm"}, {"head"}]
    assert [len(group) for group in groups] == [7, 14, 4]  # six convolutions and a linear layer
    assert [group["orthogonal"] for group in optimizer.param_groups] == [True, False, False]
    assert [group["weight_decay"] for group in optimizer.param_groups][1:] == [0.0, 0.01]
    assert [group["scale"] for group in optimizer.param_groups] == [0.4, 1.0, 7.0]
    assert all(group["momentum"] == 0.8 for group in optimizer.param_groups)


class Flat(nn.Module):
    """A loss without slope: what moves a weight then is its decay alone."""

    def forward(self, outputs, labels):
        class Terms(NamedTuple):
            total: torch.Tensor
            size: torch.Tensor

        return Terms((outputs.logits * 0).sum(), outputs.latent.mean())


def test_decay_shrinks_the_head_by_the_stated_amount_and_spares_normalisation(fresh, photos):
    network = fresh()
    before = state(network)
    settings = Settings(
        epochs=1, batch_size=30, learning_rate=0.1, warmup=0, weight_decay=0.02, momentum=0.9,
        head_rate=3.0, augment=False,
    )  # fmt: skip
    history = train(network, Flat(), photos, settings, progress=False)
    assert history.terms["total"] == [0.0] and 0 < history.terms["size"][0] < 1
    for name, parameter in network.named_parameters():
        parameter = parameter.detach()
        if rule(name) == "kernel":  # kept at a fixed norm, in the same direction
            expected = before[name] * len(parameter) ** 0.5 / before[name].norm()
        else:
            # Nesterov's first step is (1 + momentum) times the gradient, here the decay alone
            expected = before[name] * (1 - 0.3 * 0.02 * 1.9 * (rule(name) == "head"))
        torch.testing.assert_close(parameter, expected, rtol=1e-5, atol=1e-8)


def test_a_step_goes_down_the_gradient_of_the_stated_loss(fresh, photos):
    """Without momentum and decay: weights minus rate times gradient, made orthogonal in kernels."""
    settings = Settings(
        epochs=1, batch_size=30, learning_rate=0.1, kernel_rate=0.5, warmup=0, momentum=0,
        weight_decay=0, augment=False,
    )  # fmt: skip
    network, reference = fresh(), fresh().train()
    train(network, SSDH(0.5, 2, 3), photos, settings, progress=False)
    outputs = reference(torch.from_numpy(photos.images))
    SSDH(0.5, 2, 3)(outputs, torch.from_numpy(photos.labels)).total.backward()
    trained = dict(network.named_parameters())
    for name, start in reference.named_parameters():
        value = start.detach()
        if rule(name) == "kernel":
            value = value * len(value) ** 0.5 / value.norm()
            step = 0.05 * orthogonalize(start.grad.flatten(1)).view_as(start)
        else:
            step = 0.1 * start.grad
        torch.testing.assert_close(
            trained[name].detach(), value - step, atol=2e-5, rtol=1e-3, msg=name
        )


# The photos


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
        drawn.append((len(images), random.bit_generator.state["state"]["state"]))
        return call(self, images, random)

    monkeypatch.setattr(Augmentation, "__call__", spy)
    train(fresh(), SSDH(), photos, QUICK, progress=False)
    assert drawn == []
    for _ in range(2):
        train(fresh(), SSDH(), photos, replace(QUICK, augment=True), progress=False)
    assert [n for n, _ in drawn] == [8] * 18
    assert drawn[:9] == drawn[9:] and len({draw for _, draw in drawn}) == 9


def test_read_only_and_turned_photos_do_as_well(fresh, photos):
    images, labels = photos.images[::-1], photos.labels[::-1]
    images.flags.writeable = labels.flags.writeable = False
    turned = replace(photos, images=images, labels=labels)
    copied = replace(photos, images=images.copy(), labels=labels.copy())
    networks = [fresh(), fresh()]
    for network, given in zip(networks, (turned, copied), strict=True):
        train(network, SSDH(), given, QUICK, progress=False)
    assert equal(state(networks[0]), state(networks[1]))


def test_half_precision_arithmetic_keeps_the_weights_in_float32(fresh, photos):
    full, half = fresh(), fresh()
    train(full, SSDH(), photos, QUICK, progress=False)
    history = train(half, SSDH(), photos, replace(QUICK, precision="bf16"), progress=False)
    assert all(p.dtype == torch.float32 for p in half.parameters())
    assert not equal(state(full), state(half))
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
