from functools import lru_cache
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.queries import type_coding
from mvs_lib.queries.type_coding import bits, count, quantise, rank, smooth, unrank


@lru_cache
def every(m, n):
    """All types in lexicographic order, the slow way."""
    return np.array([k for k in product(range(n + 1), repeat=m) if sum(k) == n])


@pytest.mark.parametrize(("m", "n"), [(5, 7), (7, 5), (3, 10), (2, 1), (4, 1)])
def test_numbers_and_types_are_a_bijection(m, n):
    types = every(m, n)
    assert len(types) == count(m, n) == comb(n + m - 1, m - 1)
    np.testing.assert_array_equal(rank(types), np.arange(len(types)))
    np.testing.assert_array_equal(unrank(np.arange(len(types)), m, n), types)
    assert 2 ** (bits(m, n) - 1) < len(types) <= 2 ** bits(m, n)


def test_shapes_are_kept():
    numbers = np.arange(24).reshape(2, 3, 4)
    types = unrank(numbers, 5, 7)
    assert types.shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(rank(types), numbers)
    assert rank(np.empty((0, 9, 5), np.int64)).shape == (0, 9)
    assert unrank(np.empty((0, 9), np.int64), 5, 7).shape == (0, 9, 5)


@given(st.lists(st.integers(0, 1000), min_size=5, max_size=5).filter(any))
def test_no_type_lies_nearer_than_the_quantised_one(weights):
    p = np.array(weights) / sum(weights)
    k = quantise(p, 7)
    assert k.sum() == 7 and k.min() >= 0
    apart = ((every(5, 7) / 7 - p) ** 2).sum(1)
    assert ((k / 7 - p) ** 2).sum() <= apart.min() + 1e-12


def test_a_type_is_its_own_nearest():
    np.testing.assert_array_equal(quantise(every(5, 7) / 7, 7), every(5, 7))


def test_smoothed_types_are_distributions_without_a_zero():
    p = smooth(every(5, 7))
    assert p.min() > 0
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(smooth(np.array([7, 0, 0])), np.array([7.5, 0.5, 0.5]) / 8.5)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.329"):
        unrank(np.array([330]), 5, 7)
    for m, n in ((1, 3), (3, 0), (17, 17)):
        with pytest.raises(ValueError, match="at most 65536 types"):
            count(m, n)
    for wrong in ([0.5, 0.2], [1.5, -0.5], [np.nan, 1.0]):
        with pytest.raises(ValueError, match="sum to 1"):
            quantise(np.array(wrong), 4)
    assert type_coding.count(2, 65535) == type_coding.MOST
