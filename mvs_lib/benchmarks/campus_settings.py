"""Which settings train best? Chosen on a tenth of the campus's source photos, never on a query.

All methods run with the same few settings of the second step, from the same pretrained trunk; the
setting with the best mean MAP over the methods is the one in `mvs_lib.deep.recipe`.
"""

from collections.abc import Iterator
from dataclasses import replace

from mvs_lib import paths
from mvs_lib.benchmarks.campus import BITS, CASE_STUDY, measures
from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import validation_split
from mvs_lib.deep import recipe
from mvs_lib.deep.encoding import encode
from mvs_lib.deep.methods import METHODS

__all__ = ["GRID", "rows"]

# Peak rate of the trunk, and how many times faster the head learns (the papers: ten times).
GRID = [
    {"learning_rate": rate, "head_rate": head}
    for rate, head in ((0.1, 10.0), (0.03, 20.0), (0.03, 60.0), (0.01, 60.0))
]


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield a row a setting, method and seed."""
    photos = campus.load(places=12, source=240, query=60).source if quick else campus.load().source
    split = validation_split(photos, share=0.1, seed=0)
    protocol = f"validation: {len(split.query)} of {len(photos)} source photos held back"
    for seed in range(seeds):
        folder = paths.cache() / "bench-campus-settings"
        first = replace(recipe.PRETRAINING, epochs=1) if quick else recipe.PRETRAINING
        state = None if quick else folder / f"trunk-{seed}.safetensors"
        trunk, _ = recipe.pretrain(split.source, BITS, seed, first, state)
        for number, choice in enumerate(GRID):
            settings = replace(recipe.HASHING, **choice)
            settings = replace(settings, epochs=1) if quick else settings
            for name in CASE_STUDY:
                state = None if quick else folder / f"{name}-{number}-{seed}.safetensors"
                network, _ = recipe.learn_hash(
                    trunk, METHODS[name](), split.source, seed, settings, checkpoint=state
                )
                codes = (encode(network, split.query.images), encode(network, split.source.images))
                yield {
                    "method": name, "data": "campus", "bits": BITS, "protocol": protocol,
                    "seed": seed, **choice, **measures(*codes, split),
                }  # fmt: skip
