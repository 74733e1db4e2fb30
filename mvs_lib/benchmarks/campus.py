"""How well do codes of 48 bits find places on the campus? Traditional and deep, equal settings.

Every deep network of one seed starts from the same pretrained trunk and has the same settings; the
losses have the weights of their papers. Seeds change the random hyperplanes, ITQ's first rotation,
the initial weights, the order of the photos and the augmentation; the campus stays. The networks of
seed 0 become the checkpoints that ship with the course.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mvs_lib import metrics, paths
from mvs_lib.benchmarks.shipped import ship
from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import Split
from mvs_lib.deep import recipe
from mvs_lib.deep.encoding import encode
from mvs_lib.deep.methods import METHODS
from mvs_lib.features import cached
from mvs_lib.hashing import ITQ, LSH
from mvs_lib.service.demonstration import TIES

__all__ = ["measures", "rows"]

BITS = 48
CASE_STUDY = ("dlbh", "ssdh")  # the deep methods that the survey's case study compares
PROTOCOL = "campus: {source} source photos, {query} query photos, {places} places"


def rows(seeds: int = 3, quick: bool = False) -> Iterator[dict]:
    """Yield a row a method and seed; writes the checkpoints of seed 0 unless ``quick``.

    Trained states lie in ``data/cache``: an interrupted run goes on where it stopped.
    """
    split = campus.load(places=12, source=240, query=60) if quick else campus.load()
    protocol = PROTOCOL.format(
        source=len(split.source), query=len(split.query), places=len(split.source.names)
    )
    source = cached.describe(split.source.images, progress=True)
    query = cached.describe(split.query.images, progress=True)
    for seed in range(seeds):
        common = {"data": "campus", "bits": BITS, "protocol": protocol, "seed": seed}
        for name, hasher in (("lsh", LSH), ("itq", ITQ)):
            start = time.perf_counter()
            fitted = hasher(bits=BITS, random_state=seed).fit(source)
            seconds = round(time.perf_counter() - start, 1)
            found = measures(fitted.encode(query), fitted.encode(source), split)
            yield {"method": name, **common, **found, "train_seconds": seconds}
        yield from _deep(split, common, seed, quick)


def _deep(split: Split, common: dict, seed: int, quick: bool) -> Iterator[dict]:
    brief = {"epochs": 1} if quick else {}
    first, second = replace(recipe.PRETRAINING, **brief), replace(recipe.HASHING, **brief)
    folder = paths.cache() / "bench-campus"
    state = None if quick else folder / f"trunk-{seed}.safetensors"
    trunk, pretrained = recipe.pretrain(split.source, BITS, seed, first, state)
    for name in CASE_STUDY:
        state = None if quick else folder / f"{name}-{seed}.safetensors"
        network, history = recipe.learn_hash(
            trunk, METHODS[name](), split.source, seed, second, checkpoint=state
        )
        seconds = round(pretrained.seconds + history.seconds, 1)
        network = network.half().float()  # what ships is measured: weights of 16 bits
        found = measures(
            encode(network, split.query.images), encode(network, split.source.images), split
        )
        row = {"method": name, **common, **found, "train_seconds": seconds}
        row["parameters"] = sum(p.numel() for p in network.parameters())
        row["classification_loss"] = round(history.terms["classification"][-1], 4)
        if seed == 0 and not quick:
            ship(network, row, split.source, "campus", first, second)
        yield row


def measures(query_codes: np.ndarray, source_codes: np.ndarray, split: Split) -> dict:
    """Return Eq. 1's MAP, the authors' mAP@1000 and top-1 of codes; ties by the house's rule."""
    given = (query_codes, split.query.labels, source_codes, split.source.labels)
    return {
        "map": round(metrics.mean_average_precision(*given, **TIES), 4),
        "map_at_1000": round(
            metrics.mean_average_precision(*given, k=1000, denominator="retrieved", **TIES), 4
        ),
        "top1": round(metrics.top1(*given, **TIES), 4),
        "bytes": query_codes.shape[1],
    }
