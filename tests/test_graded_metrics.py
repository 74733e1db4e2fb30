"""Graded measures: against scikit-learn, against all orders of the ties, and against plain MAP."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from mvs_lib import metrics
from mvs_lib.codes import hamming_distance
from mvs_lib.graded_metrics import (
    average_cumulative_gain,
    ndcg,
    weighted_mean_average_precision,
)

TIES = ("stable", "optimistic", "pessimistic", "expected")


def case(seed, queries=3, n=7, classes=4, values=4):
    random = np.random.default_rng(seed)
    codes = random.integers(0, values, (queries + n, 1), dtype=np.uint8)
    labels = random.integers(0, 2, (queries + n, classes))
    return codes[:queries], labels[:queries], codes[queries:], labels[queries:]


def slow_ndcg(shared, p):
    terms = [(2**r - 1) / np.log2(1 + i) for i, r in enumerate(shared, 1)]
    best = sorted(shared, reverse=True)
    ideal = sum((2**r - 1) / np.log2(1 + i) for i, r in enumerate(best[:p], 1))
    return sum(terms[:p]) / ideal if ideal else 0.0


def slow_acg(shared, p):
    return sum(shared[:p]) / min(p, len(shared))


def slow_weighted_ap(shared, _):
    hits = [slow_acg(shared, i) for i, r in enumerate(shared, 1) if r > 0]
    return sum(hits) / len(hits) if hits else 0.0


MEASURES = {
    "ndcg": (ndcg, slow_ndcg, True),
    "acg": (average_cumulative_gain, slow_acg, True),
    "weighted map": (weighted_mean_average_precision, slow_weighted_ap, False),
}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("ties", TIES)
@given(seed=st.integers(0, 10**6), p=st.integers(1, 8))
def test_a_measure_is_its_formula_over_all_orders_of_the_ties(measure, ties, seed, p):
    fast, slow, cut = MEASURES[measure]
    asked, asked_labels, stored, labels = case(seed, queries=1, n=6)
    distances = hamming_distance(asked, stored)[0]
    shared = asked_labels[0] @ labels.T
    orders = [
        [shared[i] for i in order]
        for order in itertools.permutations(range(6))
        if (np.diff(distances[list(order)]) >= 0).all()
    ]
    values = [slow(order, p) for order in orders]
    wanted = {
        "stable": slow([shared[i] for i in np.argsort(distances, kind="stable")], p),
        "optimistic": max(values),
        "pessimistic": min(values),
        "expected": np.mean(values),
    }[ties]
    options = {"k": p} if cut else {}
    found = fast(asked, asked_labels, stored, labels, ties=ties, **options)
    assert found == pytest.approx(wanted, abs=1e-12)


@given(seed=st.integers(0, 10**6), p=st.integers(1, 40))
def test_expected_ndcg_is_scikit_learns(seed, p):
    asked, asked_labels, stored, labels = case(seed, queries=4, n=30, values=8)
    gains = 2.0 ** (asked_labels @ labels.T) - 1
    nearness = -hamming_distance(asked, stored).astype(float)
    wanted = ndcg_score(gains, nearness, k=p)
    found = ndcg(asked, asked_labels, stored, labels, k=p, ties="expected")
    assert found == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("ties", TIES)
@given(seed=st.integers(0, 10**6))
def test_with_one_label_a_photo_weighted_map_is_map(ties, seed):
    asked, _, stored, _ = case(seed, queries=4, n=30, values=16)
    random = np.random.default_rng(seed)
    asked_labels, labels = random.integers(0, 3, 4), random.integers(0, 3, 30)
    wanted = metrics.mean_average_precision(asked, asked_labels, stored, labels, ties=ties)
    found = weighted_mean_average_precision(asked, asked_labels, stored, labels, ties=ties)
    assert found == pytest.approx(wanted, abs=1e-12)
    one_hot = np.eye(3, dtype=int)
    found = weighted_mean_average_precision(
        asked, one_hot[asked_labels], stored, one_hot[labels], ties=ties
    )
    assert found == pytest.approx(wanted, abs=1e-12)


def test_a_perfect_order_has_ndcg_1_and_nothing_shared_0():
    codes, labels = np.uint8([[0], [1], [3]]), np.array([[1, 1], [1, 0], [0, 0]])
    assert ndcg(codes[:1], labels[:1], codes, labels) == 1
    alone = np.array([[0, 0]])
    for measure, options in ((ndcg, {}), (average_cumulative_gain, {"k": 2})):
        assert measure(codes[:1], alone, codes, labels, **options) == 0
    assert weighted_mean_average_precision(codes[:1], alone, codes, labels) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_labels": np.array([[0.5, 1]])}, "integers"),
        ({"query_labels": np.array([[2, 1]])}, "0 and 1 alone"),
        ({"query_labels": np.array([1])}, "one form"),
        ({"query_labels": np.array([[1, 0, 1]])}, "one form"),
        ({"database_labels": np.array([[1, 1]])}, "one row a code"),
        ({"ties": "lucky"}, "ties must be one of"),
        ({"k": 0}, "k must be"),
        ({"k": True}, "k must be"),
    ],
)
def test_what_cannot_be_measured_is_said(change, message):
    codes, labels = np.uint8([[0], [1], [3]]), np.array([[1, 1], [1, 0], [0, 0]])
    whole = {
        "query_codes": codes[:1],
        "query_labels": labels[:1],
        "database_codes": codes,
        "database_labels": labels,
    }
    with pytest.raises(ValueError, match=message):
        ndcg(**whole | change)
