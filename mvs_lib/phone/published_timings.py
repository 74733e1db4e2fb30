"""Milliseconds that others measured on real phones: what a simulated phone is fitted to.

The list is that of ncnn, a library for phones, which publishes the times of many networks on many
devices (Tencent, ``benchmark/README.md``, BSD-3 licence): the least of several runs, one photo at
a time, 32-bit numbers unless the entry says otherwise. Two versions of it are used:

- ``older`` (about 2022): eleven networks, to a hundredth of a millisecond;
- ``newer``: six networks, rounded to two or three digits, for chips the older one has not got.

A device's times are all of one version, so that they are of one library. Newer versions are
faster in places: AlexNet on the Snapdragon 855+ went from 35.1 to 24.8 ms.
"""

from dataclasses import dataclass

__all__ = ["EIGHT_BITS", "NETWORKS", "TIMINGS", "Timings", "timings"]

NETWORKS = (
    "SqueezeNet 1.1", "MobileNet", "MobileNetV2", "MobileNetV3-large", "ShuffleNetV2", "MNASNet",
    "GoogLeNet", "ResNet-18", "AlexNet", "ResNet-50", "VGG-16",
)  # fmt: skip
_SIX = ("SqueezeNet 1.1", "MobileNet", "MobileNetV3-large", "ResNet-18", "AlexNet", "VGG-16")


@dataclass(frozen=True)
class Timings:
    """One run of the list.

    Attributes:
        chip: as the list has it.
        threads: that worked on a photo.
        milliseconds: by network, of one photo.
        version: of the list, see above.
        arithmetic: ``fp32``, or ``fp16`` where the library computes with 16 bits by itself.
    """

    chip: str
    threads: int
    milliseconds: dict[str, float]
    version: str = "older"
    arithmetic: str = "fp32"


def _run(chip: str, threads: int, *milliseconds: float, arithmetic: str = "fp32") -> Timings:
    return Timings(
        chip, threads, dict(zip(NETWORKS, milliseconds, strict=True)), "older", arithmetic
    )


def _short_run(chip: str, *milliseconds: float) -> Timings:
    return Timings(chip, 1, dict(zip(_SIX, milliseconds, strict=True)), "newer", "fp16")


TIMINGS = (
    _run("Apple A7", 1,
         86.36, 143.11, 97.56, 87.45, 48.11, 95.02, 344.23, 300.44, 423.92, 797.88, 4787.59),
    _run("RK3288", 1,
         138.27, 234.90, 157.76, 130.05, 74.05, 150.74, 432.09, 355.11, 330.09, 1047.27, 2122.95),
    _run("RK3288", 4,
         56.61, 83.91, 71.12, 56.08, 35.19, 62.08, 162.56, 172.39, 156.71, 403.05, 956.95),
    _run("Snapdragon 810", 1,
         70.83, 110.70, 77.85, 63.49, 37.49, 73.91, 232.77, 182.58, 147.27, 502.77, 986.93),
    _run("Snapdragon 810", 4,
         41.39, 59.04, 43.38, 37.57, 27.80, 42.99, 125.47, 110.14, 78.09, 272.31, 486.69),
    _run("RK3399", 1,
         71.35, 111.12, 78.18, 63.49, 37.72, 72.34, 228.18, 175.71, 160.81, 503.25, 1044.34),
    _run("Snapdragon 821", 1,
         46.27, 80.89, 51.78, 43.71, 24.09, 51.28, 151.15, 121.49, 97.41, 360.44, 674.80),
    _run("Snapdragon 821", 4,
         18.46, 27.33, 21.94, 18.81, 11.52, 20.41, 54.88, 44.33, 38.62, 122.14, 242.53),
    _run("Kirin 970", 1,
         73.47, 103.85, 70.53, 59.87, 33.97, 69.24, 240.26, 245.62, 202.52, 558.41, 1632.98),
    _run("Kirin 970", 4,
         24.38, 34.09, 23.71, 20.66, 13.73, 24.36, 72.67, 69.32, 60.90, 207.75, 337.01),
    _run("Snapdragon 855+", 1,
         9.05, 14.64, 10.04, 8.40, 5.75, 9.56, 40.32, 22.98, 35.10, 67.15, 135.30,
         arithmetic="fp16"),
    _short_run("Snapdragon 8 Gen 2", 8.4, 15.4, 7.9, 21.9, 23.7, 92),
    _short_run("Dimensity 9300", 5.3, 9.6, 4.3, 18.1, 15.8, 70),
)  # fmt: skip


# How many times as fast a network is with 8-bit numbers, on one thread, as the same list has it:
# the network, and the time in floats divided by that in 8 bits. Below 1 it is slower.
EIGHT_BITS = {
    "Snapdragon 821": ("ResNet-18", 0.79),
    "Kirin 970": ("MobileNet", 0.68),
    "Snapdragon 855+": ("ResNet-18", 0.84),
    "Snapdragon 8 Gen 2": ("MobileNet", 1.75),
    "Dimensity 9300": ("ResNet-18", 1.87),
}


def timings(chip: str, threads: int = 1) -> Timings:
    """Return what was measured on a chip.

    Raises:
        ValueError: the list used here has no such run.

    >>> timings("RK3288").milliseconds["AlexNet"]
    330.09
    """
    for each in TIMINGS:
        if (each.chip, each.threads) == (chip, threads):
            return each
    known = ", ".join(f"{each.chip} ({each.threads})" for each in TIMINGS)
    raise ValueError(
        f"no published times of {chip!r} with {threads} threads; there are (threads): {known}"
    )
