"""Functions of float32 values that every processor rounds alike, for photos that are drawn.

NumPy computes a power or an exponential by whatever the processor is quickest at, and the last
digit differs between one with AVX-512 and one without. A pixel that lies close to two grey levels
then goes to the other, and a hash function that is learned from such photos becomes another one.
"""

import numpy as np

__all__ = ["exponential", "whole_power"]


def exponential(values: np.ndarray) -> np.ndarray:
    """Return e to the power of ``values``, float32 of the same shape.

    Computed in double precision and rounded once: the digits that differ are far behind.
    """
    return np.exp(np.asarray(values, np.float64)).astype(np.float32)


def whole_power(values: np.ndarray, exponent: int) -> np.ndarray:
    """Return ``values`` to a whole power >= 1 by multiplication alone, in their own precision."""
    power, square = None, values
    while True:
        if exponent & 1:
            power = square if power is None else power * square
        exponent >>= 1
        if not exponent:
            return power
        square = square * square
