"""How should each deep method be trained? Its own choice among a few, on held-back photos.

A tenth of the photos that may be learned from asks, the rest teaches and is the database. All
methods are tried with the recipe's own rates and with a hash layer that learns no faster than the
trunk. Where similar pairs are rare, those that compare photos are also tried with several photos of
a class in each batch, and so with the variant, if there is one, that their own file offers: at the
rate of the trunk and at a third of it, since a sum over pairs of one batch may run away. Those that
see no label are also tried with a trunk that nearly stays, since nothing in their loss keeps what
it has learned. DNNH, among the last of those that compare photos, is also tried with a margin that
grows with the code, without its band, and for three times as long.
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


COMPARING = tuple({**each, "per_class": 4} for each in EVERYWHERE)
GENTLY = (COMPARING[1], {**COMPARING[1], "learning_rate": 0.01})
OWN = {
    "dnnh": (
        *({"margin": margin} for margin in (4.0, 8.0, 16.0)), {"eps": 0.5},
        {"margin": 4.0, "eps": 0.5}, {"epochs": 30},
    )
}  # fmt: skip
VARIANTS = {"dhn": {"balanced": True}, "dpsh": {"memory": "batch"}}


def choices(name: str, rare: bool) -> tuple[dict, ...]:
    """Return what is tried of a method: changes of the recipe's ``hashing``, and arguments.

    Args:
        name: of the method.
        rare: whether similar pairs are rare, because there are many classes.
    """
    method = METHODS[name]
    tried = EVERYWHERE
    if method.supervision == "nothing":
        tried += UNSUPERVISED
    tried += tuple({**each, **own} for own in OWN.get(name, ()) for each in EVERYWHERE)
    compares = method.stages == "simultaneous" and method.supervision not in ("labels", "nothing")
    if rare and compares:
        tried += COMPARING
        if name in VARIANTS:
            tried += tuple({**each, **VARIANTS[name]} for each in GENTLY)
    return tried


def settings_rows(
    photos: Photos, data: str, recipe: Recipe, benchmark: str, seed: int, quick: bool,
    only: list[str] | None, rare: bool,
) -> Iterator[dict]:  # fmt: skip
    """Yield a row a method and choice.

    Args:
        photos: that may be learned from.
        data: their name.
        recipe: whose ``choices`` are to be made.
        benchmark: who asks; its rows and its trunk are kept under this name.
        seed: of the split and of the training.
        quick: a rehearsal.
        only: the methods; all if None.
        rare: as in `choices`.

    Raises:
        ValueError: a method of ``only`` is not there, or has no rates to choose.
        RuntimeError: some rows failed; the others were measured and are kept.
    """
    if unknown := sorted(set(only or ()) - set(METHODS)):
        raise ValueError(f"no rates to choose for {', '.join(unknown)}: {', '.join(METHODS)} have")
    held = validation_split(photos, share=0.1, seed=seed)
    split = Split(data, held.source, held.query)
    about = {
        "data": data,
        "protocol": f"validation: {len(split.query)} of {len(photos)} photos held back",
    }
    everything, failed = np.arange(len(split.source)), []
    for name in only or METHODS:
        for choice in choices(name, rare):
            plan = replace(recipe, benchmark=benchmark, choices={name: choice})
            comparison = Comparison(split, everything, about, seed, plan, quick)
            epochs = choice.get("epochs", recipe.hashing.epochs)
            yield from (row | {"epochs": epochs} for row in comparison.rows([(name, BITS)], failed))
    if failed:
        raise RuntimeError(f"{len(failed)} could not be measured: {'; '.join(failed)}")
