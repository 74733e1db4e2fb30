"""Which photos come together in a batch: several of each place, for losses that compare photos.

A batch drawn at random from 162 places holds hardly two photos of one place, and a loss of pairs or
triplets hardly anything alike to learn from. Used by `mvs_lib.deep.training` where
``Settings.per_class`` asks for it.
"""

import numpy as np

__all__ = ["together"]


def together(order: np.ndarray, labels: np.ndarray, per_class: int) -> np.ndarray:
    """Rearrange an order of photos so that those of one class come ``per_class`` at a time.

    Each class's photos are dealt out in the order given, ``per_class`` a group (the last group may
    be smaller), and groups come by their first photo's turn. A random order gives random groups,
    and no photo is left out or seen twice.

    Args:
        order: int ``(n,)``, positions, each once.
        labels: int ``(n,)``, the class of each photo by position.
        per_class: at least 1; 1 changes nothing.

    Returns:
        int ``(n,)``, the same positions.

    >>> together(np.array([0, 1, 2, 3, 4, 5]), np.array([7, 8, 7, 8, 7, 8]), 2).tolist()
    [0, 2, 1, 3, 4, 5]
    """
    own = labels[order]
    by_class = np.argsort(own, kind="stable")  # turns, class by class
    first = np.flatnonzero(np.r_[True, np.diff(own[by_class]) != 0]) if len(order) else by_class
    count = np.diff(np.r_[first, len(order)])
    rank = np.arange(len(order)) - np.repeat(first, count)  # within the class
    leader = by_class[np.arange(len(order)) - rank % per_class]  # the first turn of each group
    return order[by_class[np.argsort(leader, kind="stable")]]
