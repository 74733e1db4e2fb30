import itertools

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.hashing import ITQ, PCAH
from mvs_lib.hashing.itq import random_rotation


def features_of(seed, count=300, dimensions=16):
    """Clusters with unequal variances: PCA alone would spoil the last bits."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(10, dimensions)) * np.geomspace(4, 0.3, dimensions)
    return centres[random.integers(10, size=count)] + random.normal(size=(count, dimensions)) * 0.3


def loss(values):
    return ((np.where(values >= 0, 1, -1) - values) ** 2).sum() / len(values)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 16), st.floats(0.01, 100))
def test_the_loss_never_rises_and_the_rotation_is_orthogonal(seed, bits, scale):
    features = features_of(seed) * scale
    hasher = ITQ(bits=bits, iterations=20, random_state=seed).fit(features)
    assert hasher.loss_.shape == (21,)
    assert (np.diff(hasher.loss_) <= 1e-12 * hasher.loss_[0]).all()
    rotation = hasher.rotation_
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(bits), atol=1e-10)
    np.testing.assert_allclose(hasher.loss_[-1], loss(hasher.project(features)))


def test_each_step_is_the_best_rotation_for_the_codes():
    # the orientation of Procrustes: no rotation may do better against the previous codes
    features = features_of(0)
    before = ITQ(bits=8, iterations=3).fit(features)
    after = ITQ(bits=8, iterations=4).fit(features)
    codes = np.where(before.project(features) >= 0, 1, -1)
    projected = (features - before.mean_) @ before.directions_

    def distance(rotation):
        return ((codes - projected @ rotation) ** 2).sum()

    best = distance(after.rotation_)
    random = np.random.default_rng(1)
    assert best <= distance(before.rotation_)
    for _ in range(200):
        skew = random.normal(size=(8, 8)) * 0.05
        near, _ = np.linalg.qr(np.eye(8) + skew - skew.T)
        near *= np.sign(np.diag(near))
        assert best < distance(after.rotation_ @ near)


def test_no_iterations_is_pca_and_a_random_rotation():
    features = features_of(3)
    hasher = ITQ(bits=8, iterations=0, random_state=7).fit(features)
    principal = PCAH(bits=8).fit(features)
    rotation = random_rotation(8, np.random.default_rng(7))
    np.testing.assert_allclose(hasher.project(features), principal.project(features) @ rotation)
    assert hasher.loss_.shape == (1,)
    one = ITQ(bits=8, iterations=1, random_state=7).fit(features)
    assert one.loss_[0] == hasher.loss_[0] > one.loss_[1]


def test_quantises_as_well_as_faiss():
    features = features_of(4, count=2000, dimensions=32)
    for bits in (8, 16, 32):
        principal = PCAH(bits=bits).fit(features).project(features)
        peer = faiss.ITQMatrix(bits)
        peer.train(principal.astype(np.float32))
        theirs = loss(peer.apply(principal.astype(np.float32)))
        # both end in a local minimum, each from its own random start: compare the best of three
        ours = min(ITQ(bits=bits, random_state=s).fit(features).loss_[-1] for s in range(3))
        assert ours < 1.01 * theirs


def test_recovers_a_planted_rotation_of_cube_corners():
    random = np.random.default_rng(5)
    corners = np.array(list(itertools.product([-1.0, 1.0], repeat=3)))
    features = corners @ random_rotation(3, random) + 10
    hashers = [ITQ(bits=3, random_state=seed).fit(features) for seed in range(20)]
    best = min(hashers, key=lambda hasher: hasher.loss_[-1])
    assert best.loss_[-1] < 1e-10
    assert len(np.unique(best.encode(features))) == 8


def test_random_rotation_is_uniform():
    # every element of a uniformly drawn rotation has mean 0 and mean square 1 / size
    random = np.random.default_rng(6)
    drawn = np.array([random_rotation(4, random) for _ in range(4000)])
    np.testing.assert_allclose(
        drawn @ drawn.transpose(0, 2, 1), np.tile(np.eye(4), (4000, 1, 1)), atol=1e-12
    )
    assert np.abs(drawn.mean(axis=0)).max() < 4 * np.sqrt(0.25 / 4000)
    np.testing.assert_allclose((drawn**2).mean(axis=0), 0.25, atol=0.02)


@pytest.mark.parametrize("iterations", [-1, 1.5, "many", True])
def test_refuses_iterations(iterations):
    with pytest.raises(ValueError, match="iterations must be a whole number"):
        ITQ(bits=4, iterations=iterations).fit(features_of(0))
