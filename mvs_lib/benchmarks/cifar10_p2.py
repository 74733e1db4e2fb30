"""Deep hashing where all 50,000 labels may be used: CIFAR-10 by protocol P2, from scratch.

The trunk of a seed learns the ten classes from its own features (`mvs_lib.deep.pretraining`); then
every method learns its bits at every length on the features of that trunk, which stays
(`mvs_lib.deep.head`). So the rows of a seed differ in the loss and the length alone, and differ
little: what decides is how many queries the trunk would name rightly. The published figures stand
on AlexNet, trained on ImageNet's million photos first; nothing here has seen a photo besides.

Rows with two ``views`` see each photo mirrored too, queries and database alike, and take the mean
of both for its features, when the hash layer learns and when it is used: twice the time to encode.
Rows with six see it and its mirror image moved by a pixel, too, both ways along the diagonal.

``map`` is Eq. 1 over the whole ranking; ``map_at_1000`` is what the authors print: it stops at rank
1,000 and divides by the positives found there. ``accuracy`` is the hash network's own classifier
on the queries.

The trunk is the long part: under an hour of two cores a seed. Its state lies in ``data/cache``
after every epoch and every row once it is measured, so an interrupted run goes on where it stopped.
``torchrun --nproc-per-node 2 -m mvs_lib bench cifar10_p2`` shares the trunk between processes.
One network, SSDH with 48 bits, comes with the course.
"""

import copy
import inspect
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import torch

from mvs_lib import metrics
from mvs_lib.benchmarks import kept_code
from mvs_lib.benchmarks.kept_rows import KeptRows
from mvs_lib.benchmarks.shipped import ship
from mvs_lib.benchmarks.trunk_file import trunk_file
from mvs_lib.codes import binarize
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Split
from mvs_lib.deep import encoding, head, processes, recipe
from mvs_lib.deep.encoding import describe
from mvs_lib.deep.head import HeadSettings, learn_head
from mvs_lib.deep.methods import METHODS
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.settings import Settings
from mvs_lib.service.demonstration import TIES

__all__ = ["HEAD", "LENGTHS", "PRETRAINING", "PUBLISHED", "SMOOTHING", "TRUNK", "rows"]

LENGTHS = (12, 24, 32, 48)  # bits
COMPARED = ("dlbh", "ssdh")
VIEWS = {1: {}, 2: {"mirror": True}, 6: {"mirror": True, "shift": 1}}  # of a photo
SHIPPED = ("ssdh", 48, 1, 0)  # method, bits, views, seed of the network that comes with the course
TRUNK = {"trunk": "airbench", "width": 64}
SMOOTHING = 0.2  # of the labels, as Jordan (2024)
PRETRAINING = Settings(
    epochs=24,
    batch_size=500,
    learning_rate=0.1,
    head_rate=0.2,  # the features are long and few: their classifier needs no more
    precision="bf16",
    augment=0.0,  # turned and darkened views are for places
    mirror=True,
    shift=2,
)
HEAD = HeadSettings()  # ``bench cifar10_p2_settings`` measures the choice
SOURCES = {
    "dlbh": "the authors' README, caffe-cvprw15",
    "ssdh": "the authors' README, Caffe-DeepBinaryCode",
}
PUBLISHED = {  # mAP@1000 by bits; 24 bits are not published, nor SSDH at other lengths
    "dlbh": {12: 0.8930, 32: 0.8972, 48: 0.8973},
    "ssdh": {48: 0.8997},
}


