import numpy as np
import pytest

from mvs_lib.codes import pack
from mvs_lib.deep.methods import METHODS, VECTOR_METHODS
from mvs_lib.deep.methods.method import taxonomy
from mvs_lib.hashing.base import Hasher, Supervised


@pytest.fixture
def features():
    random = np.random.default_rng(0)
    return random.normal(size=(60, 10)) @ random.normal(size=(10, 10)) + 5


def test_each_has_its_row_in_the_taxonomy_beside_the_methods_of_the_loop():
    rows = taxonomy({**METHODS, **VECTOR_METHODS})
    assert {row["method"] for row in rows} == {*METHODS, *VECTOR_METHODS}
    for row in rows:
        assert all(row.values())
        if row["method"] in VECTOR_METHODS:
            method = VECTOR_METHODS[row["method"]]
            assert method.__name__.lower() == row["method"]
            assert row["stages"] == "separate"  # the features are not learned with the bits
            learned = row["supervision"] != "nothing"
            assert issubclass(method, Supervised) == learned
            assert row["group"].startswith("supervised" if learned else "unsupervised")


@pytest.mark.parametrize("method", VECTOR_METHODS.values(), ids=VECTOR_METHODS)
def test_each_is_a_hasher_whose_codes_are_the_signs_and_follow_from_the_seed(method, features):
    labels = np.arange(60) % 3
    hasher = method(bits=4).fit(features, labels)
    assert isinstance(hasher, Hasher)
    values = hasher.project(features)
    assert values.shape == (60, 4) and values.dtype == np.float64
    np.testing.assert_array_equal(hasher.encode(features), pack(values >= 0))
    again = method(bits=4).fit(features, labels)
    np.testing.assert_array_equal(again.project(features), values)
    with pytest.raises(ValueError, match="bits must be a positive whole number"):
        method(bits=0).fit(features, labels)
