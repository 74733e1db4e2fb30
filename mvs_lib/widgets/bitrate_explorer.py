"""The panel of notebook 01: a budget of bytes, what each kind of query makes of it, and the wait.

It holds no measurement of its own: the rows are those of ``python -m mvs_lib bench queries``, and
`mvs_lib.queries.link` says how long a payload is on its way.
"""

from html import escape

import ipywidgets as widgets

from mvs_lib.course.bitrate_chart import (
    KINDS,
    MEASURES,
    best_within,
    bitrate_chart,
    knows,
    operating_points,
)
from mvs_lib.queries.link import LINKS
from mvs_lib.widgets.panel import LOOK, Panel, figure_html

__all__ = ["BitrateExplorer"]


class BitrateExplorer(Panel):
    """Which system answers best within a budget, and what its query costs in seconds.

    Args:
        rows: of ``data/results/queries.json``.

    The controls are ``kinds`` (one or more), ``budget`` (bytes a query) and ``measure``. After
    each change ``chosen`` holds, by kind, the most accurate system within the budget (None if none
    is so small), and ``best`` the most accurate of these.

    Raises:
        ValueError: the rows are not those of the benchmark
            (`mvs_lib.course.bitrate_chart.operating_points`).
    """

    def __init__(self, rows: list[dict]):
        self.points = operating_points(rows)
        there = tuple(kind for kind in KINDS if any(p["kind"] == kind for p in self.points))
        budgets = _budgets(self.points)
        super().__init__(
            "bitrate-explorer",
            kinds=widgets.SelectMultiple(
                options=there, value=there, rows=len(there), description="kinds of query", **LOOK
            ),
            budget=widgets.SelectionSlider(
                options=[(f"{size:,} bytes", size) for size in budgets],
                value=budgets[len(budgets) // 2],
                description="at most",
                **LOOK,
            ),
            measure=widgets.Dropdown(
                options=[(name, key) for key, name in MEASURES.items()],
                description="accuracy",
                **LOOK,
            ),
        )

    def __repr__(self):
        return "BitrateExplorer: a budget of bytes, accuracy and waiting (run this cell to move it)"

    def summary(self) -> str:
        """Return what the panel shows, in one line."""
        if not self.kinds.value:
            return "No kind of query is chosen: choose at least one."
        asked = f"At most {self.budget.value:,} bytes, {' or '.join(self.kinds.value)}: "
        if self.best is None:
            return f"{asked}nothing is so small; the smallest query has {self._smallest()} bytes."
        best, first, last = self.best, LINKS[0], LINKS[-1]
        return (
            f"{asked}{best['method']} is best, MAP {best['map']:.2f} and top-1 "
            f"{best['top1']:.2f} with {best['bytes']:.0f} bytes; the answer is there after "
            f"{_seconds(best, first)} s on {first.name} and {_seconds(best, last)} s on "
            f"{last.name}."
        )

    def _smallest(self) -> str:
        sizes = [point["bytes"] for point in self.points if point["kind"] in self.kinds.value]
        return f"{min(sizes):,.0f}"

    def _update(self, change: dict | None = None) -> None:
        measure, budget = self.measure.value, self.budget.value
        self.chosen = {
            kind: best_within([p for p in self.points if p["kind"] == kind], budget, measure)
            for kind in self.kinds.value
        }
        found = [point for point in self.chosen.values() if point is not None]
        self.best = best_within(found, budget, measure)
        self._say(self.summary())
        self.view.value = self._table() + self._chart() if self.kinds.value else ""

    def _table(self) -> str:
        head = [
            "kind",
            "best system",
            "knows",
            "bytes",
            *MEASURES.values(),
            *(link.name for link in LINKS),
        ]
        lines = []
        for kind, point in self.chosen.items():
            cells = [kind, *["nothing so small"], *[""] * (len(head) - 2)]
            if point is not None:
                cells = [kind, point["method"], knows(point), f"{point['bytes']:,.0f}"]
                cells += [f"{point[measure]:.2f}" for measure in MEASURES]
                cells += [f"{_seconds(point, link)} s" for link in LINKS]
            lines.append(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
        names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
        return (
            '<table class="mvs-times"><caption>The best of each kind within the budget, what it '
            "knows beside the photo (the phone's position, the labels of source photos), and the "
            f"seconds until the answer</caption><tr>{names}</tr>{''.join(lines)}</table>"
        )

    def _chart(self) -> str:
        points = [point for point in self.points if point["kind"] in self.kinds.value]
        drawn = bitrate_chart(points, self.measure.value, self.budget.value)
        return figure_html(*drawn)


def _budgets(points: list[dict]) -> list[int]:
    """Return powers of two, from the last that is too small for any point to the first for all."""
    sizes = [point["bytes"] for point in points]
    budgets = [1]
    while budgets[-1] < max(sizes):
        budgets.append(2 * budgets[-1])
    return [size for size in budgets if 2 * size > min(sizes)]


def _seconds(point: dict, link) -> str:
    return f"{point[f'seconds_{link.key}']:.2f}"
