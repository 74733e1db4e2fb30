"""How a search through tables comes to its end: what is sure, what was found, what it cost."""

import numpy as np
from matplotlib.figure import Figure

from mvs_lib.course.figure import subplots
from mvs_lib.search.walk import Step

__all__ = ["walk_chart"]


def walk_chart(steps: list[Step], until: int, n: int) -> tuple[Figure, str]:
    """Draw the steps of a search up to one of them.

    Left, the k-th distance falls and the reach rises: where they meet, the search may stop. Right,
    how many buckets and codes were looked at so far, beside the number of all codes.

    Args:
        steps: of `mvs_lib.search.walk.walk`, at least one.
        until: how many of them are drawn, from 1 on.
        n: how many codes there are.

    Returns:
        The figure, and its alt text: what `mvs_lib.course.figure.show` takes.
    """
    drawn, last = steps[:until], steps[until - 1]
    numbers = np.arange(1, len(drawn) + 1)
    figure, (left, right) = subplots(1, 2, figsize=(6.4, 2.8))
    known = [(number, step.kth) for number, step in zip(numbers, drawn, strict=True)]
    known = [(number, kth) for number, kth in known if kth is not None]
    if known:
        left.plot(*zip(*known, strict=True), "o-", label="k-th distance")
    left.plot(numbers, [step.reach for step in drawn], "s--", label="reach")
    left.set(xlabel="shells", ylabel="bits", xlim=(0.5, len(steps) + 0.5), ylim=(-0.5, None))
    left.legend()
    for name, marker in (("buckets", "s--"), ("candidates", "o-")):
        right.plot(numbers, np.cumsum([getattr(step, name) for step in drawn]), marker, label=name)
    right.axhline(n, color="black", linestyle=":", label="all codes")
    right.set_yscale("symlog", linthresh=1)
    right.set(xlabel="shells", xlim=(0.5, len(steps) + 0.5), ylim=(0, None))
    right.legend()
    kth = "none yet" if last.kth is None else f"{last.kth} bits"
    return figure, (
        f"After {len(drawn)} of {len(steps)} shells: reach {last.reach} bits, k-th distance {kth}; "
        f"{sum(step.candidates for step in drawn)} candidates in "
        f"{sum(step.buckets for step in drawn)} buckets, {n} codes in all."
    )
