"""Every deep method on one trunk with 5,000 labels: CIFAR-10 by protocol P1.

Of 60,000 photos 1,000 ask, the other 59,000 are the database, and 500 of each class may be learned
from: most published comparisons of deep hashing are made so, each method on a trunk of its own,
mostly one that ImageNet's million photos taught before. Here all methods share a trunk and
settings, and no photo but the 5,000 is ever learned from. So a row is to be held against the rows
beside it. The published value says what the method reached where its authors put it; the distance
between the two is mostly the trunk's.

As in `mvs_lib.benchmarks.campus`, the trunk first learns the classes, then each method learns its
bits with it. A method without labels learns none in its loss, but its trunk has: ``labels_seen``
says which. The methods on vectors get the trunk's features of the 5,000, and the trunk stays; they
also get the 5,000 photos' GIST, on which such methods are mostly published, and which no label has
touched: ``features`` says which. The seed draws the 5,000, the weights, the order and the views;
the queries stay.

Trunks lie in ``data/cache``, and rows as soon as they are measured: an interrupted run goes on
where it stopped, and ``--only METHOD`` measures and keeps the rows of one.
"""

import inspect
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from mvs_lib import metrics, paths
from mvs_lib.benchmarks import kept_code
from mvs_lib.benchmarks.cifar10_gist import SIZE, kept, labels_per_class
from mvs_lib.benchmarks.cifar10_p2 import SMOOTHING, photos_key, trunk_file
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Split
from mvs_lib.deep import encoding, processes, recipe
from mvs_lib.deep.encoding import describe, encode
from mvs_lib.deep.methods import METHODS, VECTOR_METHODS
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.settings import Settings
from mvs_lib.features import cached
from mvs_lib.service.demonstration import TIES

__all__ = ["HASHING", "LENGTHS", "PRETRAINING", "PUBLISHED", "TRUNK", "rows"]

LENGTHS = (12, 24, 32, 48)  # bits
TRUNK = {"trunk": "airbench", "width": 32}  # half as wide as for ten times the photos
PRETRAINING = Settings(
    epochs=60,
    batch_size=250,
    learning_rate=0.1,
    head_rate=0.2,
    precision="bf16",
    augment=0.0,
    mirror=True,
    shift=2,
)
HASHING = replace(PRETRAINING, epochs=10, learning_rate=0.03, head_rate=10.0)
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


def rows(seeds: int = 3, quick: bool = False, only: list[str] | None = None) -> Iterator[dict]:
    """Yield a row a method, length and seed (two if it learns on vectors); of ``only`` if given.

    Raises:
        ValueError: there is no such method, or CIFAR-10 is not at hand.
        RuntimeError: some rows failed; the others were measured and are kept.
    """
    known = (*METHODS, *VECTOR_METHODS)
    if unknown := sorted(set(only or ()) - set(known)):
        raise ValueError(f"no method {', '.join(unknown)}: choose from {', '.join(known)}")
    small = {"source_per_class": 60, "queries": 20} if quick else {}
    split = cifar.load(protocol="P1", **small)
    folder = None if quick else paths.cache() / f"bench-cifar10_p1-{photos_key(split)}"
    failed = []
    for seed in range(seeds):
        sample = _Sample(split, seed, quick)
        for name in only or known:
            for bits in LENGTHS:
                for start, measure in sample.measurements(name, bits):
                    file = folder and folder / _file(start)
                    try:
                        if processes.first():
                            yield kept(file, start, measure)
                        elif file is None or not file.exists():
                            measure()
                    except Exception as error:  # the next row must not wait for this one
                        traceback.print_exc()
                        failed.append(f"{name} at {bits} bits ({type(error).__name__}: {error})")
    if failed:
        raise RuntimeError(f"{len(failed)} could not be measured: {'; '.join(failed)}")


def _file(row: dict) -> str:
    """Name the file of a row by what is known of it before it is measured."""
    name, seed = row["method"], row["seed"]
    about = (TRUNK, SMOOTHING, PRETRAINING, HASHING, PUBLISHED.get(name))
    method = METHODS.get(name) or VECTOR_METHODS[name]
    code = (recipe.__file__, encoding.__file__, inspect.getfile(method))
    return f"{name}-{row['features']}-{row['bits']}-{seed}-{kept_code.key(about, *code)}.json"


