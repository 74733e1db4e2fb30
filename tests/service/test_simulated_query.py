"""A simulated query: the code and the answer are real, the times are those of its parts."""

import numpy as np
import pytest

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.training import Settings, build_network
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.export import export_onnx
from mvs_lib.phone.latency import NetworkCost
from mvs_lib.phone.simulation import simulate
from mvs_lib.service.demonstration import jpeg
from mvs_lib.service.recognizer import Recognizer
from mvs_lib.service.simulated_query import Variant, ask

BITS = 12
COST = NetworkCost(30e6, 3e6, 4e6)


def network(seed):
    return build_network(Settings(seed=seed), bits=BITS, classes=3, width=4).eval()


@pytest.fixture(scope="module")
def source():
    coarse = np.random.default_rng(1).integers(0, 256, (30, 8, 8, 3), dtype=np.uint8)
    return Photos(coarse.repeat(4, 1).repeat(4, 2), np.arange(30) % 3, ("Tower", "Hall", "Gate"))


@pytest.fixture(scope="module")
def recognizer(source):
    return Recognizer(BITS).fit(source, network(0), progress=False)


def test_the_recognisers_own_encoder_flips_nothing_and_finds_the_photo(recognizer, source):
    variant = Variant(recognizer.encoder_, COST, 1000)
    for photo in source.images[:5]:
        asked = ask(recognizer, variant, photo, "Kirin 970", "3G", k=1)
        assert asked.flipped == 0 and asked.answers == recognizer.recognize(photo, k=1)
        assert asked.answers[0].distance == 0 and len(asked.code) == 2
        assert asked.photo_bytes == len(jpeg(photo))
        query = simulate("Kirin 970", "3G", COST, 2, asked.by_code.search_ms)
        assert asked.by_code == query
        whole = asked.by_photo
        assert whole.encode.milliseconds == whole.encode.high == 0
        more = 8 * (asked.photo_bytes - 2) / 768
        assert whole.send_ms - asked.by_code.send_ms == pytest.approx(more)


def test_another_encoder_flips_bits_and_is_answered_by_its_own_code(recognizer, source, tmp_path):
    other = Encoder(export_onnx(network(5), tmp_path / "other.onnx", size=32))
    asked = ask(recognizer, Variant(other, COST, 1000), source.images[3], "Kirin 970", "LTE")
    code = other.encode_pixels(source.images[3:4])[0].tobytes()
    own = recognizer.encoder_.encode_pixels(source.images[3:4])[0].tobytes()
    assert asked.code == code and asked.answers == recognizer.recognize_code(code)
    assert asked.flipped == sum(bin(a ^ b).count("1") for a, b in zip(code, own, strict=True)) > 0


def test_other_bits_are_refused(recognizer, source, tmp_path):
    longer = build_network(Settings(), bits=20, classes=3, width=4).eval()
    variant = Variant(Encoder(export_onnx(longer, tmp_path / "longer.onnx", size=32)), COST, 1)
    with pytest.raises(ValueError, match="the phone's encoder has 20 bits, the server 12"):
        ask(recognizer, variant, source.images[0], "Kirin 970", "LTE")
