"""Three numbers and their error: recovered, independent of units, and the same by other solvers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from mvs_lib.phone.latency import LatencyModel, NetworkCost, Speeds, fit, leave_one_out


def networks(n=8, seed=0):
    random = np.random.default_rng(seed)
    return [NetworkCost(*row) for row in np.exp(random.normal((20, 16, 17), 1.2, (n, 3))).tolist()]


def noisy_times(costs, seed=0, noise=0.3):
    speeds, random = Speeds(2e10, 3e9, 1e9), np.random.default_rng(seed)
    return [speeds.milliseconds(cost) * math.exp(random.normal(0, noise)) for cost in costs]


def by_another_solver(costs, times):
    """The speeds by scipy's bounded least squares, from the equation as it is written."""
    design = np.array([(2 * c.macs, c.weight_bytes, c.activation_bytes) for c in costs])
    design = design / 1e9 / (np.array(times)[:, None] / 1000)
    found = lsq_linear(design, np.ones(len(times)), bounds=(0, np.inf), method="bvls", tol=1e-14)
    return found.x / 1e9  # seconds an operation, a byte, a byte


@given(*[st.floats(1e8, 1e12) for _ in range(3)])
def test_exact_times_give_the_speeds_back(operations, weights, activations):
    costs, speeds = networks(), Speeds(operations, weights, activations)
    found = fit(costs, [speeds.milliseconds(cost) for cost in costs])
    for cost in costs:
        assert found.milliseconds(cost) == pytest.approx(speeds.milliseconds(cost), rel=1e-9)
    ratios = leave_one_out(costs, [speeds.milliseconds(cost) for cost in costs])
    assert ratios == pytest.approx(np.ones(len(costs)), rel=1e-6)


def test_one_term_alone_is_its_amount_over_its_speed():
    speeds = Speeds(2e9, 3e9, 4e9)
    assert speeds.milliseconds(NetworkCost(1e9, 0, 0)) == pytest.approx(1000)  # two operations
    assert speeds.milliseconds(NetworkCost(0, 3e9, 0)) == pytest.approx(1000)
    assert speeds.milliseconds(NetworkCost(0, 0, 2e9)) == pytest.approx(500)


@pytest.mark.parametrize("seed", range(5))
def test_the_fit_is_that_of_another_solver(seed):
    costs = networks(seed=seed)
    times = noisy_times(costs, seed)
    np.testing.assert_allclose(
        [1 / each for each in fit(costs, times)], by_another_solver(costs, times), rtol=1e-6
    )


def test_what_costs_nothing_is_infinitely_fast_and_never_negative():
    costs = networks(10)
    quick = [0.5 if cost.weight_bytes > 1e7 else 1 for cost in costs]
    times = [1000 * c.macs * 2 / 1e10 * half for c, half in zip(costs, quick, strict=True)]
    speeds = fit(costs, times)
    assert speeds.weight_bytes_per_second == math.inf
    assert min(speeds) > 0
    assert by_another_solver(costs, times)[1] == pytest.approx(0, abs=1e-18)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.integers(0, 2))
def test_other_units_change_the_speeds_and_nothing_else(time_unit, unit, term):
    costs = networks()
    times = noisy_times(costs)
    scaled = [cost._replace(**{cost._fields[term]: cost[term] * unit}) for cost in costs]
    before, after = fit(costs, times), fit(scaled, [time * time_unit for time in times])
    for number in range(3):
        wanted = before[number] / time_unit * (unit if number == term else 1)
        assert after[number] == pytest.approx(wanted, rel=1e-6)
    np.testing.assert_allclose(
        leave_one_out(scaled, [time * time_unit for time in times]), leave_one_out(costs, times),
        rtol=1e-6,
    )  # fmt: skip


def test_each_network_left_out_is_predicted_by_the_others_alone():
    costs = networks()
    times = noisy_times(costs)
    wanted = []
    for number, (cost, time) in enumerate(zip(costs, times, strict=True)):
        slopes = by_another_solver(
            costs[:number] + costs[number + 1 :], times[:number] + times[number + 1 :]
        )
        seconds = np.dot(slopes, (2 * cost.macs, cost.weight_bytes, cost.activation_bytes))
        wanted.append(1000 * seconds / time)
    np.testing.assert_allclose(leave_one_out(costs, times), wanted, rtol=1e-6)


def test_the_bar_reaches_as_far_as_the_networks_left_out_erred():
    costs = {str(number): cost for number, cost in enumerate(networks())}
    times = dict(zip(costs, noisy_times(list(costs.values())), strict=True))
    model = LatencyModel(costs, times)
    assert list(model.ratios.values()) == pytest.approx(
        leave_one_out(list(costs.values()), list(times.values()))
    )
    cost = NetworkCost(1e9, 1e7, 1e7)
    found = model.predict(cost)
    assert found.milliseconds == model.speeds.milliseconds(cost)
    assert min(model.ratios.values()) < 1 < max(model.ratios.values())
    assert found.milliseconds / found.high == pytest.approx(min(model.ratios.values()))
    assert found.milliseconds / found.low == pytest.approx(max(model.ratios.values()))
    errors = sorted(abs(ratio - 1) for ratio in model.ratios.values())
    assert found.typical_error == pytest.approx((errors[3] + errors[4]) / 2)


def test_the_bar_holds_the_truth_about_as_often_as_it_is_meant_to():
    inside, trials = 0, 300
    for seed in range(trials):
        costs = {str(number): cost for number, cost in enumerate(networks(11, seed))}
        times = dict(zip(costs, noisy_times(list(costs.values()), seed), strict=True))
        new = costs.pop("10")
        truth = times.pop("10")
        model = LatencyModel(costs, times)
        found = model.predict(new)
        inside += found.low <= truth <= found.high
    assert model.coverage == pytest.approx(9 / 11)
    assert inside / trials == pytest.approx(model.coverage, abs=0.08)


@given(st.integers(0, 2), st.floats(1.01, 10))
def test_more_work_never_takes_less_time(term, factor):
    costs = networks()
    speeds, cost = fit(costs, noisy_times(costs)), costs[0]
    more = cost._replace(**{cost._fields[term]: cost[term] * factor})
    assert speeds.milliseconds(more) >= speeds.milliseconds(cost)


def test_what_cannot_be_fitted_is_refused():
    costs = networks(4)
    with pytest.raises(ValueError, match="4 networks, but 3 times"):
        fit(costs, [1, 2, 3])
    with pytest.raises(ValueError, match="at least 3 networks, got 2"):
        fit(costs[:2], [1, 2])
    for wrong in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match="times must be finite and above 0"):
            fit(costs, [1, 2, 3, wrong])
    with pytest.raises(ValueError, match="costs must be finite and not negative"):
        fit([*costs[:3], NetworkCost(-1, 1, 1)], [1, 2, 3, 4])
    with pytest.raises(ValueError, match="at least 4 networks to leave one out, got 3"):
        leave_one_out(costs[:3], [1, 2, 3])
    with pytest.raises(ValueError, match="of the same networks; only in one: b, c"):
        LatencyModel({"a": costs[0], "b": costs[1]}, {"a": 1, "c": 2})
    model = LatencyModel(
        dict(zip("abcd", costs, strict=True)), dict(zip("abcd", (1, 2, 3, 4), strict=True))
    )
    with pytest.raises(ValueError, match="cannot be negative"):
        model.predict(NetworkCost(1, -1, 1))
