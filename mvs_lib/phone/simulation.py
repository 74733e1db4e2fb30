"""One query on a simulated phone: where the time, the bytes and the battery go. See notebook 08.

The three steps of a query and what each number stands on:

- *encode*: predicted for the device by `mvs_lib.phone.devices`, with an error bar;
- *send*: computed from a network's published round trip and uplink by `mvs_lib.phone.radio`;
- *search*: measured, on the server that runs this.

The radio's joules are a published model's; of the processor's only a floor is known
(`mvs_lib.phone.processor_energy`). What 8-bit numbers gain on a device is what they gained there on
one published network, and nothing is said of devices for which nobody has published that.
"""

from dataclasses import dataclass

from mvs_lib.phone.devices import device, predict
from mvs_lib.phone.latency import NetworkCost, Prediction
from mvs_lib.phone.processor_energy import least_joules
from mvs_lib.phone.published_timings import EIGHT_BITS
from mvs_lib.phone.radio import radio, send_energy, send_seconds

__all__ = ["Simulated", "eight_bits_known", "encode_time", "simulate"]


@dataclass(frozen=True)
class Simulated:
    """What one query takes.

    Attributes:
        encode: milliseconds on the device, with their error bar.
        send_ms: until the payload is sent and the answer is back.
        search_ms: on the server.
        payload: bytes that are sent.
        radio_joules: sending, with the radio's tail; None where no model of its power is known.
        tail_joules: the tail's part of that.
        processor_joules: the least that the network takes.
    """

    encode: Prediction
    send_ms: float
    search_ms: float
    payload: int
    radio_joules: float | None
    tail_joules: float | None
    processor_joules: float

    @property
    def milliseconds(self) -> float:
        """All three steps one after another."""
        return self.encode.milliseconds + self.send_ms + self.search_ms

    @property
    def range(self) -> tuple[float, float]:
        """The same with the lower and the upper end of the encoder's error bar."""
        rest = self.send_ms + self.search_ms
        return self.encode.low + rest, self.encode.high + rest


def eight_bits_known(name: str) -> bool:
    """Whether anybody has published what 8-bit numbers gain on a device.

    Raises:
        ValueError: no such device.
    """
    return device(name).timed in EIGHT_BITS


def encode_time(name: str, cost: NetworkCost, eight_bits: bool = False) -> Prediction:
    """Return the milliseconds of one photo on one thread of a device, with an error bar.

    Args:
        name: in `mvs_lib.phone.devices.DEVICES`.
        cost: of the network with 32-bit numbers.
        eight_bits: whether it runs with 8-bit numbers.

    Raises:
        ValueError: see `mvs_lib.phone.devices.predict`; or nobody has published what 8 bits gain on
            the device.
    """
    predicted = predict(name, cost)
    if not eight_bits:
        return predicted
    if not eight_bits_known(name):
        known = ", ".join(EIGHT_BITS)
        raise ValueError(f"no published 8-bit times for the {name}; there are some for: {known}")
    _, gain = EIGHT_BITS[device(name).timed]
    times = (each / gain for each in predicted[:3])
    return Prediction(*times, predicted.typical_error)


def simulate(
    name: str, network: str, cost: NetworkCost, payload: int, search_ms: float,
    eight_bits: bool = False,
) -> Simulated:  # fmt: skip
    """Return what one query takes.

    Args:
        name: of the device.
        network: a profile in `mvs_lib.phone.radio.RADIOS`.
        cost: of the encoder, with 32-bit numbers.
        payload: bytes that are sent: those of a code, or of a photo.
        search_ms: measured on the server.
        eight_bits: whether the encoder runs with 8-bit numbers.

    Raises:
        ValueError: an unknown device or network, a negative number, or as in `encode_time`.
    """
    if search_ms < 0:
        raise ValueError(f"search_ms cannot be negative, got {search_ms}")
    profile = radio(network)
    joules = tail = None
    if profile.power is not None:
        joules = send_energy(profile, payload)
        tail = joules - send_energy(profile, payload, tail=False)
    return Simulated(
        encode_time(name, cost, eight_bits), 1000 * send_seconds(profile, payload), search_ms,
        payload, joules, tail, least_joules(cost),
    )  # fmt: skip
