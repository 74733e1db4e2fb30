"""The road between phone and server: what a payload costs in seconds.

A query costs one round trip and its bytes: seconds = round trip + 8 bytes / bandwidth, and what is
lost is sent again, packet by packet. The figures are typical ones of each generation, rounded (our
choice: real networks differ by more than a factor of two from one street to the next).
"""

import re
from dataclasses import dataclass

__all__ = ["LINKS", "Link"]

PACKET = 1460  # bytes of payload in one packet of a common TCP connection
HEADERS = 40  # bytes of IP and TCP around each


@dataclass(frozen=True)
class Link:
    """An uplink.

    Attributes:
        name: as on the phone's display.
        bandwidth: uplink, bits a second.
        round_trip: seconds.
        loss: share of packets that are lost and sent again.
    """

    name: str
    bandwidth: float
    round_trip: float
    loss: float = 0.0

    @property
    def key(self) -> str:
        """The name as a column of a results file has it: ``2g_gprs``, ``wi_fi``."""
        return re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")

    def seconds(self, size: int) -> float:
        """Return the expected time until the server has ``size`` bytes and has answered.

        Each packet is sent 1 / (1 - loss) times on average, and a repeat costs a round trip more
        for the packets that wait for it; with ``n`` packets in flight, one wait is shared.

        Raises:
            ValueError: a negative size.
        """
        if size < 0:
            raise ValueError(f"a payload has no {size} bytes")
        packets = max(1, -(-size // PACKET))
        again = 1 / (1 - self.loss)
        waits = 1 - (1 - self.loss) ** packets  # the chance that any packet needs a repeat
        wire = 8 * (size + HEADERS * packets) / self.bandwidth
        return self.round_trip * (1 + waits) + wire * again


LINKS = (
    Link("2G (GPRS)", 20e3, 0.7, 0.03),
    Link("2G (EDGE)", 100e3, 0.4, 0.02),
    Link("3G (HSPA)", 1e6, 0.12, 0.01),
    Link("4G (LTE)", 10e6, 0.05, 0.002),
    Link("5G", 50e6, 0.02, 0.001),
    Link("Wi-Fi", 40e6, 0.01, 0.001),
)
