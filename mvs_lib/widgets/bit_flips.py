"""The panel of notebook 03: spoil a photo, and see which of its bits flip.

It holds no mathematics of its own: `mvs_lib.datasets.capture` spoils the photo, the network gives
the latent values, `mvs_lib.search` finds the nearest source photo.
"""

import ipywidgets as widgets
import numpy as np
import torch

from mvs_lib.codes import binarize, unpack
from mvs_lib.course.figure import PALETTE, subplots
from mvs_lib.datasets import capture
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.encoding import project
from mvs_lib.deep.network import HashNetwork
from mvs_lib.search.linear import LinearIndex
from mvs_lib.widgets.panel import LOOK, Panel, figure_html, strength_slider
from mvs_lib.widgets.photo_html import photo, row

__all__ = ["BitFlips"]


class BitFlips(Panel):
    """Latent values of a query photo before and after a capture condition, and the answer.

    Args:
        networks: trained networks by the name that the panel shows.
        indexes: under the same names, the index that holds the source photos' codes.
        source: the source photos, in the order of the indexes.
        query: the photos to choose from.

    The controls are ``photo``, ``condition``, ``strength`` and ``method``; after each change
    ``latent`` is real ``(2, bits)``, clean and spoilt, ``flipped`` bool ``(bits,)``, and
    ``nearest`` the position of the nearest source photo.

    Raises:
        ValueError: networks and indexes differ in their names, bits or number of photos, or there
            is no query photo.
    """

    def __init__(
        self,
        networks: dict[str, HashNetwork],
        indexes: dict[str, LinearIndex],
        source: Photos,
        query: Photos,
    ):
        _check(networks, indexes, source, query)
        self.networks, self.indexes, self.source, self.query = networks, indexes, source, query
        super().__init__(
            "bit-flips",
            photo=widgets.IntSlider(0, 0, len(query) - 1, description="query photo", **LOOK),
            condition=widgets.Dropdown(
                options=capture.CONDITIONS, value="motion", description="condition", **LOOK
            ),
            strength=strength_slider(),
            method=widgets.Dropdown(options=list(networks), description="method", **LOOK),
        )

    def __repr__(self):
        return "BitFlips: spoil a photo and see which bits flip (run this cell to move it)"

    @property
    def right(self) -> bool:
        """Whether the nearest source photo shows the place of the query."""
        return bool(self.source.labels[self.nearest] == self.query.labels[self.photo.value])

    def summary(self) -> str:
        """Return what the panel shows, in one line."""
        return (
            f"{self.method.value}, photo {self.photo.value} ({self._true()}), "
            f"{self.condition.value} {self.strength.value:.1f}: "
            f"{self.flipped.sum()} of {len(self.flipped)} bits flip; the nearest source photo "
            f"shows {self._found()}, {self._away()}. " + ("Right." if self.right else "Wrong.")
        )

    def _true(self) -> str:
        return self.query.names[self.query.labels[self.photo.value]]

    def _found(self) -> str:
        return self.source.names[self.source.labels[self.nearest]]

    def _away(self) -> str:
        return "1 bit away" if self.distance == 1 else f"{self.distance} bits away"

    def _update(self, change: dict | None = None) -> None:
        number = self.photo.value
        clean = self.query.images[number]
        strengths = {self.condition.value: round(self.strength.value, 1)}
        self.spoilt = capture.apply(clean, strengths, seed=number)
        network = self.networks[self.method.value]
        projection = project(network, np.stack([clean, self.spoilt]))
        self.latent = torch.sigmoid(torch.from_numpy(projection)).numpy()
        codes = binarize(projection)
        before, after = unpack(codes, network.bits)
        self.flipped = before != after
        distances, ids = self.indexes[self.method.value].search(codes[1:], k=1)
        self.distance, self.nearest = int(distances[0, 0]), int(ids[0, 0])
        self._say(self.summary())
        self.view.value = self._photos() + self._bars()

    def _photos(self) -> str:
        true, found = self._true(), self._found()
        said = f"{self.condition.value} {self.strength.value:.1f}"
        verdict = "the same place" if self.right else "another place"
        nearest = ("nearest source photo:", found, self._away(), verdict)
        return row(
            photo(self.query.images[self.photo.value], f"Query photo of {true}.", (true,)),
            photo(self.spoilt, f"The same photo with {said}.", (said,)),
            photo(
                self.source.images[self.nearest],
                f"The nearest source photo, of {found}.",
                nearest,
                self.right,
            ),
        )

    def _bars(self) -> str:
        bits = np.arange(len(self.flipped))
        clean, spoilt = self.latent
        figure, axes = subplots(figsize=(6.4, 2.8))
        for flips, label in enumerate(("spoilt photo, same bit", "spoilt photo, bit flips")):
            which = self.flipped == bool(flips)
            height = spoilt[which] - 0.5
            axes.bar(bits[which], height, bottom=0.5, color=PALETTE[flips], label=label)
        axes.plot(bits, clean, "_", color="black", markersize=7, label="clean photo")
        axes.axhline(0.5, color="black", linewidth=1)
        axes.set(xlim=(-1, len(bits)), ylim=(0, 1), xlabel="bit", ylabel="latent value")
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
        flipped = ", ".join(map(str, np.flatnonzero(self.flipped))) or "none"
        alt = f"Latent values of the {len(bits)} units around one half; bits that flip: {flipped}."
        return figure_html(figure, alt)


def _check(networks: dict, indexes: dict, source: Photos, query: Photos) -> None:
    if not networks or networks.keys() != indexes.keys():
        raise ValueError(
            f"networks {list(networks)} and indexes {list(indexes)} must have the same names, at "
            "least one"
        )
    for name, network in networks.items():
        index = indexes[name]
        if index.bits != network.bits or len(index) != len(source) or not len(index):
            raise ValueError(
                f"the index of {name} has {len(index)} codes of {index.bits} bits; needed: one "
                f"code of {network.bits} bits for each of the {len(source)} source photos, at "
                "least one"
            )
    if not len(query):
        raise ValueError("there is no query photo to choose")
