"""The adaptive partition against an enumeration of all partitions, and what the orders promise."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.codes import pack
from mvs_lib.search.partition import (
    PARTITIONS,
    AdaptivePartition,
    correlation,
    objective,
    substrings,
)


def correlated_codes(random, n, bits, groups):
    """Codes whose bits copy one of a few hidden bits, with errors."""
    hidden = random.integers(0, 2, (n, groups))
    source = np.sort(random.integers(0, groups, bits))  # copies lie side by side
    flip = random.random((n, bits)) < random.uniform(0.05, 0.4, bits)
    return hidden[:, source] ^ flip


def test_correlation_is_numpys():
    values = correlated_codes(np.random.default_rng(0), 500, 12, 3)
    values[:, 5] = 1
    found = correlation(pack(values), 12)
    moving = [bit for bit in range(12) if bit != 5]
    expected = np.abs(np.corrcoef(values[:, moving].T))
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(found[np.ix_(moving, moving)], expected, atol=1e-5)
    assert not found[5].any() and not found[:, 5].any()
    assert not correlation(np.empty((0, 2), np.uint8), 12).any()


@pytest.mark.parametrize("groups", range(1, 7))
@pytest.mark.parametrize("seed", [*range(25), 1019])  # six starts do not find that of 1019
def test_the_optimum_of_eight_bits_in_two_substrings(seed, groups):
    """All 35 ways to split 8 bits: none is better."""
    codes = pack(correlated_codes(np.random.default_rng(seed), 300, 8, groups))
    correlations = correlation(codes, 8)
    splits = [(0, *rest) for rest in combinations(range(1, 8), 3)]
    values = [
        objective(correlations, [part, [bit for bit in range(8) if bit not in part]])
        for part in splits
    ]
    assert len(values) == 35
    partition = AdaptivePartition(segments=2).fit(codes, 8)
    first, second = partition.substrings_
    assert sorted([*first, *second]) == list(range(8))
    assert partition.objective_ == pytest.approx(objective(correlations, partition.substrings_))
    assert partition.objective_ <= min(values) + 1e-6


def test_no_exchange_of_two_bits_helps():
    codes = pack(correlated_codes(np.random.default_rng(4), 800, 30, 7))
    partition, correlations = AdaptivePartition(3).fit(codes, 30), correlation(codes, 30)
    parts = partition.substrings_
    for a, b in combinations(range(3), 2):
        for i, j in ((i, j) for i in parts[a] for j in parts[b]):
            moved = parts.copy()
            moved[a, parts[a] == i], moved[b, parts[b] == j] = j, i
            assert objective(correlations, moved) >= partition.objective_ - 1e-6


def test_adaptive_beats_the_other_orders_on_neighbouring_copies():
    codes = pack(correlated_codes(np.random.default_rng(3), 4_000, 64, 16))
    correlations = correlation(codes, 64)
    cost = {
        name: objective(correlations, substrings(name, codes, 64, 4, 16)) for name in PARTITIONS
    }
    assert cost["adaptive"] < cost["greedy"] < cost["contiguous"]
    assert cost["adaptive"] < min(
        objective(correlations, substrings("random", codes, 64, 4, 16, seed)) for seed in range(5)
    )


@given(
    bits=st.integers(1, 40),
    segments=st.integers(1, 8),
    width=st.integers(1, 12),
    name=st.sampled_from(sorted(PARTITIONS)),
    n=st.sampled_from([0, 1, 50]),
)
@settings(max_examples=80)
def test_substrings_share_no_bit(bits, segments, width, name, n):
    codes = pack(np.random.default_rng(n).integers(0, 2, (n, bits)))
    if segments * width > bits:
        with pytest.raises(ValueError, match="do not fit"):
            substrings(name, codes, bits, segments, width)
        return
    parts = substrings(name, codes, bits, segments, width, seed=1)
    assert parts.shape == (segments, width) and parts.dtype == np.int64
    assert len(np.unique(parts)) == parts.size and parts.min() >= 0 and parts.max() < bits
    assert np.array_equal(parts, substrings(name, codes, bits, segments, width, seed=1))


def test_left_over_bits_are_the_ones_nearest_to_constant():
    values = np.random.default_rng(0).random((2_000, 11)) < 0.5
    values[:, [2, 7]] = np.random.default_rng(1).random((2_000, 2)) < 0.02
    parts = AdaptivePartition(segments=3).fit(pack(values), 11).substrings_
    assert sorted(parts.ravel()) == [0, 1, 3, 4, 5, 6, 8, 9, 10]


def test_contiguous_is_the_order_of_the_code_and_random_has_a_seed():
    codes = pack(np.random.default_rng(0).integers(0, 2, (10, 24)))
    assert substrings("contiguous", codes, 24, 2, 12).tolist() == [
        list(range(12)),
        list(range(12, 24)),
    ]
    one, other = (substrings("random", codes, 24, 2, 12, seed) for seed in (0, 1))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("segments", "width"), [(0, None), (9, None), (3, 3), (2, 0)])
def test_bad_sizes(segments, width):
    with pytest.raises(ValueError, match="do not fit"):
        AdaptivePartition(segments, width).fit(np.zeros((3, 1), np.uint8), 8)


def test_an_unknown_name():
    with pytest.raises(ValueError, match="partition must be one of"):
        substrings("best", np.zeros((3, 1), np.uint8), 8, 2, 4)
