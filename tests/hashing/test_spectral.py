import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh_tridiagonal

from mvs_lib.codes import unpack
from mvs_lib.hashing import PCAH, SH
from mvs_lib.hashing.spectral import slowest_modes


@pytest.fixture
def features():
    random = np.random.default_rng(2)
    return random.uniform(-1, 1, (400, 5)) * [9, 4, 3, 1, 0.2] + 7


@settings(max_examples=60)
@given(st.lists(st.floats(0.05, 20), min_size=1, max_size=6), st.integers(1, 12))
def test_the_modes_are_the_smallest_of_an_explicit_enumeration(ranges, count):
    every = [
        ((mode * np.pi / length) ** 2, side, mode)
        for side, length in enumerate(ranges)
        for mode in range(1, count + 1)
    ]
    modes, eigenvalues = slowest_modes(np.array(ranges), count)
    np.testing.assert_allclose(eigenvalues, [value for value, _, _ in sorted(every)[:count]])
    pairs = [tuple(pair) for pair in modes.tolist()]
    assert len(set(pairs)) == count
    for pair, value in zip(pairs, eigenvalues, strict=True):
        assert value == pytest.approx((pair[1] * np.pi / ranges[pair[0]]) ** 2)


@pytest.mark.parametrize("bits", [1, 4, 7, 40])
def test_each_value_is_the_formula_s_sine(features, bits):
    hasher = SH(bits=bits).fit(features)
    principal = PCAH(bits=min(bits, 5)).fit(features)
    new = features[:50] * 1.2 - 1  # partly outside the range that fit saw
    seen, given = principal.project(features), principal.project(new)
    values = hasher.project(new)
    assert values.shape == (50, bits)
    for bit, (side, mode) in enumerate(hasher.modes_):
        a, b = seen[:, side].min(), seen[:, side].max()
        sine = np.sin(np.pi / 2 + mode * np.pi * (given[:, side] - a) / (b - a))
        np.testing.assert_allclose(values[:, bit], sine, atol=1e-9)


def test_a_wave_is_an_eigenfunction_of_the_box():
    # -f'' = eigenvalue * f with f' = 0 at both ends, on a fine grid: the Laplacian of a path
    length, steps = 3.0, 2000
    step = length / steps
    diagonal = np.full(steps, 2.0)
    diagonal[[0, -1]] = 1.0
    values, waves = eigh_tridiagonal(
        diagonal / step**2, np.full(steps - 1, -1.0) / step**2, select="i", select_range=(0, 4)
    )
    modes, eigenvalues = slowest_modes(np.array([length]), 4)
    np.testing.assert_allclose(values[1:], eigenvalues, rtol=1e-4)  # values[0]: the constant
    position = (np.arange(steps) + 0.5) / steps
    for mode, wave in zip(modes[:, 1], waves[:, 1:].T, strict=True):
        sine = np.sin(np.pi / 2 + mode * np.pi * position)
        assert abs(sine @ wave) / np.linalg.norm(sine) == pytest.approx(1, abs=1e-5)


def test_a_long_side_is_split_again_before_a_short_one_is_split():
    ranges = np.array([10.0, 2.0])
    modes, _ = slowest_modes(ranges, 6)
    assert modes.tolist()[:5] == [[0, 1], [0, 2], [0, 3], [0, 4], [0, 5]]
    assert [1, 1] in slowest_modes(ranges, 6)[0].tolist()


def test_on_an_even_box_bits_are_balanced_and_uncorrelated():
    random = np.random.default_rng(3)
    box = random.uniform(0, 1, (20_000, 3)) * [5, 4, 3]
    hasher = SH(bits=8).fit(box)
    signs = 2.0 * unpack(hasher.encode(box), 8) - 1
    sigma = 1 / np.sqrt(len(box))
    # the waves of one side are orthogonal; so are their signs, but for odd multiples of a wave
    assert np.abs(signs.mean(axis=0)).max() < 4 * sigma + 0.02
    one_of_each = [bit for bit, (_, mode) in enumerate(hasher.modes_) if mode in (1, 2)]
    correlation = signs[:, one_of_each].T @ signs[:, one_of_each] / len(box)
    np.testing.assert_allclose(correlation, np.eye(len(one_of_each)), atol=4 * sigma + 0.02)


def test_the_first_bit_is_the_middle_of_the_longest_side(features):
    hasher = SH(bits=1).fit(features)
    along = PCAH(bits=1).fit(features).project(features)[:, 0]
    middle = (along.min() + along.max()) / 2
    np.testing.assert_array_equal(hasher.project(features)[:, 0] >= 0, along <= middle)
