"""A run in a thread: the same weights as without one, and a pause, a stop and a failure in it."""

import threading

import numpy as np
import pytest
import torch

from mvs_lib.deep import encode
from mvs_lib.deep.live_training import LiveTraining
from mvs_lib.deep.methods import DLBH, SSDH
from mvs_lib.deep.training import Settings, train
from mvs_lib.metrics import mean_average_precision

SETTINGS = Settings(epochs=3, batch_size=10, augment=0)
PATIENCE = 60  # seconds


@pytest.fixture
def make(fresh, photos):
    """Return a maker of runs that note each call of ``notify``."""

    def run(loss=None, notify=None, settings=SETTINGS):
        parts = photos.take(np.arange(9)), photos.take(np.arange(9, 30))
        return LiveTraining(fresh(), loss or SSDH(), photos, settings, *parts, notify)

    return run


def weights(network):
    return torch.cat([value.flatten().float() for value in network.state_dict().values()])


def test_a_run_that_was_paused_ends_with_the_weights_of_a_plain_one(make, fresh, photos):
    reached = threading.Event()

    def pause_once():
        if len(run.record.terms.get("total", ())) == 4 and not reached.is_set():
            run.pause()
            reached.set()

    run = make(notify=pause_once)
    run.start()
    assert reached.wait(PATIENCE)
    assert run.wait(0.3) == "paused"
    assert len(run.record.terms["total"]) == 4  # nothing went on
    run.start()
    assert run.wait(PATIENCE) == "finished"
    plain = fresh()
    history = train(plain, SSDH(), photos, SETTINGS, progress=False)
    torch.testing.assert_close(weights(run.network), weights(plain), rtol=0, atol=0)
    steps = np.array(run.record.terms["total"])
    assert run.record.steps == len(steps) == 9 and len(run.record.epochs) == 4
    np.testing.assert_allclose(steps.reshape(3, 3).mean(1), history.terms["total"])


def test_an_epoch_says_how_the_bits_do(make, photos):
    run = make()
    run.start()
    run.wait(PATIENCE)
    asked, stored = (encode(run.network, part.images) for part in (run.query, run.database))
    last = run.record.epochs[-1]
    labels = run.query.labels, run.database.labels
    assert last.map == pytest.approx(
        mean_average_precision(asked, labels[0], stored, labels[1], ties="expected")
    )
    bits = np.unpackbits(stored, axis=1)[:, : run.network.bits]
    np.testing.assert_allclose(last.shares, bits.mean(0))
    assert 0 <= last.undecided <= 1 and run.record.epochs[0].map != last.map


def test_a_stop_ends_it_at_once_even_in_a_pause(make):
    reached = threading.Event()

    def pause():
        if "total" in run.record.terms:
            run.pause()
            reached.set()

    run = make(notify=pause)
    run.start()
    assert reached.wait(PATIENCE)
    run.stop()
    assert run.wait(PATIENCE) == "stopped"
    assert len(run.record.terms["total"]) == 1 and not run.network.training
    with pytest.raises(RuntimeError, match=r"this run has ended \(stopped\): make another one"):
        run.start()
    never = make()
    never.pause()  # nothing to pause
    assert never.state == "ready"
    never.stop()
    assert never.wait(1) == "stopped" and never.record.terms == {}


def test_what_goes_wrong_is_kept(make):
    class Faulty(DLBH):
        def forward(self, outputs, labels):
            raise ValueError("no such loss")

    told = []
    run = make(Faulty(), notify=lambda: told.append(run.state))
    run.start()
    assert run.wait(PATIENCE) == "failed" and told[-1] == "failed"
    assert str(run.error) == "no such loss" and isinstance(run.error, ValueError)
