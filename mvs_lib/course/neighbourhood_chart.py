"""What lies around a code: addresses, photos and true neighbours within each Hamming radius."""

from math import comb
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from mvs_lib.course.figure import subplots

__all__ = ["Neighbourhood", "neighbourhood", "neighbourhood_chart"]


class Neighbourhood(NamedTuple):
    """What lies within radius 0, 1, ... bits of a code: three lists of ``bits + 1`` whole numbers.

    Addresses are Python's integers, since there are 2^bits of them in all.
    """

    addresses: list[int]
    photos: list[int]
    neighbours: list[int]


def neighbourhood(distances: np.ndarray, true: np.ndarray, bits: int) -> Neighbourhood:
    """Count what lies within each radius of a query's code.

    Args:
        distances: int ``(n,)``, Hamming distances of the database's codes from it.
        true: int ``(k,)``, the places in the database of the query's true neighbours.
        bits: length of the code.

    >>> neighbourhood(np.array([0, 2, 1]), np.array([1]), bits=2)
    Neighbourhood(addresses=[1, 3, 4], photos=[1, 2, 3], neighbours=[0, 0, 1])
    """
    addresses = [sum(comb(bits, flips) for flips in range(r + 1)) for r in range(bits + 1)]
    photos, neighbours = (
        np.bincount(each, minlength=bits + 1).cumsum().tolist()
        for each in (distances, distances[true])
    )
    return Neighbourhood(addresses, photos, neighbours)


def neighbourhood_chart(around: Neighbourhood, radius: int, farthest: int) -> tuple[Figure, str]:
    """Draw the three counts against the radius, on a scale of powers of ten.

    Args:
        around: see `neighbourhood`.
        radius: the one that is marked.
        farthest: the last radius drawn, at most the number of bits.

    Returns:
        The figure, and its alt text: what `mvs_lib.course.figure.show` takes.
    """
    figure, axes = subplots(figsize=(6.4, 3))
    radii = np.arange(farthest + 1)
    for (name, counts), marker in zip(around._asdict().items(), "os^", strict=True):
        axes.plot(radii, counts[: farthest + 1], marker + "-", label=name)
    axes.axvline(radius, color="black", linestyle="--", linewidth=1)
    axes.set_yscale("symlog", linthresh=1)
    axes.set(xlabel="radius in bits", ylabel="how many lie within", ylim=(0, None))
    axes.legend()
    said = ", ".join(f"{counts[radius]} {name}" for name, counts in around._asdict().items())
    return figure, f"Counts by radius up to {farthest} bits. Within radius {radius}: {said}."
