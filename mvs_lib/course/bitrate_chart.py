"""The recognition bitrate as a picture: accuracy against bytes, every system a point. Notebook 01.

    rows = report.load("queries")["rows"]
    show(*bitrate_chart(rows))

Rows come from ``data/results/queries.json``; those that only chose settings are left out.
"""

from collections import defaultdict
from math import log
from statistics import mean

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from mvs_lib.course.figure import PALETTE, SIZE, subplots
from mvs_lib.queries.link import LINKS

__all__ = [
    "KINDS", "KNOWS", "MEASURES", "best_within", "bitrate_chart", "frontier", "knows",
    "operating_points",
]  # fmt: skip

KINDS = ("hash bits", "compressed features", "features", "image")  # of the survey's section 1.2
KNOWS = ("position", "labels")  # beside the photo: where the phone is; what shows one place
MEASURES = {"map": "MAP", "top1": "top-1"}
MARKERS = dict(zip(KINDS, "osD^", strict=True))
COLOURS = dict(zip(KINDS, PALETTE, strict=False))
LETTER, LINE, MARK = 7, 10, 4  # points: of a name, of it with the space around it, half a mark
LEADER = {"arrowstyle": "-", "color": "#999999", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3}
WIDE, TALL = 418, 206  # points: the axes, roughly
NEEDED = ("method", "kind", "settings", "protocol", "bytes", *KNOWS, *MEASURES)
NEEDED += tuple(f"seconds_{link.key}" for link in LINKS)


def operating_points(rows: list[dict]) -> list[dict]:
    """Return one dict a system and setting, figures averaged over the seeds, by rising bytes.

    Raises:
        ValueError: a row lacks a column or has an unknown kind, rows of several protocols, or
            no row that was measured on queries.
    """
    groups = defaultdict(list)
    for row in rows:
        if missing := [name for name in NEEDED if name not in row]:
            raise ValueError(f"a row lacks {', '.join(missing)}: python -m mvs_lib bench queries")
        if row["kind"] not in KINDS:
            raise ValueError(f"{row['method']} has kind {row['kind']!r}, not one of {KINDS}")
        if not row["protocol"].startswith("validation"):
            groups[row["method"], row["settings"]].append(row)
    # Behind a semicolon stands how a system asks: by clips, for example.
    protocols = {row["protocol"].split(";")[0] for group in groups.values() for row in group}
    if len(protocols) != 1:
        raise ValueError(f"need rows of one protocol beside validation, got {sorted(protocols)}")
    points = []
    for group in groups.values():
        point = dict(group[0])
        for name, value in point.items():
            if isinstance(value, int | float) and name not in ("seed", *KNOWS):
                point[name] = mean(row[name] for row in group)
        points.append(point)
    return sorted(points, key=lambda point: (point["bytes"], point["method"]))


def knows(point: dict) -> str:
    """Return what a system knows beside the photo, in words: "position, labels", or "-"."""
    return ", ".join(name for name in KNOWS if point[name]) or "-"


def best_within(points: list[dict], budget: float, measure: str = "map") -> dict | None:
    """Return the most accurate point of at most ``budget`` bytes, or None; ties: fewer bytes."""
    fitting = [point for point in points if point["bytes"] <= budget]
    return max(fitting, key=lambda point: (point[measure], -point["bytes"]), default=None)


def frontier(points: list[dict], measure: str = "map") -> list[dict]:
    """Return the points that no other beats with as few bytes, by rising bytes."""
    best = []
    for point in sorted(points, key=lambda point: (point["bytes"], -point[measure])):
        if not best or point[measure] > best[-1][measure]:
            best.append(point)
    return best


