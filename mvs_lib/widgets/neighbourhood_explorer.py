"""The panel of notebook 05: a code as an address, and what lies within a radius of it.

Distances are those of `mvs_lib.codes`, counts those of `mvs_lib.course.neighbourhood_chart`;
nothing is computed here.
"""

import ipywidgets as widgets
import numpy as np

from mvs_lib.codes import hamming_distance
from mvs_lib.course.neighbourhood_chart import neighbourhood, neighbourhood_chart
from mvs_lib.widgets.panel import LOOK, Panel, figure_html

__all__ = ["NeighbourhoodExplorer"]

FARTHEST = 8  # bits: the largest radius


class NeighbourhoodExplorer(Panel):
    """Addresses, photos and true neighbours within a radius of a query's code.

    Args:
        codes: by the number of bits, at least 8 each: the codes of the database and of the
            queries, uint8 ``(n, bytes)`` and ``(q, bytes)``.
        true: int ``(q, k)``, the places in the database of each query's true neighbours.

    The controls are ``query``, ``bits`` and ``radius``. After each change ``around`` is the
    `mvs_lib.course.neighbourhood_chart.Neighbourhood` of the query's code.

    Raises:
        ValueError: no codes, fewer than 8 bits, or not as many queries as rows of ``true``.
    """

    def __init__(self, codes: dict[int, tuple[np.ndarray, np.ndarray]], true: np.ndarray):
        if not codes or min(codes) < FARTHEST:
            raise ValueError(f"give codes of {FARTHEST} bits or more, got {list(codes)}")
        for bits, (_, asked) in codes.items():
            if len(asked) != len(true) or not len(true):
                raise ValueError(
                    f"{bits} bits: {len(asked)} queries, but true neighbours of {len(true)}; give "
                    "a row for each query, at least one"
                )
        self.codes, self.true = codes, true
        super().__init__(
            "neighbourhood-explorer",
            query=widgets.IntSlider(0, 0, len(true) - 1, description="query", **LOOK),
            bits=widgets.Dropdown(options=list(codes), description="bits", **LOOK),
            radius=widgets.IntSlider(2, 0, FARTHEST, description="radius", **LOOK),
        )

    def __repr__(self):
        return "NeighbourhoodExplorer: a code, a radius, what lies within (run this cell to move)"

    def summary(self) -> str:
        """Return what the panel shows, in one line."""
        radius = self.radius.value
        addresses, photos, neighbours = (counts[radius] for counts in self.around)
        return (
            f"Query {self.query.value}, {self.bits.value} bits, radius {radius}: "
            f"{addresses} address{'' if addresses == 1 else 'es'}, "
            f"{photos} photo{'' if photos == 1 else 's'}, "
            f"{neighbours} of {self.true.shape[1]} true neighbours."
        )

    def _update(self, change: dict | None = None) -> None:
        asked, bits = self.query.value, self.bits.value
        database, queries = self.codes[bits]
        distances = hamming_distance(queries[asked : asked + 1], database)[0]
        self.around = neighbourhood(distances, self.true[asked], bits)
        self._say(self.summary())
        self.view.value = figure_html(
            *neighbourhood_chart(self.around, self.radius.value, FARTHEST)
        )
