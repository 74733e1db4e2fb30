import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.datasets import campus
from mvs_lib.queries import measure, payload
from mvs_lib.queries.colour_descriptors import GRID, ColourDescriptors
from mvs_lib.queries.payload import PayloadError


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module", params=[("sift", "opponent"), ("gftt", "hue"), ("orb", "grey")])
def system(request, split):
    detector, descriptor = request.param
    return ColourDescriptors(detector, descriptor, limit=150).fit(split.source)


@settings(max_examples=40)
@given(st.lists(st.booleans(), min_size=30, max_size=30), st.integers(0, 2**32 - 1))
def test_what_is_written_is_what_is_read(visited, seed):
    system = ColourDescriptors()
    assert system.k == 30
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (30, 32)) * np.array(visited)[:, None]
    sent = system.write(signs.ravel())
    assert len(sent) == payload.OVERHEAD + -(-(30 + 32 * sum(visited)) // 8) <= system.budget
    np.testing.assert_array_equal(system.read(sent), signs.ravel())


def test_every_pair_keeps_the_same_budget():
    assert len(GRID) == 9
    for budget in (64, 128, 256):
        for each in GRID:
            system = ColourDescriptors(**each, budget=budget)
            full = system.write(np.ones(system.k * system.depth))
            assert budget - 5 < len(full) <= budget


def test_the_score_is_the_slow_one(system, split):
    sent = system.encode(split.query.images[0])
    query = system.read(sent).reshape(system.k, system.depth)
    scores = system.search(sent)
    for photo in (0, 13):
        other = system.signs_[photo].reshape(system.k, system.depth)
        here, there = (each.any(1) for each in (query, other))
        slow = sum(
            system.depth - 2 * (query[one] != other[one]).sum()
            for one in np.flatnonzero(here & there)
        ) / (system.depth * np.sqrt(here.sum() * there.sum()))
        assert scores[photo] == pytest.approx(slow, rel=1e-5)


def test_a_source_photo_finds_itself_and_queries_their_place(system, split):
    for index in (0, 23):
        scores = system.search(system.encode(split.source.images[index]))
        assert scores.argmax() == index and scores[index] == pytest.approx(1)
    reached = measure.measure(system, split)
    assert reached.map > 0.42 and reached.largest_bytes <= system.budget
    assert 0 < system.client_bytes < system.index_bytes


def test_damage_is_seen(system, split):
    with pytest.raises(PayloadError, match="altered"):
        system.search(system.encode(split.query.images[0])[:-1])
    for size in (0, 1, 2, 3, 40, 400):
        with pytest.raises(PayloadError, match="centres need"):
            system.search(payload.pack(system.number, b"\xff" * size))


def test_a_flat_photo_sends_little_and_scores_nothing(system):
    sent = system.encode(np.full((256, 256, 3), 80, np.uint8))
    assert len(sent) == payload.OVERHEAD + 4
    np.testing.assert_array_equal(system.search(sent), np.zeros(24))


def test_wrong_settings_are_refused(split):
    with pytest.raises(ValueError, match="two or"):
        ColourDescriptors(budget=10).fit(split.source)
    with pytest.raises(ValueError, match="descriptor"):
        ColourDescriptors(descriptor="rgb").fit(split.source)
    with pytest.raises(ValueError, match="detector"):
        ColourDescriptors(detector="surf").fit(split.source)
    with pytest.raises(ValueError, match="give more"):
        flat = split.source.take([0, 1])
        flat.images[:] = 100
        ColourDescriptors().fit(flat)
