"""Send features in packets until the server is sure (A5: Chandrasekhar et al., 2010, "Low latency
image retrieval with progressive transmission of CHoG descriptors").

The phone sorts its features by the strength of the detector's answer and sends them a few at a
time. After each packet the server scores with all it has: the visual words choose a short list,
and RANSAC counts, in each photo of it, the matches that one view of a thing could explain. As soon
as the best photo has enough inliers the server says stop; an easy query ends after one packet, and
only a hard one costs all of them.

A score's whole part is the number of inliers; its fraction is the cosine of the words, which ranks
the photos that geometry does not know.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from mvs_lib.features.local import LocalFeatures, detect
from mvs_lib.queries import geometric_verification, locations
from mvs_lib.queries.chog import Chog
from mvs_lib.queries.system import System, progressive

__all__ = ["GRID", "ProgressiveFeatures", "enough_inliers", "enough_margin", "stop"]

GRID = [
    {"packet": packet, "inliers": inliers}
    for packet, inliers in ((30, 12), (30, 16), (30, 20), (30, 25), (15, 20), (50, 20))
]


class ProgressiveFeatures(Chog):
    """CHoG descriptors in packets, the strongest first.

    Args:
        packet: features in one packet.
        inliers: in the best photo, at which the server says stop; None never asks, and the phone
            then sends all features in one payload.
        tolerance: of `geometric_verification.inliers`, a share of the frame.
        random_state: of the vocabulary.
        options: see `Chog`.

    Attributes:
        positions_: uint16 ``(features,)``, where the source features lie: the cell of a grid of
            256 x 256, 2 bytes each.
    """

    number, method = 5, "progressive_features"
    source = "Chandrasekhar et al., 2010"

    GRAIN = 256  # cells a side in which the server keeps a place

    def __init__(
        self, packet: int = 30, inliers: float | None = 12, tolerance: float = 0.03,
        random_state: int = 0, **options,
    ):  # fmt: skip
        super().__init__(random_state=random_state, **options)
        self.packet, self.inliers, self.tolerance = packet, inliers, tolerance

    def keep(self, features: LocalFeatures) -> None:
        """Keep whose the source features are, and where they lie."""
        super().keep(features)
        self.positions_ = locations.cells(features.positions, self.GRAIN).astype(np.uint16)

    def places(self, photo: int) -> np.ndarray:
        """Return where the features of one source photo lie, float32 ``(k, 2)``, as kept."""
        rows = slice(*self.offsets_[photo : photo + 2])
        return locations.centres(self.positions_[rows], self.GRAIN)

    @property
    def index_bytes(self) -> int:
        """Bytes of what CHoG's server holds, and of the places."""
        return super().index_bytes + self.positions_.nbytes

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

    def score(self, positions: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Score all source photos: inliers, and the cosine as a fraction below 1."""
        scores = np.clip(self.cosine(codes), 0, 0.999)
        seen = self.layout(positions)
        for photo in self.candidates(scores):
            scores[photo] += self.verify(seen, self.matches(codes, photo), photo)
        return scores

    def layout(self, positions: np.ndarray) -> np.ndarray:
        """Return what `verify` needs to know of the query's places ``(n, 2)``: themselves."""
        return positions

    def verify(self, seen: np.ndarray, pairs: np.ndarray, photo: int) -> float:
        """Return how much geometry supports the matches with one photo: the RANSAC inliers."""
        there = self.places(photo)[pairs[:, 1]]
        return float(geometric_verification.inliers(seen[pairs[:, 0]], there, self.tolerance).sum())


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
