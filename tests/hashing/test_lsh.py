import faiss
import numpy as np
import pytest

from mvs_lib.codes import unpack
from mvs_lib.hashing import LSH


@pytest.mark.parametrize("degrees", [5, 30, 60, 90, 120, 175])
def test_collision_probability_is_one_minus_angle_over_pi(degrees):
    angle, trials = np.radians(degrees), 20_000
    pair = np.array([[1.0, 0, 0], [np.cos(angle), np.sin(angle), 0]])
    features = np.vstack([pair, -pair])  # mean zero: the angle is seen from the origin
    bits = unpack(LSH(bits=trials, random_state=degrees).fit(features).encode(features), trials)
    chance = 1 - angle / np.pi
    sigma = np.sqrt(chance * (1 - chance) / trials)
    assert abs((bits[0] == bits[1]).mean() - chance) < 3 * sigma
    np.testing.assert_array_equal(bits[:2], 1 - bits[2:])  # opposite features, opposite codes


def test_takes_more_bits_than_features_and_another_seed_gives_others():
    features = np.random.default_rng(0).normal(size=(5, 3))
    codes = LSH(bits=100).fit(features).encode(features)
    assert codes.shape == (5, 13)
    assert (codes != LSH(bits=100, random_state=1).fit(features).encode(features)).any()


def test_the_code_ignores_the_length_of_a_feature():
    features = np.random.default_rng(0).normal(size=(20, 6))
    hasher = LSH(bits=32).fit(features)
    far = hasher.mean_ + 100 * (features - hasher.mean_)
    np.testing.assert_array_equal(hasher.encode(far), hasher.encode(features))


@pytest.mark.parametrize("bits", [8, 48, 100])
def test_the_bits_are_those_of_faiss(bits):
    features = np.random.default_rng(bits).normal(size=(200, 24)).astype(np.float32)
    ours = LSH(bits=bits, random_state=1).fit(features)
    turn = faiss.LinearTransform(24, bits, True)
    faiss.copy_array_to_vector(ours.projection_.T.astype(np.float32).ravel(), turn.A)
    shift = -(ours.mean_ @ ours.projection_).astype(np.float32).ravel()
    faiss.copy_array_to_vector(shift, turn.b)
    turn.set_is_orthonormal()
    turn.is_trained = True
    peer = faiss.IndexLSH(bits, bits, False, False)  # no rotation and no thresholds of its own
    theirs = np.unpackbits(peer.sa_encode(turn.apply(features)), axis=1, bitorder="little")
    np.testing.assert_array_equal(unpack(ours.encode(features), bits), theirs[:, :bits])
