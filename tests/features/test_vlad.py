import numpy as np
import pytest

from mvs_lib.features.vlad import residuals, vlad


@pytest.fixture
def case():
    random = np.random.default_rng(0)
    centres = random.normal(size=(4, 6)).astype(np.float32)
    descriptors = random.normal(size=(30, 6)).astype(np.float32)
    words = ((descriptors[:, None] - centres) ** 2).sum(2).argmin(1)
    return descriptors, words, np.array([0, 12, 12, 13, 30]), centres  # the second photo is empty


def slow(descriptors, words, offsets, centres):
    sums = np.zeros((len(offsets) - 1, *centres.shape))
    for photo in range(len(offsets) - 1):
        for row in range(offsets[photo], offsets[photo + 1]):
            sums[photo, words[row]] += descriptors[row].astype(float) - centres[words[row]]
    return sums


def test_residuals_are_those_of_a_loop(case):
    found = residuals(*case)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, slow(*case), atol=1e-5)


def test_each_sum_is_scaled_before_the_whole(case):
    expected = np.zeros((4, 24))
    for photo, sums in enumerate(slow(*case)):
        parts = [part / max(np.sqrt((part**2).sum()), 1e-9) for part in sums]
        whole = np.concatenate(parts)
        expected[photo] = whole / max(np.sqrt((whole**2).sum()), 1e-9)
    found = vlad(*case)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 0, 1, 1], atol=1e-6)


def test_a_repeated_pattern_does_not_drown_the_rest(case):
    descriptors, words, _, centres = case
    once = vlad(descriptors, words, np.array([0, 30]), centres)
    burst = np.flatnonzero(words == words[0])
    many = np.concatenate([np.arange(30), np.tile(burst, 9)])
    again = vlad(descriptors[many], words[many], np.array([0, len(many)]), centres)
    np.testing.assert_allclose(again, once, atol=1e-5)


def test_descriptors_on_their_centres_leave_nothing():
    centres = np.eye(3, dtype=np.float32)
    np.testing.assert_array_equal(vlad(centres, np.arange(3), np.array([0, 3]), centres), 0)
