"""The panel of notebooks 06 and 07: every compressed network that was measured, and none besides.

The figures are rows of `mvs_lib.benchmarks.compress`, the drawing is
`mvs_lib.course.compression_chart`; nothing is computed here, and nothing interpolated.
"""

import ipywidgets as widgets

from mvs_lib.course.compression_chart import GAINS, compression_chart, family
from mvs_lib.widgets.panel import LOOK, Panel, figure_html

__all__ = ["CompressionDial"]


class CompressionDial(Panel):
    """Choose a network, a method and how strongly it is used; see what it buys and what it costs.

    Args:
        rows: of `mvs_lib.benchmarks.compress`.

    The controls are ``net``, ``gain`` (what the chart shows), ``method`` and ``strength``, a number
    from 1 on: the measured networks of the method, in the order in which they were made. ``row`` is
    the chosen one.

    Raises:
        ValueError: no rows.
    """

    def __init__(self, rows: list[dict]):
        if not rows:
            raise ValueError("give at least one row")
        self.rows = rows
        super().__init__(
            "compression-dial",
            net=widgets.Dropdown(
                options=list(dict.fromkeys(row["net"] for row in rows)), description="network",
                **LOOK,
            ),
            gain=widgets.Dropdown(options=list(GAINS), description="saved", **LOOK),
            method=widgets.Dropdown(
                options=list(dict.fromkeys(map(family, rows))), description="method", **LOOK
            ),
            strength=widgets.IntSlider(1, 1, 1, description="number", **LOOK),
        )  # fmt: skip

    def __repr__(self):
        return "CompressionDial: what each compression buys (run this cell to turn it)"

    def summary(self) -> str:
        """Return what the panel shows, in one line, without times."""
        row = self.row
        return (
            f"{row['net']}: {row['method']}: {row['file_bytes']:,} bytes "
            f"({row['size_ratio']:.1f} times smaller), {row['macs'] / 1e6:.1f} million "
            f"multiplications ({row['macs_ratio']:.1f} times fewer), MAP {row['map']:.3f} (before "
            f"{row['map_before']:.3f}), {100 * row['flipped_bits']:.1f} % of the bits flipped."
        )

    def _update(self, change: dict | None = None) -> None:
        mine = [row for row in self.rows if row["net"] == self.net.value]
        own = [row for row in mine if family(row) == self.method.value] or mine[:1]
        self.strength.max = len(own)
        self.row = own[min(self.strength.value, len(own)) - 1]
        self._say(self.summary())
        self.view.value = figure_html(*compression_chart(mine, self.gain.value, self.row))
