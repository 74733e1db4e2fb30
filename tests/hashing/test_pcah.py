import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from mvs_lib.hashing import PCAH
from mvs_lib.hashing.pcah import principal_directions


@pytest.fixture
def features():
    random = np.random.default_rng(1)
    return random.normal(size=(200, 12)) @ random.normal(size=(12, 12)) + 3


@pytest.mark.parametrize("bits", [1, 5, 12])
def test_equals_the_principal_components_of_scikit_learn(features, bits):
    hasher, peer = PCAH(bits=bits).fit(features), PCA(bits, svd_solver="full").fit(features)
    ours, theirs = hasher.projection_, peer.components_.T
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-10)  # same subspace
    np.testing.assert_allclose(ours, theirs, atol=1e-8)  # and by the same sign convention
    np.testing.assert_allclose(hasher.variance_, peer.explained_variance_ * 199 / 200)
    np.testing.assert_allclose(hasher.variance_, hasher.project(features).var(axis=0))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.data())
def test_signs_do_not_depend_on_the_signs_of_the_data(seed, dimensions, data):
    # a mirrored axis mirrors the eigenvectors; the convention must hold all the same
    random = np.random.default_rng(seed)
    centred = random.normal(size=(30, dimensions)) * random.uniform(0.5, 3, dimensions)
    centred -= centred.mean(axis=0)
    bits = data.draw(st.integers(1, dimensions))
    for mirror in (1, -1):
        variance, directions = principal_directions(mirror * centred, bits)
        np.testing.assert_allclose(directions.T @ directions, np.eye(bits), atol=1e-10)
        largest = np.abs(directions).argmax(axis=0)
        assert (directions[largest, np.arange(bits)] > 0).all()
        assert (np.diff(variance) <= 0).all()


def test_no_other_directions_hold_more_variance(features):
    centred = features - features.mean(axis=0)
    held = PCAH(bits=4).fit(features).variance_.sum()
    random = np.random.default_rng(2)
    for _ in range(50):
        other, _ = np.linalg.qr(random.normal(size=(12, 4)))
        assert ((centred @ other) ** 2).sum() / 200 < held