class _Sample:
    """The labelled photos that a seed draws, the trunk that they teach, and what it measures."""

    def __init__(self, split: Split, seed: int, quick: bool):
        self.split, self.seed, self.quick = split, seed, quick
        each = labels_per_class(split)
        self.chosen = cifar.labelled(split, each, seed)
        self.taught = split.source.take(self.chosen)
        self.protocol = (
            f"P1: {len(split.query)} queries, {len(split.source)} in the database, "
            f"{10 * each} labelled"
        )

    def measurements(self, name: str, bits: int) -> Iterator[tuple[dict, Callable[[], dict]]]:
        """Yield the first part of each row of a method and length, and what measures the rest."""
        row = {"method": name, "bits": bits, "data": self.split.name, "protocol": self.protocol}
        row["seed"] = self.seed
        if name in METHODS:
            yield {**row, "features": "trunk"}, partial(self._jointly, name, bits)
        else:
            for features in ("trunk", "gist"):
                measure = partial(self._on_vectors, name, bits, features)
                yield {**row, "features": features}, measure

    @cached_property
    def trunk(self) -> HashNetwork:
        settings, config, state = PRETRAINING, TRUNK, None
        if self.quick:
            settings, config = replace(settings, epochs=1, batch_size=50), {**TRUNK, "width": 8}
        else:
            state = trunk_file("cifar10_p1", self.seed, SMOOTHING, config, settings)
        network, history = recipe.pretrain(
            self.taught, max(LENGTHS), self.seed, settings, state, smoothing=SMOOTHING, **config
        )
        if history.interrupted:  # half a trunk is not to be measured; its state is kept
            raise KeyboardInterrupt
        return network

    @cached_property
    def trunk_features(self) -> list[np.ndarray]:
        return [describe(self.trunk, part.images, 500, progress=True) for part in self._parts]

    @cached_property
    def gist(self) -> list[np.ndarray]:
        return [cached.describe_gist(part.images, SIZE, progress=True) for part in self._parts]

    @property
    def _parts(self) -> tuple:
        return self.split.query, self.split.source

    def _jointly(self, name: str, bits: int) -> dict:
        """Measure a method that teaches trunk and hash layer together."""
        method = METHODS[name]
        settings = replace(HASHING, epochs=1, batch_size=50) if self.quick else HASHING
        head = {} if method.head == "linear" else {"head": method.head}
        fresh = recipe.with_fresh_head(self.trunk, bits, self.seed, **head)
        network, history = recipe.learn_hash(fresh, method(), self.taught, self.seed, settings)
        if history.interrupted:
            raise KeyboardInterrupt
        if not processes.first():
            return {}
        start = time.perf_counter()
        codes = [encode(network, part.images, progress=True) for part in self._parts]
        return self._row(name, bits, codes, history.seconds, start, "airbench, from scratch")

    def _on_vectors(self, name: str, bits: int, features: str) -> dict:
        """Measure a method that learns on feature vectors."""
        if features == "trunk":
            query, source = self.trunk_features
            trunk = "airbench, from scratch, frozen"
        else:
            query, source = self.gist
            trunk = f"none, GIST of {SIZE} px"
        if not processes.first():
            return {}
        start = time.perf_counter()
        hasher = VECTOR_METHODS[name](bits=bits, random_state=self.seed)
        hasher.fit(source[self.chosen], self.taught.labels)
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        codes = [hasher.encode(part) for part in (query, source)]
        return self._row(name, bits, codes, seconds, start, trunk)

    def _row(self, name, bits, codes: list, seconds: float, start: float, trunk: str) -> dict:
        method = METHODS.get(name) or VECTOR_METHODS[name]
        given = (codes[0], self.split.query.labels, codes[1], self.split.source.labels)
        seen = [] if trunk.startswith("none") else ["trunk"]
        seen += [] if method.supervision == "nothing" else ["loss"]
        row = {
            "map": round(metrics.mean_average_precision(*given, **TIES), 4),
            "bytes": codes[0].shape[1],
            "supervision": method.supervision,
            "labels_seen": f"by {' and '.join(seen)}" if seen else "none",
            "trunk": trunk,
            "train_seconds": round(seconds, 1),
            "measure_seconds": round(time.perf_counter() - start, 1),
        }
        if name in PUBLISHED:
            values, row["published_trunk"], row["published_source"] = PUBLISHED[name]
            row["published"] = values[LENGTHS.index(bits)]
        return row
