"""One bench for everything a phone could send: encode on the phone, bytes, search on the server.

A system is both halves of one idea. The server's half is `fit` to the source photos; the phone's
half turns a photo into a payload; and the server ranks the source photos by what it reads from the
payload, *from the bytes alone*: nothing else passes between the two. Taught in notebook 01.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from mvs_lib.datasets.collection import Photos

__all__ = ["System", "progressive", "receive"]


class System(ABC):
    """What one paper proposes to send.

    A subclass has hyper-parameters in ``__init__`` and the class attributes below.

    Attributes:
        number: 0..255, the system's own, in its payloads' envelope.
        method: its name in results files, lower case.
        kind: one of "image", "features", "compressed features", "hash bits" (survey, section 1.2).
        source: authors and year.
        uses_labels: whether it learned which source photos show one place. Some papers ask for
            that, some do not: compare like with like.
        uses_position: whether the phone sends where it is.
    """

    number: int
    method: str
    kind: str
    source: str
    uses_labels: bool = False
    uses_position: bool = False

    @abstractmethod
    def fit(self, photos: Photos, progress: bool = False) -> "System":
        """Learn from the source photos and index them; return self."""

    @abstractmethod
    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """On the phone: turn one photo into the payload, its envelope included.

        Args:
            image: uint8 ``(h, w, 3)``, RGB.
            sensors: readings of this photo by sensor name, NaN where absent; None for none.

        Raises:
            ValueError: not a photo.
        """

    @abstractmethod
    def search(self, payload: bytes) -> np.ndarray:
        """On the server: score every source photo by one payload, float ``(n,)``, best highest.

        Raises:
            PayloadError: the payload was altered, cut off, or is another system's.
        """

    @property
    @abstractmethod
    def index_bytes(self) -> int:
        """Bytes that the server must keep for all source photos, learned tables included."""

    def packets(
        self, image: np.ndarray, sensors: Mapping[str, float] | None = None
    ) -> Iterator[bytes]:
        """On the phone: yield the payload piece by piece, the most useful first.

        Each packet is a payload of its own. Systems that know no order send one packet.
        """
        yield self.encode(image, sensors)

    def search_packets(self, packets: list[bytes]) -> np.ndarray:
        """On the server: score every source photo by the packets received so far."""
        (payload,) = packets
        return self.search(payload)

    def stopping_rule(self) -> Callable[[np.ndarray], bool] | None:
        """On the server: return the rule by which one query's packets end; a new one each time.

        It is called with the scores after each packet, and says True when they are good enough.
        None, the default, stands for a system that sends one payload (`encode`, `search`).
        """
        return None


def progressive(
    system: System, image, sensors=None, enough=None
) -> Iterator[tuple[int, np.ndarray]]:
    """Send packet by packet; yield (bytes sent so far, scores) after each, until it is enough.

    Args:
        system: fitted.
        image, sensors: as in `System.encode`.
        enough: called with the scores; True stops the sending. None sends everything.
    """
    return receive(system, system.packets(image, sensors), enough)


def receive(
    system: System, packets: Iterable[bytes], enough=None
) -> Iterator[tuple[int, np.ndarray]]:
    """Do what `progressive` does with packets that something else makes, or times, or loses.

    A packet is taken only when it is needed: what `enough` spares is never made.
    """
    received: list[bytes] = []
    for packet in packets:
        received.append(packet)
        scores = system.search_packets(received)
        yield sum(map(len, received)), scores
        if enough is not None and enough(scores):
            return
