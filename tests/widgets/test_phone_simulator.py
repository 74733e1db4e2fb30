import numpy as np
import pytest

from mvs_lib.datasets import capture
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.training import Settings, build_network
from mvs_lib.phone.latency import NetworkCost
from mvs_lib.service.recognizer import Recognizer
from mvs_lib.service.simulated_query import Variant, ask
from mvs_lib.widgets.phone_simulator import PhoneSimulator


def photos(n, seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return Photos(coarse.repeat(4, 1).repeat(4, 2), np.arange(n) % 3, ("Tower <A>", "Hall", "Gate"))


@pytest.fixture(scope="module")
def panel():
    source = photos(30, 1)
    network = build_network(Settings(), bits=12, classes=3, width=4).eval()
    recognizer = Recognizer(12).fit(source, network, progress=False)
    cost = NetworkCost(30e6, 3e6, 4e6)
    variants = {
        "float": Variant(recognizer.encoder_, cost, 3000, 25_000_000),
        "8-bit": Variant(recognizer.encoder_, cost, 900, eight_bits=True),
    }
    return PhoneSimulator(recognizer, source, photos(6, 2), variants)


def test_the_words_are_those_of_the_query(panel):
    panel.device.value, panel.network.value, panel.variant.value = "Kirin 970", "3G", "float"
    panel.photo.value, panel.condition.value, panel.strength.value = 4, "underexposure", 0.9
    spoilt = capture.apply(panel.query.images[4], {"underexposure": 0.9}, seed=4)
    asked = ask(panel.recognizer, panel.variants["float"], spoilt, "Kirin 970", "3G")
    assert panel.asked.code == asked.code and panel.asked.answers == asked.answers
    said, encode = panel.summary(), asked.by_code.encode
    assert f"encodes in {encode.milliseconds:.1f} ms ({encode.low:.1f} to {encode.high:.1f}" in said
    assert f"sends 2 bytes in {asked.by_code.send_ms:.0f} ms" in said
    assert "file 3,000 bytes, memory 25 MB, radio" in said and "0 bits differ" in said
    right = asked.answers[0].label == panel.query.labels[4]
    assert said.endswith("right." if right else "wrong.")
    assert panel.view.value.count("<img") == 3 and "Tower <A>" not in panel.view.value


def test_every_choice_says_something(panel):
    for control in (panel.device, panel.network, panel.variant):
        for index in range(len(control.options)):
            control.index = index
            assert panel.summary() in panel.answer.value.replace("&#x27;", "'")
        control.index = 0


def test_what_nobody_has_published_is_not_invented(panel):
    panel.device.value, panel.variant.value = "iPhone 5S", "8-bit"
    assert panel.asked is None and "nobody has published" in panel.answer.value
    panel.device.value = "Dimensity 9300"
    assert panel.asked is not None and "<img" in panel.view.value
    with pytest.raises(ValueError, match="at least one query photo and one encoder"):
        PhoneSimulator(panel.recognizer, panel.source, panel.query, {})
