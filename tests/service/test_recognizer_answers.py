"""Votes and ranking against a slow count, and questions that have no answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recognizers import with_codes

from mvs_lib.codes import pack
from mvs_lib.service.recognizer import Answer


def slow_answers(bits, codes, labels, query, k):
    """The voting rule, one source photo after the other."""
    distances = [sum(int(a) != int(b) for a, b in zip(row, query, strict=True)) for row in codes]
    nearest = sorted(range(len(codes)), key=lambda i: (distances[i], i))[:k]
    answers = []
    for label in sorted({int(labels[i]) for i in nearest}):
        mine = [i for i in nearest if labels[i] == label]
        first = min(mine, key=lambda i: (distances[i], i))
        total = sum(max(bits / 2 - distances[i], 0) for i in mine)
        answer = Answer(f"place {label}", label, distances[first], len(mine), first)
        answers.append((-total, answer.distance, label, answer))
    return [answer for *_, answer in sorted(answers)]


@settings(max_examples=150)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 20),
    st.integers(1, 25),
    st.integers(1, 5),
    st.integers(1, 30),
)
def test_votes_and_ranking_are_those_of_the_stated_rule(seed, bits, n, places, k):
    random = np.random.default_rng(seed)
    codes = random.integers(0, 2, (n, bits))
    labels = random.integers(0, places, n)
    query = random.integers(0, 2, bits)
    answers = with_codes(bits, codes, labels).recognize_code(pack(query[None])[0].tobytes(), k)
    assert answers == slow_answers(bits, codes, labels, query, k)
    assert sum(answer.votes for answer in answers) == min(n, k)


def ask(bits, rows, labels, k=10):
    """Answers to the code of all zeros; each row says how many bits of a source photo are on."""
    codes = np.array([[1] * on + [0] * (bits - on) for on in rows])
    answers = with_codes(bits, codes, labels).recognize_code(bytes((bits + 7) // 8), k)
    return [(answer.label, answer.distance, answer.votes, answer.photo) for answer in answers]


def test_many_near_photos_outvote_the_nearest_one():
    assert ask(8, [0, 1, 1], [0, 1, 1]) == [(1, 1, 2, 1), (0, 0, 1, 0)]
    assert ask(8, [0, 1, 1], [0, 1, 1], k=1) == [(0, 0, 1, 0)]


def test_photos_as_far_as_chance_do_not_count():
    # place 1 has three of the votes, all at half of the bits or beyond: their sum is nothing
    assert ask(8, [4, 5, 8, 3], [1, 1, 1, 0]) == [(0, 3, 1, 3), (1, 4, 3, 0)]


def test_equal_sums_go_to_the_nearer_photo_then_to_the_smaller_label():
    # 4 - 1 + 4 - 3 = 4 = 4 - 2 + 4 - 2 = 4 - 0
    assert [a[0] for a in ask(8, [2, 2, 1, 3, 0], [0, 0, 1, 1, 2])] == [2, 1, 0]
    # equally near as well: the smaller label comes first, though its photo has the larger id
    assert [a[0] for a in ask(8, [2, 2, 2], [2, 1, 0])] == [0, 1, 2]


def test_all_beyond_chance_still_have_an_order():
    assert [a[0] for a in ask(4, [4, 3, 2], [0, 1, 2])] == [2, 1, 0]


@pytest.mark.parametrize("k", [0, -1, 2.5])
def test_bad_k(fitted, source, k):
    with pytest.raises(ValueError, match="k must be a whole number >= 1"):
        fitted.recognize(source.images[0], k)


def test_bad_questions_are_refused_with_the_reason(fitted):
    for code in (b"", b"\0", b"\0\0\0"):
        with pytest.raises(ValueError, match="a code of 12 bits is 2 bytes long, got"):
            fitted.recognize_code(code)
    with pytest.raises(ValueError, match="padding"):
        fitted.recognize_code(b"\0\1")
    with pytest.raises(ValueError, match="no JPEG, PNG or WebP"):
        fitted.recognize(b"rubbish")
    for pixels in (np.zeros((64, 64, 3), np.uint8), np.zeros((32, 32, 3))):
        with pytest.raises(ValueError, match="this encoder takes photos uint8"):
            fitted.recognize(pixels)