def bitrate_chart(
    rows: list[dict], measure: str = "map", budget: float | None = None
) -> tuple[Figure, str]:
    """Draw accuracy against bytes, on a logarithmic axis.

    A hollow mark stands for a system whose phone also sends where it is.

    Args:
        rows: of the benchmark ``queries``, or the points of `operating_points`.
        measure: ``"map"`` or ``"top1"``.
        budget: draw a line at so many bytes, and pale what lies beyond.

    Returns:
        The figure, and its alt text: what `mvs_lib.course.figure.show` takes.

    Raises:
        ValueError: an unknown measure; or see `operating_points`.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {tuple(MEASURES)}, got {measure!r}")
    points = operating_points(rows)
    best = frontier(points, measure)
    figure, axes = subplots(figsize=(SIZE[0], 4.0))
    sizes, scores = ([point[name] for point in best] for name in ("bytes", measure))
    axes.step(sizes, scores, where="post", color="#999999", linewidth=1, label="best so far")
    for kind in KINDS:
        own = [point for point in points if point["kind"] == kind]
        if own:
            sizes, scores = ([point[name] for point in own] for name in ("bytes", measure))
            beyond = [budget is not None and size > budget for size in sizes]
            edges = [to_rgba(COLOURS[kind], 0.25 if pale else 1) for pale in beyond]
            filled = [
                "white" if point["position"] else edge
                for point, edge in zip(own, edges, strict=True)
            ]
            axes.scatter(
                sizes, scores, marker=MARKERS[kind], color=filled, edgecolors=edges, label=kind,
                zorder=3,
            )  # fmt: skip
    if any(point["position"] for point in points):
        axes.scatter([], [], color="white", edgecolors="black", label="hollow: sends its position")
    low, high = points[0]["bytes"] / 2, points[-1]["bytes"] * 8  # room for the last name
    for point, drop in zip(points, _drops(points, measure, low, high), strict=True):
        axes.annotate(
            point["method"], (point["bytes"], point[measure]), (6, -3 + drop), fontsize=LETTER,
            textcoords="offset points", arrowprops=LEADER if abs(drop) >= LINE else None,
        )  # fmt: skip
    if budget is not None:
        axes.axvline(budget, color="black", linewidth=1, linestyle="--", label="budget")
    axes.set(xscale="log", xlabel="bytes a query", ylabel=MEASURES[measure])
    axes.set(xlim=(low, high), ylim=(0, 1))
    legend = figure.legend(loc="outside upper center", ncols=3, frameon=False)
    for handle in legend.legend_handles:
        if handle.get_label() in KINDS:
            handle.set_color(COLOURS[handle.get_label()])  # never pale
    said = "; ".join(
        f"{point['method']} {point[measure]:.2f} with {point['bytes']:.0f} bytes" for point in best
    )
    return figure, (
        f"{MEASURES[measure]} of {len(points)} ways to ask, against the bytes sent on a "
        f"logarithmic axis. Best for their bytes: {said}.{_placed(points)}"
    )


def _placed(points: list[dict]) -> str:
    """Return a sentence on the systems that send their position, with a space before it."""
    named = [point["method"] for point in points if point["position"]]
    return f" Hollow, for they send their position: {', '.join(named)}." if named else ""


def _drops(points: list[dict], measure: str, low: float, high: float) -> list[float]:
    """Return how far each name is moved up or down, in points, so that it covers nothing else."""
    across = [WIDE * log(point["bytes"] / low) / log(high / low) for point in points]
    up = [TALL * point[measure] for point in points]
    taken = [(x - MARK, x + MARK, y) for x, y in zip(across, up, strict=True)]
    drops = []
    for point, x, middle in zip(points, across, up, strict=True):
        left, right = x + 6, x + 6 + 0.6 * LETTER * len(point["method"])
        # Nearest first: 0, then one line up or down, then two.
        for step in sorted(range(-len(points), len(points) + 1), key=abs):
            at = middle + step * LINE
            if 0 < at < TALL and all(
                right < other[0] or other[1] < left or abs(at - other[2]) >= LINE for other in taken
            ):
                break
        taken.append((left, right, at))
        drops.append(at - middle)
    return drops
