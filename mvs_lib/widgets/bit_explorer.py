"""The panel of notebook 02: one bit, the hyperplane behind it, and the photos on its two sides.

It holds no mathematics of its own: `mvs_lib.hashing` gives the value behind each bit, and
`mvs_lib.metrics` says what all the bits together are worth.
"""

from collections.abc import Callable, Mapping

import ipywidgets as widgets
import numpy as np

from mvs_lib.codes import binarize
from mvs_lib.course.figure import PALETTE, subplots
from mvs_lib.datasets.collection import Photos
from mvs_lib.hashing import ITQ, LSH, PCAH
from mvs_lib.hashing.base import Hasher
from mvs_lib.metrics import mean_average_precision
from mvs_lib.widgets.panel import LOOK, Panel, figure_html
from mvs_lib.widgets.photo_html import photo, row

__all__ = ["BitExplorer"]

METHODS = {"LSH": LSH, "PCAH": PCAH, "ITQ": ITQ}
LENGTHS = (8, 16, 24, 32, 48, 64)
STRIP = 3  # photos in each strip
BARS = 30


class BitExplorer(Panel):
    """How one bit of a hash function divides the source photos, seen from a query photo.

    Args:
        source: the photos that the hashers learn from and the plane divides.
        source_features: real ``(n, d)``, their descriptors.
        query: the photos to choose from.
        query_features: real ``(q, d)``.
        methods: hasher classes (or functions of ``bits``) by the name that the panel shows.
        lengths: the code lengths to choose from, rising.

    The controls are ``photo``, ``method``, ``bits`` (the length of the code) and ``bit`` (which of
    them, counted from 1). After each change ``values`` are the source photos' values behind the
    bit, float64 ``(n,)``, ``value`` is the query's, ``same_side`` says which source photos have
    the query's bit, and ``map`` is Eq. 1 with all the bits, the mean over the orders inside ties.

    Raises:
        ValueError: not one descriptor a photo, no photo, no method, or lengths that do not rise.
    """

    def __init__(
        self,
        source: Photos,
        source_features: np.ndarray,
        query: Photos,
        query_features: np.ndarray,
        methods: Mapping[str, Callable[..., Hasher]] = METHODS,
        lengths: tuple[int, ...] = LENGTHS,
    ):
        _check(source, source_features, query, query_features, methods, lengths)
        self.source, self.source_features = source, source_features
        self.query, self.query_features = query, query_features
        self.methods, self._learned = dict(methods), {}
        start = 48 if 48 in lengths else lengths[-1]
        super().__init__(
            "bit-explorer",
            photo=widgets.IntSlider(0, 0, len(query) - 1, description="query photo", **LOOK),
            method=widgets.Dropdown(options=list(methods), description="method", **LOOK),
            bits=widgets.SelectionSlider(
                options=lengths, value=start, description="number of bits", **LOOK
            ),
            bit=widgets.IntSlider(1, 1, start, description="look at bit", **LOOK),
        )

    def __repr__(self):
        return "BitExplorer: a bit, its plane, the photos beside it (run this cell to move it)"

    def summary(self) -> str:
        """Return what the panel shows, in one line."""
        own = self.own
        return (
            f"{self.method.value}, bit {self.bit.value} of {self.bits.value}, photo "
            f"{self.photo.value} ({self._true()}): bit {int(self.value >= 0)}, as have "
            f"{np.count_nonzero(self.same_side)} of {len(own)} source photos and "
            f"{np.count_nonzero(self.same_side & own)} of the {np.count_nonzero(own)} of its own "
            f"place. MAP with all {self.bits.value} bits: {self.map:.2f}."
        )

    @property
    def own(self) -> np.ndarray:
        """Which source photos show the query's place, bool ``(n,)``."""
        return self.source.labels == self.query.labels[self.photo.value]

    def _true(self) -> str:
        return self.query.names[self.query.labels[self.photo.value]]

    def _update(self, change: dict | None = None) -> None:
        if self.bit.max != self.bits.value:
            self.bit.max = self.bits.value  # a shorter code may lack the bit: the slider follows
        source, query, self.map = self._learn(self.method.value, self.bits.value)
        self.values = source[:, self.bit.value - 1]
        self.value = query[self.photo.value, self.bit.value - 1]
        self.same_side = (self.values >= 0) == (self.value >= 0)
        self._say(self.summary())
        self.view.value = self._histogram() + self._strips()

    def _learn(self, method: str, bits: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the values of source and query photos and the MAP; learned once, then kept."""
        if (method, bits) not in self._learned:
            hasher = self.methods[method](bits=bits).fit(self.source_features)
            source = hasher.project(self.source_features)
            query = hasher.project(self.query_features)
            labels = self.query.labels, self.source.labels
            codes = binarize(query), binarize(source)
            found = mean_average_precision(
                codes[0], labels[0], codes[1], labels[1], ties="expected"
            )
            self._learned[method, bits] = source, query, found
        return self._learned[method, bits]

    def _histogram(self) -> str:
        figure, axes = subplots(figsize=(6.4, 2.6))
        low, high = min(self.values.min(), self.value), max(self.values.max(), self.value)
        counts, edges = np.histogram(self.values, BARS, (low, high))
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=PALETTE[5], label="all")
        below = np.full(np.count_nonzero(self.own), -0.07 * counts.max())
        axes.plot(self.values[self.own], below, "|", color=PALETTE[2], label="its own place")
        axes.axvline(0, color="black", linewidth=1, label="the plane")
        axes.plot(self.value, 0, "v", color=PALETTE[1], markersize=10, label="query photo")
        axes.set(xlabel="value behind the bit (below 0: bit 0)", ylabel="source photos")
        figure.legend(loc="outside upper center", ncols=4)
        ones = np.count_nonzero(self.values >= 0)
        alt = (
            f"Histogram of the value behind bit {self.bit.value}: {len(self.values) - ones} source "
            f"photos lie below 0 and {ones} at or above; the query photo has bit "
            f"{int(self.value >= 0)}."
        )
        return figure_html(figure, alt)

    def _strips(self) -> str:
        order = np.argsort(self.values, kind="stable")
        below, above = np.split(order, [np.count_nonzero(self.values < 0)])
        strips = {
            "bit 0, farthest from the plane": below[:STRIP],
            "bit 0, nearest to the plane": below[STRIP:][-STRIP:],
            "bit 1, nearest to the plane": above[: max(0, len(above) - STRIP)][:STRIP],
            "bit 1, farthest from the plane": above[-STRIP:],
        }
        number, true = self.photo.value, self._true()
        query = photo(self.query.images[number], f"Query photo of {true}.", (true,), side=96)
        parts = [f"<div><b>query photo</b>{query}</div>"]
        for title, chosen in strips.items():
            parts.append(f"<div><b>{title}</b>{row(*map(self._small, chosen))}</div>")
        return row(*parts)

    def _small(self, index: int) -> str:
        name, own = self.source.names[self.source.labels[index]], bool(self.own[index])
        said = (name, "its own place") if own else (name,)
        alt = f"Source photo of {name}, value {self.values[index]:.2f}."
        return photo(self.source.images[index], alt, said, True if own else None, side=72)


def _check(source, source_features, query, query_features, methods, lengths) -> None:
    for name, photos, features in (
        ("source", source, source_features),
        ("query", query, query_features),
    ):
        if np.ndim(features) != 2 or len(features) != len(photos) or not len(photos):
            raise ValueError(
                f"{name} features {np.shape(features)} for {len(photos)} {name} photos: give one "
                "row a photo, and at least one photo"
            )
    if not methods:
        raise ValueError("there is no method to choose: give at least one hasher by its name")
    if not lengths or lengths[0] < 1 or list(lengths) != sorted(set(lengths)):
        raise ValueError(f"lengths must be numbers of bits that rise, got {lengths}")
