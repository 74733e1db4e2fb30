import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.codes import unpack
from mvs_lib.hashing import SupervisedDiscreteHashing
from mvs_lib.hashing.supervised_discrete import best_codes


def clusters(seed=0, count=200, classes=4):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = random.normal(size=(classes, 6)) * 2
    return centres[labels] + random.normal(size=(count, 6)), labels


def loss(hasher, features, labels, codes, classifier, projection):
    """The objective, written out."""
    targets = np.eye(labels.max() + 1)[labels]
    reached = hasher.kernel(features) @ projection
    return (
        ((targets - codes @ classifier) ** 2).sum()
        + hasher.classifier_ridge * (classifier**2).sum()
        + hasher.fit_weight
        * (((codes - reached) ** 2).sum() + hasher.projection_ridge * (projection**2).sum())
    )


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.sampled_from([1e-5, 0.1, 10.0]))
def test_the_loss_never_rises_at_any_step(seed, bits, weight):
    features, labels = clusters(seed)
    hasher = SupervisedDiscreteHashing(
        bits=bits, anchors=40, fit_weight=weight, random_state=seed
    ).fit(features, labels)
    assert hasher.loss_.shape == (2 + 3 * 5,)
    assert (np.diff(hasher.loss_) <= 1e-9 * hasher.loss_[0]).all()
    parts = hasher.codes_, hasher.classifier_, hasher.projection_
    assert hasher.loss_[-1] == pytest.approx(loss(hasher, features, labels, *parts), rel=1e-9)
    assert set(np.unique(hasher.codes_)) <= {-1.0, 1.0}


def test_classifier_and_projection_are_the_best_for_their_codes():
    features, labels = clusters(1)
    hasher = SupervisedDiscreteHashing(bits=6, anchors=30, fit_weight=0.5).fit(features, labels)
    codes, classifier, projection = hasher.codes_, hasher.classifier_, hasher.projection_
    best = loss(hasher, features, labels, codes, classifier, projection)
    random = np.random.default_rng(2)
    for _ in range(50):
        other = classifier + random.normal(size=classifier.shape) * 0.01
        assert loss(hasher, features, labels, codes, other, projection) > best
        other = projection + random.normal(size=projection.shape) * 0.01
        assert loss(hasher, features, labels, codes, classifier, other) > best


@pytest.mark.parametrize("seed", range(5))
def test_a_bit_of_all_rows_is_the_best_of_every_choice(seed):
    random = np.random.default_rng(seed)
    rows, bits, classes = 6, 3, 2
    classifier, pull = random.normal(size=(bits, classes)), random.normal(size=(rows, bits))
    every = np.array(list(itertools.product([-1.0, 1.0], repeat=rows)))

    def objective(codes):
        return ((codes @ classifier) ** 2).sum() - 2 * (codes * pull).sum()

    start = every[random.integers(len(every), size=bits)].T
    expected = start.copy()
    for bit in range(bits):  # brute force over the 2^6 values of one bit, the others fixed
        trials = [expected.copy() for _ in every]
        for trial, column in zip(trials, every, strict=True):
            trial[:, bit] = column
        expected = min(trials, key=objective)
    np.testing.assert_array_equal(best_codes(start, classifier, pull, sweeps=1), expected)
    # when no bit moves any more, none of the 2^6 values of any bit is better
    settled = best_codes(start, classifier, pull)
    for bit, column in itertools.product(range(bits), every):
        trial = settled.copy()
        trial[:, bit] = column
        assert objective(trial) >= objective(settled) - 1e-12


def test_after_the_b_step_no_flipped_bit_lowers_the_loss():
    features, labels = clusters(4, count=40)
    settings = {"bits": 5, "anchors": 15, "fit_weight": 0.05}
    before = SupervisedDiscreteHashing(**settings, iterations=0).fit(features, labels)
    codes = SupervisedDiscreteHashing(**settings, iterations=1).fit(features, labels).codes_
    fixed = before.classifier_, before.projection_
    best = loss(before, features, labels, codes, *fixed)
    assert best < loss(before, features, labels, before.codes_, *fixed)
    for row, bit in itertools.product(range(40), range(5)):
        flipped = codes.copy()
        flipped[row, bit] *= -1
        assert loss(before, features, labels, flipped, *fixed) > best


def test_a_zero_keeps_its_bit_and_the_start_is_not_changed():
    start = np.array([[1.0, -1.0], [-1.0, 1.0]])
    kept = start.copy()
    found = best_codes(start, np.zeros((2, 3)), np.zeros((2, 2)))
    np.testing.assert_array_equal(found, kept)
    best_codes(start, np.eye(2), -10 * start)
    np.testing.assert_array_equal(start, kept)


def test_codes_of_new_rows_are_those_of_their_class():
    features, labels = clusters(3, count=900)
    train, new = slice(0, 600), slice(600, None)
    hasher = SupervisedDiscreteHashing(bits=16, anchors=200).fit(features[train], labels[train])
    ours = 2.0 * unpack(hasher.encode(features[new]), 16) - 1
    nearest = labels[train][(ours @ hasher.codes_.T).argmax(axis=1)]
    assert (nearest == labels[new]).mean() > 0.9
    # the classifier that the codes were learned for reads the label from the new codes too
    assert ((ours @ hasher.classifier_).argmax(axis=1) == labels[new]).mean() > 0.9


@pytest.mark.parametrize("name", ["classifier_ridge", "fit_weight", "projection_ridge"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan")])
def test_refuses_weights(name, value):
    with pytest.raises(ValueError, match=f"{name} must be > 0"):
        SupervisedDiscreteHashing(bits=4, **{name: value}).fit(*clusters())
