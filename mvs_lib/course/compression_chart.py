"""What compressing buys against what it costs: one dot a measured network, nothing in between."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from mvs_lib.course.figure import PALETTE, subplots

__all__ = ["GAINS", "compression_chart", "family", "pareto"]

GAINS = {  # what can be gained, and the column of `mvs_lib.benchmarks.compress` that says it
    "bytes": "size_ratio",
    "multiplications": "macs_ratio",
    "time": "time_ratio",
}
MARKERS = "osD^v<>"  # each with all colours in turn
POINT, NEAR = 0.01, 0.045  # of MAP: what is called a point, and how much the right panel shows


def family(row: dict) -> str:
    """Return the method of a row without its strength and step.

    >>> family({"method": "deep compression, strong, shared"})
    'deep compression'
    """
    return row["method"].split(",")[0]


def pareto(rows: list[dict], gain: str) -> list[dict]:
    """Return the rows that no other beats in both gain and MAP, by rising gain.

    >>> rows = [{"size_ratio": r, "map": m} for r, m in ((1, 0.9), (2, 0.7), (4, 0.8), (3, 0.8))]
    >>> [row["size_ratio"] for row in pareto(rows, "bytes")]
    [1, 4]
    """
    column, best, found = GAINS[gain], -1.0, []
    for row in sorted(rows, key=lambda row: (-row[column], -row["map"])):
        if row["map"] > best:
            best = row["map"]
            found.append(row)
    return found[::-1]


def compression_chart(
    rows: list[dict], gain: str, chosen: dict | None = None
) -> tuple[Figure, str]:
    """Draw MAP against the gain, a colour a family, and the line of those that none beats.

    On the left all networks, on the right those that lose least.

    Args:
        rows: of one network, of `mvs_lib.benchmarks.compress`.
        gain: a name of `GAINS`.
        chosen: a row that is marked.

    Returns:
        The figure, and its alt text: what `mvs_lib.course.figure.show` takes.
    """
    figure, (whole, near) = subplots(1, 2, figsize=(8.6, 4.6))
    column, names = GAINS[gain], list(dict.fromkeys(map(family, rows)))
    best = pareto(rows, gain)
    for axes in (whole, near):
        for place, name in enumerate(names):
            own = [row for row in rows if family(row) == name]
            marker, color = MARKERS[place // 7 % 7], PALETTE[place % len(PALETTE)]
            x, y = ([row[each] for row in own] for each in (column, "map"))
            axes.plot(x, y, marker, color=color, label=name)
        axes.plot([row[column] for row in best], [row["map"] for row in best], color="black",
                  linewidth=1, zorder=0)  # fmt: skip
        if chosen is not None:
            axes.plot(chosen[column], chosen["map"], "o", markersize=14, markerfacecolor="none",
                      markeredgecolor="black")  # fmt: skip
        axes.set(xscale="log", xlabel=f"times fewer {gain}" if gain != "time" else "times as fast")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    least, most = (function(row["map"] for row in rows) for function in (min, max))
    whole.set(ylabel="MAP", ylim=(max(0.0, np.floor(10 * least) / 10), None))
    before = rows[0]["map_before"]
    near.axhline(before - POINT, color="gray", linewidth=1, linestyle="--", zorder=0)
    near.set(title="near the top; dashed: a point lost",
             ylim=(before - NEAR, max(most, before) + POINT / 2))  # fmt: skip
    figure.legend(*whole.get_legend_handles_labels(), loc="outside lower center",
                  fontsize="x-small", ncols=3)  # fmt: skip
    last = best[-1]
    return figure, (
        f"MAP against {gain} saved, {len(rows)} networks of {len(names)} methods. On the line that "
        f"none beats: {', '.join(row['method'] for row in best[:-1]) or 'one alone'}, "
        f"and at {last[column]:.1f} times {last['method']} with MAP {last['map']:.3f}."
    )
