"""Which settings serve the traditional hashers best on CIFAR-10? Chosen on labelled photos alone.

Of protocol P1's 5,000 labelled photos, 50 a class are asked for, 100 a class are the database, and
the other 350 a class teach; no query of the protocol is seen. SH and ITQ, which need no label, are
also taught by the whole database (``taught``: all but the photos asked for).
`mvs_lib.benchmarks.cifar10_gist` uses points of this grid with a high MAP, mean over the lengths
and seeds. (A database of 1,000 lifts every MAP a little: compare these rows with one another only.)

The number of anchors is no setting to be driven up: a phone holds each and compares each photo with
it. It stays at 1,000 at most, as in SDH's paper.
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
UNLABELLED = [{"size": SIZE, "unit_length": unit, "taught": "all"} for unit in (False, True)]
TAUGHT = [{**each, "taught": "labelled"} for each in PLAIN] + UNLABELLED
ANCHORS = [(300, 0.2), (300, 1.0), (1000, 0.1), (1000, 0.2), (1000, 0.5)]  # number, width
GRID = {
    "lsh": PLAIN,
    "sh": TAUGHT,
    "itq": TAUGHT,
    "itq_cca": [{**each, "regularization": 1.0} for each in PLAIN]
    + [{**UNIT, "regularization": rho} for rho in (0.01, 0.1, 0.3, 3.0, 10.0)],
    "ksh": [
        {**UNIT, "anchors": m, "width": w, "regularization": rho, "steps": steps}
        for m, w, rho, steps in [(*each, 1e-2, 30) for each in ANCHORS]
        + [(1000, 0.2, 1e-3, 30), (1000, 0.2, 1e-1, 30), (1000, 0.2, 1e-2, 0)]
    ],
    "sdh": [
        {**UNIT, "anchors": m, "width": w, "projection_ridge": ridge}
        for m, w in ANCHORS
        for ridge in (0.001, 0.01, 0.1, 1.0)
    ],
}


def rows(seeds: int = 2, quick: bool = False) -> Iterator[dict]:
    """Yield a row a method, setting, length and seed.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    small = {"source_per_class": 60, "queries": 10} if quick else {}
    split = cifar.load(protocol="P1", progress=False, **small)
    chosen = cifar.labelled(split, 30 if quick else 500)
    photos = split.source.take(chosen)
    ask, base, teach = parts(photos.labels)
    whole = cached.describe_gist(split.source.images, SIZE, progress=True)
    others = np.setdiff1d(np.arange(len(whole)), chosen[ask])
    gist = {
        SIZE: whole[chosen],
        ENLARGED: cached.describe_gist(photos.images, ENLARGED, progress=True),
    }
    protocol = f"validation: {len(ask)} labelled photos against {len(base)}, {len(teach)} teach"
    for name, settings in GRID.items():
        for setting in settings[:1] if quick else settings:
            given = dict(setting)
            features, taught = gist[given.pop("size")], given.pop("taught", "labelled")
            lesson, labels = features[teach], photos.labels[teach]
            if taught == "all":
                lesson, labels = whole[others], None
            if given.pop("unit_length"):
                features, lesson = scaled(features), scaled(lesson)
            for bits in LENGTHS:
                for seed in range(1 if name == "sh" else seeds):
                    varied = {} if name == "sh" else {"random_state": seed}
                    fitted = METHODS[name][0](bits=bits, **given, **varied).fit(lesson, labels)
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
