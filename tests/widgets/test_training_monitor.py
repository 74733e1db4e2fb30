"""The monitor's controls and words; the real JupyterLab is in tests/browser."""

import threading

import numpy as np
import pytest

from mvs_lib.course.training_chart import training_chart
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.live_training import Epoch, Record
from mvs_lib.deep.methods import DLBH, SSDH
from mvs_lib.deep.training import Settings, build_network
from mvs_lib.widgets.training_monitor import TrainingMonitor

SETTINGS = Settings(epochs=4, batch_size=10, augment=0, learning_rate=0.05, head_rate=5)


class Gated(DLBH):
    """A loss that waits at a gate, so that a test decides how far a run may come."""

    gate = threading.Event()

    def forward(self, outputs, labels):
        assert self.gate.wait(60)
        return super().forward(outputs, labels)


@pytest.fixture
def panel():
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    images = random.integers(0, 60, (40, 32, 32, 3)) + 150 * labels[:, None, None, None]
    photos = Photos(images.astype(np.uint8), labels, ("dark", "light"))
    made = []

    def build(loss):
        made.append(type(loss).__name__)
        return build_network(SETTINGS, bits=8, classes=2, width=4, features=16)

    parts = photos.take(np.arange(10)), photos.take(np.arange(10, 40))
    monitor = TrainingMonitor({"DLBH": DLBH, "SSDH": SSDH}, build, photos, SETTINGS, *parts)
    monitor.made = made
    return monitor


def test_start_and_wait_tell_the_end(panel):
    assert panel.summary() == "DLBH: not started." == panel.wait()
    assert panel.view.value == "" and "not started" in panel.answer.value
    panel.training.value = True
    assert panel.wait(60) == "DLBH: finished, 4 of 4 epochs. The loss fell, MAP rose."
    assert panel.training.value is False
    assert "Step 16 of 16, loss" in panel.answer.value and "alt=" in panel.view.value
    panel.training.value = True  # once more, from the beginning
    assert panel.made == ["DLBH", "DLBH"]
    panel.wait(60)


def test_a_pause_keeps_the_run_and_another_loss_drops_it(panel):
    panel.losses["DLBH"] = Gated
    Gated.gate.clear()
    panel.training.value = True
    panel.training.value = False
    first = panel.run
    Gated.gate.set()
    assert panel.wait(0.3).startswith("DLBH: paused, 0 of 4 epochs.")
    assert len(first.record.terms.get("total", [])) <= 1
    panel.training.value = True
    assert panel.run is first and panel.wait(60).startswith("DLBH: finished")
    Gated.gate.clear()
    panel.training.value = True
    second = panel.run
    panel.loss.value = "SSDH"
    assert panel.run is None and panel.training.value is False
    assert panel.summary() == "SSDH: not started."
    Gated.gate.set()
    assert second.wait(60) == "stopped"
    panel.training.value = True
    assert panel.made[-1] == "SSDH" and panel.wait(60).startswith("SSDH: finished")


def test_a_failure_is_told(panel):
    panel.losses["DLBH"] = lambda: SSDH(beta=float("nan"))
    panel.training.value = True
    said = panel.wait(60)
    assert said.startswith("DLBH: failed: the loss became nan") and "failed" in panel.answer.value
    with pytest.raises(ValueError, match="at least one loss"):
        TrainingMonitor({}, None, None, None, None, None)


def test_the_chart_shows_terms_bits_and_map():
    shares = np.array([0.5, 0.02, 0.95])
    terms = {"total": [3.0, 2.0, 1.0], "one": [2.0, 1.0, 0.0], "two": [1.0, 1.0, 1.0]}
    record = Record(6, terms, [Epoch(0.25, shares, 0.9), Epoch(0.75, shares, 0.4)])
    figure, alt = training_chart(record)
    assert alt == (
        "After 1 epochs the MAP is 0.75, 40 % of the units are undecided, and 2 of 3 bits are the "
        "same for nine photos in ten."
    )
    left, middle, right = figure.axes
    assert [line.get_label() for line in left.lines] == ["one", "two"] and left.get_xlim()[1] == 6
    np.testing.assert_allclose(left.lines[0].get_ydata(), [1, 1, 1])  # means of the ones around
    np.testing.assert_allclose([bar.get_height() for bar in middle.patches], np.sort(shares))
    np.testing.assert_allclose(right.lines[0].get_ydata(), [0.25, 0.75])
    assert training_chart(Record())[1] == "A training run that has not begun."
