"""The recognition bitrate of a system: how well it finds places, against the bytes it sends.

Every figure comes from payloads that were really made: encoded on the phone's side, measured with
``len``, handed over as bytes and decoded on the server's side.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from tqdm.auto import tqdm

from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.metrics import average_precision
from mvs_lib.queries.system import System

__all__ = ["Measured", "measure", "sensors_of"]

TIES = {"ties": "stable"}  # after a seeded shuffle of the source photos: the house's rule


class Measured(NamedTuple):
    """What one system reached.

    Attributes:
        map: Eq. 1 of Liu et al. (2017), the whole ranking.
        top1: share of queries whose best source photo shows their place.
        bytes: mean size of a payload, envelope included. largest_bytes: the largest.
        encode_ratio: median time of encoding over that of writing the same photo as a JPEG file of
            quality 90, both on one thread in one run.
        index_bytes: a source photo, on the server.
    """

    map: float
    top1: float
    bytes: float
    largest_bytes: int
    encode_ratio: float
    index_bytes: float


def sensors_of(photos: Photos, index: int) -> dict[str, float]:
    """Return the sensor readings of one photo by name."""
    return {name: float(values[index]) for name, values in photos.sensors.items()}


def measure(
    system: System,
    split: Split,
    seed: int = 0,
    progress: bool = False,
    ask: Callable[[int], object] | None = None,
) -> Measured:
    """Send every query of a split through a fitted system.

    Args:
        system: fitted to ``split.source``.
        split: whose queries are sent.
        seed: of the shuffle that breaks ties among source photos.
        progress: show a progress bar.
        ask: gives what query ``i`` hands to the phone in its photo's place, a clip for example.

    Raises:
        ValueError: the system scores another number of photos than the split has.
    """
    order = np.random.default_rng(seed).permutation(len(split.source))
    labels = split.source.labels[order]
    precisions, first, sizes, ratios = [], [], [], []
    queries = tqdm(range(len(split.query)), desc=system.method, disable=not progress)
    for index in queries:
        image, sensors = split.query.images[index], sensors_of(split.query, index)
        asked = image if ask is None else ask(index)
        start = time.perf_counter()
        payload = system.encode(asked, sensors)
        encoded = time.perf_counter()
        cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
        ratios.append((encoded - start) / (time.perf_counter() - encoded))
        scores = np.asarray(system.search(payload))
        if scores.shape != (len(labels),):
            raise ValueError(
                f"{system.method} scored {scores.shape} photos, the split has {len(labels)}"
            )
        scores = scores[order]
        relevant = labels == split.query.labels[index]
        precisions.append(average_precision(relevant, -scores, **TIES))
        first.append(bool(relevant[np.argmax(scores)]))
        sizes.append(len(payload))
    return Measured(
        float(np.mean(precisions)),
        float(np.mean(first)),
        float(np.mean(sizes)),
        max(sizes),
        float(np.median(ratios)),
        system.index_bytes / len(labels),
    )
