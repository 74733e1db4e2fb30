"""Every deep method on the campus: one trunk a seed, four lengths.

The trunk and the recipe are those of `mvs_lib.benchmarks.campus`, and what the methods have in
common is said in `mvs_lib.benchmarks.deep_methods`. All source photos and their places may be
learned from; ``python -m mvs_lib bench campus_methods_settings`` made the `CHOICES`. The methods on
vectors also get the global descriptor that notebook 02 hashes. At 48 bits three seeds tell how far
luck goes; the other lengths have the first seed alone. The networks of `SHIPPED` come with the
course.

An interrupted run of these hours goes on where it stopped, and ``--only METHOD`` measures and keeps
the rows of one.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np

from mvs_lib.benchmarks.campus import PROTOCOL
from mvs_lib.benchmarks.deep_methods import Comparison, Recipe, chosen_methods
from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import Split
from mvs_lib.deep.recipe import HASHING, PRETRAINING
from mvs_lib.features import cached

__all__ = ["CHOICES", "LENGTHS", "SHIPPED", "photos", "recipe", "rows"]

LENGTHS = (48, 12, 24, 32)  # bits; the first with every seed
SHIPPED = (("cnnh", 48), ("csq", 48), ("dnnh", 48), ("dpsh", 48))  # of seed 0


# Where a method wants something else than `mvs_lib.deep.recipe.HASHING`.
_TOGETHER = {"head_rate": 1.0, "per_class": 4}
CHOICES: dict[str, dict] = {name: _TOGETHER for name in ("dnnh", "drsch", "dsrh")}
CHOICES["dhn"] = {**_TOGETHER, "balanced": True}
CHOICES["dpsh"] = {**_TOGETHER, "learning_rate": 0.01, "memory": "batch"}
CHOICES["deepbit"] = {"learning_rate": 0.001}


def recipe() -> Recipe:
    """Return how the methods are taught on the campus."""
    return Recipe(
        "campus_methods", {"trunk": "small"}, "small, from scratch", PRETRAINING, HASHING, 0.0,
        max(LENGTHS), partial(cached.describe, progress=True), "global descriptor", CHOICES,
    )  # fmt: skip


def photos(quick: bool) -> tuple[Split, dict]:
    """Return the photos, and what a row says of them."""
    split = campus.load(places=12, source=240, query=60) if quick else campus.load()
    protocol = PROTOCOL.format(
        source=len(split.source), query=len(split.query), places=len(split.source.names)
    )
    return split, {"data": "campus", "protocol": protocol}


def rows(seeds: int = 3, quick: bool = False, only: list[str] | None = None) -> Iterator[dict]:
    """Yield a row a method, length and seed (two if it learns on vectors); of ``only`` if given.

    Raises:
        ValueError: there is no such method.
        RuntimeError: some rows failed; the others were measured and are kept.
    """
    methods = chosen_methods(only)
    split, about = photos(quick)
    failed = []
    for seed in range(seeds):
        comparison = Comparison(split, np.arange(len(split.source)), about, seed, recipe(), quick)
        comparison.shipped = SHIPPED if seed == 0 else ()
        lengths = LENGTHS if seed == 0 else LENGTHS[:1]
        for bits, name in product(lengths, methods):
            yield from comparison.rows([(name, bits)], failed)
    if failed:
        raise RuntimeError(f"{len(failed)} could not be measured: {'; '.join(failed)}")
