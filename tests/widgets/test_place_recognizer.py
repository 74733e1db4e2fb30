import numpy as np
import pytest

from mvs_lib.datasets import capture
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.training import Settings, build_network
from mvs_lib.service.recognizer import Recognizer
from mvs_lib.widgets.place_recognizer import PlaceRecognizer

BITS = 12  # not whole bytes, so that padding would show
NAMES = ("Tower <A>", "Hall & B", "Gate")


def photos(n, seed):
    """Smooth random photos of three places, two of them with odd names."""
    coarse = np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return Photos(coarse.repeat(4, 1).repeat(4, 2), np.arange(n, dtype=np.int64) % 3, NAMES)


@pytest.fixture(scope="module")
def fitted():
    """A recogniser with an untrained network, and its source photos."""
    source = photos(30, 1)
    network: HashNetwork = build_network(Settings(), bits=BITS, classes=3, width=4).eval()
    return Recognizer(BITS).fit(source, network, progress=False), source


@pytest.fixture
def panel(fitted):
    return PlaceRecognizer(*fitted, photos(12, 2))


def test_what_it_shows_is_what_the_recogniser_answers(panel, fitted):
    recognizer, _ = fitted
    panel.photo.value, panel.voters.value = 4, 7
    panel.condition.value, panel.strength.value = "underexposure", 0.9
    spoilt = capture.apply(panel.query.images[4], {"underexposure": 0.9}, seed=4)
    assert (spoilt != panel.query.images[4]).any()  # or a panel that never spoils would pass
    answers = recognizer.recognize(spoilt, k=7)
    assert panel.answers == answers
    assert panel.code == recognizer.encoder_.encode_pixels(spoilt[None])[0].tobytes()
    assert panel.right == (answers[0].label == 1)
    first = answers[0]
    verdict = "Right." if panel.right else f"Wrong, the photo shows {NAMES[1]}."
    assert panel.summary() == (
        f"Photo 4, underexposure 0.9: the phone sends {panel.code.hex(' ')}; {first.place} has "
        f"{first.votes} of 7 votes, its nearest photo differs in {first.distance} of {BITS} bits. "
        f"{verdict}"
    )


def test_right_and_wrong_are_both_said_in_words(panel):
    said = set()
    for number in range(len(panel.query)):
        panel.photo.value = number
        wrong = bool(panel.answers[0].label != panel.query.labels[number])
        said.add(wrong)
        assert panel.summary().endswith("Right.") == (not wrong)
        assert ("Wrong, the photo shows" in panel.summary()) is wrong
    assert said == {True, False}


def test_at_strength_zero_the_condition_changes_nothing(panel):
    panel.photo.value = 3
    codes = set()
    for condition in capture.CONDITIONS:
        panel.condition.value = condition
        codes.add(panel.code)
    assert len(codes) == 1


def test_every_control_moves_it_and_has_a_name_and_a_hook(panel):
    panel.strength.value = 0.9
    shown = [panel.summary()]
    for control, value in zip(
        ("photo", "condition", "strength", "voters"), (1, "noise", 0.5, 3), strict=True
    ):
        widget = getattr(panel, control)
        assert widget.description and f"mvs-{control}" in widget._dom_classes
        widget.value = value
        shown.append(panel.summary())
    assert len(set(shown)) == len(shown)
    assert "mvs-answer" in panel.answer._dom_classes


def test_a_reader_who_cannot_see_it_is_told(panel):
    panel.photo.value = 3  # shows "Tower <A>"
    shown = panel.answer.value + panel.view.value
    assert 'role="status" aria-live="polite"' in panel.answer.value
    assert "Tower &lt;A&gt;" in shown and "<A>" not in shown
    assert panel.view.value.count("<img ") == panel.view.value.count("alt=") == 6
    words = [panel.view.value.count(each) for each in ("the same place", "another place")]
    assert sum(words) == 5
    assert repr(panel) == (
        "PlaceRecognizer: a photo, its bits, the answer (run this cell to move it)"
    )


def test_parts_that_do_not_belong_together_are_refused(fitted):
    recognizer, source = fitted
    with pytest.raises(ValueError, match="knows 30 photos of 3 places, but 29 source photos"):
        PlaceRecognizer(recognizer, source.take(slice(29)), source)
    other = Photos(source.images, source.labels, ("a", "b", "c", "d"))
    with pytest.raises(ValueError, match="queries of 4 places"):
        PlaceRecognizer(recognizer, source, other)
    with pytest.raises(ValueError, match="no query photo"):
        PlaceRecognizer(recognizer, source, source.take([]))
