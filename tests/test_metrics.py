"""The measures against explicit loops, and ties against every order there is."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib import metrics
from mvs_lib.codes import hamming_distance
from mvs_lib.metrics import average_precision, mean_average_precision
from mvs_lib.tied_ranking import TIES

K = st.one_of(st.none(), st.integers(1, 9))
DENOMINATOR = st.sampled_from(metrics.DENOMINATORS)


def slow_average_precision(ranked, k, denominator):
    """``ranked``: booleans, nearest first. The authors' script, and Eq. 1 with k=None, "all"."""
    found, total = 0, 0.0
    for rank, hit in enumerate(ranked[:k], start=1):
        if hit:
            found += 1
            total += found / rank
    divisor = sum(ranked) if denominator == "all" else found
    return total / divisor if found else 0.0


def orders(distances):
    """Every ranking by distance that differs inside the ties only."""
    for order in permutations(range(len(distances))):
        if all(distances[a] <= distances[b] for a, b in pairwise(order)):
            yield list(order)


@st.composite
def ranking(draw, largest=7):
    n = draw(st.integers(1, largest))
    relevant = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    distances = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    return np.array(relevant), np.array(distances)


@given(ranking(), K, DENOMINATOR)
@settings(max_examples=60)
def test_ties_against_every_order(case, k, denominator):
    relevant, distances = case
    scores = [
        slow_average_precision(relevant[order].tolist(), k, denominator)
        for order in orders(distances.tolist())
    ]
    for ties, expected in (
        ("optimistic", max(scores)),
        ("expected", np.mean(scores)),
        ("pessimistic", min(scores)),
    ):
        got = average_precision(relevant, distances, k=k, denominator=denominator, ties=ties)
        assert got == pytest.approx(expected, abs=1e-12), ties


@given(ranking(40), st.one_of(st.none(), st.integers(1, 50)), DENOMINATOR)
def test_stable_is_the_loop_over_a_stable_sort(case, k, denominator):
    relevant, distances = case
    ranked = relevant[sorted(range(len(distances)), key=lambda i: (distances[i], i))].tolist()
    got = average_precision(relevant, distances, k=k, denominator=denominator)
    assert got == pytest.approx(slow_average_precision(ranked, k, denominator), abs=1e-12)


@given(ranking(40), st.one_of(st.none(), st.integers(1, 50)), DENOMINATOR)
def test_bounds_hold_the_mean_and_the_stable_order(case, k, denominator):
    best, mean, worst, stable = (
        average_precision(*case, k=k, denominator=denominator, ties=ties)
        for ties in ("optimistic", "expected", "pessimistic", "stable")
    )
    assert best + 1e-12 >= mean >= worst - 1e-12
    assert best + 1e-12 >= stable >= worst - 1e-12


def test_expected_is_the_mean_of_many_shuffles_when_k_cuts_a_large_tie():
    random = np.random.default_rng(0)
    relevant, distances = random.random(3000) < 0.1, random.integers(0, 6, 3000)
    options = {"k": 700, "denominator": "retrieved"}
    shuffled = [
        average_precision(relevant[order], distances[order], **options)
        for order in (random.permutation(3000) for _ in range(400))
    ]
    exact = average_precision(relevant, distances, ties="expected", **options)
    standard_error = np.std(shuffled) / np.sqrt(len(shuffled))
    assert abs(np.mean(shuffled) - exact) < 5 * standard_error


def test_the_closed_forms_keep_their_precision_on_50000_answers():
    relevant = np.zeros(50_000, bool)
    relevant[::10] = True
    flat = np.zeros(50_000, int)
    share, n = np.float64(5000) / 50_000, 50_000
    harmonic = (1 / np.arange(1, n + 1)).sum()
    slope = 4999 / 49_999
    exact = share * (harmonic + slope * (n - harmonic)) / 5000  # one tie: the sum written out
    assert average_precision(relevant, flat, ties="expected") == pytest.approx(exact, rel=1e-9)
    cut = average_precision(relevant, flat, k=1000, denominator="retrieved", ties="expected")
    shuffled = [
        average_precision(relevant[order], flat, k=1000, denominator="retrieved")
        for order in (np.random.default_rng(i).permutation(n) for i in range(100))
    ]
    assert abs(np.mean(shuffled) - cut) < 5 * np.std(shuffled) / 10


