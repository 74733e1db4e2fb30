import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.optimize import check_grad

from mvs_lib.codes import unpack
from mvs_lib.hashing import KSH, anchors
from mvs_lib.hashing.ksh import Residual, smooth_objective


def rings(count=240, seed=0):
    """Two classes a hyperplane cannot tell apart, a third beside them, and noise."""
    random = np.random.default_rng(seed)
    labels = random.integers(3, size=count)
    angle = random.uniform(0, 2 * np.pi, count)
    radius = np.array([1.0, 3.0, 1.0])[labels] + random.normal(size=count) * 0.3
    features = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    features[labels == 2] += 6
    return np.hstack([features, random.normal(size=(count, 3)) * 0.3]), labels


def similarity(labels):
    return np.where(labels[:, None] == labels, 1.0, -1.0)


def signs(hasher, features):
    return 2.0 * unpack(hasher.encode(features), hasher.bits_) - 1


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_the_residual_is_the_objective_written_out_and_never_rises(bits):
    for seed in range(3):
        features, labels = rings(seed=seed)
        hasher = KSH(bits=bits, anchors=60, random_state=seed).fit(features, labels)
        codes = signs(hasher, features)
        left = bits * similarity(labels)
        for bit in range(bits):
            expected = (left**2).sum() / len(labels) ** 2
            assert hasher.residual_[bit] == pytest.approx(expected, rel=1e-9)
            left -= np.outer(codes[:, bit], codes[:, bit])
        assert hasher.residual_[-1] == pytest.approx((left**2).sum() / len(labels) ** 2, rel=1e-9)
        assert (np.diff(hasher.residual_) <= 1e-9).all()


def test_each_bit_is_at_least_as_good_as_its_spectral_start():
    features, labels = rings()
    hasher = KSH(bits=6, anchors=60).fit(features, labels)
    start, stayed = hasher.gains_.T
    assert (stayed >= start).all() and (stayed > start).any()
    # the gain of what stayed is h'Rh, and a bit lowers the residual by 2 h'Rh - n^2
    np.testing.assert_allclose(np.diff(hasher.residual_), 1 - 2 * stayed, atol=1e-9)


@pytest.mark.parametrize("bits", [1, 4])
def test_without_steps_a_bit_is_the_top_generalised_eigenvector(bits):
    features, labels = rings()
    hasher = KSH(bits=bits, anchors=40, regularization=1e-3, steps=0).fit(features, labels)
    kernel = hasher.kernel(features) - hasher.offset_
    np.testing.assert_allclose(kernel.mean(axis=0), 0, atol=1e-12)
    gram = kernel.T @ kernel
    gram += 1e-3 * np.trace(gram) / 40 * np.eye(40)
    left = bits * similarity(labels)
    for bit in range(bits):
        top = eigh(kernel.T @ left @ kernel, gram)[1][:, -1]
        ours = hasher.projection_[:, bit]
        assert abs(ours @ gram @ top) / np.sqrt(ours @ gram @ ours) == pytest.approx(1)
        code = np.where(kernel @ ours >= 0, 1.0, -1.0)
        left -= np.outer(code, code)
    np.testing.assert_allclose(np.mean(hasher.project(features) ** 2, axis=0), 1)


def test_the_residual_acts_as_the_matrix_that_is_never_written_out():
    random = np.random.default_rng(1)
    labels = random.integers(4, size=30)
    residual, matrix = Residual(np.eye(4)[labels], bits=5), 5 * similarity(labels)
    for _ in range(3):
        values = random.normal(size=30)
        np.testing.assert_allclose(residual(values), matrix @ values)
        assert residual.squared_norm() == pytest.approx((matrix**2).sum())
        code = np.where(random.random(30) < 0.5, -1.0, 1.0)
        residual.subtract(code)
        matrix -= np.outer(code, code)


def test_the_smooth_objective_and_its_gradient():
    random = np.random.default_rng(2)
    kernel, labels = random.normal(size=(25, 6)), random.integers(3, size=25)
    residual = Residual(np.eye(3)[labels], bits=2)
    residual.subtract(np.where(labels == 0, 1.0, -1.0))
    matrix = 2 * similarity(labels) - np.outer(*[np.where(labels == 0, 1.0, -1.0)] * 2)
    point = random.normal(size=6)
    smooth = 2 / (1 + np.exp(-kernel @ point)) - 1
    value, _ = smooth_objective(point, kernel, residual)
    assert value == pytest.approx(-smooth @ matrix @ smooth)
    error = check_grad(
        lambda a: smooth_objective(a, kernel, residual)[0],
        lambda a: smooth_objective(a, kernel, residual)[1],
        point,
    )
    assert error < 1e-4


def test_tells_apart_what_no_hyperplane_can():
    features, labels = rings(count=900)
    train, new = slice(0, 600), slice(600, None)
    hasher = KSH(bits=8, anchors=100).fit(features[train], labels[train])
    inner = signs(hasher, features[new]) @ signs(hasher, features[train]).T
    nearest = labels[train][inner.argmax(axis=1)]
    assert (nearest == labels[new]).mean() > 0.95


def test_a_batch_of_rows_gives_what_all_give(monkeypatch):
    features, labels = rings()
    hasher = KSH(bits=4, anchors=30).fit(features, labels)
    whole = hasher.project(features)
    monkeypatch.setattr(anchors, "BATCH", 7)
    np.testing.assert_allclose(hasher.project(features), whole, atol=1e-9)
    kernel = np.exp(
        -((features[:, None] - hasher.anchors_) ** 2).sum(axis=2) / (2 * hasher.squared_width_)
    )
    np.testing.assert_allclose((kernel - hasher.offset_) @ hasher.projection_, whole, atol=1e-9)


def test_anchors_are_training_rows_and_the_width_is_their_mean_squared_distance():
    features, labels = rings()
    hasher = KSH(bits=2, anchors=50, width=0.5).fit(features, labels)
    squared = ((features[:, None] - hasher.anchors_) ** 2).sum(axis=2)
    assert (squared.min(axis=0) == 0).all() and len(np.unique(hasher.anchors_, axis=0)) == 50
    assert hasher.squared_width_ == pytest.approx(squared.mean() / 2)
    assert len(KSH(bits=2, anchors=5000).fit(features, labels).anchors_) == len(features)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"anchors": 0}, "anchors must be a whole number >= 1"),
        ({"anchors": 2.5}, "anchors must be a whole number >= 1"),
        ({"width": 0}, "width must be > 0"),
        ({"width": float("nan")}, "width must be > 0"),
        ({"regularization": 0}, "regularization must be > 0"),
        ({"steps": -1}, "steps must be a whole number >= 0"),
    ],
)
def test_refuses_parameters(wrong, message):
    with pytest.raises(ValueError, match=message):
        KSH(bits=2, **wrong).fit(*rings())


def test_refuses_features_that_are_all_alike():
    with pytest.raises(ValueError, match="do not vary"):
        KSH(bits=2).fit(np.ones((6, 3)), [0, 1, 0, 1, 0, 1])
