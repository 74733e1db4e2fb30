"""Where the time of a query goes: one bar a way to ask, a piece a step. Notebook 08.

show(*timeline_chart({"6 bytes of code": asked.by_code, "the photo": asked.by_photo}))
"""

from matplotlib.figure import Figure

from mvs_lib.course.figure import PALETTE, subplots
from mvs_lib.phone.simulation import Simulated

__all__ = ["timeline_chart"]

STEPS = ("encode", "send and hear", "search")


def timeline_chart(queries: dict[str, Simulated]) -> tuple[Figure, str]:
    """Draw the steps of simulated queries one after another, with the encoder's error bar.

    Args:
        queries: by what is sent.

    Returns:
        The figure, and its alt text: what `mvs_lib.course.figure.show` takes.

    Raises:
        ValueError: no queries.
    """
    if not queries:
        raise ValueError("give at least one query")
    figure, axes = subplots(figsize=(6.4, 1.2 + 0.5 * len(queries)))
    said = []
    for place, (name, query) in enumerate(queries.items()):
        start, pieces = 0.0, (query.encode.milliseconds, query.send_ms, query.search_ms)
        for step, length in enumerate(pieces):
            label = STEPS[step] if place == 0 else None
            axes.barh(place, length, left=start, color=PALETTE[step], label=label)
            start += length
        low, high = query.range
        if high > low:
            bar = [[start - low], [high - start]]
            axes.errorbar(start, place, xerr=bar, color="black", capsize=4, fmt="none")
        said.append(f"{name} {start:.0f} ms ({low:.0f} to {high:.0f})")
    axes.set(yticks=range(len(queries)), yticklabels=list(queries), xlabel="milliseconds")
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    figure.legend(loc="outside upper center", ncols=len(STEPS), frameon=False)
    steps = ", ".join(STEPS)
    return figure, f"Milliseconds of a query, made of {steps}: {'; '.join(said)}."
