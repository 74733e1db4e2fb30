"""Send features in packets until the server is sure (A5: Chandrasekhar et al., 2010, "Low latency
image retrieval with progressive transmission of CHoG descriptors").

The phone sorts its features by the strength of the detector's answer and sends them a few at a
time. After each packet the server, that of `chog`, scores with all it has. As soon as the best
photo has enough inliers the server says stop; an easy query ends after one packet, and only a hard
one costs all of them.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from mvs_lib.features.local import LocalFeatures, detect
from mvs_lib.queries.chog import Chog
from mvs_lib.queries.system import System, progressive

__all__ = ["GRID", "ProgressiveFeatures", "enough_inliers", "enough_margin", "stop"]

GRID = [
    {"packet": packet, "inliers": inliers, "words": 20_000, "m": 7, "cells": 13}
    for packet, inliers in ((30, 12), (30, 20), (30, 40), (15, 20))
]


class ProgressiveFeatures(Chog):
    """CHoG descriptors in packets, the strongest first.

    Args:
        packet: features in one packet.
        inliers: in the best photo, at which the server says stop; None never asks, and the phone
            then sends all features in one payload.
        random_state: of the vocabulary.
        options: see `Chog`.
    """

    number, method = 5, "progressive_features"
    source = "Chandrasekhar et al., 2010"

    def __init__(
        self, packet: int = 30, inliers: float | None = 12, random_state: int = 0, **options,
    ):  # fmt: skip
        super().__init__(random_state=random_state, **options)
        self.packet, self.inliers = packet, inliers

    def stopping_rule(self) -> Callable[[np.ndarray], bool] | None:
        """Return `enough_inliers`, or None if all is to be sent."""
        return None if self.inliers is None else enough_inliers(self.inliers)

    def packets(
        self, image: np.ndarray, sensors: Mapping[str, float] | None = None
    ) -> Iterator[bytes]:
        """Yield the features, ``packet`` at a time; at least one packet.

        Raises:
            ValueError: packets that hold nothing.
        """
        if self.packet < 1:
            raise ValueError(f"a packet holds at least one feature, got {self.packet}")
        features = detect(image, self.limit)
        codes = self.compress(image, features)
        order = self.order(features)
        for start in range(0, max(len(order), 1), self.packet):
            rows = order[start : start + self.packet]
            yield self.write(features.positions[rows], codes[rows])

    def order(self, features: LocalFeatures) -> np.ndarray:
        """Return in which order a photo's features are sent, int ``(n,)``: strongest first."""
        return np.arange(len(features))

    def search_packets(self, packets: list[bytes]) -> np.ndarray:
        """Score by the packets received so far."""
        read = [self.read(packet) for packet in packets]
        return self.score(*(np.concatenate(each) for each in zip(*read, strict=True)))


def enough_inliers(least: float = 12) -> Callable[[np.ndarray], bool]:
    """Return a rule that stops once the best photo has ``least`` inliers."""
    return lambda scores: bool(scores.max(initial=0) >= least)


def enough_margin(labels: np.ndarray, ratio: float = 2.0) -> Callable[[np.ndarray], bool]:
    """Return a rule that stops once the best place scores ``ratio`` times the second best place.

    Args:
        labels: int ``(n,)``, the place of every source photo.
        ratio: > 1.
    """
    labels = np.asarray(labels)

    def rule(scores: np.ndarray) -> bool:
        best = np.full(labels.max() + 1, -np.inf)
        np.maximum.at(best, labels, scores)
        second, first = np.sort(best)[-2:] if len(best) > 1 else (0, best[0])
        return bool(first > 0 and first >= ratio * second)

    return rule


def stop(
    system: System, image: np.ndarray, sensors=None, enough: Callable | None = None
) -> tuple[np.ndarray, int, int, int]:
    """Send one photo's packets until it is enough.

    Args:
        system: fitted.
        image, sensors: as in `System.encode`.
        enough: `enough_inliers`, `enough_margin` or another rule of the scores; None sends all.

    Returns:
        The scores, float ``(n,)``; the bytes sent; the bytes that all packets would have taken (so
        that 1 - sent / all is the share saved); the packets sent.
    """
    steps = list(progressive(system, image, sensors, enough))
    sent, scores = steps[-1]
    return scores, sent, sum(map(len, system.packets(image, sensors))), len(steps)
