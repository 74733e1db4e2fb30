import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from mvs_lib.deep.methods.relative_graph import (
    best_threshold,
    draw_rows,
    in_order,
    objective,
    to_matrix,
    to_simplex,
)


def draw(seed, n=12, classes=3, mu=0.6, neighbours=4, partners=3, known=1.0):
    random = np.random.default_rng(seed)
    features, labels = random.normal(size=(n, 2)), random.integers(0, classes, n)
    seen = random.random(n) < known
    rows = draw_rows(features, labels, seen, mu, neighbours, partners, random)
    return rows, features, labels, seen


@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 14),
    st.floats(0, 1),
    st.integers(1, 6),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_the_first_rows_are_those_of_the_loops(seed, n, mu, neighbours, partners, known):
    rows, features, labels, seen = draw(seed, n, 3, mu, neighbours, partners, known)
    np.testing.assert_allclose(rows.weights.sum(1), 1)
    k = min(neighbours, n - 1)
    for i in range(n):
        lent = {}
        for photo, weight, used in zip(rows.photos[i], rows.weights[i], rows.used[i], strict=True):
            if used:
                assert photo not in lent
                lent[photo] = weight
            else:
                assert weight == 0
        assert i not in lent
        mates = [j for j in range(n) if j != i and seen[i] and seen[j] and labels[i] == labels[j]]
        count = min(partners, len(mates))
        distance = np.linalg.norm(features - features[i], axis=1)
        near = sorted((j for j in range(n) if j != i), key=lambda j: distance[j])[:k]
        visual = (1 - mu if mates else 1) / k
        for j in near:
            share = mu / count if j in mates and lent[j] > visual + 1e-12 else 0
            assert lent.pop(j) == pytest.approx(visual + share)
            count_left = share > 0
            mates = [mate for mate in mates if mate != j] if count_left else mates
        for j, weight in lent.items():  # the classmates that are no neighbours
            assert j in mates and weight == pytest.approx(mu / count)


def test_classmates_and_strangers_are_known_ones():
    rows, _, labels, seen = draw(1, 30, known=0.6)
    for i, j in zip(*np.nonzero(rows.used), strict=True):
        other = rows.photos[i, j]
        both = seen[i] and seen[other]
        assert rows.mates[i, j] == (both and labels[i] == labels[other])
        assert rows.strangers[i, j] == (both and labels[i] != labels[other])
    assert rows.mates.any() and rows.strangers.any() and not (rows.used & ~rows.mates).all()


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7))
def test_the_projection_is_the_nearest_point_of_the_simplex(seed, width):
    random = np.random.default_rng(seed)
    values, used = random.normal(size=(5, width)), random.random((5, width)) < 0.7
    used[:, 0] = True
    found = to_simplex(values, used)
    assert (found >= 0).all() and (found[~used] == 0).all()
    np.testing.assert_allclose(found.sum(1), 1)
    for row, value, mask in zip(found, values, used, strict=True):
        # v - a falls short of its largest value only where a is 0: the condition for a minimum
        gap = (value - row)[mask]
        np.testing.assert_allclose(gap[row[mask] > 0], gap.max(), atol=1e-12)
    np.testing.assert_allclose(to_simplex(found, used), found, atol=1e-12)


def slow_phi(weights, start, mates, strangers, margin, rho, t):
    gap = margin / max(1, mates.sum())
    total = sum((a - b) ** 2 / 2 for a, b in zip(weights, start, strict=True))
    for weight, mate, stranger in zip(weights, mates, strangers, strict=True):
        if mate:
            total += rho / 2 * max(0, t + gap - weight) ** 2
        if stranger:
            total += rho / 2 * max(0, weight - t) ** 2
    return total


def row(rows, i):
    return rows.weights[i], rows.mates[i], rows.strangers[i]


@pytest.mark.parametrize("seed", range(4))
def test_the_objective_is_that_of_the_loops_at_the_best_threshold(seed):
    rows, *_ = draw(seed)
    weights = to_simplex(np.random.default_rng(seed).random(rows.weights.shape), rows.used)
    total = 0.0
    gap = 0.5 / np.maximum(rows.mates.sum(1, keepdims=True), 1)
    for i, t in enumerate(best_threshold(weights, rows, gap)[:, 0]):
        start, mates, strangers = row(rows, i)

        def phi(t, i=i, case=(start, mates, strangers, 0.5, 8.0)):
            return slow_phi(weights[i], *case, t)

        best = minimize_scalar(phi, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})
        assert phi(t) <= best.fun + 1e-9
        total += phi(t)
    assert objective(weights, rows, 0.5, 8.0) == pytest.approx(total)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.sampled_from([0.0, 0.5, 10.0, 300.0]))
def test_no_step_raises_the_objective_and_rows_stay_in_the_simplex(seed, margin, rho):
    rows, *_ = draw(seed, known=0.8)
    ordered, history = in_order(rows, margin, rho)
    assert history.shape == (31,) and (np.diff(history) <= 1e-10).all()
    assert history[0] == pytest.approx(objective(rows.weights, rows, margin, rho))
    assert history[-1] == pytest.approx(objective(ordered.weights, rows, margin, rho))
    np.testing.assert_allclose(ordered.weights.sum(1), 1)
    assert (ordered.weights >= 0).all() and (ordered.weights[~rows.used] == 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_it_ends_where_a_general_solver_ends(seed):
    rows, *_ = draw(seed, 8)
    ordered, history = in_order(rows, 0.6, 5.0, iterations=800)
    total = 0.0
    for i in range(8):
        start, mates, strangers = row(rows, i)
        used = rows.used[i]
        case = start[used], mates[used], strangers[used], 0.6, 5.0
        count = used.sum()
        found = minimize(
            lambda z, case=case: slow_phi(z[:-1], *case, z[-1]),
            np.append(case[0], 0.1),
            bounds=[(0, None)] * (count + 1),
            constraints={"type": "eq", "fun": lambda z: z[:-1].sum() - 1},
            method="SLSQP",
            options={"ftol": 1e-13, "maxiter": 500},
        )
        np.testing.assert_allclose(ordered.weights[i][used], found.x[:-1], atol=1e-3)
        total += found.fun
    assert history[-1] == pytest.approx(total, abs=1e-6)


def test_each_classmate_comes_to_outweigh_each_stranger():
    rows, *_ = draw(5, 40, mu=0.3)
    before, after = [], []
    for weights, seen in (
        (rows.weights, before),
        (in_order(rows, 0.8, 1e3, 1500)[0].weights, after),
    ):
        for i in range(40):
            if rows.mates[i].any() and rows.strangers[i].any():
                gap = weights[i][rows.mates[i]].min() - weights[i][rows.strangers[i]].max()
                seen.append(gap * rows.mates[i].sum())
    assert min(before) < 0
    assert min(after) > 0.75  # of the margin .8


def test_without_labels_nothing_moves():
    rows, *_ = draw(6, known=0.0)
    ordered, history = in_order(rows, 0.5, 10.0)
    np.testing.assert_allclose(ordered.weights, rows.weights, atol=1e-12)
    assert history[0] == 0


def test_the_matrix_holds_half_of_each_direction():
    rows, *_ = draw(7, 9)
    dense = np.zeros((9, 9))
    for i, j in zip(*np.nonzero(rows.used), strict=True):
        dense[i, rows.photos[i, j]] += rows.weights[i, j]
    np.testing.assert_allclose(to_matrix(rows).toarray(), (dense + dense.T) / 2)
