"""How long a network takes on a device: three numbers, and how wrong they are. See notebook 08.

A device is described by how fast it computes, G, how fast it fetches weights, B_w, and how fast
it moves what layers read and say, B_a. A network of MAC multiply-accumulates, W bytes of weights
and A bytes of layers' inputs and outputs takes

    t = 2 MAC / G  +  W / B_w  +  A / B_a.

The shape is that of a roofline (Williams, Waterman, Patterson, 2009) with a sum in the place of
the maximum: nothing overlaps. The numbers are not data-sheet peaks: they are fitted to
measured times, by least squares of the relative errors, none below zero, and hold for the
software that was measured as much as for the chip. Bytes are counted as 32-bit numbers
everywhere; on a device that computes with 16 bits the rates are that much larger.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

__all__ = ["LatencyModel", "NetworkCost", "Prediction", "Speeds", "fit", "leave_one_out"]


class NetworkCost(NamedTuple):
    """What one photo costs."""

    macs: float  # multiply-accumulates
    weight_bytes: float
    activation_bytes: float  # of all layers' inputs and outputs


class Speeds(NamedTuple):
    """A device's three numbers; infinite where the fit found that something costs nothing."""

    operations_per_second: float  # G, two operations a MAC
    weight_bytes_per_second: float  # B_w
    activation_bytes_per_second: float  # B_a

    def milliseconds(self, cost: NetworkCost) -> float:
        """Return the time of one photo."""
        amounts = (2 * cost.macs, cost.weight_bytes, cost.activation_bytes)
        return 1000 * sum(amount / speed for amount, speed in zip(amounts, self, strict=True))


class Prediction(NamedTuple):
    """Milliseconds with their error bar; `LatencyModel` says how it is defined."""

    milliseconds: float
    low: float
    high: float
    typical_error: float  # share: half of the networks, left out, were predicted better than this


def fit(costs: Sequence[NetworkCost], milliseconds: Sequence[float]) -> Speeds:
    """Return the speeds with the least squared relative error, none negative.

    Args:
        costs: of at least three networks.
        milliseconds: measured, one for each network.

    Raises:
        ValueError: too few networks, numbers that do not match, or a time or cost below zero.
    """
    amounts, times = _checked(costs, milliseconds)
    design = amounts / times[:, None]
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1
    seconds = nnls(design / scale, np.ones(len(times)))[0] / scale  # a unit of each amount
    return Speeds(*(1 / each if each > 0 else math.inf for each in seconds.tolist()))


def leave_one_out(costs: Sequence[NetworkCost], milliseconds: Sequence[float]) -> np.ndarray:
    """Return predicted / measured ``(n,)`` for each network, by a fit to the others.

    Raises:
        ValueError: fewer than four networks, or as in `fit`.
    """
    if len(costs) < 4:
        raise ValueError(f"give at least 4 networks to leave one out, got {len(costs)}")
    _checked(costs, milliseconds)
    ratios = []
    for left_out, (cost, measured) in enumerate(zip(costs, milliseconds, strict=True)):
        others = [number for number in range(len(costs)) if number != left_out]
        speeds = fit([costs[each] for each in others], [milliseconds[each] for each in others])
        ratios.append(speeds.milliseconds(cost) / measured)
    return np.array(ratios)


class LatencyModel:
    """Speeds fitted to measured times, with the errors on networks that the fit had not seen.

    The error bar of a prediction p is [p / max r, p / min r], with r the ratios predicted /
    measured of the leave-one-out fits: a new network may be as wrong as the worst of the known
    ones was when it was new, on either side. Were the new network drawn as the known n were, its
    ratio would be inside with probability (n - 1) / (n + 1), ``coverage``. Where all known ones
    erred to one side, the bar is stretched to hold p itself.

    Args:
        costs: by name, at least four networks.
        milliseconds: measured, by the same names.

    Attributes:
        speeds: fitted to all networks.
        ratios: predicted / measured by name, each network left out in its turn.

    Raises:
        ValueError: other names, or as in `leave_one_out`.
    """

    def __init__(self, costs: Mapping[str, NetworkCost], milliseconds: Mapping[str, float]):
        if set(costs) != set(milliseconds):
            odd = ", ".join(sorted(set(costs) ^ set(milliseconds)))
            raise ValueError(f"costs and times must be of the same networks; only in one: {odd}")
        names = list(costs)
        known, times = [costs[name] for name in names], [milliseconds[name] for name in names]
        self.speeds = fit(known, times)
        self.ratios = dict(zip(names, leave_one_out(known, times).tolist(), strict=True))

    @property
    def typical_error(self) -> float:
        """The median of the relative errors |r - 1|."""
        return float(np.median([abs(ratio - 1) for ratio in self.ratios.values()]))

    @property
    def coverage(self) -> float:
        """The probability with which the error bar is meant to hold the truth."""
        return (len(self.ratios) - 1) / (len(self.ratios) + 1)

    def predict(self, cost: NetworkCost) -> Prediction:
        """Return the milliseconds of one photo, with the error bar.

        Raises:
            ValueError: a negative cost.
        """
        if min(cost) < 0:
            raise ValueError(f"a network's costs cannot be negative, got {cost}")
        time, ratios = self.speeds.milliseconds(cost), self.ratios.values()
        low, high = time / max(1.0, *ratios), time / min(1.0, *ratios)
        return Prediction(time, low, high, self.typical_error)


def _checked(costs, milliseconds) -> tuple[np.ndarray, np.ndarray]:
    """Return amounts ``(n, 3)``, operations and bytes, and seconds ``(n,)``."""
    amounts = np.array(costs, float).reshape(len(costs), -1) * (2, 1, 1)
    seconds = np.array(milliseconds, float) / 1000
    if len(amounts) != len(seconds):
        raise ValueError(f"{len(amounts)} networks, but {len(seconds)} times: give one for each")
    if len(amounts) < 3:
        raise ValueError(f"three numbers need at least 3 networks, got {len(amounts)}")
    if not (np.isfinite(amounts).all() and (amounts >= 0).all()):
        raise ValueError("costs must be finite and not negative")
    if not (np.isfinite(seconds).all() and (seconds > 0).all()):
        raise ValueError("times must be finite and above 0")
    return amounts, seconds
