import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.deep.methods.boltzmann import BoltzmannMachine


def machine(seed, visible, hidden, gaussian=False):
    random = np.random.default_rng(seed)
    found = BoltzmannMachine(visible, hidden, gaussian, random)
    found.weights = random.normal(size=(visible, hidden))
    found.visible_bias = random.normal(size=visible)
    found.hidden_bias = random.normal(size=hidden)
    return found


def every(units):
    return np.array(list(itertools.product([0.0, 1.0], repeat=units)))


def energy(of, v, h):
    """E(v, h) as the head of the file writes it."""
    shared = sum(
        v[i] * of.weights[i, j] * h[j] for i in range(len(v)) for j in range(len(h))
    )  # fmt: skip
    value = -shared - sum(of.hidden_bias[j] * h[j] for j in range(len(h)))
    for i in range(len(v)):
        a = of.visible_bias[i]
        value += (v[i] - a) ** 2 / 2 if of.gaussian else -a * v[i]
    return value


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_hidden_probabilities_and_free_energy_follow_from_the_energy(
    seed, visible, hidden, gaussian
):
    of = machine(seed, visible, hidden, gaussian)
    rows = every(visible) + (0.3 if gaussian else 0)
    for v, probabilities, free in zip(
        rows, of.hidden_probabilities(rows), of.free_energy(rows), strict=True
    ):
        weight = np.array([math.exp(-energy(of, v, h)) for h in every(hidden)])
        np.testing.assert_allclose(weight @ every(hidden) / weight.sum(), probabilities)
        assert free == pytest.approx(-math.log(weight.sum()))


@pytest.mark.parametrize("gaussian", [False, True])
def test_visible_means_follow_from_the_energy(gaussian):
    of = machine(3, 3, 2, gaussian)
    # one visible unit at a time: they do not know of one another once h is given
    grid = np.linspace(-15, 15, 3001) if gaussian else np.array([0.0, 1.0])
    for h, means in zip(every(2), of.visible_means(every(2)), strict=True):
        for i in range(3):
            weight = []
            for value in grid:
                v = np.zeros(3)
                v[i] = value
                weight.append(math.exp(-energy(of, v, h)))
            assert np.dot(weight, grid) / np.sum(weight) == pytest.approx(means[i], abs=1e-9)


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 4),
    st.booleans(),
)
def test_the_statistics_are_those_of_the_loops(seed, n, visible, hidden, gaussian):
    of = machine(seed, visible, hidden, gaussian)
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, visible)) if gaussian else random.random((n, visible))
    found = of.statistics(rows, np.random.default_rng(7))
    draws = np.random.default_rng(7).random((n, hidden))

    def sigmoid(value):
        return 1 / (1 + math.exp(-value))

    def up(v):
        field = [of.hidden_bias[j] + sum(v * of.weights[:, j]) for j in range(hidden)]
        return [sigmoid(value) for value in field]

    weights = np.zeros((visible, hidden))
    below, above = np.zeros(visible), np.zeros(hidden)
    for row, draw in zip(rows, draws, strict=True):
        data = up(row)
        state = [float(draw[j] < data[j]) for j in range(hidden)]
        field = [
            of.visible_bias[i] + sum(of.weights[i, j] * state[j] for j in range(hidden))
            for i in range(visible)
        ]
        means = np.array(field if gaussian else [sigmoid(value) for value in field])
        dreamt = up(means)
        for i, j in itertools.product(range(visible), range(hidden)):
            weights[i, j] += (row[i] * data[j] - means[i] * dreamt[j]) / n
        below += (row - means) / n
        above += (np.array(data) - dreamt) / n
    np.testing.assert_allclose(found.weights, weights, atol=1e-12)
    np.testing.assert_allclose(found.visible_bias, below, atol=1e-12)
    np.testing.assert_allclose(found.hidden_bias, above, atol=1e-12)


def likelihood(of, rows):
    """Mean log p(v), Z by enumeration of all visible states."""
    z = np.logaddexp.reduce(-of.free_energy(every(rows.shape[1])))
    return (-of.free_energy(rows)).mean() - z


def test_the_enumerated_likelihoods_are_a_distribution():
    of = machine(0, 4, 3)
    total = sum(math.exp(likelihood(of, state[None])) for state in every(4))
    assert total == pytest.approx(1)


def test_the_likelihood_rises_to_near_that_of_the_data():
    random = np.random.default_rng(0)
    patterns = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 0]], float)
    rows = patterns[random.integers(0, 3, 300)]
    of = BoltzmannMachine(6, 8, False, random)
    start = likelihood(of, rows)
    assert start == pytest.approx(6 * math.log(0.5), abs=0.1)
    seen = [start]
    for _ in range(4):
        of.fit(rows, 50, 50, 0.05, random)
        seen.append(likelihood(of, rows))
    assert seen[1] > start + 1 and seen[-1] > seen[1]
    assert seen[-1] < -math.log(3) + 0.01  # no model is better than the data's own entropy
    assert seen[-1] > -math.log(3) - 1


def test_gaussian_units_learn_two_clouds():
    random = np.random.default_rng(1)
    side = random.choice([-2.0, 2.0], 400)
    rows = side[:, None] * np.array([1.0, 1, 0]) + random.normal(size=(400, 3))
    of = BoltzmannMachine(3, 4, True, random)
    before = of.free_energy(rows).mean() - of.free_energy(np.zeros((1, 3)))[0]
    of.fit(rows, 60, 40, 0.01, random)
    after = of.free_energy(rows).mean() - of.free_energy(np.zeros((1, 3)))[0]
    assert after < before - 1  # the clouds are likelier now, against the empty middle
    error = ((rows - of.visible_means(of.hidden_probabilities(rows))) ** 2).mean(0)
    assert (error[:2] < 0.5 * rows.var(0)[:2]).all()


def test_decay_alone_shrinks_the_weights_and_a_machine_needs_units():
    random = np.random.default_rng(0)
    rows = np.full((20, 3), 0.5)
    norms = [
        np.linalg.norm(
            BoltzmannMachine(3, 4, False, np.random.default_rng(0))
            .fit(rows, 20, 20, 0.1, random, 0.0, decay)
            .weights
        )
        for decay in (0.0, 1.0)
    ]
    assert norms[1] < 0.5 * norms[0]
    for visible, hidden in ((0, 3), (3, 0)):
        with pytest.raises(ValueError, match="units on both sides"):
            BoltzmannMachine(visible, hidden, False, random)
