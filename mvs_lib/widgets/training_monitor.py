"""The panel of notebook 03: watch a network learn its bits, pause it, and take it up again.

Training is `mvs_lib.deep.live_training`'s, in a thread; the picture is
`mvs_lib.course.training_chart`'s.
"""

import asyncio
import threading
import time
from collections.abc import Callable

import ipywidgets as widgets

from mvs_lib.course.training_chart import training_chart
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.live_training import ENDED, LiveTraining
from mvs_lib.deep.methods.method import Method
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.training import Settings
from mvs_lib.widgets.panel import LOOK, Panel, figure_html

__all__ = ["TrainingMonitor"]

INTERVAL = 1.0  # seconds between two pictures of a run that goes on


class TrainingMonitor(Panel):
    """Choose a loss, start, pause, and see terms, bits and MAP while other cells may run.

    Args:
        losses: by name, each a function that makes the loss anew.
        build: makes the untrained network for a loss.
        photos, settings: of the training.
        query, database: photos that the bits are judged by after every epoch.

    The controls are ``loss`` (another one drops the run) and ``training`` (on: start or go on;
    off: pause). ``run`` is the `LiveTraining` of the moment, None before the first start.

    Raises:
        ValueError: no losses.
    """

    def __init__(
        self,
        losses: dict[str, Callable[[], Method]],
        build: Callable[[Method], HashNetwork],
        photos: Photos,
        settings: Settings,
        query: Photos,
        database: Photos,
    ):
        if not losses:
            raise ValueError("give at least one loss, by name")
        self.losses, self.build, self.photos, self.settings = losses, build, photos, settings
        self.query, self.database, self.run = query, database, None
        # Widgets belong to the thread that runs the cells. ipykernel lets other threads write to
        # them, except 7.0.0 and its like (ipywidgets' issue 4001); its event loop is always right.
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:  # no notebook: nobody looks on
            self._loop = None
        self._shown, self._lock = 0.0, threading.Lock()
        super().__init__(
            "training-monitor",
            loss=widgets.Dropdown(options=list(losses), description="loss", **LOOK),
            training=widgets.ToggleButton(
                description="start, pause", icon="play", tooltip="start, pause, go on"
            ),
        )

    def __repr__(self):
        return "TrainingMonitor: start and pause a training (run this cell to watch it)"

    def summary(self) -> str:
        """Return in one line how the run stands, in words that are the same on every machine."""
        if self.run is None:
            return f"{self.loss.value}: not started."
        said = f"{self.loss.value}: {self.run.state}"
        if self.run.state == "failed":
            return f"{said}: {self.run.error}"
        epochs, total = self.run.record.epochs, self.run.record.terms.get("total", [0.0])
        said += f", {max(0, len(epochs) - 1)} of {self.settings.epochs} epochs."
        if self.run.state != "finished":
            return said
        tenth = max(1, len(total) // 10)
        fell = sum(total[-tenth:]) < sum(total[:tenth])
        better = epochs[-1].map > epochs[0].map
        return f"{said} The loss {'fell' if fell else 'ROSE'}, MAP {'rose' if better else 'FELL'}."

    def wait(self, seconds: float | None = None) -> str:
        """Wait until the run has ended, show it, and return `summary`."""
        if self.run is not None:
            self.run.wait(seconds)
            self._show()
        return self.summary()

    def _update(self, change: dict | None = None) -> None:
        if change is not None and change["owner"] is self.loss:
            self._drop()
        if self.training.value:
            if self.run is None or self.run.state in ENDED:
                loss = self.losses[self.loss.value]()
                self.run = LiveTraining(
                    self.build(loss), loss, self.photos, self.settings, self.query, self.database
                )
                self.run.notify = self._notify
            self.run.start()
        elif self.run is not None:
            self.run.pause()
        self._show()

    def _drop(self) -> None:
        if self.run is not None:
            self.run.notify = lambda: None
            self.run.stop()
        self.run, self.training.value = None, False

    def _notify(self) -> None:
        """Ask the event loop for a new picture; called from the training thread."""
        if self._loop is None or self._loop.is_closed():
            return
        with self._lock:
            over = self.run is None or self.run.state in ENDED
            if not over and time.monotonic() - self._shown < INTERVAL:
                return
            self._shown = time.monotonic()
        self._loop.call_soon_threadsafe(self._show)

    def _show(self) -> None:
        run = self.run
        if run is not None and run.state in ENDED:
            self.training.value = False
        said = self.summary()
        if run is not None and run.record.terms:
            record = run.record
            said += f" Step {len(record.terms['total'])} of {record.steps}, "
            said += f"loss {record.terms['total'][-1]:.3f}, MAP {record.epochs[-1].map:.2f}."
        self._say(said)
        if run is not None:
            self.view.value = figure_html(*training_chart(run.record))
        else:
            self.view.value = ""