def rows(seeds: int = 3, quick: bool = False) -> Iterator[dict]:
    """Yield a row a method, length and seed.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    small = {"source_per_class": 60, "queries": 20} if quick else {}
    split = cifar.load(protocol="P2", **small)
    protocol = f"P2: {len(split.query)} queries, {len(split.source)} trained on and in the database"
    kept = KeptRows.of("cifar10_p2", split, quick)
    for seed in range(seeds):
        trunk = _Trunk(split, seed, quick)
        for name, bits, views in product(COMPARED, LENGTHS, VIEWS):
            start = {"method": name, "data": split.name, "bits": bits, "protocol": protocol}
            start |= {"views": views, "seed": seed}
            about = f"{name}-{bits}-{views}-{seed}-{_key(name)}"
            if processes.first():
                yield kept.row(about, start, partial(_measured, name, bits, views, trunk))
            elif not kept.there(about):
                trunk.network()  # the other processes help with the trunk, no more


def _key(name: str) -> str:
    about = (TRUNK, SMOOTHING, PRETRAINING, HEAD, PUBLISHED.get(name))
    method = inspect.getfile(METHODS[name])
    return kept_code.key(about, head.__file__, recipe.__file__, encoding.__file__, method)


class _Trunk:
    """The trunk of a seed and its features, made when the first row asks for them."""

    def __init__(self, split: Split, seed: int, quick: bool):
        self.split, self.seed, self.quick = split, seed, quick
        self._network, self._features = None, {}
        self.seconds = 0.0

    def network(self) -> HashNetwork:
        if self._network is None:
            settings, config, state = PRETRAINING, TRUNK, None
            if self.quick:
                settings, config = replace(settings, epochs=2, batch_size=50), {**TRUNK, "width": 8}
            else:
                state = trunk_file("cifar10_p2", self.seed, SMOOTHING, config, settings)
            self._network, history = recipe.pretrain(
                self.split.source, max(LENGTHS), self.seed, settings, state,
                smoothing=SMOOTHING, **config,
            )  # fmt: skip
            if history.interrupted:  # half a trunk is not to be measured; its state is kept
                raise KeyboardInterrupt
            self.seconds = history.seconds
        return self._network

    def features(self, views: int) -> tuple[np.ndarray, np.ndarray]:
        """Return those of the queries and of the source photos, seen so many times."""
        network = self.network()
        if views not in self._features:
            parts = (self.split.query.images, self.split.source.images)
            self._features[views] = tuple(
                describe(network, part, 500, progress=True, **VIEWS[views]) for part in parts
            )
        return self._features[views]


def _measured(name: str, bits: int, views: int, trunk: _Trunk) -> dict:
    query, source = trunk.features(views)
    known = trunk.split.source.labels
    fresh = recipe.with_fresh_head(trunk.network(), bits, trunk.seed)
    network, seconds = learn_head(fresh, METHODS[name](), source, known, trunk.seed, HEAD)
    if (name, bits, views, trunk.seed) == SHIPPED and not trunk.quick:
        _ship(network, name, trunk.split)
    row = {
        **measures(network, query, source, trunk.split),
        "train_seconds": round(trunk.seconds + seconds, 1),
        "parameters": sum(p.numel() for p in network.parameters()),
        "trunk": "airbench, from scratch, frozen while the bits are learned",
    }
    if bits in PUBLISHED.get(name, {}):
        row["published_map_at_1000"] = PUBLISHED[name][bits]
        row["published_trunk"] = f"{METHODS[name].published_trunk}, trained on ImageNet"
        row["published_source"] = SOURCES[name]
    return row


def _ship(network: HashNetwork, name: str, split: Split) -> None:
    """Write a network with weights of 16 bits, and the figures that it has with these."""
    halved = copy.deepcopy(network).half().float()
    query, source = (describe(halved, part.images, 500) for part in (split.query, split.source))
    row = {"method": name, "data": "cifar10", "bits": network.bits, "seed": SHIPPED[-1]}
    row |= measures(halved, query, source, split)
    ship(halved, row, split.source, "cifar10_p2", PRETRAINING, HEAD)


def measures(
    network: HashNetwork, query: np.ndarray, source: np.ndarray, split: Split
) -> dict[str, float]:
    """Return how the bits that a network makes of features find photos, and what it calls them.

    Args:
        network: with a trained head.
        query, source: float32 ``(n, features)`` of the split's photos.
        split: whose labels they have.
    """
    with torch.inference_mode():
        projections = [network.hash(torch.from_numpy(part)) for part in (query, source)]
        named = network.classifier(projections[0].sigmoid()).argmax(1).numpy()
    codes = [binarize(projection.numpy()) for projection in projections]
    given = (codes[0], split.query.labels, codes[1], split.source.labels)
    return {
        "map": round(metrics.mean_average_precision(*given, **TIES), 4),
        "map_at_1000": round(
            metrics.mean_average_precision(*given, k=1000, denominator="retrieved", **TIES), 4
        ),
        "accuracy": round(float(np.mean(named == split.query.labels)), 4),
        "bytes": codes[0].shape[1],
    }
