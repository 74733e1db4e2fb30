"""How fast may hash layer and trunk learn? Each deep method's own choice, on held-back photos.

A tenth of the photos that may be learned from asks, the rest teaches and is the database. All
methods are tried with the recipe's own rates and with a hash layer that learns no faster than the
trunk; those that see no label also with a trunk that nearly stays, since nothing in their loss
keeps what it has learned.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mvs_lib.benchmarks.deep_methods import Comparison, Recipe
from mvs_lib.datasets.collection import Photos, Split, validation_split
from mvs_lib.deep.methods import METHODS

__all__ = ["choices", "settings_rows"]

BITS = 48
EVERYWHERE = ({}, {"head_rate": 1.0})
UNSUPERVISED = ({"learning_rate": 0.001}, {"learning_rate": 0.0001})


def choices(name: str) -> tuple[dict, ...]:
    """Return what is tried of a method: changes of the recipe's ``hashing``."""
    return EVERYWHERE + (UNSUPERVISED if METHODS[name].supervision == "nothing" else ())


def settings_rows(
    photos: Photos, data: str, recipe: Recipe, benchmark: str, seed: int, quick: bool,
    only: list[str] | None,
) -> Iterator[dict]:  # fmt: skip
    """Yield a row a method and choice.

    Args:
        photos: that may be learned from.
        data: their name.
        recipe: whose ``rates`` are to be chosen.
        benchmark: who asks; its rows and its trunk are kept under this name.
        seed: of the split and of the training.
        quick: a rehearsal.
        only: the methods; all if None.

    Raises:
        RuntimeError: some rows failed; the others were measured and are kept.
    """
    held = validation_split(photos, share=0.1, seed=seed)
    split = Split(data, held.source, held.query)
    about = {
        "data": data,
        "protocol": f"validation: {len(split.query)} of {len(photos)} photos held back",
    }
    everything, failed = np.arange(len(split.source)), []
    for name in only or METHODS:
        for choice in choices(name):
            plan = replace(recipe, benchmark=benchmark, rates={name: choice})
            comparison = Comparison(split, everything, about, seed, plan, quick)
            yield from comparison.rows([(name, BITS)], failed)
    if failed:
        raise RuntimeError(f"{len(failed)} could not be measured: {'; '.join(failed)}")