def test_average_precision_by_hand():
    ranked = np.array([True, False, True, False, True])
    near = np.arange(5)
    assert average_precision(ranked, near) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert average_precision(ranked, near, k=2) == pytest.approx(1 / 3)
    assert average_precision(ranked, near, k=2, denominator="retrieved") == 1.0
    assert average_precision(~ranked, near, k=1, denominator="retrieved") == 0.0


def test_rows_floats_and_any_integer_distance():
    random = np.random.default_rng(1)
    relevant, distances = random.random((5, 30)) < 0.3, random.integers(0, 4, (5, 30))
    for ties in TIES:
        rows = average_precision(relevant, distances, ties=ties)
        one = [average_precision(*row, ties=ties) for row in zip(relevant, distances, strict=True)]
        assert rows.shape == (5,) and np.array_equal(rows, one)
        for same in (distances - 2, distances / 8, distances.astype(np.uint8)):
            assert np.array_equal(rows, average_precision(relevant, same, ties=ties))


def example(seed, queries=6, n=60, width=2, classes=4):
    random = np.random.default_rng(seed)
    return (
        random.integers(0, 16, (queries, width), dtype=np.uint8),
        random.integers(0, classes, queries),
        random.integers(0, 16, (n, width), dtype=np.uint8),
        random.integers(0, classes, n),
    )


@given(st.integers(0, 10_000), st.integers(1, 70), DENOMINATOR)
@settings(max_examples=40)
def test_every_measure_against_a_loop_over_queries(seed, k, denominator):
    queries, labels, database, places = example(seed)
    scores = {"map": [], "precision": [], "recall": [], "top1": [], "radius": []}
    for code, label in zip(queries, labels, strict=True):
        distance = [
            sum((int(a) ^ int(b)).bit_count() for a, b in zip(code, other, strict=True))
            for other in database
        ]
        order = sorted(range(len(database)), key=lambda i: (distance[i], i))
        ranked = [bool(places[i] == label) for i in order]
        inside = [places[i] == label for i in range(len(database)) if distance[i] <= 2]
        scores["map"].append(slow_average_precision(ranked, k, denominator))
        scores["precision"].append(sum(ranked[:k]) / min(k, len(ranked)))
        scores["recall"].append(sum(ranked[:k]) / sum(ranked) if any(ranked) else 0)
        scores["top1"].append(ranked[0])
        scores["radius"].append(sum(inside) / len(inside) if inside else 0)
    data = queries, labels, database, places
    got = {
        "map": mean_average_precision(*data, k=k, denominator=denominator),
        "precision": metrics.precision_at_k(*data, k),
        "recall": metrics.recall_at_k(*data, k),
        "top1": metrics.top1(*data),
        "radius": metrics.precision_within_radius(*data, 2),
    }
    assert got == pytest.approx({name: np.mean(values) for name, values in scores.items()})


@given(ranking(), st.integers(1, 9))
@settings(max_examples=40)
def test_found_at_k_against_every_order(case, k):
    relevant, distances = case
    codes = np.uint8([[0], [1], [3]])[distances]  # at 0, 1 and 2 bits from code 0
    data = np.uint8([[0]]), [1], codes, relevant.astype(int)
    found = [relevant[order][:k].sum() for order in orders(distances.tolist())]
    for ties, expected in (
        ("optimistic", max(found)),
        ("expected", np.mean(found)),
        ("pessimistic", min(found)),
    ):
        recall = metrics.recall_at_k(*data, k, ties=ties)
        precision = metrics.precision_at_k(*data, k, ties=ties)
        assert recall == pytest.approx(expected / max(1, relevant.sum()))
        assert precision == pytest.approx(expected / min(k, len(relevant)))


