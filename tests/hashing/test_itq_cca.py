import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eig
from sklearn.cross_decomposition import CCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mvs_lib.codes import hamming_distance
from mvs_lib.hashing import ITQ, ITQCCA
from mvs_lib.hashing.itq import random_rotation
from mvs_lib.hashing.itq_cca import canonical_directions


def clusters(seed=0, classes=5, dimensions=12, count=300):
    """Classes that differ along few directions, under noise that is larger along others."""
    random = np.random.default_rng(seed)
    centres = np.zeros((classes, dimensions))
    centres[:, :4] = random.normal(size=(classes, 4))
    labels = random.integers(classes, size=count)
    noise = random.normal(size=(count, dimensions)) * np.linspace(0.5, 5, dimensions)
    return (centres[labels] + noise) @ random.normal(size=(dimensions, dimensions)), labels


def one_hot(labels):
    return np.eye(labels.max() + 1)[labels]


def test_directions_are_those_of_scikit_learn():
    features, labels = clusters()
    correlations, directions = canonical_directions(features, one_hot(labels), 1e-12)
    # CCA of scikit-learn wants full-rank targets: the last class follows from the others
    peer = CCA(n_components=4, scale=False, max_iter=5000, tol=1e-12)
    ours = (features - features.mean(axis=0)) @ directions
    theirs, targets = peer.fit(features, one_hot(labels)[:, :4]).transform(
        features, one_hot(labels)[:, :4]
    )
    for column in range(4):
        agreement = np.corrcoef(theirs[:, column], targets[:, column])[0, 1]
        assert correlations[column] == pytest.approx(agreement, abs=1e-6)
        assert abs(np.corrcoef(ours[:, column], theirs[:, column])[0, 1]) > 1 - 1e-6
    np.testing.assert_allclose(ours.T @ ours / len(ours), np.eye(4), atol=1e-8)


def test_directions_solve_the_generalised_eigenproblem_as_the_paper_writes_it():
    features, labels = clusters(seed=1)
    correlations, directions = canonical_directions(features, one_hot(labels), 0.3)
    x, y = features - features.mean(axis=0), one_hot(labels) - one_hot(labels).mean(axis=0)
    left = x.T @ y @ np.linalg.pinv(y.T @ y, rcond=1e-10) @ y.T @ x
    right = x.T @ x + 0.3 * np.trace(x.T @ x) / 12 * np.eye(12)
    np.testing.assert_allclose(left @ directions, right @ directions * correlations**2, atol=1e-6)
    expected = np.sort(eig(left, right)[0].real)[::-1]
    np.testing.assert_allclose(correlations**2, expected[:4], atol=1e-9)
    assert expected[4] == pytest.approx(0, abs=1e-9)  # five classes, four directions
    assert (directions[np.abs(directions).argmax(axis=0), range(4)] > 0).all()


def test_with_classes_as_labels_cca_is_fisher_s_discriminant():
    features, labels = clusters(seed=2)
    hasher = ITQCCA(bits=4, regularization=1e-12).fit(features, labels)
    peer = LinearDiscriminantAnalysis(solver="eigen").fit(features, labels)
    theirs = peer.transform(features)
    ours = (features - hasher.mean_) @ hasher.directions_
    for column in range(4):
        assert abs(np.corrcoef(ours[:, column], theirs[:, column])[0, 1]) > 1 - 1e-9


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 24), st.floats(0.01, 100))
def test_the_loss_never_rises_and_the_rotation_keeps_lengths(seed, bits, scale):
    features, labels = clusters(seed)
    hasher = ITQCCA(bits=bits, iterations=20, random_state=seed).fit(features * scale, labels)
    assert (np.diff(hasher.loss_) <= 1e-12 * hasher.loss_[0]).all()
    kept = min(bits, 4)
    assert hasher.rotation_.shape == (kept, bits)
    np.testing.assert_allclose(hasher.rotation_ @ hasher.rotation_.T, np.eye(kept), atol=1e-10)
    values = hasher.project(features * scale)
    codes = np.where(values >= 0, 1, -1)
    assert hasher.loss_[-1] == pytest.approx(((codes - values) ** 2).sum() / len(values))


def test_long_codes_are_itq_of_columns_that_are_zero_but_for_the_first():
    # the paper's own way, written out: pad V to 16 columns and rotate in 16 dimensions
    features, labels = clusters(seed=3)
    hasher = ITQCCA(bits=16, iterations=5, random_state=4).fit(features, labels)
    values = np.zeros((len(features), 16))
    values[:, :4] = (features - hasher.mean_) @ (hasher.directions_ * hasher.correlations_)
    rotation = random_rotation(16, np.random.default_rng(4))
    for _ in range(5):
        left, _, right = np.linalg.svd(values.T @ np.where(values @ rotation >= 0, 1.0, -1.0))
        rotation = left @ right
    np.testing.assert_allclose(hasher.project(features), values @ rotation, atol=1e-8)


def test_codes_hold_classes_that_itq_misses():
    features, labels = clusters(seed=5, count=2000)
    same = labels[:, None] == labels
    for hasher, holds in ((ITQCCA(bits=8), True), (ITQ(bits=8), False)):
        codes = hasher.fit(features, labels).encode(features)
        distance = hamming_distance(codes, codes)
        gain = distance[~same].mean() - distance[same].mean()
        assert (gain > 0.5) == holds


@pytest.mark.parametrize("regularization", [0, -1.0, float("nan")])
def test_refuses_regularization(regularization):
    with pytest.raises(ValueError, match="regularization must be > 0"):
        ITQCCA(bits=4, regularization=regularization).fit(*clusters())


def test_refuses_features_that_are_all_alike():
    with pytest.raises(ValueError, match="do not vary"):
        ITQCCA(bits=4).fit(np.ones((6, 3)), [0, 1, 0, 1, 0, 1])
