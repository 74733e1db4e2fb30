import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from mvs_lib.deep.methods import similarity_codes
from mvs_lib.deep.methods.similarity_codes import fit_codes, objective


def of_labels(labels):
    return np.where(labels[:, None] == labels, 1.0, -1.0)


def slow_objective(similarity, values):
    """||S - H H' / K||^2, one pair at a time."""
    n, bits = values.shape
    return sum(
        (similarity[i, j] - sum(values[i, k] * values[j, k] for k in range(bits)) / bits) ** 2
        for i, j in itertools.product(range(n), repeat=2)
    )


def draw(seed, n, bits, classes=3):
    random = np.random.default_rng(seed)
    return random.integers(0, classes, n), random.uniform(-1, 1, (n, bits))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(1, 5))
def test_the_objective_is_that_of_the_loops(seed, n, bits):
    labels, values = draw(seed, n, bits)
    expected = slow_objective(of_labels(labels), values)
    assert objective(of_labels(labels), values) == pytest.approx(expected)
    assert objective(labels, values) == pytest.approx(expected)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 9))
def test_the_objective_never_rises_and_the_values_stay_in_the_box(seed, n, bits):
    random = np.random.default_rng(seed)
    similarity = random.uniform(-1, 1, (n, n))
    for given_ in (random.integers(0, 4, n), (similarity + similarity.T) / 2):
        found = fit_codes(given_, bits, sweeps=6, random_state=seed)
        assert (np.diff(found.objective) <= 1e-5 * n**2).all()  # S is float32
        assert found.objective[-1] < found.objective[0]
        last = objective(given_, found.relaxed)
        assert found.objective[-1] == pytest.approx(last, rel=1e-5, abs=1e-6)
        assert (np.abs(found.relaxed) <= 1).all()
        np.testing.assert_array_equal(found.codes, np.where(found.relaxed >= 0, 1, -1))


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 25), st.integers(1, 6))
def test_class_sums_do_what_the_whole_matrix_does(seed, n, bits):
    labels, _ = draw(seed, n, bits)
    # names of classes do not matter
    sums = fit_codes(10 * labels - 3, bits, sweeps=3, random_state=seed)
    dense = fit_codes(of_labels(labels), bits, sweeps=3, random_state=seed)
    np.testing.assert_allclose(sums.relaxed, dense.relaxed, atol=1e-9)


def pieces(labels, values, i, bit):
    """Return h'h, (R h)_i, R_ii as the head of the file defines them."""
    bits = values.shape[1]
    others = np.delete(values, bit, axis=1)
    rest = bits * of_labels(labels) - others @ others.T
    h = values[:, bit]
    return h @ h, (rest @ h)[i], rest[i, i]


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(1, 4), st.floats(-1, 1))
def test_gradient_curvature_and_change_are_the_numeric_ones(seed, n, bits, step):
    labels, values = draw(seed, n, bits)
    i, bit = np.random.default_rng(seed).integers((n, bits))
    h = values[i, bit]
    square, product, diagonal = pieces(labels, values, i, bit)
    gradient = 4 * (h * square - product)
    curvature = 4 * (square + 2 * h * h - diagonal)

    def scaled(d):  # K^2 f after a step
        moved = values.copy()
        moved[i, bit] += d
        return bits**2 * slow_objective(of_labels(labels), moved)

    tiny = 1e-3
    third = 4 * h * tiny**2  # what the central difference of a quartic adds
    assert (scaled(tiny) - scaled(-tiny)) / (2 * tiny) == pytest.approx(gradient + third, abs=1e-6)
    second = (scaled(tiny) - 2 * scaled(0) + scaled(-tiny)) / tiny**2
    assert second == pytest.approx(curvature, abs=1e-3)
    change = similarity_codes._change(step, h, gradient, curvature)
    assert change == pytest.approx(scaled(step) - scaled(0), abs=1e-8)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.integers(1, 6))
def test_a_step_is_newtons_cut_to_the_box_or_to_the_better_end_where_it_bends_down(seed, n, bits):
    labels, values = draw(seed, n, bits)
    i, bit = np.random.default_rng(seed).integers((n, bits))
    h = values[i, bit]
    square, product, diagonal = pieces(labels, values, i, bit)
    gradient, curvature = 4 * (h * square - product), 4 * (square + 2 * h * h - diagonal)
    if curvature > 0:
        wanted = np.clip(-gradient / curvature, -1 - h, 1 - h)
    else:
        ends = [-1 - h, 1 - h]
        wanted = min(ends, key=lambda d: similarity_codes._change(d, h, gradient, curvature))
    step = similarity_codes._step(h, square, product, diagonal)
    change = similarity_codes._change(step, h, gradient, curvature)
    assert change < 0 or step == 0
    if similarity_codes._change(wanted, h, gradient, curvature) < 0:
        assert step == pytest.approx(wanted)
    else:
        assert abs(step) <= abs(wanted) / 2


def test_both_signs_of_the_curvature_occur():
    """So that the test above sees both branches."""
    seen = set()
    for seed in range(30):
        labels, values = draw(seed, 4, 5)
        square, _, diagonal = pieces(labels, values, 0, 0)
        seen.add(square + 2 * values[0, 0] ** 2 - diagonal > 0)
    assert seen == {True, False}


@pytest.mark.parametrize("seed", range(3))
def test_many_sweeps_reach_what_a_general_solver_reaches(seed):
    labels, _ = draw(seed, 6, 2)
    similarity = of_labels(labels)

    def loss(flat):
        return objective(similarity, flat.reshape(6, 2))

    starts = np.random.default_rng(seed).uniform(-1, 1, (8, 12))
    best = min(minimize(loss, start, bounds=[(-1, 1)] * 12).fun for start in starts)
    ours = min(fit_codes(labels, 2, sweeps=100, random_state=s).objective[-1] for s in range(8))
    assert ours == pytest.approx(best, abs=1e-4)


def test_two_classes_get_opposite_codes_and_a_perfect_objective():
    labels = np.arange(40) % 2
    found = fit_codes(labels, 6, sweeps=20)
    assert objective(labels, found.codes) == 0
    assert (found.codes[labels == 0] == -found.codes[1]).all()


def test_photos_of_a_class_share_their_code():
    labels = np.random.default_rng(0).integers(0, 10, 2000)
    codes = fit_codes(labels, 32).codes
    agree = codes @ codes.T / 32
    same = labels[:, None] == labels
    assert agree[same].mean() > 0.95 and agree[~same].mean() < 0.1


def test_the_seed_decides():
    labels = np.arange(30) % 3
    first, second, third = (fit_codes(labels, 8, random_state=seed).relaxed for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)


@pytest.mark.parametrize(
    ("similarity", "message"),
    [
        (np.zeros(5), "integer labels"),
        (np.zeros(1, int), "integer labels"),
        (np.zeros((3, 4)), "symmetric matrix"),
        (np.array([[1.0, 0.5], [0.2, 1.0]]), "finite and symmetric"),
        (np.full((2, 2), np.nan), "finite and symmetric"),
    ],
)
def test_refuses_similarities(similarity, message):
    with pytest.raises(ValueError, match=message):
        fit_codes(similarity, 4)


@pytest.mark.parametrize("sweeps", [0, 2.0, True])
def test_refuses_bits_and_sweeps(sweeps):
    with pytest.raises(ValueError, match="sweeps must be a whole number >= 1"):
        fit_codes(np.arange(4), 4, sweeps=sweeps)
    with pytest.raises(ValueError, match="bits must be a positive whole number"):
        fit_codes(np.arange(4), 0)
