import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.codes import hamming_distance, pack
from mvs_lib.search.weighted_hamming import weighted_hamming_distance


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 5), st.integers(0, 5))
def test_it_is_the_explicit_sum(seed, bits, q, n):
    random = np.random.default_rng(seed)
    a, b = random.integers(0, 2, (q, bits)), random.integers(0, 2, (n, bits))
    weights = random.exponential(size=bits)
    expected = [[sum(weights[k] for k in range(bits) if i[k] != j[k]) for j in b] for i in a]
    found = weighted_hamming_distance(pack(a), pack(b), weights)
    assert found.shape == (q, n) and found.dtype == np.float64
    np.testing.assert_allclose(found, np.reshape(expected, (q, n)), rtol=1e-12)
    ones = weighted_hamming_distance(pack(a), pack(b), np.ones(bits, int))
    np.testing.assert_array_equal(ones, hamming_distance(pack(a), pack(b)))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones((1, 3)), r"weights must be real with shape \(bits,\), got float64 \(1, 3\)"),
        (np.ones(0), "weights must be real"),
        (np.ones(3, complex), "weights must be real"),
        ([1, -1, 1], "weights must be finite and >= 0"),
        ([1, np.nan, 1], "weights must be finite and >= 0"),
        (np.ones(9), "query codes of 9 bits must be 2 bytes wide, got 1"),
        (np.ones(2), "query codes: the last 6 bits of every 2-bit code are padding"),
    ],
)
def test_bad_weights(weights, message):
    codes = pack(np.ones((2, 3), int))
    with pytest.raises(ValueError, match=message):
        weighted_hamming_distance(codes, codes, weights)
