"""The panel of notebook 10: spoil a query photo, and see what the phone sends and what it gets.

It holds no mathematics of its own: `mvs_lib.datasets.capture` spoils the photo, and the
`mvs_lib.service.recognizer.Recognizer` encodes it, searches and counts the votes.
"""

import ipywidgets as widgets
import numpy as np

from mvs_lib.datasets import capture
from mvs_lib.datasets.collection import Photos
from mvs_lib.service.recognizer import Recognizer
from mvs_lib.widgets.panel import LOOK, Panel, strength_slider
from mvs_lib.widgets.photo_html import photo, row

__all__ = ["PlaceRecognizer"]

SHOWN = 5  # so many of the nearest source photos


class PlaceRecognizer(Panel):
    """A query photo, a capture condition, the code that is sent, and the answer.

    Args:
        recognizer: fitted on the source photos.
        source: those photos, in the same order.
        query: the photos to choose from.

    The controls are ``photo``, ``condition``, ``strength`` and ``voters``. After each change
    ``code`` holds the bytes sent and ``answers`` the places, best first
    (`mvs_lib.service.recognizer.Answer`).

    Raises:
        ValueError: the recogniser was fitted on another number of photos or other places, or
            there is no query photo.
    """

    def __init__(self, recognizer: Recognizer, source: Photos, query: Photos):
        if len(recognizer.index_) != len(source) or recognizer.names_ != query.names:
            raise ValueError(
                f"the recogniser knows {len(recognizer.index_)} photos of "
                f"{len(recognizer.names_)} places, but {len(source)} source photos were given, "
                f"and queries of {len(query.names)} places: fit it on these photos"
            )
        if not len(query):
            raise ValueError("there is no query photo to choose")
        self.recognizer, self.source, self.query = recognizer, source, query
        super().__init__(
            "place-recognizer",
            photo=widgets.IntSlider(0, 0, len(query) - 1, description="query photo", **LOOK),
            condition=widgets.Dropdown(options=capture.CONDITIONS, description="condition", **LOOK),
            strength=strength_slider(),
            voters=widgets.IntSlider(10, 1, 20, description="photos that vote", **LOOK),
        )

    def __repr__(self):
        return "PlaceRecognizer: a photo, its bits, the answer (run this cell to move it)"

    @property
    def right(self) -> bool:
        """Whether the first answer is the place that the photo shows."""
        return bool(self.answers[0].label == self.query.labels[self.photo.value])

    def summary(self) -> str:
        """Return what the panel shows, in one line."""
        first, k = self.answers[0], min(self.voters.value, len(self.source))
        return (
            f"Photo {self.photo.value}, {self.condition.value} {self.strength.value:.1f}: "
            f"the phone sends {self.code.hex(' ')}; {first.place} has {first.votes} of {k} votes, "
            f"its nearest photo differs in {first.distance} of {self.recognizer.bits} bits. "
            + ("Right." if self.right else f"Wrong, the photo shows {self._true()}.")
        )

    def _true(self) -> str:
        return self.query.names[self.query.labels[self.photo.value]]

    def _update(self, change: dict | None = None) -> None:
        number = self.photo.value
        strengths = {self.condition.value: round(self.strength.value, 1)}
        self.spoilt = capture.apply(self.query.images[number], strengths, seed=number)
        codes = self.recognizer.encoder_.encode_pixels(self.spoilt[None])
        self.code = codes[0].tobytes()
        self.answers = self.recognizer.recognize_code(self.code, self.voters.value)
        found = self.recognizer.index_.search(codes, min(SHOWN, len(self.source)))
        self._say(self.summary())
        self.view.value = self._draw(*(each[0] for each in found))

    def _draw(self, distances: np.ndarray, nearest: np.ndarray) -> str:
        true = self._true()
        sent = photo(self.spoilt, f"Query photo of {true}.", (f"query: {true}",), side=192)
        shown = []
        for rank, (distance, position) in enumerate(zip(distances, nearest, strict=True), start=1):
            name = self.source.names[self.source.labels[position]]
            right, bits = name == true, "1 bit" if distance == 1 else f"{distance} bits"
            alt = f"Source photo {rank}, of {name}: {bits} away."
            verdict = "the same place" if right else "another place"
            image = self.source.images[position]
            shown.append(photo(image, alt, (name, f"{bits} away", verdict), right))
        return row(sent, *shown)
