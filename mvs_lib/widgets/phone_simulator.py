"""The panel of notebook 08: a device, a network, an encoder, a spoilt photo, and where it all goes.

It computes nothing: `mvs_lib.datasets.capture` spoils the photo, `mvs_lib.service.simulated_query`
asks, and `mvs_lib.course.timeline_chart` draws.
"""

import ipywidgets as widgets

from mvs_lib.course.timeline_chart import timeline_chart
from mvs_lib.datasets import capture
from mvs_lib.datasets.collection import Photos
from mvs_lib.phone.devices import DEVICES, timed_devices
from mvs_lib.phone.radio import RADIOS
from mvs_lib.phone.simulation import eight_bits_known
from mvs_lib.service.recognizer import Recognizer
from mvs_lib.service.simulated_query import Variant, ask
from mvs_lib.widgets.panel import LOOK, Panel, figure_html, strength_slider
from mvs_lib.widgets.photo_html import photo, row

__all__ = ["PhoneSimulator"]


class PhoneSimulator(Panel):
    """Choose a phone, a network and an encoder, spoil a photo; see time, memory, battery, answer.

    Args:
        recognizer: fitted on the source photos.
        source: those photos, in the same order.
        query: the photos to choose from.
        variants: the encoders to choose from, by name.

    The controls are ``device``, ``network``, ``variant``, ``photo``, ``condition`` and
    ``strength``. After each change ``asked`` is the `mvs_lib.service.simulated_query` result, None
    where nobody has published how fast the device is with 8-bit numbers.

    Raises:
        ValueError: no photo or no encoder to choose.
    """

    def __init__(
        self, recognizer: Recognizer, source: Photos, query: Photos, variants: dict[str, Variant]
    ):
        if not len(query) or not variants:
            raise ValueError("give at least one query photo and one encoder")
        self.recognizer, self.source, self.query = recognizer, source, query
        self.variants = variants
        super().__init__(
            "phone-simulator",
            device=widgets.Dropdown(
                options=[(f"{name} ({DEVICES[name].year})", name) for name in timed_devices()],
                description="phone", **LOOK,
            ),
            network=widgets.Dropdown(options=list(RADIOS), description="network", **LOOK),
            variant=widgets.Dropdown(options=list(variants), description="encoder", **LOOK),
            photo=widgets.IntSlider(0, 0, len(query) - 1, description="query photo", **LOOK),
            condition=widgets.Dropdown(options=capture.CONDITIONS, description="condition", **LOOK),
            strength=strength_slider(),
        )  # fmt: skip

    def __repr__(self):
        return "PhoneSimulator: where a query's time goes on a phone (run this cell to choose)"

    def summary(self) -> str:
        """Return what the panel shows, in one line, without what was timed here."""
        device, variant = self.device.value, self.variants[self.variant.value]
        start = f"{device}, {self.network.value}, {self.variant.value} encoder"
        if self.asked is None:
            return f"{start}: nobody has published how fast this chip is with 8-bit numbers."
        asked, encode = self.asked, self.asked.by_code.encode
        memory = variant.peak_bytes
        joules = asked.by_code.radio_joules
        right = asked.answers[0].label == self.query.labels[self.photo.value]
        return (
            f"{start}: encodes in {encode.milliseconds:.1f} ms ({encode.low:.1f} to "
            f"{encode.high:.1f}; networks left out of the fit are off by "
            f"{100 * encode.typical_error:.0f} % typically), sends {len(asked.code)} bytes in "
            f"{asked.by_code.send_ms:.0f} ms (the photo, {asked.photo_bytes:,} bytes: "
            f"{asked.by_photo.send_ms:.0f} ms); file {variant.file_bytes:,} bytes, "
            + (f"memory {memory / 1e6:.0f} MB, " if memory is not None else "")
            + (f"radio {joules:.1f} J; " if joules is not None else "no model of the radio; ")
            + f"{asked.flipped} bits differ from the server's encoder; "
            f"{asked.answers[0].place}: {'right' if right else 'wrong'}."
        )

    def _update(self, change: dict | None = None) -> None:
        number, variant = self.photo.value, self.variants[self.variant.value]
        strengths = {self.condition.value: round(self.strength.value, 1)}
        self.spoilt = capture.apply(self.query.images[number], strengths, seed=number)
        if variant.eight_bits and not eight_bits_known(self.device.value):
            self.asked, self.view.value = None, ""
        else:
            self.asked = ask(
                self.recognizer, variant, self.spoilt, self.device.value, self.network.value
            )
            self.view.value = self._draw()
        self._say(self.summary())

    def _draw(self) -> str:
        asked, true = self.asked, self.query.names[self.query.labels[self.photo.value]]
        chart = timeline_chart({
            f"{len(asked.code)} bytes of code": asked.by_code,
            f"the photo, {asked.photo_bytes:,} bytes": asked.by_photo,
        })  # fmt: skip
        best = asked.answers[0]
        right, verdict = best.place == true, f"{best.distance} bits away"
        found = self.source.images[best.photo]
        return figure_html(*chart) + row(
            photo(self.spoilt, f"Query photo of {true}.", (f"query: {true}",), side=160),
            photo(
                found, f"Nearest source photo of {best.place}.", (best.place, verdict), right, 160
            ),
        )
