"""Which trunk and which rates serve 5,000 labelled photos? Chosen on some of them, held back.

For `mvs_lib.benchmarks.cifar10_p1`. A tenth of the 5,000 asks, the rest teaches and is the
database; no query and no other photo is looked at. First trunks are tried, longer, or with turned
and darkened views as on the campus, each followed by the same hash training. Then, on the
trunk that `mvs_lib.benchmarks.cifar10_p1` takes, the rates and the length of the hash training.
Trunks and rows are kept, as there.
"""

import inspect
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial

from mvs_lib import metrics, paths
from mvs_lib.benchmarks import kept_code
from mvs_lib.benchmarks.cifar10_gist import kept, labels_per_class
from mvs_lib.benchmarks.cifar10_p1 import HASHING, PRETRAINING, TRUNK
from mvs_lib.benchmarks.cifar10_p2 import SMOOTHING, photos_key, trunk_file
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Split, validation_split
from mvs_lib.deep import encoding, recipe
from mvs_lib.deep.encoding import encode
from mvs_lib.deep.methods import METHODS
from mvs_lib.deep.network import HashNetwork
from mvs_lib.service.demonstration import TIES

__all__ = ["HASHINGS", "TRUNKS", "rows"]

BITS = 48
COMPARED = ("csq", "dpsh")  # of centres, and of pairs
# What is changed of the trunk's settings, and of the trunk.
TRUNKS = (
    ({"epochs": 60}, {}),
    ({"epochs": 120}, {}),
    ({"epochs": 60, "augment": 0.3}, {}),
)
HASHINGS = ({"learning_rate": 0.1}, {"learning_rate": 0.01}, {"epochs": 5})


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield a row a choice, method and seed.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    whole = cifar.load(protocol="P1", **({"source_per_class": 60, "queries": 20} if quick else {}))
    for seed in range(seeds):
        labelled = whole.source.take(cifar.labelled(whole, labels_per_class(whole), seed))
        split = validation_split(labelled, share=0.1, seed=seed)
        folder = paths.cache() / f"bench-cifar10_p1_settings-{photos_key(split)}"
        taught = cache(partial(_trunk, split, seed, quick))
        choices = [(*trunk, {}) for trunk in TRUNKS] + [({}, {}, each) for each in HASHINGS]
        for pretraining, width, hashing in choices:
            first = replace(PRETRAINING, **pretraining)
            second = replace(HASHING, **hashing)
            config = {**TRUNK, **width}
            if quick:
                first, second = (replace(s, epochs=1, batch_size=50) for s in (first, second))
                config["width"] //= 16
            for name in COMPARED:
                about = (config, SMOOTHING, first, second)
                files = (recipe.__file__, encoding.__file__, inspect.getfile(METHODS[name]))
                file = folder / f"{name}-{seed}-{kept_code.key(about, *files)}.json"
                start = {
                    "method": name, "data": whole.name, "bits": BITS, "seed": seed,
                    "protocol": f"validation: {len(split.query)} of {len(labelled)} labelled "
                    "photos held back",
                    "width": config["width"], "trunk_epochs": first.epochs,
                    "augment": first.augment, "shift": first.shift, "epochs": second.epochs,
                    "learning_rate": second.learning_rate, "head_rate": second.head_rate,
                }  # fmt: skip
                measure = partial(_measured, name, split, taught, first, config, second, seed)
                yield kept(None if quick else file, start, measure)


def _trunk(split: Split, seed: int, quick: bool, settings, width: int) -> HashNetwork:
    config = {**TRUNK, "width": width}
    state = None
    if not quick:
        state = trunk_file("cifar10_p1_settings", seed, SMOOTHING, config, settings)
    network, history = recipe.pretrain(
        split.source, BITS, seed, settings, state, smoothing=SMOOTHING, **config
    )
    if history.interrupted:  # half a trunk is not to be measured; its state is kept
        raise KeyboardInterrupt
    return network


def _measured(name: str, split: Split, taught, first, config, second, seed: int) -> dict:
    method = METHODS[name]
    head = {} if method.head == "linear" else {"head": method.head}
    fresh = recipe.with_fresh_head(taught(first, config["width"]), BITS, seed, **head)
    network, history = recipe.learn_hash(fresh, method(), split.source, seed, second)
    if history.interrupted:
        raise KeyboardInterrupt
    codes = [encode(network, part.images) for part in (split.query, split.source)]
    given = (codes[0], split.query.labels, codes[1], split.source.labels)
    found = metrics.mean_average_precision(*given, **TIES)
    return {"map": round(found, 4), "train_seconds": round(history.seconds, 1)}
