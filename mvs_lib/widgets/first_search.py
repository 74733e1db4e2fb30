"""The panel of notebook 00: a query photo, fewer and fewer bits of its code, and the answer.

It holds no mathematics of its own: `mvs_lib.codes` shortens the codes, `mvs_lib.search` finds the
nearest.
"""

import ipywidgets as widgets
import numpy as np

from mvs_lib.codes import check_codes, pack, unpack
from mvs_lib.datasets.collection import Photos
from mvs_lib.search.linear import LinearIndex
from mvs_lib.widgets.panel import LOOK, Panel
from mvs_lib.widgets.photo_html import photo, row

__all__ = ["FirstSearch"]


class FirstSearch(Panel):
    """The nearest source photo when only the first bits of every code are compared.

    Args:
        source: the photos to find.
        source_codes: their codes, uint8 ``(n, bytes)``.
        query: the photos to choose from.
        query_codes: their codes, uint8 ``(q, bytes)``.
        bits: length of the codes.

    The controls are ``photo`` and ``bits``. After each change ``nearest`` is the position of the
    nearest source photo (the first of them where several are equally near), ``distance`` its
    distance in bits, and ``tied`` the positions of all that are equally near.

    Raises:
        ValueError: codes of another length, not one a photo, or no photo at all.
    """

    def __init__(
        self,
        source: Photos,
        source_codes: np.ndarray,
        query: Photos,
        query_codes: np.ndarray,
        bits: int = 48,
    ):
        self.source, self.query = source, query
        self.source_bits = unpack(_fitting(source_codes, source, bits, "source"), bits)
        self.query_bits = unpack(_fitting(query_codes, query, bits, "query"), bits)
        super().__init__(
            "first-search",
            photo=widgets.IntSlider(0, 0, len(query) - 1, description="query photo", **LOOK),
            bits=widgets.IntSlider(bits, 1, bits, description="bits compared", **LOOK),
        )

    def __repr__(self):
        return "FirstSearch: a photo, some bits of its code, the answer (run this cell to move it)"

    @property
    def right(self) -> bool:
        """Whether the nearest source photo shows the query's place."""
        return bool(self.source.labels[self.nearest] == self.query.labels[self.photo.value])

    def summary(self) -> str:
        """Return what the panel shows, in one line."""
        names, tied = self.query.names, len(self.tied)
        places = len(np.unique(self.source.labels[self.tied]))
        found = names[self.source.labels[self.nearest]]
        true = names[self.query.labels[self.photo.value]]
        photos = "one source photo is" if tied == 1 else f"{tied} source photos are"
        return (
            f"Photo {self.photo.value}, {self.bits.value} of {self.bits.max} bits: {photos} "
            f"nearest (distance {self.distance}), of {places} place{'s' * (places > 1)}; "
            f"the first shows {found}. " + ("Right." if self.right else f"Wrong, it is {true}.")
        )

    def _update(self, change: dict | None = None) -> None:
        used = self.bits.value
        index = LinearIndex(used)
        index.add(pack(self.source_bits[:, :used]))
        code = pack(self.query_bits[self.photo.value : self.photo.value + 1, :used])
        self.distance = int(index.search(code, k=1)[0][0, 0])
        self.tied = index.range_search(code, self.distance)[2]
        self.nearest = int(self.tied[0])
        self._say(self.summary())
        self.view.value = self._draw()

    def _draw(self) -> str:
        number, names = self.photo.value, self.query.names
        true, found = names[self.query.labels[number]], names[self.source.labels[self.nearest]]
        verdict = "the same place" if self.right else "another place"
        photos = row(
            photo(self.query.images[number], f"Query photo of {true}.", (f"query: {true}",)),
            photo(
                self.source.images[self.nearest],
                f"Nearest source photo, of {found}.",
                (f"answer: {found}", verdict),
                self.right,
            ),
        )
        used, bits = self.bits.value, "".join(map(str, self.query_bits[number]))
        rest = f'<span style="opacity: 0.3">{bits[used:]}</span>'
        return f"{photos}<div>bits compared: <code>{bits[:used]}{rest}</code></div>"


def _fitting(codes: np.ndarray, photos: Photos, bits: int, name: str) -> np.ndarray:
    codes = check_codes(codes, bits, f"{name} codes")
    if len(codes) != len(photos) or not len(codes):
        raise ValueError(
            f"{len(codes)} {name} codes for {len(photos)} {name} photos: give one a photo, and at "
            "least one photo"
        )
    return codes
