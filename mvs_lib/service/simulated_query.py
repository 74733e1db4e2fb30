"""A photo asked from a simulated phone: the real code and answer, the simulated time and battery.

The code is computed here by the encoder's own file, and the answer is the recogniser's; what each
step would take on the device that is simulated says `mvs_lib.phone.simulation`. See notebook 08.
"""

import time
from dataclasses import dataclass

import numpy as np

from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.latency import NetworkCost
from mvs_lib.phone.simulation import Simulated, simulate
from mvs_lib.service.demonstration import jpeg
from mvs_lib.service.recognizer import Answer, Recognizer

__all__ = ["SimulatedQuery", "Variant", "ask"]


@dataclass(frozen=True)
class Variant:
    """An encoder that a phone may run.

    Attributes:
        encoder: its file, opened.
        cost: of its network with 32-bit numbers.
        file_bytes: of its file.
        peak_bytes: memory above the libraries', measured in a process of its own
            (`mvs_lib.phone.measurement`); None if it was not measured.
        eight_bits: whether it computes with 8-bit numbers.
    """

    encoder: Encoder
    cost: NetworkCost
    file_bytes: int
    peak_bytes: int | None = None
    eight_bits: bool = False


@dataclass(frozen=True)
class SimulatedQuery:
    """One photo, asked.

    Attributes:
        code: the bytes that are sent.
        answers: the places, best first.
        flipped: bits in which the code differs from the recogniser's own encoder's.
        photo_bytes: of the photo as a JPEG file.
        by_code: what sending the code takes.
        by_photo: what sending the photo takes instead; nothing is encoded on the phone.
    """

    code: bytes
    answers: list[Answer]
    flipped: int
    photo_bytes: int
    by_code: Simulated
    by_photo: Simulated


def ask(
    recognizer: Recognizer, variant: Variant, photo: np.ndarray, device: str, network: str,
    k: int = 10,
) -> SimulatedQuery:  # fmt: skip
    """Send a photo by its code from a simulated phone, and return what comes of it.

    Args:
        recognizer: fitted; its database keeps the codes of its own encoder.
        variant: what the phone runs.
        photo: uint8 ``(size, size, 3)``.
        device: a name in `mvs_lib.phone.devices.DEVICES`.
        network: a name in `mvs_lib.phone.radio.RADIOS`.
        k: how many nearest source photos vote.

    Raises:
        ValueError: the encoder's bits are not the recogniser's, other pixels, or as in
            `mvs_lib.phone.simulation.simulate`.
    """
    if variant.encoder.bits != recognizer.bits:
        raise ValueError(
            f"the phone's encoder has {variant.encoder.bits} bits, the server {recognizer.bits}"
        )
    code = variant.encoder.encode_pixels(photo[None])[0]
    began = time.perf_counter()
    answers = recognizer.recognize_code(code.tobytes(), k)
    search_ms = 1000 * (time.perf_counter() - began)
    own = recognizer.encoder_.encode_pixels(photo[None])[0]
    whole = len(jpeg(photo))
    return SimulatedQuery(
        code.tobytes(),
        answers,
        int(np.bitwise_count(code ^ own).sum()),
        whole,
        simulate(device, network, variant.cost, len(code), search_ms, variant.eight_bits),
        simulate(device, network, NetworkCost(0, 0, 0), whole, search_ms),
    )
