"""The panel of notebook 09: tables of your own making, and a search that tells of each step.

The steps are those of `mvs_lib.search.walk`, the drawing is `mvs_lib.course.walk_chart`; nothing is
computed here.
"""

from collections.abc import Callable

import ipywidgets as widgets
import numpy as np

from mvs_lib.course.walk_chart import walk_chart
from mvs_lib.search.partition import PARTITIONS, substrings
from mvs_lib.search.walk import ORDERS, walk
from mvs_lib.widgets.panel import LOOK, Panel, figure_html

__all__ = ["IndexExplorer"]

NUMBERS = (1_000, 10_000, 100_000)  # of codes
LENGTHS = (32, 64, 128)  # bits
QUERIES = 8
MOST_TABLES, WIDEST = 8, 16


class IndexExplorer(Panel):
    """Choose codes and tables, then watch a search stop early, and see why it may.

    Args:
        data: by its name a function of the number of codes and of bits, which returns codes and
            queries, uint8 ``(n, bytes)`` and ``(>= 8, bytes)``.

    The controls are ``data``, ``n``, ``bits``, ``tables``, ``width``, ``partition``, ``order``,
    ``k``, ``query`` and ``shells``, how many shells are shown (all of them after any other change).
    After each change ``walked`` is the `mvs_lib.search.walk.Walk`. Tables that need more bits than
    there are become narrower: ``parts`` says which bits they got.

    Raises:
        ValueError: no data.
    """

    def __init__(self, data: dict[str, Callable[[int, int], tuple[np.ndarray, np.ndarray]]]):
        if not data:
            raise ValueError("give at least one kind of codes")
        self._make, self._made, self._choice = data, {}, None
        super().__init__(
            "index-explorer",
            data=widgets.Dropdown(options=list(data), description="codes", **LOOK),
            n=widgets.Dropdown(
                options=[(f"{n:,}", n) for n in NUMBERS], value=10_000, description="how many",
                **LOOK,
            ),
            bits=widgets.Dropdown(options=LENGTHS, value=64, description="bits", **LOOK),
            tables=widgets.IntSlider(4, 1, MOST_TABLES, description="tables", **LOOK),
            width=widgets.IntSlider(12, 4, WIDEST, description="width", **LOOK),
            partition=widgets.Dropdown(
                options=list(PARTITIONS), value="adaptive", description="substrings", **LOOK
            ),
            order=widgets.Dropdown(options=ORDERS, description="next shell", **LOOK),
            k=widgets.Dropdown(options=(1, 10, 100), value=10, description="k", **LOOK),
            query=widgets.IntSlider(0, 0, QUERIES - 1, description="query", **LOOK),
            shells=widgets.IntSlider(1, 1, 1, description="shells shown", **LOOK),
        )  # fmt: skip

    def __repr__(self):
        return "IndexExplorer: tables, shells, and where a search stops (run this cell to move)"

    def summary(self) -> str:
        """Return what the panel shows, in one line."""
        n, steps = self.n.value, self.walked.steps[: self.shells.value]
        buckets, candidates = (
            sum(getattr(step, name) for step in steps) for name in ("buckets", "candidates")
        )
        last, whole = steps[-1], len(steps) == len(self.walked.steps)
        kth = f"not yet {self.k.value} codes" if last.kth is None else f"k-th at {last.kth} bits"
        tables, width = self.parts.shape
        return (
            f"{n:,} {self.data.value} codes of {self.bits.value} bits, {tables} "
            f"table{'' if tables == 1 else 's'} of {width} bits: after {len(steps)} "
            f"shell{'' if len(steps) == 1 else 's'} {buckets:,} "
            f"bucket{'' if buckets == 1 else 's'}, {candidates:,} "
            f"candidate{'' if candidates == 1 else 's'} ({100 * candidates / n:.1f} % of all), "
            f"{kth}, all within {last.reach} seen: "
            f"{'the search stops.' if whole else 'it goes on.'}"
        )

    def _update(self, change: dict | None = None) -> None:
        if change is None or change["owner"] is not self.shells:
            self._search()
        self._say(self.summary())
        self.view.value = figure_html(
            *walk_chart(self.walked.steps, self.shells.value, self.n.value)
        )

    def _search(self) -> None:
        """Walk anew, and show all of it."""
        chosen = self.data.value, self.n.value, self.bits.value
        if chosen not in self._made:
            self._made = {chosen: self._make[chosen[0]](*chosen[1:])}  # the last ones are kept
        codes, queries = self._made[chosen]
        width = min(self.width.value, self.bits.value // self.tables.value)
        self.parts = substrings(
            self.partition.value, codes, self.bits.value, self.tables.value, width, 0
        )
        asked = queries[self.query.value : self.query.value + 1]
        self.walked = walk(
            codes, asked, self.bits.value, self.parts, self.k.value, self.order.value
        )
        with self.shells.hold_trait_notifications():
            self.shells.max = len(self.walked.steps)
            self.shells.value = len(self.walked.steps)
