import numpy as np
import pytest

from mvs_lib.datasets.collection import Photos
from mvs_lib.hashing import ITQ, LSH, PCAH
from mvs_lib.metrics import mean_average_precision
from mvs_lib.widgets import bit_explorer
from mvs_lib.widgets.bit_explorer import BitExplorer

NAMES = ("Tower <A>", "Hall & B", "Gate")
RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(60, 20)), RANDOM.normal(size=(6, 20))
LENGTHS = (4, 9, 16)  # not whole bytes, so that padding would show


def photos(n):
    images = np.random.default_rng(n).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return Photos(images, np.arange(n, dtype=np.int64) % 3, NAMES)


def make(**options):
    options = {"lengths": LENGTHS, **options}
    return BitExplorer(photos(60), FEATURES[0], photos(6), FEATURES[1], **options)


@pytest.mark.parametrize("hasher", [LSH, PCAH, ITQ], ids=lambda each: each.__name__)
def test_what_it_shows_is_what_the_rooms_below_compute(hasher):
    panel = make()
    panel.photo.value, panel.method.value = 4, hasher.__name__
    panel.bits.value, panel.bit.value = 9, 3
    learned = hasher(9).fit(FEATURES[0])
    values, value = learned.project(FEATURES[0])[:, 2], learned.project(FEATURES[1])[4, 2]
    assert np.array_equal(panel.values, values) and panel.value == value
    same = [(each >= 0) == (value >= 0) for each in values]
    assert panel.same_side.tolist() == same
    labels = np.arange(6) % 3, np.arange(60) % 3
    codes = learned.encode(FEATURES[1]), learned.encode(FEATURES[0])
    whole = mean_average_precision(codes[0], labels[0], codes[1], labels[1], ties="expected")
    assert panel.map == whole
    assert panel.summary() == (
        f"{hasher.__name__}, bit 3 of 9, photo 4 (Hall & B): bit {int(value >= 0)}, as have "
        f"{sum(same)} of 60 source photos and {sum(same[1::3])} of the 20 of its own place. "
        f"MAP with all 9 bits: {whole:.2f}."
    )


def test_the_strips_hold_the_farthest_and_the_nearest_of_each_side():
    panel = make()
    order = np.argsort(panel.values)
    negative = np.count_nonzero(panel.values < 0)
    wanted = [*order[:3], *order[negative - 3 : negative + 3], *order[-3:]]
    shown = [part for part in panel.view.value.split('alt="') if part.startswith("Source photo")]
    assert len(shown) == 12
    for part, index in zip(shown, wanted, strict=True):
        assert f"value {panel.values[index]:.2f}." in part
        assert ("its own place" in part) == (index % 3 == 0)


def test_a_side_with_few_photos_shows_none_twice():
    class Lopsided(PCAH):
        def project(self, features):
            return np.abs(super().project(features)) + 1  # nothing lies below the plane

    panel = make(methods={"lopsided": Lopsided})
    assert panel.view.value.count("Source photo of") == 6
    assert panel.same_side.all()


def test_a_shorter_code_takes_the_bit_with_it():
    panel = make()
    panel.bit.value = 16
    panel.bits.value = 4
    assert (panel.bit.value, panel.bit.max) == (4, 4)
    assert "bit 4 of 4" in panel.summary() and "bit 4 of 4" in panel.answer.value
    panel.bits.value = 9
    assert (panel.bit.value, panel.bit.max) == (4, 9)


def test_each_hasher_learns_once():
    fitted = []

    class Counted(PCAH):
        def fit(self, features, labels=None):
            fitted.append(self.bits)
            return super().fit(features)

    panel = make(methods={"PCAH": Counted})
    panel.bit.value, panel.photo.value = 7, 2
    panel.bits.value = 4
    panel.bits.value = 16
    assert fitted == [16, 4]


def test_every_control_moves_it_and_has_a_name_and_a_hook():
    panel = make()
    shown = [panel.summary() + panel.view.value]
    for control, value in zip(("photo", "method", "bits", "bit"), (1, "ITQ", 9, 5), strict=True):
        widget = getattr(panel, control)
        assert widget.description and f"mvs-{control}" in widget._dom_classes
        widget.value = value
        shown.append(panel.summary() + panel.view.value)
    assert len(set(shown)) == len(shown)


def test_a_reader_who_cannot_see_it_is_told():
    panel = make()
    assert 'role="status" aria-live="polite"' in panel.answer.value
    assert "Tower &lt;A&gt;" in panel.answer.value and "<A>" not in panel.answer.value
    assert panel.view.value.count("<img alt=") == 14  # a histogram, the query, twelve photos
    below = np.count_nonzero(panel.values < 0)
    assert f"{below} source photos lie below 0 and {60 - below} at or above" in panel.view.value
    assert repr(panel) == (
        "BitExplorer: a bit, its plane, the photos beside it (run this cell to move it)"
    )


def test_the_course_compares_three_methods_at_six_lengths():
    assert list(bit_explorer.METHODS) == ["LSH", "PCAH", "ITQ"]
    assert make(lengths=(3, 48, 60), methods={"LSH": LSH}).bits.value == 48


def test_parts_that_do_not_belong_together_are_refused():
    source, query = photos(60), photos(6)
    with pytest.raises(ValueError, match=r"source features \(6, 20\) for 60 source photos"):
        BitExplorer(source, FEATURES[1], query, FEATURES[1])
    with pytest.raises(ValueError, match=r"query features \(0, 20\) for 0 query photos"):
        BitExplorer(source, FEATURES[0], query.take([]), FEATURES[1][:0])
    with pytest.raises(ValueError, match="no method"):
        make(methods={})
    for lengths in ((), (8, 4), (4, 4), (0, 4)):
        with pytest.raises(ValueError, match="lengths must be numbers of bits that rise"):
            make(lengths=lengths)