def test_precision_recall_curve_against_all_pairs():
    data = queries, labels, database, places = example(3)
    distance, same = hamming_distance(queries, database), labels[:, None] == places
    precision, recall = metrics.precision_recall_curve(*data)
    assert len(precision) == len(recall) == 17 and recall[-1] == 1
    for radius in range(17):
        inside = distance <= radius
        assert recall[radius] == pytest.approx((inside & same).sum() / same.sum())
        if inside.any():
            assert precision[radius] == pytest.approx((inside & same).sum() / inside.sum())
        else:
            assert np.isnan(precision[radius])


def test_wide_codes_keep_their_distances():
    database = np.uint8([[255] * 40, [255] * 12 + [0] * 28])  # 320 and 96 bits from zero
    data = np.zeros((1, 40), np.uint8), [1], database, [0, 1]
    assert metrics.top1(*data) == 1.0
    assert mean_average_precision(*data, ties="pessimistic") == 1.0


def test_the_answer_does_not_depend_on_the_chunk(monkeypatch):
    whole = mean_average_precision(*example(5))
    monkeypatch.setattr(metrics, "_CHUNK", 61)
    assert mean_average_precision(*example(5)) == whole


def test_seeded_shuffle_takes_away_the_gain_of_a_sorted_database():
    n = 400
    data = np.zeros((1, 1), np.uint8), [0], np.zeros((n, 1), np.uint8), np.repeat([0, 1], n // 2)
    assert mean_average_precision(*data) == 1.0
    shuffled = mean_average_precision(*data, seed=0)
    assert (
        shuffled == mean_average_precision(*data, seed=0) != mean_average_precision(*data, seed=1)
    )
    assert abs(shuffled - mean_average_precision(*data, ties="expected")) < 0.1
    order = np.random.default_rng(0).permutation(n)
    assert shuffled == mean_average_precision(*data[:2], data[2][order], data[3][order])


def test_a_query_without_positives_counts_zero():
    codes = np.zeros((2, 1), np.uint8)
    assert mean_average_precision(codes, [0, 9], codes, [0, 0]) == 0.5
    for ties in TIES:
        assert mean_average_precision(codes, [9, 9], codes, [0, 0], k=1, ties=ties) == 0.0
    assert metrics.recall_at_k(codes, [0, 9], codes, [0, 0], 2) == 0.5


CODES = np.zeros((2, 1), np.uint8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_labels": [[0, 1], [1, 0]]}, "several labels a photo"),
        ({"query_labels": [0.5, 1.0]}, "one integer a photo"),
        ({"query_labels": [0]}, "1 query labels for 2"),
        ({"database_labels": [0, 1, 2]}, "3 database labels for 2"),
        ({"database_codes": CODES[:0], "database_labels": np.zeros(0, int)}, "at least one"),
        ({"query_codes": CODES[:0], "query_labels": np.zeros(0, int)}, "at least one"),
        ({"query_codes": np.zeros((2, 3), np.uint8)}, "same hasher"),
        ({"database_codes": np.zeros((2, 1))}, "database codes must be uint8"),
        ({"k": 0}, "k must be"),
        ({"k": 2.0}, "k must be"),
        ({"k": True}, "k must be"),
        ({"denominator": "some"}, "denominator must be"),
        ({"ties": "random"}, "ties must be"),
    ],
)
def test_bad_input(change, message):
    good = {
        "query_codes": CODES,
        "query_labels": [0, 1],
        "database_codes": CODES,
        "database_labels": [0, 1],
    }
    with pytest.raises(ValueError, match=message):
        mean_average_precision(**good | change)


@pytest.mark.parametrize(
    ("relevant", "distances", "message"),
    [
        ([True], [1, 2], "one shape"),
        ([], [], "one shape"),
        ([1, 0], [1, 2], "must be bool"),
        ([True, False], [1, np.nan], "without NaN"),
    ],
)
def test_bad_rankings(relevant, distances, message):
    with pytest.raises(ValueError, match=message):
        average_precision(np.array(relevant), np.array(distances))


def test_bad_radius():
    with pytest.raises(ValueError, match="radius"):
        metrics.precision_within_radius(CODES, [0, 1], CODES, [0, 1], -1)
