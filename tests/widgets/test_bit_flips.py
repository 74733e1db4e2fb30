import numpy as np
import pytest

from mvs_lib.codes import hamming_distance, unpack
from mvs_lib.datasets import capture
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import encode
from mvs_lib.deep.training import Settings, build_network
from mvs_lib.search.linear import LinearIndex
from mvs_lib.widgets.bit_flips import BitFlips

BITS = 12  # not whole bytes, so that padding would show


def photos(n, seed):
    """Smooth random photos of two places with odd names."""
    coarse = np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    images = coarse.repeat(8, 1).repeat(8, 2)
    return Photos(images, np.arange(n, dtype=np.int64) % 2, ("Tower <A>", "Hall & B"))


@pytest.fixture
def parts():
    """Two untrained networks, as different as their seeds, with their indexes."""
    source = photos(6, 1)
    networks, indexes = {}, {}
    for seed, name in enumerate(("DLBH", "SSDH")):
        networks[name] = build_network(Settings(seed=seed), bits=BITS, classes=2, width=4).eval()
        indexes[name] = LinearIndex(BITS)
        indexes[name].add(encode(networks[name], source.images))
    return networks, indexes, source, photos(4, 2)


def test_what_it_shows_is_what_the_rooms_below_compute(parts):
    networks, indexes, source, query = parts
    panel = BitFlips(*parts)
    assert panel.condition.options == capture.CONDITIONS
    panel.photo.value, panel.method.value = 3, "SSDH"
    panel.condition.value, panel.strength.value = "underexposure", 0.9
    spoilt = capture.apply(query.images[3], {"underexposure": 0.9}, seed=3)
    codes = encode(networks["SSDH"], np.stack([query.images[3], spoilt]))
    distances = hamming_distance(codes[1:], indexes["SSDH"].codes)[0]
    flipped = int(hamming_distance(codes[:1], codes[1:])[0, 0])
    assert flipped  # or the test would hold for a panel that never spoils
    assert panel.flipped.sum() == flipped
    assert np.array_equal(panel.latent >= 0.5, unpack(codes, BITS))
    assert (panel.distance, panel.nearest) == (distances.min(), distances.argmin())
    found, away = source.labels[panel.nearest], distances.min()
    away = "1 bit away" if away == 1 else f"{away} bits away"
    assert panel.right == (found == 1)
    assert panel.summary() == (
        f"SSDH, photo 3 (Hall & B), underexposure 0.9: {flipped} of {BITS} bits flip; the nearest "
        f"source photo shows {source.names[found]}, {away}. "
        f"{'Right' if found == 1 else 'Wrong'}."
    )


@pytest.mark.parametrize("condition", capture.CONDITIONS)
def test_at_strength_zero_no_bit_flips(parts, condition):
    panel = BitFlips(*parts)
    panel.condition.value = condition
    assert not panel.flipped.any()
    assert f"{condition} 0.0: 0 of {BITS} bits flip" in panel.summary()


def test_every_control_moves_it_and_has_a_name_and_a_hook(parts):
    panel = BitFlips(*parts)
    panel.strength.value = 0.9
    shown = [panel.view.value]
    for control, value in zip(
        ("photo", "condition", "strength", "method"), (1, "noise", 0.5, "SSDH"), strict=True
    ):
        widget = getattr(panel, control)
        assert widget.description and f"mvs-{control}" in widget._dom_classes
        widget.value = value
        shown.append(panel.view.value)
    assert len(set(shown)) == len(shown)


def test_a_reader_who_cannot_see_it_is_told(parts):
    panel = BitFlips(*parts)
    panel.photo.value = 0
    assert 'role="status" aria-live="polite"' in panel.answer.value
    assert "Tower &lt;A&gt;" in panel.answer.value and "<A>" not in panel.answer.value
    assert panel.view.value.count("<img alt=") == 4
    assert "bits that flip: none." in panel.view.value
    assert repr(panel) == (
        "BitFlips: spoil a photo and see which bits flip (run this cell to move it)"
    )


def test_parts_that_do_not_belong_together_are_refused(parts):
    networks, indexes, source, query = parts
    with pytest.raises(ValueError, match="same names"):
        BitFlips(networks, {"DLBH": indexes["DLBH"]}, source, query)
    with pytest.raises(ValueError, match="same names"):
        BitFlips({}, {}, source, query)
    with pytest.raises(ValueError, match=r"6 codes of 12 bits.* each of the 4 source photos"):
        BitFlips(networks, indexes, query, query)
    with pytest.raises(ValueError, match="0 codes of 16 bits"):
        BitFlips(networks, {name: LinearIndex(16) for name in networks}, source, query)
    with pytest.raises(ValueError, match="no query"):
        BitFlips(networks, indexes, source, query.take([]))
