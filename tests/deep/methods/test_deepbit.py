import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loss_cases import assert_only_these_weights

from mvs_lib.deep.methods.deepbit import ANGLES, DeepBit, rotated, rotation_weight
from mvs_lib.deep.training import Settings, train

weight = st.floats(0, 20)
drawn = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


def slow_terms(projection, n, code):
    """L1, L2 and L3 as the file's head writes them: loops over photos, bits and angles."""
    f = projection.tolist()
    bits = len(f[0])
    l1 = l2 = l3 = 0.0
    for i in range(n):
        for k in range(bits):
            bit = 1 if f[i][k] >= 0 else 0
            l1 += ((bit - 0.5) - f[i][k]) ** 2 / (n * bits)
    for k in range(bits):
        if code == "soft":
            mean = sum(1 / (1 + math.exp(-f[i][k])) for i in range(n)) / n
        else:
            mean = sum(f[i][k] >= 0 for i in range(n)) / n
        l2 += (mean - 0.5) ** 2 / bits
    for view, angle in enumerate((-10, -5, 5, 10), start=1):
        c = math.exp(-((angle / 5) ** 2) / 2)
        for i in range(n):
            for k in range(bits):
                l3 += c * (f[i][k] - f[view * n + i][k]) ** 2 / (n * bits)
    return l1, l2, l3


@drawn
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.integers(1, 7),
    st.tuples(weight, weight, weight),
    st.sampled_from(["straight", "soft"]),
)
def test_the_terms_are_those_of_the_loops(random_outputs, seed, n, bits, weights, code):
    outputs, labels = random_outputs(seed, 5 * n, bits, 3)
    terms = DeepBit(*weights, code=code)(outputs, labels[:n])
    expected = slow_terms(outputs.projection, n, code)
    assert [float(term) for term in terms[1:]] == pytest.approx(expected)
    assert float(terms.total) == pytest.approx(np.dot(weights, expected))


@pytest.mark.parametrize("code", ["straight", "soft"])
def test_any_other_sign_or_weight_would_show(random_outputs, code):
    outputs, labels = random_outputs(0, 25, 7, 3)
    weights = np.array([0.7, 19.0, 3.1])
    expected = np.array(slow_terms(outputs.projection, 5, code))
    total = float(DeepBit(*weights, code=code)(outputs, labels[:5]).total)
    assert_only_these_weights(total, weights, expected)


def test_the_weights_are_the_released_ones_unless_given(random_outputs):
    outputs, labels = random_outputs(4, 15, 7, 3)
    expected = slow_terms(outputs.projection, 3, "straight")
    assert float(DeepBit()(outputs, labels[:3]).total) == pytest.approx(
        np.dot([1, 1, 0.001], expected)
    )


def test_its_gradient_is_the_numeric_one(random_outputs):
    outputs, labels = random_outputs(1, 20, 5, 3)
    loss = DeepBit(1.5, 8.0, 2.5, "soft")

    def terms(projection):
        return tuple(loss(outputs._replace(projection=projection), labels[:4]))

    assert torch.autograd.gradcheck(terms, outputs.projection.requires_grad_())


def test_straight_through_each_unit_gets_its_own_bits_gradient(random_outputs):
    outputs, labels = random_outputs(2, 25, 6, 3)
    projection = outputs.projection.requires_grad_()
    DeepBit()(outputs._replace(projection=projection), labels[:5]).evenness.backward()
    bits = (projection[:5] >= 0).double()
    for i in range(5):
        for k in range(6):
            expected = 2 / 6 * (float(bits[:, k].mean()) - 0.5) / 5  # as if b were F
            assert float(projection.grad[i, k]) == pytest.approx(expected)
    assert (projection.grad[5:] == 0).all()  # the twins are not counted
    assert len(projection.grad[0].unique()) > 1  # not one for all, as in the released layers


def test_limits_with_known_values(random_outputs):
    outputs, labels = random_outputs(0, 20, 2, 3)
    halves = torch.tensor([[0.5, 0.5], [-0.5, 0.5], [0.5, -0.5], [-0.5, -0.5]]).double()
    terms = DeepBit()(outputs._replace(projection=halves.repeat(5, 1)), labels[:4])
    assert [float(term) for term in terms] == [0, 0, 0, 0]
    zeros = outputs._replace(projection=torch.zeros(20, 2).double())  # sgn(0) = +1
    terms = DeepBit()(zeros, labels[:4])
    assert float(terms.quantization) == 0.25 and float(terms.evenness) == 0.25


def descend(beta, seed=0):
    """Train a plane a bit on drawn points whose first values all lie on one side."""
    random = np.random.default_rng(seed)
    points = torch.tensor(random.normal(size=(64, 3)))
    planes = torch.tensor(0.1 * random.normal(size=(3, 4))).requires_grad_()
    offset = torch.full((4,), 0.6, dtype=torch.float64).requires_grad_()
    optimizer = torch.optim.SGD([planes, offset], lr=0.2)
    loss = DeepBit(beta=beta)
    for _ in range(300):
        optimizer.zero_grad()
        projection = (points @ planes + offset).repeat(5, 1)
        outputs = type("Outputs", (), {"projection": projection})
        loss(outputs, torch.zeros(64)).total.backward()
        optimizer.step()
    return (points @ planes + offset).detach() >= 0


def test_without_evenness_all_codes_are_one_and_with_it_they_are_not():
    assert len(descend(beta=0).unique(dim=0)) == 1
    even = descend(beta=2)
    assert len(even.unique(dim=0)) > 1
    assert ((even.float().mean(0) - 0.5).abs() < 0.2).all()


def test_a_quarter_turn_is_the_exact_one_and_small_turns_keep_the_middle():
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3), np.uint8)
    kept = images.copy()
    quarter = rotated(images, 90)
    np.testing.assert_array_equal(quarter, np.rot90(images, 1, axes=(1, 2)))
    np.testing.assert_array_equal(rotated(images, 0), images)
    np.testing.assert_array_equal(rotated(images, 10)[:, 4, 4], images[:, 4, 4])
    np.testing.assert_array_equal(images, kept)


def test_the_views_are_the_photos_and_their_twins_in_the_order_of_the_angles(photos):
    views = DeepBit().views(photos.images, np.random.default_rng(0))
    blocks = np.split(views, 5)
    np.testing.assert_array_equal(blocks[0], photos.images)
    for angle, block in zip(ANGLES, blocks[1:], strict=True):
        np.testing.assert_array_equal(block, rotated(photos.images, angle))
        assert (block != photos.images).any()
    assert [rotation_weight(angle) for angle in (-10, -5, 0, 5)] == pytest.approx(
        [math.exp(-2), math.exp(-0.5), 1, math.exp(-0.5)]
    )


def test_the_loop_trains_it(photos, fresh):
    settings_ = Settings(epochs=6, batch_size=15, learning_rate=0.02, augment=0.0)
    history = train(fresh(bits=6), DeepBit(gamma=0.1), photos, settings_, progress=False)
    assert history.terms["total"][-1] < history.terms["total"][0]


def test_bad_arguments(random_outputs):
    for weights in ((-1, 1, 1), (1, -1, 1), (1, 1, -1)):
        with pytest.raises(ValueError, match="weights must be >= 0"):
            DeepBit(*weights)
    with pytest.raises(ValueError, match="code must be 'straight' or 'soft', got 'hard'"):
        DeepBit(code="hard")
    outputs, labels = random_outputs(0, 8, 3, 3)
    with pytest.raises(ValueError, match=r"5 views of each photo, got 8 outputs for 8 labels"):
        DeepBit()(outputs, labels)
