"""What every index says about the numbers it is asked for."""

import numpy as np

__all__ = ["check_k", "check_radius"]


def check_k(k: int) -> int:
    """Return ``k`` as an int.

    Raises:
        ValueError: it is not a whole number >= 1.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k must be a whole number >= 1, got {k!r}")
    return int(k)


def check_radius(radius: int) -> int:
    """Return ``radius`` as an int.

    Raises:
        ValueError: it is not a whole number >= 0.
    """
    if isinstance(radius, bool) or not isinstance(radius, int | np.integer) or radius < 0:
        raise ValueError(f"radius must be a whole number of bits >= 0, got {radius!r}")
    return int(radius)
