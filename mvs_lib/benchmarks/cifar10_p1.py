"""Every deep method on one trunk with 5,000 labels: CIFAR-10 by protocol P1.

Of 60,000 photos 1,000 ask, the other 59,000 are the database, and 500 of each class may be learned
from: most published comparisons of deep hashing are made so, each method on a trunk of its own,
mostly one that ImageNet's million photos taught before. Here all methods share a trunk and
settings, and no photo but the 5,000 is ever learned from. So a row is to be held against the rows
beside it. The published value says what the method reached where its authors put it; the distance
between the two is mostly the trunk's.

As in `mvs_lib.benchmarks.campus`, the trunk first learns the classes, then each method learns its
bits with it. A method without labels learns none in its loss, but its trunk has: ``labels_seen``
says which. The seed draws the 5,000, the weights, the order and the views; the queries stay.

Trunks lie in ``data/cache``, and rows as soon as they are measured: an interrupted run goes on
where it stopped, and ``--only METHOD`` measures and keeps the rows of one.
"""

import inspect
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from mvs_lib import metrics, paths
from mvs_lib.benchmarks import kept_code
from mvs_lib.benchmarks.cifar10_gist import kept, labels_per_class
from mvs_lib.benchmarks.cifar10_p2 import SMOOTHING, photos_key, trunk_file
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep import encoding, processes, recipe
from mvs_lib.deep.encoding import encode
from mvs_lib.deep.methods import METHODS
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.settings import Settings
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
    "dhn": ((0.555, 0.594, 0.603, 0.621), "AlexNet, trained on ImageNet", _TABLE),
    "dnnh": ((0.552, 0.566, 0.558, 0.581), "Network in Network", _TABLE),
    "dpsh": ((0.713, 0.727, 0.744, 0.757), "CNN-F, trained on ImageNet", _DPSH),
}
PUBLISHED["ninh"] = PUBLISHED["dnnh"]  # one paper under two names


def rows(seeds: int = 3, quick: bool = False, only: list[str] | None = None) -> Iterator[dict]:
    """Yield a row a method, length and seed; of the methods in ``only`` if it is given.

    Raises:
        ValueError: there is no such method, or CIFAR-10 is not at hand.
        RuntimeError: some rows failed; the others were measured and are kept.
    """
    if unknown := sorted(set(only or ()) - set(METHODS)):
        raise ValueError(f"no method {', '.join(unknown)}: choose from {', '.join(METHODS)}")
    small = {"source_per_class": 60, "queries": 20} if quick else {}
    split = cifar.load(protocol="P1", **small)
    each = labels_per_class(split)
    protocol = f"P1: {len(split.query)} queries, {len(split.source)} in the database, "
    protocol += f"{10 * each} labelled"
    folder = None if quick else paths.cache() / f"bench-cifar10_p1-{photos_key(split)}"
    failed = []
    for seed in range(seeds):
        shared = {"data": split.name, "protocol": protocol, "seed": seed}
        taught = split.source.take(cifar.labelled(split, each, seed))
        trunk: list[HashNetwork] = []  # trained when the first row of the seed asks for it
        for name in only or METHODS:
            for bits in LENGTHS:
                file = folder / f"{name}-{bits}-{seed}-{_key(name)}.json" if folder else None
                row = {"method": name, "bits": bits, **shared}
                measure = partial(_measured, name, bits, split, taught, trunk, seed, quick)
                try:
                    if processes.first():
                        yield kept(file, row, measure)
                    elif file is None or not file.exists():
                        measure()
                except Exception as error:  # the next row must not wait for this one
                    traceback.print_exc()
                    failed.append(f"{name} at {bits} bits ({type(error).__name__}: {error})")
    if failed:
        raise RuntimeError(f"{len(failed)} could not be measured: {'; '.join(failed)}")


def _key(name: str) -> str:
    about = (TRUNK, SMOOTHING, PRETRAINING, HASHING, PUBLISHED.get(name))
    return kept_code.key(about, recipe.__file__, encoding.__file__, inspect.getfile(METHODS[name]))


def _trunk(taught: Photos, seed: int, quick: bool) -> HashNetwork:
    settings, config, state = PRETRAINING, TRUNK, None
    if quick:
        settings, config = replace(settings, epochs=1, batch_size=50), {**TRUNK, "width": 8}
    else:
        state = trunk_file("cifar10_p1", seed, SMOOTHING, config, settings)
    network, history = recipe.pretrain(
        taught, max(LENGTHS), seed, settings, state, smoothing=SMOOTHING, **config
    )
    if history.interrupted:  # half a trunk is not to be measured; its state is kept
        raise KeyboardInterrupt
    return network


def _measured(
    name: str, bits: int, split: Split, taught: Photos, trunk: list, seed: int, quick: bool
) -> dict:
    if not trunk:
        trunk.append(_trunk(taught, seed, quick))
    method = METHODS[name]
    settings = replace(HASHING, epochs=1, batch_size=50) if quick else HASHING
    head = {} if method.head == "linear" else {"head": method.head}
    fresh = recipe.with_fresh_head(trunk[0], bits, seed, **head)
    network, history = recipe.learn_hash(fresh, method(), taught, seed, settings)
    if history.interrupted:
        raise KeyboardInterrupt
    if not processes.first():
        return {}
    start = time.perf_counter()
    codes = [encode(network, part.images, progress=True) for part in (split.query, split.source)]
    given = (codes[0], split.query.labels, codes[1], split.source.labels)
    row = {
        "map": round(metrics.mean_average_precision(*given, **TIES), 4),
        "bytes": codes[0].shape[1],
        "supervision": method.supervision,
        "labels_seen": "by trunk" if method.supervision == "nothing" else "by trunk and loss",
        "trunk": "airbench, from scratch",
        "train_seconds": round(history.seconds, 1),
        "measure_seconds": round(time.perf_counter() - start, 1),
    }
    if name in PUBLISHED:
        values, row["published_trunk"], row["published_source"] = PUBLISHED[name]
        row["published"] = values[LENGTHS.index(bits)]
    return row
