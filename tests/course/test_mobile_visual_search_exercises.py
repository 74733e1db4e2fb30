"""The references of notebook 01's exercises against slow ones and against the library."""

from itertools import product

import numpy as np
import pytest

from mvs_lib.course.bitrate_chart import best_within
from mvs_lib.course.exercises import mobile_visual_search as exercises
from mvs_lib.queries.link import LINKS, Link


@pytest.mark.parametrize(("m", "n"), [(3, 5), (4, 4), (5, 3)])
def test_no_type_lies_nearer_than_the_reference_says(m, n):
    every = np.array([k for k in product(range(n + 1), repeat=m) if sum(k) == n])
    for histogram in np.random.default_rng(m).dirichlet(np.ones(m), 40):
        found = exercises.nearest_type(histogram, n)
        apart = ((every / n - histogram) ** 2).sum(axis=1)
        assert found.tolist() == every[apart.argmin()].tolist()


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_the_wait_is_that_of_a_link_that_loses_nothing(link):
    sound = Link(link.name, link.bandwidth, link.round_trip)
    for size in (0, 1, 1459, 1460, 1461, 50_000):
        assert exercises.seconds(size, link.bandwidth, link.round_trip) == pytest.approx(
            sound.seconds(size)
        )


def test_the_best_within_a_budget_is_the_charts():
    generator = np.random.default_rng(5)
    sizes, scores = generator.integers(1, 60, 30).tolist(), generator.integers(0, 9, 30).tolist()
    points = [{"bytes": b, "map": s} for b, s in zip(sizes, scores, strict=True)]
    for budget in range(70):
        found = exercises.best_within(sizes, scores, budget)
        assert (found if found is None else points[found]) == best_within(points, budget)
