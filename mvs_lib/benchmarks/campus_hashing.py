"""How far do hash functions without a deep network come on the campus, with and without labels?

All read the same global descriptor as notebook 02 and are measured as in
`mvs_lib.benchmarks.campus`, at four lengths. The supervised ones see the same labels as the deep
networks of that benchmark; what they do not see is the pixels. Their settings were chosen on
held-back source photos, never on a query; ``python -m mvs_lib bench campus_hashing_settings``
measures the choice. KSH stays at its spectral start here: with 162 places, climbing on fits the
photos that it learns from and finds fewer of the others.
"""

import time
from collections.abc import Iterator

from mvs_lib.benchmarks.campus import PROTOCOL, measures
from mvs_lib.datasets import campus
from mvs_lib.features import cached
from mvs_lib.hashing import ITQ, ITQCCA, KSH, LSH, PCAH, SH, SupervisedDiscreteHashing

__all__ = ["METHODS", "rows"]

LENGTHS = (12, 24, 32, 48)  # bits
METHODS = {
    "lsh": (LSH, {}),
    "pcah": (PCAH, {}),
    "sh": (SH, {}),
    "itq": (ITQ, {}),
    "itq_cca": (ITQCCA, {"regularization": 0.01}),
    "ksh": (KSH, {"anchors": 1000, "width": 1.0, "regularization": 1e-5, "steps": 0}),
    "sdh": (SupervisedDiscreteHashing, {"anchors": 1000, "width": 0.3, "projection_ridge": 0.0003}),
}
FIXED = ("pcah", "sh")  # nothing random in them: one row a length


def rows(seeds: int = 3, quick: bool = False) -> Iterator[dict]:
    """Yield a row a method, length and seed."""
    split = campus.load(places=12, source=240, query=60) if quick else campus.load()
    protocol = PROTOCOL.format(
        source=len(split.source), query=len(split.query), places=len(split.source.names)
    )
    source = cached.describe(split.source.images, progress=True)
    query = cached.describe(split.query.images, progress=True)
    for name, (hasher, settings) in METHODS.items():
        for bits in LENGTHS:
            for seed in range(1 if name in FIXED else seeds):
                varied = {} if name in FIXED else {"random_state": seed}
                start = time.perf_counter()
                fitted = hasher(bits=bits, **settings, **varied).fit(source, split.source.labels)
                seconds = round(time.perf_counter() - start, 1)
                yield {
                    "method": name, "data": "campus", "bits": bits, "protocol": protocol,
                    "seed": seed, **measures(fitted.encode(query), fitted.encode(source), split),
                    "train_seconds": seconds, **settings,
                }  # fmt: skip
