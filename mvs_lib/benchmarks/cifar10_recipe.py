"""The recipe race: how fast does each way of training a trunk come to good bits?

The recipe of `mvs_lib.benchmarks.cifar10_p2`, shortened, and the same with one ingredient more or
less at a time. After every epoch a head of 48 bits is learned on the trunk as it then is, and the
bits are measured: MAP against minutes of training. Settings are not chosen here, so that the
official test photos may ask; they and the database are smaller than in the protocol, for speed, and
the rows say so. Minutes are those of training alone. An interrupted race goes on where it stopped;
an epoch that was cut off while it was measured has no row, since the trunk moves on.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mvs_lib.benchmarks.cifar10_p2 import (
    HEAD,
    PRETRAINING,
    SMOOTHING,
    TRUNK,
    measures,
)
from mvs_lib.benchmarks.kept_rows import KeptRows
from mvs_lib.benchmarks.trunk_file import trunk_file
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Split, validation_split
from mvs_lib.deep import processes, recipe
from mvs_lib.deep.encoding import describe
from mvs_lib.deep.head import learn_head
from mvs_lib.deep.methods import SSDH
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.training import Callback, History

__all__ = ["RECIPES", "rows"]

BITS, EPOCHS = 48, 8
# Settings of the trunk's training, smoothing of the labels, the trunk.
RECIPES = {
    "whole": (PRETRAINING, SMOOTHING, TRUNK),
    "smaller photos first": (replace(PRETRAINING, small_share=0.5), SMOOTHING, TRUNK),
    "part of each photo covered": (replace(PRETRAINING, cover=8), SMOOTHING, TRUNK),
    "without moved and mirrored photos": (
        replace(PRETRAINING, mirror=False, shift=0), SMOOTHING, TRUNK,
    ),
    "without smoothed labels": (PRETRAINING, 0.0, TRUNK),
    "the campus's trunk": (PRETRAINING, SMOOTHING, {"trunk": "small"}),
}  # fmt: skip


class Lap(Callback):
    """Measure the trunk after every epoch and keep the row."""

    def __init__(self, start: dict, split: Split, seed: int, kept: KeptRows, state: Path | None):
        self.start, self.split, self.seed = start, split, seed
        self.kept, self.name = kept, state.stem if state else ""
        self.rows: dict[int, dict] = {}

    def on_epoch(self, network: HashNetwork, history: History) -> None:
        """Learn a head on the trunk as it is, and measure its bits."""
        if processes.first():
            self.row(history.epochs, network, history)

    def row(self, epoch: int, network: HashNetwork, history: History) -> dict | None:
        """Return the row of an epoch; None if it was cut off and the trunk has moved on since."""
        name = f"{self.name}-{epoch}"
        if epoch not in self.rows and (epoch == history.epochs or self.kept.there(name)):
            start = {**self.start, "epoch": epoch}
            self.rows[epoch] = self.kept.row(name, start, lambda: self._measured(network, history))
        return self.rows.get(epoch)

    def _measured(self, network: HashNetwork, history: History) -> dict:
        query, source = (
            describe(network, part.images, 500) for part in (self.split.query, self.split.source)
        )
        learned, _ = learn_head(
            network, SSDH(), source, self.split.source.labels, self.seed, HEAD, progress=False
        )
        loss = history.terms["total"][-1]
        found = measures(learned, query, source, self.split)
        return {"minutes": round(history.seconds / 60, 2), "loss": round(loss, 4), **found}


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield a row a recipe, seed and epoch.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    small = {"source_per_class": 60} if quick else {}
    split = cifar.load(protocol="P2", queries=20 if quick else 1000, **small)
    part = Split(split.name, validation_split(split.source, 0.1).query, split.query)
    protocol = (
        f"{len(part.query)} queries, {len(part.source)} of {len(split.source)} trained on in "
        "the database"
    )
    for name, (settings, smoothing, config) in RECIPES.items():
        settings = replace(settings, epochs=2, batch_size=50) if quick else settings
        settings = settings if quick else replace(settings, epochs=EPOCHS)
        config = {**config, "width": 4} if quick else config
        for seed in range(seeds):
            start = {"method": "ssdh", "recipe": name, "data": split.name, "bits": BITS}
            start |= {"protocol": protocol, "seed": seed}
            state = None
            if not quick:
                state = trunk_file("cifar10_recipe", seed, smoothing, config, settings, HEAD)
            lap = Lap(start, part, seed, KeptRows.of("cifar10_recipe", part, quick), state)
            network, history = recipe.pretrain(
                split.source, BITS, seed, settings, state,
                smoothing=smoothing, callbacks=(lap,), **config,
            )  # fmt: skip
            if history.interrupted:
                raise KeyboardInterrupt
            if processes.first():
                found = (lap.row(each, network, history) for each in range(1, history.epochs + 1))
                yield from filter(None, found)
