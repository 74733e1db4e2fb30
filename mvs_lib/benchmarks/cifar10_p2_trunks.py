"""Which trunk is worth an hour of two cores? Chosen on held-back training photos, never on a query.

For `mvs_lib.benchmarks.cifar10_p2`. A tenth of the training photos ask, the others teach and are
the database. Every candidate gets about a quarter of the hour, so that a wider trunk sees its
photos fewer times; its own row says the minutes. Measured are SSDH's 48 bits. An interrupted run
goes on where it stopped.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial

from mvs_lib.benchmarks import kept_code
from mvs_lib.benchmarks.cifar10_p2 import HEAD, PRETRAINING, SMOOTHING, VIEWS, measures
from mvs_lib.benchmarks.kept_rows import KeptRows
from mvs_lib.benchmarks.trunk_file import trunk_file
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Split, validation_split
from mvs_lib.deep import encoding, head, recipe
from mvs_lib.deep.encoding import describe
from mvs_lib.deep.head import learn_head
from mvs_lib.deep.methods import SSDH

__all__ = ["CANDIDATES", "rows"]

BITS = 48
NARROW, WIDE = {"trunk": "airbench", "width": 64}, {"trunk": "airbench", "width": 96}
BRIEF = replace(PRETRAINING, epochs=16, small_share=0.0, cover=0, shift=2)
SMALL = replace(BRIEF, epochs=22, small_share=0.5)
CANDIDATES = {  # the trunk, and how it learns
    "plain": (NARROW, BRIEF),
    "smaller photos first": (NARROW, SMALL),
    "and part of each covered": (NARROW, replace(SMALL, cover=8)),
    "and moved further": (NARROW, replace(SMALL, cover=8, shift=4)),
    "all that, and wider": (WIDE, replace(SMALL, epochs=11, cover=8, shift=4)),
}


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield a row a candidate, number of views and seed.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    small = {"source_per_class": 60} if quick else {}
    whole = cifar.load(protocol="P2", queries=10, **small)
    split = validation_split(whole.source, share=0.1, seed=0)
    protocol = f"validation: {len(split.query)} of {len(whole.source)} source photos held back"
    kept = KeptRows.of("cifar10_p2_trunks", split, quick)
    for name, (config, settings) in CANDIDATES.items():
        if quick:
            config, settings = {**config, "width": 4}, replace(settings, epochs=2, batch_size=50)
        for seed in range(seeds):
            about = (config, settings, SMOOTHING, HEAD)
            key = kept_code.key(about, head.__file__, recipe.__file__, encoding.__file__)
            start = {
                "method": "ssdh", "data": whole.name, "bits": BITS, "protocol": protocol,
                "trunk": name, "seed": seed,
            }  # fmt: skip
            taught = cache(partial(_measured, split, seed, config, settings, quick))
            for views in VIEWS:
                about = start | {"views": views}
                yield kept.row(f"ssdh-{views}-{seed}-{key}", about, partial(_seen, taught, views))


def _seen(taught: Callable[[], dict[int, dict]], views: int) -> dict:
    return taught()[views]


def _measured(split: Split, seed: int, config: dict, settings, quick: bool) -> dict[int, dict]:
    """Teach a trunk and a head; return the figures by the number of views."""
    state = None
    if not quick:
        state = trunk_file("cifar10_p2_trunks", seed, SMOOTHING, config, settings)
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
