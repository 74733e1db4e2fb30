"""Which scales serve a head on CIFAR-10? Chosen on held-back training photos, never on a query.

Half of the training photos and a trunk half as wide, taught for a few epochs, stand in for the
trunk of `mvs_lib.benchmarks.cifar10_p2`; a tenth of these photos ask. What is tried is how steep
the sigmoid is and how small the scores are: see `mvs_lib.deep.head`.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace

from mvs_lib.benchmarks.cifar10_p2 import (
    COMPARED,
    HEAD,
    PRETRAINING,
    SMOOTHING,
    measures,
)
from mvs_lib.benchmarks.trunk_file import trunk_file
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import validation_split
from mvs_lib.deep import recipe
from mvs_lib.deep.encoding import describe
from mvs_lib.deep.head import learn_head
from mvs_lib.deep.methods import METHODS

__all__ = ["GRID", "rows"]

LENGTHS = (12, 48)
TRUNK = {"trunk": "airbench", "width": 32}
GRID = [
    {"steepness": steepness, "logit_scale": scale}
    for steepness, scale in (
        (1.0, 1.0), (4.0, 1.0), (1.0, 0.2), (4.0, 0.2), (16.0, 0.2), (4.0, 0.1), (4.0, 0.05)
    )
]  # fmt: skip


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield a row a setting, method, length and seed.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    whole = cifar.load(protocol="P2", source_per_class=60 if quick else 2500, queries=10)
    photos, data = whole.source, whole.name
    split = validation_split(photos, share=0.1, seed=0)
    protocol = f"validation: {len(split.query)} of {len(photos)} source photos held back"
    settings = replace(PRETRAINING, epochs=1 if quick else 5, batch_size=250)
    config = {**TRUNK, "width": 2} if quick else TRUNK
    for seed in range(seeds):
        state = (
            None if quick else trunk_file("cifar10_p2_settings", seed, SMOOTHING, config, settings)
        )
        trunk, history = recipe.pretrain(
            split.source, max(LENGTHS), seed, settings, state, smoothing=SMOOTHING, **config
        )
        if history.interrupted:
            raise KeyboardInterrupt
        query, source = (
            describe(trunk, part.images, 500, progress=True) for part in (split.query, split.source)
        )
        for choice in GRID:
            head = replace(HEAD, **choice, **({"epochs": 1} if quick else {}))
            for name in COMPARED:
                for bits in LENGTHS:
                    fresh = recipe.with_fresh_head(trunk, bits, seed)
                    network, seconds = learn_head(
                        fresh, METHODS[name](), source, split.source.labels, seed, head
                    )
                    yield {
                        "method": name, "data": data, "bits": bits, "protocol": protocol,
                        "seed": seed, **asdict(head), **measures(network, query, source, split),
                        "train_seconds": round(seconds, 1),
                    }  # fmt: skip
