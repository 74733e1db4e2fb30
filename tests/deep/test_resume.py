import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from mvs_lib.deep import checkpoint, resume
from mvs_lib.deep.methods import DLBH, SSDH
from mvs_lib.deep.training import Callback, Settings, train

SETTINGS = Settings(epochs=4, batch_size=8, learning_rate=0.02)


class Interrupt(Callback):
    def __init__(self, at):
        self.at = at

    def on_step(self, step, steps, terms):
        if step == self.at:
            raise KeyboardInterrupt


def equal(a, b):
    a, b = a.state_dict(), b.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def uninterrupted(photos):
    from mvs_lib.deep.training import build_network

    network = build_network(SETTINGS, bits=12, classes=3, width=4, features=16)
    return network, train(network, SSDH(), photos, SETTINGS, progress=False)


@pytest.mark.parametrize("momentum", [0.9, 0.0])
@pytest.mark.parametrize("at", [0, 4, 8, 11])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(
    fresh, photos, tmp_path, uninterrupted, at, momentum
):
    """Three steps an epoch: stopped at the first, amid the second epoch, at the ends of epochs."""
    settings, (whole, history) = replace(SETTINGS, momentum=momentum), uninterrupted
    if momentum == 0:
        whole = fresh()
        history = train(whole, SSDH(), photos, settings, progress=False)
    path = tmp_path / "run.safetensors"
    first = fresh()
    options = {"checkpoint": path, "progress": False}
    stopped = train(first, SSDH(), photos, settings, callbacks=(Interrupt(at),), **options)
    assert stopped.interrupted and stopped.epochs == at // 3 and path.exists() == (at >= 3)
    second = fresh()
    resumed = train(second, SSDH(), photos, settings, **options)
    assert equal(second, whole) and not resumed.interrupted
    assert resumed.terms == history.terms and resumed.epochs == 4
    assert resumed.seconds > stopped.seconds or at < 3  # of all sittings
    assert os.listdir(tmp_path) == ["run.safetensors"]


def test_a_run_may_be_stopped_after_every_epoch(fresh, photos, tmp_path, uninterrupted):
    path, steps = tmp_path / "run", []

    class Stop(Callback):
        def on_step(self, step, count, terms):
            steps.append(step)

        def on_epoch(self, network, history):
            return True

    for _ in range(6):
        network = fresh()
        options = {"checkpoint": path, "callbacks": (Stop(),), "progress": False}
        history = train(network, SSDH(), photos, SETTINGS, **options)
    assert steps == list(range(12))  # and nothing is trained twice, or after the end
    assert equal(network, uninterrupted[0]) and history.terms == uninterrupted[1].terms


def test_a_finished_run_is_read_and_not_repeated(fresh, photos, tmp_path, uninterrupted):
    path = tmp_path / "run"
    train(fresh(), SSDH(), photos, SETTINGS, checkpoint=path, progress=False)
    network, before = fresh(), path.read_bytes()
    history = train(network, SSDH(), photos, SETTINGS, checkpoint=path, progress=False)
    assert equal(network, uninterrupted[0]) and history.terms == uninterrupted[1].terms
    assert path.read_bytes() == before and not network.training


def test_an_interruption_while_the_file_is_written_loses_one_epoch(
    fresh, photos, tmp_path, uninterrupted, monkeypatch
):
    path, replaced, calls = tmp_path / "run", os.replace, []

    def interrupt(*names):
        calls.append(names)
        if len(calls) == 3:
            raise KeyboardInterrupt
        replaced(*names)

    monkeypatch.setattr(os, "replace", interrupt)
    history = train(fresh(), SSDH(), photos, SETTINGS, checkpoint=path, progress=False)
    assert history.interrupted and os.listdir(tmp_path) == ["run"]
    network = fresh()
    assert train(network, SSDH(), photos, SETTINGS, checkpoint=path, progress=False).epochs == 4
    assert equal(network, uninterrupted[0]) and len(calls) == 3 + 2


@pytest.fixture
def stored(fresh, photos, tmp_path):
    path = tmp_path / "run"
    settings = replace(SETTINGS, epochs=1)
    train(fresh(), SSDH(), photos, settings, checkpoint=path, progress=False)
    return path, settings


def test_the_file_of_another_run_is_refused_by_what_differs(fresh, photos, stored):
    path, settings = stored
    darker = replace(photos, images=photos.images // 2)
    other = replace(photos, labels=photos.labels[::-1].copy())
    for message, network, loss, given, chosen in [
        ("settings", fresh(), SSDH(), photos, replace(settings, epochs=2)),
        ("settings", fresh(), SSDH(), photos, replace(settings, seed=1)),
        ("network", fresh(bits=13), SSDH(), photos, settings),
        ("loss", fresh(), DLBH(), photos, settings),
        ("loss", fresh(), SSDH(gamma=2), photos, settings),
        ("loss and settings", fresh(), SSDH(balance="bit"), photos, replace(settings, warmup=0)),
        ("photos", fresh(), SSDH(), darker, settings),
        ("photos", fresh(), SSDH(), other, settings),
        ("photos", fresh(), SSDH(), photos.take(slice(0, 29)), settings),
    ]:
        before = {name: value.clone() for name, value in network.state_dict().items()}
        with pytest.raises(ValueError, match=rf"run with other {message}; delete it to start anew"):
            train(network, loss, given, chosen, checkpoint=path, progress=False)
        assert all(torch.equal(value, before[n]) for n, value in network.state_dict().items())


def test_the_mode_of_the_loss_module_is_no_setting(fresh, photos, stored):
    path, settings = stored
    history = train(fresh(), SSDH().eval(), photos, settings, checkpoint=path, progress=False)
    assert history.epochs == 1


def test_damaged_and_foreign_files_are_refused(fresh, photos, stored):
    path, settings = stored
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    damaged = [whole[: len(whole) * share // 10] for share in range(10)]
    for position in random.integers(8, len(whole), 40):
        altered = bytearray(whole)
        altered[position] ^= 0x81
        damaged.append(bytes(altered))
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"safetensors|altered"):
            train(fresh(), SSDH(), photos, settings, checkpoint=path, progress=False)
        assert path.read_bytes() == content  # nothing is overwritten
    checkpoint.save(fresh(), path)  # a network, but no run
    with pytest.raises(ValueError, match="not of the format 'mvs-training-state-2'"):
        train(fresh(), SSDH(), photos, settings, checkpoint=path, progress=False)


def test_momentum_is_stored_with_the_weights(fresh, photos, stored):
    path, _ = stored
    tensors, about = checkpoint.read_tensors(path, resume.FORMAT)
    network = fresh()
    weights = {name for name in tensors if name.startswith("weights.")}
    assert weights == {f"weights.network.{name}" for name in network.state_dict()}
    momenta = [tensors[name] for name in tensors if name.startswith("optimizer.")]
    assert len(momenta) == len(list(network.parameters())) == len(tensors) - len(weights)
    assert all(momentum.any() for momentum in momenta)
    assert about["history"]["epochs"] == 1
    assert about["run"].keys() == {"settings", "network", "loss", "photos"}


def test_missing_files_are_refused(fresh, tmp_path):
    optimizer = torch.optim.SGD(fresh().parameters())
    with pytest.raises(FileNotFoundError, match="no file"):
        resume.load(tmp_path / "absent", fresh(), optimizer, {})
