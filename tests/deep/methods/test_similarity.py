import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.deep.methods.similarity import similar_pairs


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 6), st.integers(1, 5))
def test_pairs_are_those_that_share_a_label(seed, n, m, classes):
    random = np.random.default_rng(seed)
    left, right = (random.integers(0, 2, (rows, classes)) for rows in (n, m))
    expected = [
        [any(a and b for a, b in zip(x, y, strict=True)) for y in right.tolist()]
        for x in left.tolist()
    ]
    assert similar_pairs(torch.tensor(left), torch.tensor(right)).tolist() == expected


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 5))
def test_one_label_a_photo_and_its_row_of_zeros_and_a_one_say_the_same(seed, n, classes):
    labels = torch.tensor(np.random.default_rng(seed).integers(0, classes, n))
    similar = similar_pairs(labels)
    assert similar.tolist() == [[a == b for b in labels.tolist()] for a in labels.tolist()]
    assert torch.equal(similar, similar_pairs(torch.nn.functional.one_hot(labels, classes)))


def test_a_photo_without_labels_is_like_none_not_even_itself():
    assert similar_pairs(torch.tensor([[0, 0], [1, 1]])).tolist() == [[False, False], [False, True]]


@pytest.mark.parametrize(
    ("labels", "others", "message"),
    [
        (torch.zeros(2, 2, 2), None, r"labels must be \(n,\) or \(n, classes\)"),
        (torch.zeros(2), torch.zeros(2, 3), "the same for both sides"),
        (torch.zeros(2, 3), torch.zeros(2, 4), "the same classes, got 3 and 4"),
        (torch.full((2, 3), 2), None, "0 and 1 alone"),
        (torch.zeros(2, 3), torch.full((2, 3), 0.5), "0 and 1 alone"),
    ],
)
def test_bad_labels(labels, others, message):
    with pytest.raises(ValueError, match=message):
        similar_pairs(labels, others)
