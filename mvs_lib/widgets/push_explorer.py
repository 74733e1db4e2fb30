"""The panel of notebook 04: move three photos in the plane of two bits, and see the loss push.

Loss and push are those of `mvs_lib.deep.methods`; nothing is computed here.
"""

import ipywidgets as widgets
import numpy as np

from mvs_lib.course.push_chart import push, push_chart
from mvs_lib.deep.methods.method import Method
from mvs_lib.widgets.panel import LOOK, Panel, figure_html

__all__ = ["PushExplorer"]

PHOTOS = ("A", "B", "C")  # A and B show one place, C another
LABELS = np.array([0, 0, 1])
START = ((1.0, 0.6), (-0.8, 0.7), (0.6, -0.4))


class PushExplorer(Panel):
    """Three photos, two bits, a loss: its terms, and where it pushes each photo.

    Args:
        losses: by name, of one view and of the batch alone (`mvs_lib.course.push_chart.push`).

    The controls are ``loss``, ``photo`` (which one moves), ``first`` and ``second`` (its two
    values). After each change ``values`` holds all three, ``terms`` and ``pushes`` what the loss
    says.

    Raises:
        ValueError: no losses.
    """

    def __init__(self, losses: dict[str, Method]):
        if not losses:
            raise ValueError("give at least one loss, by name")
        self.losses, self.values = losses, np.array(START)
        span = {"min": -2.0, "max": 2.0, "step": 0.1, "readout_format": ".1f", **LOOK}
        super().__init__(
            "push-explorer",
            loss=widgets.Dropdown(options=list(losses), description="loss", **LOOK),
            photo=widgets.ToggleButtons(options=PHOTOS, description="photo"),
            first=widgets.FloatSlider(START[0][0], description="first bit", **span),
            second=widgets.FloatSlider(START[0][1], description="second bit", **span),
        )

    def __repr__(self):
        return "PushExplorer: three photos, two bits and a loss (run this cell to move them)"

    def summary(self) -> str:
        """Return what the panel shows, in one line."""
        bits = ", ".join(
            f"{name} {int(x >= 0)}{int(y >= 0)}"
            for name, (x, y) in zip(PHOTOS, self.values, strict=True)
        )
        terms = ", ".join(f"{name} {value:.2f}" for name, value in self.terms.items())
        hardest = int(np.linalg.norm(self.pushes, axis=1).argmax())
        return (
            f"{self.loss.value}: {terms}. Bits: {bits}. The longest push is on {PHOTOS[hardest]}."
        )

    def _update(self, change: dict | None = None) -> None:
        row = PHOTOS.index(self.photo.value)
        if change is not None and change["owner"] is self.photo:
            values = self.values[row].tolist()  # the sliders go to the photo, not it to them
            self.first.value, self.second.value = values
        self.values[row] = self.first.value, self.second.value
        self.terms, self.pushes = push(self.losses[self.loss.value], self.values, LABELS)
        self._say(self.summary())
        self.view.value = figure_html(*push_chart(list(PHOTOS), self.values, LABELS, self.pushes))
