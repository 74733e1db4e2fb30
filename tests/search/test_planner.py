"""The plan: what the model counts, and what it makes of measurements."""

import numpy as np
import pytest
from search_cases import case

from mvs_lib.codes import hamming_distance, unpack
from mvs_lib.search import planner
from mvs_lib.search.partition import substrings
from mvs_lib.search.planner import Plan


def test_the_cheapest_way_is_taken():
    plan = Plan(scan=100.0, batch=40.0, probe=[10.0, 50.0, 250.0])
    assert plan.way(1, 1) == plan.way(1, 10) == "tables"
    assert plan.way(1, 100) == plan.way(3, 100) == "scan"
    assert plan.way(8, 10) == plan.way(100, 10) == "batch"
    assert plan.way(100, 1) == "tables"
    assert plan.way(4, 100) == "batch"  # eight at a time cost twice as much for four: 80
    assert Plan(scan=100.0, batch=90.0).way(4, 1) == "scan"
    assert Plan().way(1, 1) == "scan"


def test_costs_lie_on_a_line_through_the_logarithms():
    plan = Plan(100.0, 40.0, [10.0, 50.0, 100.0])
    assert [plan.probe_cost(k) for k in (1, 10, 100)] == [10.0, 50.0, 100.0]
    assert plan.probe_cost(1_000) == pytest.approx(200.0)
    costs = [plan.probe_cost(k) for k in range(1, 2_000)]
    assert costs == sorted(costs)
    assert Plan(100.0, 40.0).probe_cost(1) == np.inf


@pytest.mark.parametrize("wrong", [{"probe": [1.0]}, {"scan": -1.0}, {"scan": "x"}])
def test_a_plan_that_is_none(wrong):
    with pytest.raises(ValueError):
        Plan(**{"scan": 1.0, "batch": 1.0, "probe": [], **wrong})


@pytest.mark.parametrize("bits", [1, 7, 16, 64, 500])
@pytest.mark.parametrize("n", [1, 100, 10**6, 10**9])
def test_shapes_fit_the_code(bits, n):
    for tables, width in planner.candidates(n, bits):
        assert 1 <= tables <= 8 and 1 <= width <= 24 and tables * width <= bits


def test_shapes_that_are_thought_of():
    assert planner.candidates(10**6, 64) == [(4, 16), (5, 12), (6, 10)]
    assert planner.candidates(10**7, 64) == [(1, 24), (2, 24), (3, 21), (4, 16)]
    assert planner.candidates(10**6, 8) == [(1, 8)]
    assert planner.candidates(100, 64) == []


def test_shell_shares_are_counted():
    codes, queries = case(1, 300, 40, "clustered")
    chosen = substrings("greedy", codes, 40, 3, 9)
    shares = planner.shell_shares(codes, queries, 40, chosen)
    assert shares.shape == (3, len(queries), 10)
    np.testing.assert_allclose(shares.sum(axis=2), 1)
    ours, theirs = unpack(codes, 40), unpack(queries, 40)
    for table, row in enumerate(chosen):
        apart = (theirs[:, None, row] != ours[None][:, :, row]).sum(axis=2)
        for shell in range(10):
            np.testing.assert_allclose(
                shares[table, :, shell], (apart == shell).mean(axis=1), atol=1e-12
            )


def test_the_cheapest_shells_come_first():
    """Two tables, one with crowded buckets: reach 2 takes three shells, none of them crowded."""
    sizes = np.array([[1.0, 2.0, 3.0], [1e6, 1e6, 1e6]])
    lookups = planner.LOOKUP * (1 + 2 + 1)
    assert planner._greedy_cost(sizes, 2, 2, 1.0) == pytest.approx(lookups + 6.0)
    assert planner._greedy_cost(sizes, 0, 2, 1.0) == pytest.approx(planner.LOOKUP + 1.0)


def test_noisy_copies_are_near_their_codes():
    codes, _ = case(2, 1_000, 64, "uniform")
    copies = planner.noisy_copies(codes, 64, count=50)
    nearest = hamming_distance(copies, codes).min(axis=1)
    assert 1 < nearest.mean() < 6 and nearest.max() < 14  # 64 bits, each flipped with p = 0.05
    assert np.array_equal(copies, planner.noisy_copies(codes, 64, count=50))
