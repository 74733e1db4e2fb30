import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

from mvs_lib.codes import unpack
from mvs_lib.deep.methods.binary_deep_network import (
    SupervisedBinaryDeepNetwork,
    UnsupervisedBinaryDeepNetwork,
    forward,
    unflatten,
)

BOTH = [UnsupervisedBinaryDeepNetwork, SupervisedBinaryDeepNetwork]


@parametrize_with_checks(
    [method(bits=2, hidden=(4,), iterations=2, steps=5) for method in BOTH],
    expected_failed_checks=lambda hasher: {
        "check_fit_score_takes_y": "fit's second argument is called labels here, not y"
    },
    xfail_strict=True,
)
def test_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


def draw(method, seed, m, bits, inputs=3, hidden=4, weights=(1, 1, 1, 1)):
    random = np.random.default_rng(seed)
    names = ("decay", "binarization", "independence", "balance")
    hasher = method(bits=bits, hidden=(hidden,), **dict(zip(names, weights, strict=True)))
    shapes = hasher._shapes(inputs)
    flat = torch.tensor(random.normal(size=sum(math.prod(shape) for shape in shapes)))
    x = torch.tensor(random.normal(size=(m, inputs)))
    codes = torch.tensor(random.choice([-1.0, 1.0], (m, bits)))
    numbers = random.integers(0, 3, m)
    return hasher, x, codes, flat, shapes, numbers


def slow_terms(hasher, x, codes, layers, numbers):
    """J0 and the four terms as the head of the file writes them."""
    x, codes = x.tolist(), codes.tolist()
    layers = [part.tolist() for part in layers]
    m, bits, inputs = len(x), len(codes[0]), len(x[0])

    def affine(row, weight, bias):
        return [sum(w * v for w, v in zip(ws, row, strict=True)) + b
                for ws, b in zip(weight, bias, strict=True)]  # fmt: skip

    h = []
    for row in x:
        inside = [1 / (1 + math.exp(-v)) for v in affine(row, *layers[:2])]
        h.append(affine(inside, *layers[2:4]))
    data = 0.0
    if hasher.reads_back:
        for i in range(m):
            back = affine(codes[i], *layers[4:6])
            data += sum((x[i][d] - back[d]) ** 2 for d in range(inputs)) / (2 * m)
    else:
        for i, j in itertools.product(range(m), repeat=2):
            inner = sum(h[i][k] * h[j][k] for k in range(bits)) / bits
            data += (inner - (1 if numbers[i] == numbers[j] else -1)) ** 2 / (2 * m**2)
    decay = sum(w**2 for weight in layers[::2] for ws in weight for w in ws) / 2
    binarization = sum(
        (h[i][k] - codes[i][k]) ** 2 for i in range(m) for k in range(bits)
    ) / (2 * m)  # fmt: skip
    independence = sum(
        (sum(h[i][k] * h[i][c] for i in range(m)) / m - (k == c)) ** 2 / 2
        for k, c in itertools.product(range(bits), repeat=2)
    )
    balance = sum((sum(h[i][k] for i in range(m)) / m) ** 2 / 2 for k in range(bits))
    return data, decay, binarization, independence, balance


def fast(hasher, x, codes, flat, shapes, numbers):
    classes = torch.tensor(np.eye(3)[numbers])
    return hasher._terms(x, codes, unflatten(flat, shapes), classes)


weight = st.floats(0, 5)


@settings(max_examples=30)
@given(
    st.sampled_from(BOTH),
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.integers(1, 4),
    st.tuples(weight, weight, weight, weight),
)
def test_the_terms_are_those_of_the_loops(method, seed, m, bits, weights):
    hasher, x, codes, flat, shapes, numbers = draw(method, seed, m, bits, weights=weights)
    found = fast(hasher, x, codes, flat, shapes, numbers)
    expected = slow_terms(hasher, x, codes, unflatten(flat, shapes), numbers)
    assert [float(term) for term in found[1:]] == pytest.approx(expected)
    assert float(found.total) == pytest.approx(np.dot([1, *weights], expected))


@pytest.mark.parametrize("method", BOTH)
def test_any_other_sign_or_weight_would_show(method):
    weights = np.array([1, 0.3, 0.7, 0.4, 0.9])
    case = draw(method, 0, 6, 3, weights=weights[1:])
    hasher, x, codes, flat, shapes, numbers = case
    expected = np.array(slow_terms(hasher, x, codes, unflatten(flat, shapes), numbers))
    total = float(fast(*case).total)
    assert total == pytest.approx(weights @ expected)
    for term, factor in itertools.product(range(5), (-1, 0, 2)):
        wrong = weights.copy()
        wrong[term] *= factor
        assert total != pytest.approx(wrong @ expected)


