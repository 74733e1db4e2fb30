"""Trunks compared on held-back photos: what the benchmarks that choose one have in common.

A tenth of the photos that may be learned from ask, the others teach and are the database. Each
candidate is taught, and a head of SSDH's bits on its features (`mvs_lib.deep.head`) is measured.
Trunks are kept after every epoch and rows once they are measured, so that an interrupted run goes
on where it stopped.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, partial

from mvs_lib.benchmarks import kept_code
from mvs_lib.benchmarks.cifar10_p2 import HEAD, SMOOTHING, VIEWS, measures
from mvs_lib.benchmarks.kept_rows import KeptRows
from mvs_lib.benchmarks.trunk_file import trunk_file
from mvs_lib.datasets.collection import Photos, Split, validation_split
from mvs_lib.deep import encoding, head, recipe
from mvs_lib.deep.encoding import describe
from mvs_lib.deep.head import learn_head
from mvs_lib.deep.methods import SSDH
from mvs_lib.deep.settings import Settings

__all__ = ["candidate_rows"]

BITS = 48


def candidate_rows(
    benchmark: str, tried: dict[str, tuple[dict, Settings]], photos: Photos, data: str,
    seeds: Iterable[int], quick: bool,
) -> Iterator[dict]:  # fmt: skip
    """Yield a row a candidate, seed and number of views.

    Args:
        benchmark: who asks; its rows and trunks are kept under this name.
        tried: by name, a trunk's options for `HashNetwork` and how it learns.
        photos: that may be learned from.
        data: their name.
        seeds: of the split and of the training.
        quick: a rehearsal, which keeps nothing.
    """
    for name, (config, settings) in tried.items():
        if quick:
            config, settings = {**config, "width": 4}, replace(settings, epochs=2, batch_size=50)
        about = (config, settings, SMOOTHING, HEAD)
        key = kept_code.key(about, head.__file__, recipe.__file__, encoding.__file__)
        for seed in seeds:
            split = validation_split(photos, share=0.1, seed=seed)
            state = None
            if not quick:
                state = trunk_file(benchmark, seed, SMOOTHING, config, settings)
            kept = KeptRows.of(benchmark, split, quick)
            taught = cache(partial(_measured, split, seed, config, settings, state))
            protocol = f"validation: {len(split.query)} of {len(photos)} photos held back"
            start = {
                "method": "ssdh", "data": data, "bits": BITS, "protocol": protocol,
                "trunk": name, "seed": seed,
            }  # fmt: skip
            for views in VIEWS:
                row = start | {"views": views}
                yield kept.row(f"ssdh-{views}-{seed}-{key}", row, partial(_seen, taught, views))


def _seen(taught: Callable[[], dict[int, dict]], views: int) -> dict:
    return taught()[views]


def _measured(split: Split, seed: int, config: dict, settings: Settings, state) -> dict[int, dict]:
    """Teach a trunk and a head; return the figures by the number of views."""
    network, history = recipe.pretrain(
        split.source, BITS, seed, settings, state, smoothing=SMOOTHING, **config
    )
    if history.interrupted:
        raise KeyboardInterrupt
    rows = {}
    for views, seen in VIEWS.items():
        query, source = (
            describe(network, part.images, 500, progress=True, **seen)
            for part in (split.query, split.source)
        )
        learned, _ = learn_head(network, SSDH(), source, split.source.labels, seed, HEAD)
        rows[views] = {
            "minutes": round(history.seconds / 60, 1), "epochs": settings.epochs,
            "small_share": settings.small_share, "cover": settings.cover, "shift": settings.shift,
            "width": config["width"],
            "parameters": sum(p.numel() for p in network.parameters()),
            **measures(learned, query, source, split),
        }  # fmt: skip
    return rows
