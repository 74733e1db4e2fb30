"""Which settings serve the traditional hashers best on CIFAR-10? Chosen on labelled photos alone.

Of protocol P1's 5,000 labelled photos, 50 a class are asked for, 100 a class are the database, and
the other 350 a class teach; no query of the protocol is seen. `mvs_lib.benchmarks.cifar10_gist`
uses points of this grid with a high MAP, mean over the lengths and seeds. (A database of 1,000
lifts every MAP a little: compare these rows with one another only.)
"""

from collections.abc import Iterator

import numpy as np

from mvs_lib import metrics
from mvs_lib.benchmarks.cifar10_gist import METHODS, SIZE, scaled
from mvs_lib.datasets import cifar
from mvs_lib.features import cached

__all__ = ["GRID", "parts", "rows"]

LENGTHS = (12, 48)
ENLARGED = 128  # pixels, the descriptor's usual square
PLAIN = [{"size": size, "unit_length": unit} for size in (SIZE, ENLARGED) for unit in (False, True)]
UNIT = {"size": SIZE, "unit_length": True}
ANCHORS = [(300, 0.2), (300, 1.0), (1000, 0.1), (1000, 0.2), (1000, 0.5)]  # number, width
GRID = {
    "lsh": PLAIN,
    "sh": PLAIN,
    "itq": PLAIN,
    "itq_cca": [{**each, "regularization": 1.0} for each in PLAIN]
    + [{**UNIT, "regularization": rho} for rho in (0.01, 0.1, 0.3, 3.0, 10.0)],
    "ksh": [
        {**UNIT, "anchors": m, "width": w, "regularization": 1e-2, "steps": 30} for m, w in ANCHORS
    ],
    "sdh": [
        {**UNIT, "anchors": m, "width": w, "projection_ridge": ridge}
        for m, w in ANCHORS
        for ridge in (0.01, 0.1, 1.0)
    ],
}


def rows(seeds: int = 2, quick: bool = False) -> Iterator[dict]:
    """Yield a row a method, setting, length and seed.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    split = cifar.load(protocol="P1", progress=False, **({"queries": 10} if quick else {}))
    chosen = cifar.labelled(split, 30 if quick else 500)
    photos = split.source.take(chosen)
    ask, base, teach = parts(photos.labels)
    gist = {
        size: cached.describe_gist(photos.images, size, progress=True) for size in (SIZE, ENLARGED)
    }
    protocol = f"validation: {len(ask)} labelled photos against {len(base)}, {len(teach)} teach"
    for name, settings in GRID.items():
        for setting in settings[:1] if quick else settings:
            given = dict(setting)
            features = gist[given.pop("size")]
            features = scaled(features) if given.pop("unit_length") else features
            for bits in LENGTHS:
                for seed in range(1 if name == "sh" else seeds):
                    varied = {} if name == "sh" else {"random_state": seed}
                    fitted = METHODS[name][0](bits=bits, **given, **varied)
                    fitted.fit(features[teach], photos.labels[teach])
                    found = metrics.mean_average_precision(
                        fitted.encode(features[ask]), photos.labels[ask],
                        fitted.encode(features[base]), photos.labels[base], ties="expected",
                    )  # fmt: skip
                    yield {
                        "method": name, "data": split.name, "bits": bits, "protocol": protocol,
                        "seed": seed, "map": round(found, 4), **setting,
                    }  # fmt: skip


def parts(labels: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divide photos by class: a tenth to ask for, a fifth as database, the rest to learn from.

    Returns:
        int64 positions, three arrays that share none.
    """
    random = np.random.default_rng(seed)
    ask, base, teach = [], [], []
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        tenth = len(members) // 10
        ask.append(members[:tenth])
        base.append(members[tenth : 3 * tenth])
        teach.append(members[3 * tenth :])
    return np.concatenate(ask), np.concatenate(base), np.concatenate(teach)
