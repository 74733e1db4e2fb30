"""How much should colour count in the descriptor? Chosen on held-back source photos, never a query.

GIST and the colour layout are computed once; only the weight between them changes. The weight with
the best mean MAP over hashers and seeds is the ``COLOUR_WEIGHT`` of
`mvs_lib.features.global_descriptor`.
"""

from collections.abc import Iterator

import numpy as np

from mvs_lib.benchmarks.campus import BITS, measures
from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import validation_split
from mvs_lib.features import cached, gist
from mvs_lib.features.global_descriptor import COLOUR_WEIGHT
from mvs_lib.hashing import ITQ, LSH

__all__ = ["WEIGHTS", "rows"]

WEIGHTS = (0.0, 0.125, 0.25, 0.5, 1.0)


def rows(seeds: int = 3, quick: bool = False) -> Iterator[dict]:
    """Yield a row a weight, hasher and seed."""
    photos = campus.load(places=12, source=240, query=60).source if quick else campus.load().source
    split = validation_split(photos, share=0.1, seed=0)
    protocol = f"validation: {len(split.query)} of {len(photos)} source photos held back"
    query, source = (
        cached.describe(part.images, progress=True) for part in (split.query, split.source)
    )
    for weight in WEIGHTS:
        scale = np.ones(source.shape[1], np.float32)
        scale[gist.DIMENSIONS :] = weight / COLOUR_WEIGHT
        for name, hasher in (("lsh", LSH), ("itq", ITQ)):
            for seed in range(seeds):
                fitted = hasher(bits=BITS, random_state=seed).fit(source * scale)
                codes = fitted.encode(query * scale), fitted.encode(source * scale)
                yield {
                    "method": name, "data": "campus", "bits": BITS, "protocol": protocol,
                    "seed": seed, "colour_weight": weight, **measures(*codes, split),
                }  # fmt: skip
