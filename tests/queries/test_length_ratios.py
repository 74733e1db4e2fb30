import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_length_ratios import slow_agreement

from mvs_lib.queries import length_ratios


@settings(max_examples=20)
@given(st.integers(0, 999), st.sampled_from([(0.3, 3.0), (0.1, 1.0)]))
def test_length_ratios_against_the_definition(seed, bins):
    random = np.random.default_rng(seed)
    query, source = random.random((12, 2)), random.random((40, 2))
    which = np.where(random.random((12, 5)) < 0.6, random.integers(0, 40, (12, 5)), -1)
    share = slow_agreement(query, source, which, *bins)
    got = length_ratios.agreement(query, source, which, *bins, chance=False)
    np.testing.assert_allclose(got, share)
    expected = length_ratios.by_chance(*bins)[(which >= 0).sum(axis=0)]
    beyond = [
        max(0, (a - e) / (1 - e)) if e < 1 else 0 for a, e in zip(share, expected, strict=True)
    ]
    got = length_ratios.agreement(query, source, which, *bins)
    np.testing.assert_allclose(got, beyond, atol=1e-12)


def test_chance_is_the_mean_of_random_layouts_and_falls_with_the_matches():
    expected = length_ratios.by_chance(0.3, 3.0)
    assert (expected[:3] == 1).all() and len(expected) == 65
    random = np.random.default_rng(7)  # other layouts than those it was measured on
    for m in (3, 4, 8, 20, 60):
        which = np.arange(m)[:, None]
        drawn = [
            slow_agreement(random.random((m, 2)), random.random((m, 2)), which, 0.3, 3.0)[0]
            for _ in range(40 if m < 20 else 8)
        ]
        error = np.std(drawn) * np.sqrt(1 / len(drawn) + 1 / 400)
        assert abs(np.mean(drawn) - expected[m]) < 4 * error
    assert (np.diff(expected[2:24:3]) < 0).all()


def test_random_matches_score_nothing_on_average_however_many_they_are():
    random = np.random.default_rng(3)
    for m in (4, 10, 40, 150):
        which, share, beyond = np.arange(m)[:, None], [], []
        for query, source in random.random((150, 2, m, 2)):
            share.append(length_ratios.agreement(query, source, which, chance=False)[0])
            beyond.append(length_ratios.agreement(query, source, which)[0])
        expected = length_ratios.by_chance(0.3, 3.0)[min(m, 64)]
        # beyond 64 matches the share of 64 is taken away
        assert abs((np.mean(share) - expected) / (1 - expected)) < 0.04
        assert np.mean(beyond) < 0.1


def test_two_matches_prove_nothing_and_whole_cells_agree_as_their_centres_do():
    random = np.random.default_rng(5)
    cells = random.integers(0, 128, (30, 2)).astype(np.uint8)
    which = np.where(random.random((12, 6)) < 0.5, random.integers(0, 30, (12, 6)), -1)
    query = random.integers(0, 128, (12, 2)) + 0.5
    got = length_ratios.agreement(query, cells, which)
    np.testing.assert_allclose(got, length_ratios.agreement(query, cells + 0.5, which))
    which[2:] = -1
    assert not length_ratios.agreement(query, cells, which).any()


def test_a_shifted_turned_and_enlarged_photo_agrees_fully_and_a_shuffled_one_does_not():
    random = np.random.default_rng(0)
    query = random.random((30, 2))
    turn = 2.2 * np.array([[0.6, -0.8], [0.8, 0.6]])
    source = np.concatenate([query @ turn + [3, 1], random.random((30, 2))])
    which = np.stack([np.arange(30), 30 + random.permutation(30)], axis=1)
    same, other = length_ratios.agreement(query, source, which)
    assert same == pytest.approx(1) and other < 0.1
