"""Phones of 2013 to 2025, and how long a network would take on each. See notebook 08.

A device's three numbers (`mvs_lib.phone.latency`) are fitted to the published times of its chip.
VGG-16 stays outside the fit. Its half gigabyte of weights does not fit beside the system in the
memory of a small phone: on the Apple A7 it takes half as long again as the model says. On all other
chips it takes 1.4 to 2.5 times less: nearly all of its work is wide 3 x 3 convolutions, which the
library does by Winograd's algorithm, with fewer multiplications than are counted.

A phone whose own chip nobody has listed gets the times of the nearest core that is listed, a
*stand-in*, and says so; where there is none, nothing is predicted. Use the ratio of two networks
on a device rather than milliseconds.
"""

from dataclasses import dataclass
from functools import lru_cache

from mvs_lib.phone.latency import LatencyModel, NetworkCost, Prediction
from mvs_lib.phone.network_costs import network_cost
from mvs_lib.phone.published_timings import timings

__all__ = [
    "DEVICES", "LEFT_OUT", "Device", "device", "latency_model", "predict", "timed_devices",
]  # fmt: skip

LEFT_OUT = ("VGG-16",)
_LIST = "ncnn's list of timings"


@dataclass(frozen=True)
class Device:
    """A phone, or the board with the same chip.

    Attributes:
        name, year: of the phone, or of the chip where no phone is meant.
        cpu: its cores, the fast ones first, GHz.
        memory_gb_per_s: peak of the memory, 10^9 bytes a second; None if not known to us.
        source: of the facts.
        recalled: the memory's peak is from our memory of data sheets, or worked out from its
            kind and width: not read in a source.
        timed: the chip in the list of timings; None if it has none that is near.
        stand_in: why another chip's times may stand for this one's; empty if they are its own.
    """

    name: str
    year: int
    cpu: str
    memory_gb_per_s: float | None
    source: str
    recalled: bool = False
    timed: str | None = None
    stand_in: str = ""


DEVICES = {
    each.name: each
    for each in (
        Device(
            "iPhone 5S", 2013, "2 x 1.3 (Apple A7)", None, _LIST, timed="Apple A7",
        ),
        Device(
            "Huawei Mate 7", 2014, "4 x A15 1.8 + 4 x A7 1.3 (Kirin 925)", 12.8,
            "AnandTech's review of the Mate 7", recalled=True, timed="RK3288",
            stand_in="four A17 cores of 1.8 GHz, 32 bits like the A15 and of the same clock",
        ),
        Device("RK3288 board", 2014, "4 x A17 1.8", None, _LIST, timed="RK3288"),
        Device(
            "Snapdragon 810", 2015, "4 x A57 2.0 + 4 x A53 1.5", 25.6, "Tom's Hardware",
            timed="Snapdragon 810",
        ),
        Device(
            "Huawei Mate 8", 2015, "4 x A72 2.3 + 4 x A53 1.8 (Kirin 950)", 25.6,
            "news of its launch", recalled=True, timed="RK3399",
            stand_in="the same A72 core at 1.8 instead of 2.3 GHz, with slower memory",
        ),
        Device(
            "Snapdragon 821", 2016, "2 x Kryo 2.35 + 2 x Kryo 2.19", None, _LIST,
            timed="Snapdragon 821",
        ),
        Device(
            "Kirin 970", 2017, "4 x A73 2.4 + 4 x A53 1.8", 29.8, _LIST, recalled=True,
            timed="Kirin 970",
        ),
        Device(
            "Snapdragon 855+", 2019, "Kryo 485 2.96 + 3 x 2.42 + 4 x 1.8", 34.1, _LIST,
            recalled=True, timed="Snapdragon 855+",
        ),
        Device(
            "Snapdragon 8 Gen 2", 2022, "X3 3.2, others 2.8 and 2.0", 67.2, _LIST, recalled=True,
            timed="Snapdragon 8 Gen 2",
        ),
        Device(
            "Dimensity 9300", 2023, "X4 3.25 + 3 x X4 2.85 + 4 x A720 2.0", None, _LIST,
            timed="Dimensity 9300",
        ),
        Device(
            "Snapdragon 8 Elite", 2024, "2 x Oryon 4.32 + 6 x Oryon 3.53", 84.8, "Geektopia",
        ),
    )
}  # fmt: skip


def device(name: str) -> Device:
    """Return a device of the table.

    Raises:
        ValueError: no such device.
    """
    if name not in DEVICES:
        raise ValueError(f"unknown device {name!r}; there are: {', '.join(DEVICES)}")
    return DEVICES[name]


def timed_devices() -> list[str]:
    """Return the names of the devices with published times, the oldest first."""
    return [name for name, each in DEVICES.items() if each.timed]


@lru_cache
def latency_model(name: str, threads: int = 1) -> LatencyModel:
    """Return the model fitted to a device's published times, ``LEFT_OUT`` left out.

    Raises:
        ValueError: no such device, or nobody has published its times with so many threads.
    """
    chosen = device(name)
    if chosen.timed is None:
        raise ValueError(
            f"nobody has published times of the {name}, and no listed chip is near: choose an "
            "older device, or measure one"
        )
    times = timings(chosen.timed, threads).milliseconds
    times = {network: time for network, time in times.items() if network not in LEFT_OUT}
    return LatencyModel({network: network_cost(network) for network in times}, times)


def predict(name: str, cost: NetworkCost, threads: int = 1) -> Prediction:
    """Return the milliseconds of one photo on a device, with an error bar.

    `mvs_lib.phone.latency.LatencyModel` says what the bar means; it knows nothing of how a
    stand-in differs from the device that it stands for.

    Args:
        name: in ``DEVICES``.
        cost: from `mvs_lib.phone.network_costs.measured_cost`.
        threads: that work on the photo.

    Raises:
        ValueError: as in `latency_model`, or a negative cost.
    """
    return latency_model(name, threads).predict(cost)