@pytest.mark.parametrize("method", BOTH)
def test_its_gradient_is_the_numeric_one(method):
    hasher, x, codes, flat, shapes, numbers = draw(method, 1, 6, 3)

    def terms(flat):
        return tuple(fast(hasher, x, codes, flat, shapes, numbers))

    assert torch.autograd.gradcheck(terms, flat.requires_grad_())


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize("seed", range(4))
def test_the_b_step_against_all_codes(method, seed):
    """None of a row's 2^K codes is better; for UH where the last layer's columns do not meet."""
    hasher, x, codes, flat, shapes, numbers = draw(
        method, seed, 5, 3, inputs=4, weights=(0, 0.6, 0, 0)
    )
    layers = unflatten(flat, shapes)
    if hasher.reads_back:
        layers[-2][:] = torch.linalg.qr(layers[-2]).Q * torch.tensor([0.5, 1.0, 2.0])
    values = forward(x, layers, 1)
    found = hasher._best_codes(codes.numpy(), x.numpy(), values, layers)

    def total(trial):
        trial = torch.tensor(trial)
        return float(hasher._terms(x, trial, layers, torch.tensor(np.eye(3)[numbers])).total)

    best = total(found)
    assert best <= total(codes.numpy())
    for row, code in itertools.product(range(5), itertools.product([-1.0, 1.0], repeat=3)):
        trial = found.copy()
        trial[row] = code
        assert total(trial) >= best - 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_the_b_step_of_uh_leaves_no_better_bit(seed):
    hasher, x, codes, flat, shapes, _ = draw(BOTH[0], seed, 6, 4, inputs=3, weights=(0, 0.6, 0, 0))
    layers = unflatten(flat, shapes)
    found = hasher._best_codes(codes.numpy(), x.numpy(), forward(x, layers, 1), layers)
    best = float(hasher._terms(x, torch.tensor(found), layers, None).total)
    for row, bit in itertools.product(range(6), range(4)):
        trial = found.copy()
        trial[row, bit] *= -1
        assert float(hasher._terms(x, torch.tensor(trial), layers, None).total) >= best - 1e-12


def clusters(seed=0, count=400):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    centres = random.normal(size=(4, 12)) * 2
    return centres[labels] + random.normal(size=(count, 12)), labels


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize("bits", [6, 20])  # fewer and more than there are features
def test_no_turn_raises_the_objective(method, bits):
    features, labels = clusters()
    hasher = method(bits=bits, hidden=(10,), iterations=3, steps=15).fit(features, labels)
    assert hasher.loss_.shape == (7,)
    assert (np.diff(hasher.loss_) <= 1e-10).all()
    assert hasher.loss_[-1] < 0.9 * hasher.loss_[0]
    assert set(np.unique(hasher.codes_)) == {-1.0, 1.0}


def agreement(hasher, features, labels):
    new, train = slice(300, None), slice(0, 300)
    hasher.fit(features[train], labels[train])
    ours, theirs = (
        2.0 * unpack(hasher.encode(features[part]), hasher.bits) - 1 for part in (new, train)
    )
    same = labels[new][:, None] == labels[train]
    agree = ours @ theirs.T / hasher.bits
    return agree[same].mean(), agree[~same].mean()


def test_supervised_codes_of_new_rows_agree_within_their_class_and_not_across():
    same, other = agreement(BOTH[1](bits=8, hidden=(16,)), *clusters(2))
    assert same > 0.9 and other < 0.1


def test_unsupervised_codes_keep_neighbours():
    features, _ = clusters(3)
    hasher = BOTH[0](bits=8, hidden=(16,)).fit(features[:300])
    codes = 2.0 * unpack(hasher.encode(features), 8) - 1
    near = np.linalg.norm(features[:, None] - features, axis=2)
    far = (codes[:, None] != codes).sum(2)
    assert np.corrcoef(near.ravel(), far.ravel())[0, 1] > 0.6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay": -1}, "decay must be >= 0"),
        ({"binarization": -1}, "binarization must be >= 0"),
        ({"independence": float("nan")}, "independence must be >= 0"),
        ({"balance": -1}, "balance must be >= 0"),
        ({"iterations": -1}, "iterations >= 0"),
        ({"steps": 0}, "steps >= 1"),
        ({"hidden": (0,)}, "at least one unit"),
    ],
)
@pytest.mark.parametrize("method", BOTH)
def test_bad_options(method, options, message):
    with pytest.raises(ValueError, match=message):
        method(bits=4, **options).fit(*clusters(count=40))
