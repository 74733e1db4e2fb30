"""A training run that can be watched, paused and stopped while other work goes on. See notebook 03.

The run has a thread of its own, and is otherwise that of `mvs_lib.deep.training.train`: a pause
changes no weight. Whoever looks on reads `Record`, which the training thread alone writes; nobody
else touches the network before the run has ended.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit
from torch import nn

from mvs_lib.codes import binarize
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.encoding import project
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.training import Callback, Settings, train
from mvs_lib.metrics import mean_average_precision

__all__ = ["DECIDED", "ENDED", "Epoch", "LiveTraining", "Record"]

ENDED = ("finished", "stopped", "failed")
DECIDED = (0.3, 0.7)  # latent values between these are undecided


@dataclass(frozen=True)
class Epoch:
    """What the bits of the database were like after an epoch, or before the first one."""

    map: float  # Eq. 1, of the queries against the database
    shares: np.ndarray  # float64 (bits,): share of the photos that have a bit on
    undecided: float  # share of latent values between 0.3 and 0.7


@dataclass
class Record:
    """What has happened so far: terms by step, bits by epoch (the first of them untrained)."""

    steps: int = 0  # of the whole run; known after the first one
    terms: dict[str, list[float]] = field(default_factory=dict)
    epochs: list[Epoch] = field(default_factory=list)


class LiveTraining:
    """Train a network in a thread.

    Args:
        network: fresh, from `mvs_lib.deep.training.build_network`; trained in place.
        loss, photos, settings: as in `mvs_lib.deep.training.train`.
        query, database: photos that the bits are judged by after every epoch; some hundred at the
            most, since that takes its time.
        notify: called from the training thread after each step and epoch, and at the end.

    Attributes:
        state: "ready", "running", "paused", "finished", "stopped" or "failed".
        record: what has happened so far.
        error: what made the run fail, or None.

    The thread is a daemon: it ends with the process. If nobody waits for it, it runs to its end.
    """

    def __init__(
        self,
        network: HashNetwork,
        loss: nn.Module,
        photos: Photos,
        settings: Settings,
        query: Photos,
        database: Photos,
        notify: Callable[[], None] | None = None,
    ):
        self.network, self.loss, self.photos, self.settings = network, loss, photos, settings
        self.query, self.database, self.notify = query, database, notify or (lambda: None)
        self.record, self.state, self.error = Record(), "ready", None
        self._go, self._stopping = threading.Event(), False
        self._changing = threading.Lock()  # the state, which both threads set
        self._thread = threading.Thread(target=self._run, name="training", daemon=True)

    def start(self) -> None:
        """Begin, or go on after a pause.

        Raises:
            RuntimeError: the run has ended; a run has one life.
        """
        with self._changing:
            if self.state in ENDED:
                raise RuntimeError(f"this run has ended ({self.state}): make another one")
            first, self.state = self.state == "ready", "running"
        self._go.set()
        if first:
            self._thread.start()

    def pause(self) -> None:
        """Halt before the next step; does nothing unless the run is running."""
        with self._changing:
            if self.state == "running":
                self.state = "paused"
                self._go.clear()

    def stop(self) -> None:
        """End the run before its next step; the network keeps what it has learned."""
        self._stopping = True
        with self._changing:
            if self.state == "ready":
                self.state = "stopped"
        self._go.set()

    def wait(self, seconds: float | None = None) -> str:
        """Wait until the run has ended, at most so many seconds; return the state."""
        if self._thread.is_alive():
            self._thread.join(seconds)
        return self.state

    def _run(self) -> None:
        try:
            self._judge()
            history = train(
                self.network, self.loss, self.photos, self.settings,
                callbacks=(_Recorder(self),), progress=False,
            )  # fmt: skip
            state = "stopped" if history.interrupted else "finished"
        except Exception as error:
            state, self.error = "failed", error
        with self._changing:
            self.state = state
        self.notify()

    def _halt(self) -> None:
        """Wait while the run is paused; leave it if it is to end."""
        self._go.wait()
        if self._stopping:
            raise KeyboardInterrupt  # the training loop's own way out

    def _judge(self) -> None:
        asked, stored = (project(self.network, part.images) for part in (self.query, self.database))
        latent = expit(stored)
        self.record.epochs.append(
            Epoch(
                mean_average_precision(
                    binarize(asked), self.query.labels, binarize(stored), self.database.labels,
                    ties="expected",
                ),
                (stored >= 0).mean(axis=0),
                float(np.mean((latent > DECIDED[0]) & (latent < DECIDED[1]))),
            )
        )  # fmt: skip
        self.notify()


class _Recorder(Callback):
    def __init__(self, run: LiveTraining):
        self.run = run

    def on_step(self, step: int, steps: int, terms: tuple) -> None:
        self.run.record.steps = steps
        for name, value in terms._asdict().items():
            self.run.record.terms.setdefault(name, []).append(float(value))
        self.run.notify()
        self.run._halt()

    def on_epoch(self, network: HashNetwork, history) -> None:
        self.run._judge()
