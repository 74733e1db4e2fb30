import numpy as np
import pytest

from mvs_lib.course.push_chart import push
from mvs_lib.deep.methods import DHN, DPSH
from mvs_lib.widgets.push_explorer import LABELS, START, PushExplorer

LOSSES = {"DPSH": DPSH(memory="batch"), "DHN": DHN()}


@pytest.fixture
def panel():
    return PushExplorer(LOSSES)


def test_a_photo_moves_and_the_others_stay(panel):
    panel.photo.value = "B"
    assert (panel.first.value, panel.second.value) == START[1]
    np.testing.assert_array_equal(panel.values, START)  # choosing a photo moves nothing
    panel.first.value = 1.5
    assert panel.values.tolist() == [list(START[0]), [1.5, START[1][1]], list(START[2])]
    panel.photo.value = "A"
    assert panel.values[1].tolist() == [1.5, START[1][1]]


def test_the_push_is_downhill(panel):
    for name in LOSSES:
        panel.loss.value = name
        before = panel.terms["total"]
        after, _ = push(LOSSES[name], panel.values + 0.05 * panel.pushes, LABELS)
        assert after["total"] < before


def test_like_photos_are_drawn_together_and_unlike_ones_apart():
    values = np.array([[1.0, 0.1], [-0.2, 0.1], [-0.9, 0.1]])
    _, pushes = push(DPSH(eta=0.0, memory="batch"), values, LABELS)
    assert pushes[1, 0] > 0 > pushes[2, 0]


def test_the_words_say_bits_terms_and_the_longest_push(panel):
    assert "Bits: A 11, B 01, C 10" in panel.summary()
    longest = "ABC"[int(np.linalg.norm(panel.pushes, axis=1).argmax())]
    assert panel.summary().endswith(f"The longest push is on {longest}.")
    assert "alt=" in panel.view.value and "A at 1.0, 0.6" in panel.view.value
    with pytest.raises(ValueError, match="at least one loss"):
        PushExplorer({})
