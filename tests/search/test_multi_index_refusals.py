"""What `MultiIndex` refuses: bad arguments, codes, k, radius and ids, and nothing changes then."""

import numpy as np
import pytest

from mvs_lib.search.multi_index import MultiIndex


def built(codes, bits):
    index = MultiIndex(bits)
    index.add(codes)
    return index


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 0}, "bits must be"),
        ({"bits": 2.5}, "bits must be"),
        ({"bits": True}, "bits must be"),
        ({"bits": 513}, "at most 512"),
        ({"bits": 8, "partition": "best"}, "partition must be one of"),
        ({"bits": 8, "way": "fast"}, "way must be one of"),
        ({"bits": 8, "threads": 0}, "threads must be"),
        ({"bits": 8, "threads": None}, "threads must be"),
        ({"bits": 8, "tables": 1.0}, "tables must be"),
        ({"bits": 8, "width": 0}, "width must be"),
        ({"bits": 8, "tables": 3, "width": 3}, "do not fit"),
        ({"bits": 64, "width": 25}, "do not fit"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        MultiIndex(**options)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((2, 2)), "must be uint8"),
        (np.full((2, 2), np.nan), "must be uint8"),
        (np.zeros(2, np.uint8), "must be uint8"),
        (np.zeros((2, 3), np.uint8), "must be 2 bytes wide"),
        (np.uint8([[0, 1]]), "padding"),
    ],
)
def test_bad_codes_change_nothing(wrong, message):
    index = built(np.zeros((3, 2), np.uint8), 12)
    for call in (index.add, lambda c: index.search(c, 1), lambda c: index.range_search(c, 1)):
        with pytest.raises(ValueError, match=message):
            call(wrong)
    assert len(index) == 3


@pytest.mark.parametrize("k", [0, -1, 1.0, None, True, np.nan])
def test_bad_k_and_radius(k):
    index = built(np.zeros((3, 1), np.uint8), 8)
    with pytest.raises(ValueError, match="k must be"):
        index.search(np.zeros((1, 1), np.uint8), k)
    if k != 0:
        with pytest.raises(ValueError, match="radius must be"):
            index.range_search(np.zeros((1, 1), np.uint8), k)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 5], "no code has the id 5"),
        ([-1], "no code has the id -1"),
        ([0], r"no code has the id 0 \(any more\)"),
        ([1, 1], "named twice"),
        ([1.0], "whole numbers"),
        ([[1]], "whole numbers"),
        ([True], "whole numbers"),
    ],
)
def test_bad_ids_remove_nothing(ids, message):
    index = built(np.arange(5, dtype=np.uint8)[:, None], 8)
    index.remove(np.array([0]))
    with pytest.raises(ValueError, match=message):
        index.remove(np.array(ids))
    index.remove(np.array([]))
    assert index.ids.tolist() == [1, 2, 3, 4]
    index.remove(np.array([1, 2, 3, 4], np.uint8))
    assert len(index) == 0
    index.add(np.uint8([[9]]))
    assert index.ids.tolist() == [5]  # an id is never given twice
