import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.codes import pack
from mvs_lib.datasets.collection import Photos
from mvs_lib.widgets.first_search import FirstSearch

BITS = 20  # not whole bytes, so that padding would show
NAMES = ("Tower <A>", "Hall & B", "Gate")
RANDOM = np.random.default_rng(0)
SOURCE_BITS, QUERY_BITS = RANDOM.integers(0, 2, (40, BITS)), RANDOM.integers(0, 2, (6, BITS))


def photos(n):
    images = np.random.default_rng(n).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return Photos(images, np.arange(n, dtype=np.int64) % 3, NAMES)


def make():
    return FirstSearch(photos(40), pack(SOURCE_BITS), photos(6), pack(QUERY_BITS), BITS)


PANEL = make()


@given(st.integers(0, 5), st.integers(1, BITS))
def test_it_compares_the_first_bits_and_no_more(number, used):
    PANEL.photo.value, PANEL.bits.value = number, used
    differing = (SOURCE_BITS[:, :used] != QUERY_BITS[number, :used]).sum(1)  # by counting
    tied = np.flatnonzero(differing == differing.min())
    assert PANEL.distance == differing.min()
    assert PANEL.tied.tolist() == tied.tolist()
    assert PANEL.nearest == tied[0]
    found, true = NAMES[tied[0] % 3], NAMES[number % 3]
    places = len(np.unique(tied % 3))
    photos = "one source photo is" if len(tied) == 1 else f"{len(tied)} source photos are"
    assert PANEL.summary() == (
        f"Photo {number}, {used} of {BITS} bits: {photos} nearest (distance {differing.min()}), "
        f"of {places} place{'' if places == 1 else 's'}; the first shows {found}. "
        + ("Right." if found == true else f"Wrong, it is {true}.")
    )


def test_every_control_moves_it_and_has_a_name_and_a_hook():
    panel = make()
    shown = [panel.summary() + panel.view.value]
    for control, value in zip(("photo", "bits"), (1, 3), strict=True):
        widget = getattr(panel, control)
        assert widget.description and f"mvs-{control}" in widget._dom_classes
        widget.value = value
        shown.append(panel.summary() + panel.view.value)
    assert len(set(shown)) == 3
    assert "mvs-answer" in panel.answer._dom_classes


def test_a_reader_who_cannot_see_it_is_told():
    panel = make()
    panel.photo.value = 3  # shows "Tower <A>"
    assert 'role="status" aria-live="polite"' in panel.answer.value
    assert panel.view.value.count("<img ") == panel.view.value.count("alt=") == 2
    assert "query: Tower &lt;A&gt;" in panel.view.value and "<A>" not in panel.view.value
    assert ("the same place" in panel.view.value) == panel.right
    assert repr(panel) == (
        "FirstSearch: a photo, some bits of its code, the answer (run this cell to move it)"
    )


def test_parts_that_do_not_belong_together_are_refused():
    source, query = pack(SOURCE_BITS), pack(QUERY_BITS)
    with pytest.raises(ValueError, match="39 source codes for 40 source photos"):
        FirstSearch(photos(40), source[:39], photos(6), query, BITS)
    with pytest.raises(ValueError, match="0 query codes for 0 query photos"):
        FirstSearch(photos(40), source, photos(6).take([]), query[:0], BITS)
    with pytest.raises(ValueError, match="query codes of 48 bits must be 6 bytes wide"):
        FirstSearch(photos(40), np.zeros((40, 6), np.uint8), photos(6), query)
