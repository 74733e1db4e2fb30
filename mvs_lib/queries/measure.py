"""The recognition bitrate of a system: how well it finds places, against the bytes it sends.

Every figure comes from payloads that were really made: encoded on the phone's side, measured with
``len``, handed over as bytes and decoded on the server's side. A system that has a stopping rule
sends packet by packet, and only what it sent before its server was sure is made, counted and
scored.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import cv2
import numpy as np
from tqdm.auto import tqdm

from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.metrics import average_precision
from mvs_lib.queries.system import System, receive

__all__ = ["Measured", "Sent", "measure", "send", "sensors_of"]

TIES = {"ties": "stable"}  # after a seeded shuffle of the source photos: the house's rule


class Measured(NamedTuple):
    """What one system reached.

    Attributes:
        map: Eq. 1 of Liu et al. (2017), the whole ranking.
        top1: share of queries whose best source photo shows their place.
        bytes: mean size of what a query sent, its packets' envelopes included. largest_bytes: the
            largest.
        encode_ratio: median time of making what was sent over that of writing the same photo as a
            JPEG file of quality 90, both on one thread in one run.
        index_bytes: a source photo, on the server.
        packets: mean number that a query sent; 1 without a stopping rule.
    """

    map: float
    top1: float
    bytes: float
    largest_bytes: int
    encode_ratio: float
    index_bytes: float
    packets: float


class Sent(NamedTuple):
    """What one query came to.

    Attributes:
        scores: float ``(n,)``, of the source photos, by all that was sent.
        bytes: sent, all envelopes included.
        packets: in which they were sent.
        seconds: that the phone took to make them; the server's time between them not counted.
    """

    scores: np.ndarray
    bytes: int
    packets: int
    seconds: float


def sensors_of(photos: Photos, index: int) -> dict[str, float]:
    """Return the sensor readings of one photo by name."""
    return {name: float(values[index]) for name, values in photos.sensors.items()}


def send(system: System, asked, sensors: Mapping[str, float] | None = None) -> Sent:
    """Send one query as its system would: packet by packet if there is a rule that can end it.

    Args:
        system: fitted.
        asked: a photo, or what else the phone's half of the system takes.
        sensors: as in `System.encode`.

    Raises:
        ValueError: the system made no packet at all.
    """
    rule = system.stopping_rule()
    if rule is None:
        start = time.perf_counter()
        payload = system.encode(asked, sensors)
        seconds = time.perf_counter() - start
        return Sent(np.asarray(system.search(payload)), len(payload), 1, seconds)
    phone = _Timed(system.packets(asked, sensors))
    size, scores = 0, None
    for size, scores in receive(system, phone, rule):  # noqa: B007 (the last step counts)
        pass
    if scores is None:
        raise ValueError(f"{system.method} sent no packet: a flat photo needs an empty one as well")
    return Sent(np.asarray(scores), size, phone.count, phone.seconds)


class _Timed:
    """Hand packets on; count them and the seconds that it took to make them."""

    def __init__(self, packets: Iterable[bytes]):
        self.packets, self.count, self.seconds = iter(packets), 0, 0.0

    def __iter__(self) -> "_Timed":
        return self

    def __next__(self) -> bytes:
        start = time.perf_counter()
        try:
            packet = next(self.packets)
        finally:
            self.seconds += time.perf_counter() - start
        self.count += 1
        return packet


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
    precisions, first, sizes, packets, ratios = [], [], [], [], []
    queries = tqdm(range(len(split.query)), desc=system.method, disable=not progress)
    for index in queries:
        image, sensors = split.query.images[index], sensors_of(split.query, index)
        asked = image if ask is None else ask(index)
        sent = send(system, asked, sensors)
        start = time.perf_counter()
        cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
        ratios.append(sent.seconds / (time.perf_counter() - start))
        if sent.scores.shape != (len(labels),):
            raise ValueError(
                f"{system.method} scored {sent.scores.shape} photos, the split has {len(labels)}"
            )
        scores = sent.scores[order]
        relevant = labels == split.query.labels[index]
        precisions.append(average_precision(relevant, -scores, **TIES))
        first.append(bool(relevant[np.argmax(scores)]))
        sizes.append(sent.bytes)
        packets.append(sent.packets)
    return Measured(
        float(np.mean(precisions)),
        float(np.mean(first)),
        float(np.mean(sizes)),
        max(sizes),
        float(np.median(ratios)),
        system.index_bytes / len(labels),
        float(np.mean(packets)),
    )
