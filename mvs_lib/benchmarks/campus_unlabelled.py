"""How well do codes made without any label keep neighbours, and do these show the same place?

The photos are those of the campus's first forty places, so that each training takes seconds. Five
hash functions get the descriptor of notebook 02, the autoencoder gets the photos' own pixels. A
query's true neighbours are the 50 photos whose *features* are nearest by Euclidean distance. The
*recall of neighbours* is the share of them among the 100 photos with the nearest codes; MAP asks
for the place, as everywhere on the campus. ``neighbours_of_the_place`` says how many of the true
neighbours show it: no code that is judged by its features can do better than these.

The autoencoders are measured with weights of 16 bits, since those of seed 0 are shipped so.
"""

import time
from collections.abc import Iterator

import numpy as np

from mvs_lib.benchmarks.campus import PROTOCOL, measures
from mvs_lib.benchmarks.shipped import ship_autoencoder
from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import Split
from mvs_lib.deep import autoencoder_file
from mvs_lib.deep.methods import DeepAutoencoder, DeepHashing, UnsupervisedBinaryDeepNetwork
from mvs_lib.features import cached, pixels
from mvs_lib.hashing import ITQ, LSH, PCAH
from mvs_lib.search.linear import LinearIndex

__all__ = ["AUTOENCODER", "LENGTHS", "METHODS", "PLACES", "few_places", "nearest_rows", "rows"]

LENGTHS = (12, 24, 32, 48)  # bits
PLACES = 40
SIDE = 16  # pixels of a photo that the autoencoder gets
NEIGHBOURS, LOOKED_AT = 50, 100  # photos
METHODS = {
    "lsh": LSH,
    "pcah": PCAH,
    "itq": ITQ,
    "deephashing": DeepHashing,
    "unsupervisedbinarydeepnetwork": UnsupervisedBinaryDeepNetwork,
}
AUTOENCODER = "deepautoencoder"
EPOCHS = 40  # of its fine-tuning


def rows(seeds: int = 3, quick: bool = False) -> Iterator[dict]:
    """Yield a row a method, length and seed; writes the autoencoders of seed 0 unless ``quick``."""
    split = few_places(
        campus.load(places=12, source=240, query=60) if quick else campus.load(), PLACES
    )
    parts = split.query.images, split.source.images
    features = {
        "descriptor": [np.float64(cached.describe(part, progress=True)) for part in parts],
        f"pixels, {SIDE} x {SIDE}": [pixels.describe(part, SIDE) for part in parts],
    }
    true = {name: nearest_rows(*pair, NEIGHBOURS) for name, pair in features.items()}
    for name in (*METHODS, AUTOENCODER):
        where = list(features)[name == AUTOENCODER]
        about = {
            "method": name, "data": "campus", "features": where,
            "protocol": PROTOCOL.format(
                source=len(split.source), query=len(split.query),
                places=len(np.unique(split.source.labels)),
            ),
        }  # fmt: skip
        shown = split.source.labels[true[where]] == split.query.labels[:, None]
        for bits in LENGTHS:
            for seed in range(1 if name == "pcah" else seeds):
                row = {**about, "bits": bits, "seed": seed}
                yield (
                    row
                    | _measured(row, features[where], true[where], split, quick)
                    | {"neighbours_of_the_place": round(float(shown.mean()), 4)}
                )


def few_places(split: Split, places: int) -> Split:
    """Return the photos of the first places of a split; the others keep their names."""
    parts = (part.take(part.labels < places) for part in (split.source, split.query))
    return Split(split.name, *parts)


def nearest_rows(queries: np.ndarray, database: np.ndarray, k: int) -> np.ndarray:
    """Return the ``k`` rows of a database nearest to each query, int64 ``(q, k)``, nearest first.

    By Euclidean distance; of equally near ones the earlier first.

    Args:
        queries, database: real ``(q, d)`` and ``(n, d)``.
        k: at most ``n``.
    """
    squared = (database**2).sum(1) - 2 * queries @ database.T  # less the same for all of a row
    return squared.argsort(axis=1, kind="stable")[:, :k]


def _measured(row: dict, features: list[np.ndarray], true: np.ndarray, split: Split, quick: bool):
    start = time.perf_counter()
    hasher = _hasher(row).fit(features[1])
    seconds = round(time.perf_counter() - start, 1)
    if row["method"] == AUTOENCODER:
        autoencoder_file.halved(hasher)
    found = {**_figures(hasher, features, true, split), "train_seconds": seconds}
    if row["method"] == AUTOENCODER and row["seed"] == 0 and not quick:
        name = f"campus_autoencoder_{row['bits']}"
        ship_autoencoder(hasher, {**row, **found}, "campus_unlabelled", name)
    return found


def _hasher(row: dict):
    if row["method"] == AUTOENCODER:
        return DeepAutoencoder(row["bits"], epochs=EPOCHS, random_state=row["seed"])
    varied = {} if row["method"] == "pcah" else {"random_state": row["seed"]}
    return METHODS[row["method"]](bits=row["bits"], **varied)


def _figures(hasher, features: list[np.ndarray], true: np.ndarray, split: Split) -> dict:
    query_codes, source_codes = (hasher.encode(part) for part in features)
    index = LinearIndex(bits=hasher.bits)
    index.add(source_codes)
    found = index.search(query_codes, k=LOOKED_AT)[1]
    kept = (true[:, :, None] == found[:, None, :]).any(2)
    return {
        "recall_of_neighbours": round(float(kept.mean()), 4),
        **measures(query_codes, source_codes, split),
    }
