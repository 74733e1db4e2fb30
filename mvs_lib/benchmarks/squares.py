"""Photos with several labels: does DSRH put first what shares most? On the squares of the campus.

Every photo shows one or more of ten things (`mvs_lib.datasets.campus_squares`), and shares none,
one or several of them with a query. DSRH learns from these numbers; it stands beside itself without
its weights, and beside losses that know only whether two photos share anything. All start from the
same trunk, which has learned to name the things. NDCG, ACG and weighted MAP are those of
`mvs_lib.graded_metrics`, MAP counts every photo that shares a thing as right.

The rates were chosen on held-back source photos: ``python -m mvs_lib bench squares_settings``. A
row is kept as soon as it is measured, see `mvs_lib.benchmarks.kept_rows`.
"""

import inspect
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial
from itertools import product

from mvs_lib import graded_metrics
from mvs_lib.benchmarks import kept_code
from mvs_lib.benchmarks.kept_rows import KeptRows
from mvs_lib.benchmarks.trunk_file import trunk_file
from mvs_lib.codes import hamming_distance
from mvs_lib.datasets import campus_squares
from mvs_lib.datasets.collection import Split
from mvs_lib.deep import encoding, recipe
from mvs_lib.deep.encoding import encode
from mvs_lib.deep.methods import CSQ, DHN, DNNH, DPSH, DSRH
from mvs_lib.deep.methods.method import Method
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.settings import Settings
from mvs_lib.metrics import average_precision

__all__ = ["CHOICES", "HASHING", "LENGTHS", "METHODS", "PRETRAINING", "Squares", "rows"]

LENGTHS = (12, 24, 32, 48)  # bits
FIRST = 100  # answers that NDCG and ACG look at
PRETRAINING = Settings(epochs=16, precision="bf16")
HASHING = Settings(epochs=8, learning_rate=0.03, precision="bf16")
METHODS: dict[str, tuple[type[Method], dict]] = {
    "dsrh": (DSRH, {}),
    "dsrh, no weights": (DSRH, {"weighted": False}),
    "csq": (CSQ, {}),
    "dhn": (DHN, {}),
    "dnnh": (DNNH, {}),
    "dpsh": (DPSH, {"memory": "batch"}),
}
# Where a method wants something else than `HASHING`: the best NDCG on held-back photos.
CHOICES: dict[str, dict] = {
    "csq": {"head_rate": 20.0},
    "dnnh": {"learning_rate": 0.01},
    "dpsh": {"learning_rate": 0.01},
}


class Squares:
    """The methods on a split of photos with several labels, with one seed.

    Args:
        split: photos, labels ``(n, classes)``.
        seed: of the trunk, the methods, the order and the views.
        quick: a rehearsal, which keeps nothing.
        benchmark: who asks; its rows and its trunk are kept under this name.
    """

    def __init__(self, split: Split, seed: int, quick: bool, benchmark: str = "squares"):
        self.split, self.seed, self.quick = split, seed, quick
        self.benchmark = benchmark
        self.kept = KeptRows.of(benchmark, split, quick)

    def _settings(self, settings: Settings) -> Settings:
        return replace(settings, epochs=1, batch_size=20) if self.quick else settings

    @cached_property
    def _trunk(self) -> HashNetwork:
        config = {"width": 8} if self.quick else {}
        settings, state = self._settings(PRETRAINING), None
        if not self.quick:
            state = trunk_file(self.benchmark, self.seed, settings)
        network, history = recipe.pretrain(
            self.split.source, max(LENGTHS), self.seed, settings, state, **config
        )
        if history.interrupted:
            raise KeyboardInterrupt
        return network

    def row(self, name: str, bits: int, choice: dict) -> dict:
        """Teach a method by `HASHING` with the changes of ``choice``, and measure it."""
        asked, stored = self.split.query, self.split.source
        (method, options), settings = METHODS[name], self._settings(replace(HASHING, **choice))
        code = (recipe, encoding, graded_metrics, inspect.getmodule(method))
        about = (PRETRAINING, settings, options)
        key = kept_code.key(about, *(module.__file__ for module in code))
        start = {
            "method": name,
            "bits": bits,
            "data": self.split.name,
            "protocol": f"{len(asked)} queries, {len(stored)} labelled photos in the database",
            "seed": self.seed,
        }
        measure = partial(self._measured, method(**options), bits, settings)
        return self.kept.row(f"{name}-{bits}-{self.seed}-{key}", start, measure)

    def _measured(self, method: Method, bits: int, settings: Settings) -> dict:
        head = {} if method.head == "linear" else {"head": method.head}
        fresh = recipe.with_fresh_head(self._trunk, bits, self.seed, **head)
        network, history = recipe.learn_hash(fresh, method, self.split.source, self.seed, settings)
        if history.interrupted:
            raise KeyboardInterrupt
        stored, asked = self.split.source, self.split.query
        codes = (
            encode(network, asked.images, progress=True), asked.labels,
            encode(network, stored.images, progress=True), stored.labels,
        )  # fmt: skip
        shared = asked.labels @ stored.labels.T > 0
        distances = hamming_distance(codes[0], codes[2])
        return {
            f"ndcg_at_{FIRST}": round(graded_metrics.ndcg(*codes, k=FIRST), 4),
            f"acg_at_{FIRST}": round(graded_metrics.average_cumulative_gain(*codes, k=FIRST), 4),
            "weighted_map": round(graded_metrics.weighted_mean_average_precision(*codes), 4),
            "map": round(float(average_precision(shared, distances).mean()), 4),
            "learning_rate": settings.learning_rate,
            "head_rate": settings.head_rate,
            "train_seconds": round(history.seconds, 1),
        }


def rows(seeds: int = 3, quick: bool = False) -> Iterator[dict]:
    """Yield a row a method, length and seed."""
    split = campus_squares.load(80, 20, 32) if quick else campus_squares.load()
    for seed in range(seeds):
        squares = Squares(split, seed, quick)
        for name, bits in product(METHODS, LENGTHS):
            yield squares.row(name, bits, CHOICES.get(name, {}))
