"""What every panel shares: labelled controls, an answer in words, a view below; no logic.

A panel makes its controls, hands them to `Panel`, and writes ``_update``, which fills ``answer``
and ``view`` from the controls' values.
"""

from html import escape

import ipywidgets as widgets
from matplotlib.figure import Figure

from mvs_lib.course.figure import picture

__all__ = ["LOOK", "Panel", "figure_html", "strength_slider"]

LOOK = {"style": {"description_width": "8em"}, "layout": {"width": "30em"}}  # of a control


class Panel(widgets.VBox):
    """Controls above an ``answer`` and a ``view``; each change of a control calls ``_update``.

    Args:
        name: of the panel, for its class ``mvs-NAME`` on the page.
        **controls: widgets with a ``value``, from top to bottom; each becomes an attribute and
            has the class ``mvs-ITS_NAME``, the answer has ``mvs-answer``.
    """

    def __init__(self, name: str, **controls: widgets.ValueWidget):
        self.answer, self.view = widgets.HTML(), widgets.HTML()
        for key, control in controls.items():
            setattr(self, key, control)
            control.add_class(f"mvs-{key}")
            control.observe(self._update, names="value")
        self.answer.add_class("mvs-answer")
        super().__init__([*controls.values(), self.answer, self.view])
        self.add_class(f"mvs-{name}")
        self._update()

    def _update(self, change: dict | None = None) -> None:
        raise NotImplementedError

    def _say(self, said: str) -> None:
        """Put plain words into the answer; a screen reader reads them out when they change."""
        self.answer.value = f'<div role="status" aria-live="polite">{escape(said)}</div>'


def figure_html(figure: Figure, alt: str) -> str:
    """Return a figure as HTML for a panel's view; takes what a chart of the course returns."""
    return picture(figure, alt)._repr_mimebundle_()["text/html"]


def strength_slider() -> widgets.FloatSlider:
    """Make the control of a capture condition's strength, 0 (absent) to 1, in tenths."""
    return widgets.FloatSlider(
        0.0, min=0.0, max=1.0, step=0.1, readout_format=".1f", description="strength", **LOOK
    )
