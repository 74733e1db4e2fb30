import numpy as np

from mvs_lib.course.exercises.hashing_without_labels import addresses
from mvs_lib.course.figure import describe
from mvs_lib.course.neighbourhood_chart import neighbourhood, neighbourhood_chart


def test_the_counts_are_those_of_going_to_every_address():
    generator = np.random.default_rng(0)
    database, query, true = generator.integers(0, 64, 50), 37, np.array([3, 8, 41])
    around = neighbourhood(np.bitwise_count(database ^ query), true, bits=6)
    for radius in range(7):
        visited = addresses(query, 6, radius)
        assert around.addresses[radius] == len(visited)
        assert around.photos[radius] == np.isin(database, visited).sum()
        assert around.neighbours[radius] == np.isin(database[true], visited).sum()


def test_all_addresses_of_a_long_code_are_counted_exactly():
    around = neighbourhood(np.array([128]), np.array([0]), bits=128)
    assert around.addresses[-1] == 2**128 and around.photos[-2:] == [0, 1]


def test_the_chart_draws_the_counts_and_says_those_of_the_radius():
    around = neighbourhood(np.array([0, 2, 1]), np.array([1]), bits=8)
    figure, alt = neighbourhood_chart(around, 1, 2)
    said = "\n".join(describe(figure))
    assert "line 'addresses' x 0 1 2; y 1 9 37" in said
    assert "line 'photos' x 0 1 2; y 1 2 3" in said
    assert alt.endswith("Within radius 1: 9 addresses, 2 photos, 0 neighbours.")
