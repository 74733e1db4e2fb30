import numpy as np
import pytest

from mvs_lib.codes import pack
from mvs_lib.widgets.neighbourhood_explorer import NeighbourhoodExplorer


@pytest.fixture
def codes():
    generator = np.random.default_rng(0)
    bits = {16: generator.integers(0, 2, (30, 16)), 32: generator.integers(0, 2, (30, 32))}
    return {length: (pack(each), pack(each[:3])) for length, each in bits.items()}


def test_the_words_follow_query_bits_and_radius(codes):
    panel = NeighbourhoodExplorer(codes, np.array([[0, 5], [1, 5], [2, 5]]))
    panel.radius.value = 0
    assert panel.summary() == (
        "Query 0, 16 bits, radius 0: 1 address, 1 photo, 1 of 2 true neighbours."
    )
    panel.bits.value, panel.radius.value, panel.query.value = 32, 2, 1
    assert panel.summary().startswith("Query 1, 32 bits, radius 2: 529 addresses, ")
    assert panel.around.photos[-1] == 30 and panel.around.neighbours[-1] == 2
    assert panel.summary() in panel.answer.value
    assert "Within radius 2: 529 addresses" in panel.view.value


def test_what_does_not_fit_is_refused(codes):
    with pytest.raises(ValueError, match="8 bits or more"):
        NeighbourhoodExplorer({}, np.array([[0]]))
    with pytest.raises(ValueError, match="3 queries, but true neighbours of 1"):
        NeighbourhoodExplorer(codes, np.array([[0]]))
