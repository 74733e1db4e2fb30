"""A training run while it goes on: its loss terms, its bits, and how well they find photos."""

import numpy as np
from matplotlib.figure import Figure

from mvs_lib.course.figure import subplots
from mvs_lib.deep.live_training import Record

__all__ = ["training_chart"]


def training_chart(record: Record) -> tuple[Figure, str]:
    """Draw what a run has recorded so far.

    Left, each term of the loss by step, each a mean over the steps around; in the middle, for each
    bit the share of photos that have it on, sorted; right, MAP and the share of undecided units by
    epoch, from the untrained network on.

    Returns:
        The figure, and its alt text: what `mvs_lib.course.figure.show` takes.
    """
    figure, axes = subplots(1, 3, figsize=(9.6, 2.8))
    terms = dict(record.terms)  # another thread may be writing
    for name, values in terms.items():
        if name != "total" or len(terms) == 1:
            axes[0].plot(_smooth(list(values)), label=name)
    axes[0].set(xlabel="step", title="terms of the loss", xlim=(0, max(1, record.steps)))
    if terms:
        axes[0].legend()
    axes[1].set(title="photos that have a bit on", xlabel="bits, sorted", ylim=(0, 1))
    axes[1].axhline(0.5, color="black", linestyle="--", linewidth=1)
    axes[2].set(title="after each epoch", xlabel="epoch", ylim=(0, 1))
    axes[2].xaxis.get_major_locator().set_params(integer=True)
    if not record.epochs:
        return figure, "A training run that has not begun."
    epochs = list(record.epochs)
    last = epochs[-1]
    axes[1].bar(np.arange(len(last.shares)), np.sort(last.shares), 1)
    axes[2].plot([epoch.map for epoch in epochs], "o-", label="MAP")
    axes[2].plot([epoch.undecided for epoch in epochs], "s-", label="undecided units")
    axes[2].legend()
    lazy = int(np.sum((last.shares < 0.1) | (last.shares > 0.9)))
    return figure, (
        f"After {len(epochs) - 1} epochs the MAP is {last.map:.2f}, "
        f"{100 * last.undecided:.0f} % of the units are undecided, and {lazy} of "
        f"{len(last.shares)} bits are the same for nine photos in ten."
    )


def _smooth(values: list[float], width: int = 9) -> np.ndarray:
    """Return the mean of the values around each, fewer at the ends."""
    sums = np.cumsum([0.0, *values])
    place = np.arange(len(values))
    low, high = np.maximum(place - width // 2, 0), np.minimum(place + width // 2 + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)
