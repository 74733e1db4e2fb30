"""Where the weights are that are not 0: gaps between them. Taught in notebook 07.

Han, Mao, Dally (2016), "Deep compression", section 2. Of a sparse layer only the labels of weights
that are there are stored, each with its distance from the one before, its *gap*, in a few bits. A
gap that does not fit is bridged by fillers: weights of value 0, at the largest distance that fits.
"""

import numpy as np

__all__ = ["filled_in", "gaps", "places"]


def gaps(labels: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the gaps and the labels of what is not 0, fillers included.

    Args:
        labels: whole numbers >= 0 ``(n,)``, mostly 0.
        bits: of a gap, 1 to 16: gaps go up to 2 ** bits - 1.

    Returns:
        Two int64 arrays of one length. A gap says how many zeros lie between a label and the one
        before it; a filler has the largest gap and the label 0, and stands for one more zero.

    >>> gaps(np.array([0, 3, 0, 0, 0, 0, 2]), bits=2)
    (array([1, 3, 0]), array([3, 0, 2]))

    Raises:
        ValueError: ``bits`` out of its range.
    """
    if not 1 <= bits <= 16:
        raise ValueError(f"a gap has 1 to 16 bits, got {bits}")
    labels, most = np.asarray(labels, np.int64), (1 << bits) - 1
    there = np.flatnonzero(labels)
    zeros = np.diff(there, prepend=-1) - 1
    fillers = zeros // (most + 1)  # each bridges `most` zeros and is one itself
    count = len(there) + int(fillers.sum())
    gap, value = np.full(count, most, np.int64), np.zeros(count, np.int64)
    last = np.cumsum(fillers + 1) - 1
    gap[last], value[last] = zeros - fillers * (most + 1), labels[there]
    return gap, value


def filled_in(gap: np.ndarray, value: np.ndarray, size: int) -> np.ndarray:
    """Return the labels, int64 ``(size,)``, that `gaps` took apart.

    Raises:
        ValueError: gaps below 0, another number of labels than of gaps, or more than fit in.
    """
    if len(gap) != len(value):
        raise ValueError(f"{len(gap)} gaps and {len(value)} labels do not fit together")
    labels = np.zeros(size, np.int64)
    labels[places(gap, size)] = value
    return labels


def places(gap: np.ndarray, size: int) -> np.ndarray:
    """Return where the labels lie that gaps lead to, fillers included, int64 ``(n,)``.

    Raises:
        ValueError: gaps below 0, or that lead beyond ``size`` labels.
    """
    gap = np.asarray(gap, np.int64)
    if len(gap) and gap.min() < 0:
        raise ValueError(f"{len(gap)} gaps do not fit: one is {gap.min()}")
    if len(gap) and gap.max() >= size:  # before they are added up, which could overflow
        raise ValueError(f"the gaps lead beyond {size} labels")
    found = np.cumsum(gap + 1) - 1
    if len(found) and found[-1] >= size:
        raise ValueError(f"the gaps lead beyond {size} labels")
    return found
