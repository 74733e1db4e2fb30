"""Every deep method on one trunk with 5,000 labels: CIFAR-10 by protocol P1.

Of 60,000 photos 1,000 ask, the other 59,000 are the database, and 500 of each class may be learned
from: most published comparisons of deep hashing are made so, each method on a trunk of its own,
mostly one that ImageNet's million photos taught before. Here all methods share a trunk and
settings, and no photo but the 5,000 is ever learned from. So a row is to be held against the rows
beside it. The published value says what the method reached where its authors put it; the distance
between the two is mostly the trunk's.

`mvs_lib.benchmarks.deep_methods` says what all methods have in common. Each also stands at GIST,
if it is a method on vectors. The seed draws the 5,000, the weights, the order and the views; the
queries stay. ``python -m mvs_lib bench cifar10_p1_settings`` made the `CHOICES`; where two rates
differ by less than a point of MAP, either may stand here. An interrupted run goes on where it
stopped, and ``--only METHOD`` measures and keeps the rows of one.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product

from mvs_lib.benchmarks.cifar10_gist import SIZE, labels_per_class
from mvs_lib.benchmarks.cifar10_p2 import SMOOTHING
from mvs_lib.benchmarks.deep_methods import Comparison, Recipe, chosen_methods
from mvs_lib.datasets import cifar
from mvs_lib.deep.settings import Settings
from mvs_lib.features import cached

__all__ = ["CHOICES", "HASHING", "LENGTHS", "PRETRAINING", "PUBLISHED", "TRUNK", "recipe", "rows"]

LENGTHS = (12, 24, 32, 48)  # bits
TRUNK = {"trunk": "airbench", "width": 32}  # half as wide as for ten times the photos
PRETRAINING = Settings(  # ``bench cifar10_p1_trunks`` measures the choice
    epochs=120,
    batch_size=250,
    learning_rate=0.1,
    head_rate=0.2,
    precision="bf16",
    augment=0.0,
    mirror=True,
    shift=3,
    cover=8,
)
HASHING = replace(PRETRAINING, epochs=10, learning_rate=0.03, head_rate=10.0, shift=2, cover=0)
# MAP at 12, 24, 32 and 48 bits, and the trunk that it was reached on.
_TABLE = "Deep Binary Representation for Efficient Image Retrieval (Adv. Multimedia, 2017)"
_DPSH = "the authors' README, DPSH-pytorch, quoting the paper"
PUBLISHED = {
    "cnnh": ((0.439, 0.511, 0.509, 0.522), "three convolutions, from scratch", _TABLE),
    "cnnhplus": ((0.465, 0.521, 0.521, 0.532), "three convolutions, from scratch", _TABLE),
    "dhn": ((0.555, 0.594, 0.603, 0.621), "AlexNet, trained on ImageNet", _TABLE),
    "dnnh": ((0.552, 0.566, 0.558, 0.581), "Network in Network", _TABLE),
    "dpsh": ((0.713, 0.727, 0.744, 0.757), "CNN-F, trained on ImageNet", _DPSH),
}


# Where a method wants something else than these.
_SLOW = ("dhn", "dlbh", "dnnh", "dpsh", "drsch", "dsprh", "dsrh", "ssdh")
CHOICES: dict[str, dict] = {name: {"head_rate": 1.0} for name in _SLOW}
CHOICES["deepbit"] = {"learning_rate": 0.001}


def recipe() -> Recipe:
    """Return how the methods are taught by P1."""
    return Recipe(
        "cifar10_p1", TRUNK, "airbench, from scratch", PRETRAINING, HASHING, SMOOTHING,
        max(LENGTHS), partial(cached.describe_gist, size=SIZE, progress=True),
        f"GIST of {SIZE} px", CHOICES,
    )  # fmt: skip


def rows(seeds: int = 3, quick: bool = False, only: list[str] | None = None) -> Iterator[dict]:
    """Yield a row a method, length and seed (two if it learns on vectors); of ``only`` if given.

    Raises:
        ValueError: there is no such method, or CIFAR-10 is not at hand.
        RuntimeError: some rows failed; the others were measured and are kept.
    """
    measured = list(product(chosen_methods(only), LENGTHS))
    small = {"source_per_class": 60, "queries": 20} if quick else {}
    split = cifar.load(protocol="P1", **small)
    each = labels_per_class(split)
    about = {
        "data": split.name,
        "protocol": f"P1: {len(split.query)} queries, {len(split.source)} in the database, "
        f"{10 * each} labelled",
    }
    failed = []
    for seed in range(seeds):
        chosen = cifar.labelled(split, each, seed)
        comparison = Comparison(split, chosen, about, seed, recipe(), quick)
        for row in comparison.rows(measured, failed):
            yield row | _published(row)
    if failed:
        raise RuntimeError(f"{len(failed)} could not be measured: {'; '.join(failed)}")


def _published(row: dict) -> dict:
    if row["method"] not in PUBLISHED:
        return {}
    values, trunk, source = PUBLISHED[row["method"]]
    return {
        "published": values[LENGTHS.index(row["bits"])],
        "published_trunk": trunk,
        "published_source": source,
    }
