import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loss_cases import assert_only_these_weights

from mvs_lib.deep.methods import SSDH

weight = st.floats(0, 20)


def slow_terms(outputs, labels, balance):
    """E1, E2 and E3 (or E3') as the file's head writes them: loops over n and k."""
    a, logits = outputs.latent.tolist(), outputs.logits.tolist()
    n_photos, n_bits = len(a), len(a[0])
    e1 = e2 = e3 = 0.0
    for n in range(n_photos):
        total = sum(math.exp(value) for value in logits[n])
        e1 -= math.log(math.exp(logits[n][int(labels[n])]) / total)
        for k in range(n_bits):
            e2 -= (a[n][k] - 0.5) ** 2
    if balance == "image":
        for n in range(n_photos):
            e3 += (sum(a[n][k] for k in range(n_bits)) / n_bits - 0.5) ** 2 / n_photos
    else:
        for k in range(n_bits):
            e3 += (sum(a[n][k] for n in range(n_photos)) / n_photos - 0.5) ** 2 / n_bits
    return e1 / n_photos, e2 / (n_photos * n_bits), e3


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 7),
    st.integers(1, 9),
    st.tuples(weight, weight, weight),
    st.sampled_from(["image", "bit"]),
)
def test_the_terms_are_those_of_the_loops(random_outputs, seed, n, bits, weights, balance):
    outputs, labels = random_outputs(seed, n, bits, 4)
    terms = SSDH(*weights, balance=balance)(outputs, labels)
    expected = slow_terms(outputs, labels, balance)
    assert [float(term) for term in terms[1:]] == pytest.approx(expected)
    assert float(terms.total) == pytest.approx(np.dot(weights, expected))


@pytest.mark.parametrize("balance", ["image", "bit"])
def test_any_other_sign_or_weight_would_show(random_outputs, balance):
    """The check above can fail: each wrong combination is far from the right one."""
    outputs, labels = random_outputs(0, 5, 7, 4)
    weights = np.array([0.7, 1.9, 3.1])
    expected = np.array(slow_terms(outputs, labels, balance))
    total = float(SSDH(*weights, balance=balance)(outputs, labels).total)
    assert_only_these_weights(total, weights, expected)


def test_the_weights_are_one_unless_given(random_outputs):
    outputs, labels = random_outputs(4, 5, 7, 4)
    assert float(SSDH()(outputs, labels).total) == pytest.approx(
        sum(slow_terms(outputs, labels, "image"))
    )


@pytest.mark.parametrize("balance", ["image", "bit"])
def test_its_gradient_is_the_numeric_one(random_outputs, balance):
    outputs, labels = random_outputs(1, 4, 6, 3)
    loss = SSDH(1.5, 0.8, 2.5, balance)

    def terms(projection, logits):
        latent = torch.sigmoid(projection)
        return tuple(loss(outputs._replace(latent=latent, logits=logits), labels))

    given = outputs.projection.requires_grad_(), outputs.logits.requires_grad_()
    assert torch.autograd.gradcheck(terms, given)


def of_latent(random_outputs, rows, **options):
    latent = torch.tensor(rows, dtype=torch.float64)
    outputs, labels = random_outputs(0, *latent.shape, 3)
    return SSDH(**options)(outputs._replace(latent=latent), labels)


def test_balance_over_the_bits_of_a_photo_and_over_the_photos_of_a_bit(random_outputs):
    # every photo has half of its bits on, but it is the same half: no bit tells photos apart
    same_half = [[1, 1, 0, 0]] * 4
    assert float(of_latent(random_outputs, same_half).balance) == 0
    assert float(of_latent(random_outputs, same_half, balance="bit").balance) == 0.25
    # each bit is on for half of the photos, but a photo has all of them on or none
    all_or_none = [[1, 1, 1, 1], [0, 0, 0, 0]] * 2
    assert float(of_latent(random_outputs, all_or_none).balance) == 0.25
    assert float(of_latent(random_outputs, all_or_none, balance="bit").balance) == 0
    # and codes that please both
    for balance in ("image", "bit"):
        both = of_latent(random_outputs, [[1, 0], [0, 1]], balance=balance)
        assert float(both.balance) == 0 and float(both.binarization) == -0.25


def test_the_terms_keep_to_their_stated_ranges(random_outputs):
    for value in (0.0, 0.5, 1.0):
        terms = of_latent(random_outputs, np.full((3, 5), value))
        assert float(terms.binarization) == -((value - 0.5) ** 2)
        assert float(terms.balance) == (value - 0.5) ** 2


def test_descent_drives_units_apart_and_half_of_them_on(random_outputs):
    """What E2 and E3 are for: from near the threshold to 0 or 1, three on and three off."""
    outputs, labels = random_outputs(5, 8, 6, 3)
    projection = (outputs.projection * 0.01).requires_grad_()
    optimizer = torch.optim.SGD([projection], lr=60)
    for _ in range(400):
        optimizer.zero_grad()
        a = torch.sigmoid(projection)
        SSDH(gamma=8)(outputs._replace(latent=a), labels).total.backward()
        optimizer.step()
    units = torch.sigmoid(projection)
    assert ((units < 0.05) | (units > 0.95)).all()
    assert ((units > 0.5).sum(1) == 3).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -0.1}, "weights must be >= 0"),
        ({"beta": -1}, "weights must be >= 0"),
        ({"gamma": -1}, "weights must be >= 0"),
        ({"balance": "batch"}, "balance must be 'image' or 'bit', got 'batch'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        SSDH(**options)
