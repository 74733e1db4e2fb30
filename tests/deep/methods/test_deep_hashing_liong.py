import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

from mvs_lib.codes import pack, unpack
from mvs_lib.deep.methods.deep_hashing_liong import (
    DeepHashing,
    SupervisedDeepHashing,
    class_scatter,
    forward,
    signs,
    terms,
)


@parametrize_with_checks(
    [
        DeepHashing(bits=2, hidden=(4, 3), iterations=3),
        SupervisedDeepHashing(bits=2, hidden=(4, 3), iterations=3),
    ],
    expected_failed_checks=lambda hasher: {
        "check_fit_score_takes_y": "fit's second argument is called labels here, not y"
    },
    xfail_strict=True,
)
def test_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


def draw(seed, n, bits, inputs=4, hidden=3, classes=3):
    random = np.random.default_rng(seed)
    sizes = (inputs, hidden, bits)
    layers = [
        (torch.tensor(random.normal(size=(b, a))), torch.tensor(random.normal(size=b)))
        for a, b in itertools.pairwise(sizes)
    ]
    numbers = random.integers(0, classes, n)
    return torch.tensor(random.normal(size=(n, inputs))), layers, numbers


def slow_terms(x, layers, codes, numbers, alpha):
    """The terms of J as the head of the file writes them; V of DH, then of supervised DH."""
    rows = []
    for row in x.tolist():
        for weight, bias in layers:
            row = [
                np.tanh(sum(w * v for w, v in zip(ws, row, strict=True)) + b)
                for ws, b in zip(weight.tolist(), bias.tolist(), strict=True)
            ]
        rows.append(row)
    n, bits = len(rows), len(rows[0])
    quantization = sum(
        (float(codes[i, k]) - rows[i][k]) ** 2 for i in range(n) for k in range(bits)
    ) / (2 * n)
    variance = sum(rows[i][k] ** 2 for i in range(n) for k in range(bits)) / n
    between, within = [], []
    for i, j in itertools.permutations(range(n), 2):
        distance = sum((rows[i][k] - rows[j][k]) ** 2 for k in range(bits))
        (within if numbers[i] == numbers[j] else between).append(distance)
    scatter = np.sum(between) / max(1, len(between)) - alpha * np.sum(within) / max(1, len(within))
    orthogonality = decay = 0.0
    for weight, bias in layers:
        for a, b in itertools.product(range(len(weight)), repeat=2):
            inner = sum(float(u) * float(v) for u, v in zip(weight[a], weight[b], strict=True))
            orthogonality += (inner - (a == b)) ** 2 / 2
        decay += sum(float(w) ** 2 for w in weight.flatten()) / 2
        decay += sum(float(b) ** 2 for b in bias) / 2
    return quantization, variance, scatter, orthogonality, decay


def fast(x, layers, numbers, lambdas, alpha, supervised):
    values = forward(x, layers)
    if supervised:
        spread = SupervisedDeepHashing(alpha=alpha)._spread(
            values, torch.tensor(np.eye(3)[numbers])
        )
    else:
        spread = DeepHashing()._spread(values, None)
    return terms(values, signs(values.detach()), spread, layers, *lambdas)


weight = st.floats(0, 5)


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 7),
    st.integers(1, 5),
    st.tuples(weight, weight, weight),
    st.floats(0, 3),
    st.booleans(),
)
def test_the_terms_are_those_of_the_loops(seed, n, bits, lambdas, alpha, supervised):
    x, layers, numbers = draw(seed, n, bits)
    codes = signs(forward(x, layers))
    quantization, variance, scatter, *rest = slow_terms(x, layers, codes, numbers, alpha)
    expected = [quantization, -(scatter if supervised else variance) / 2, *rest]
    found = fast(x, layers, numbers, lambdas, alpha, supervised)
    assert [float(term) for term in found[1:]] == pytest.approx(expected)
    assert float(found.total) == pytest.approx(np.dot([1, *lambdas], expected))


@pytest.mark.parametrize("supervised", [False, True])
def test_any_other_sign_or_weight_would_show(supervised):
    x, layers, numbers = draw(0, 8, 4)
    codes = signs(forward(x, layers))
    quantization, variance, scatter, *rest = slow_terms(x, layers, codes, numbers, 0.7)
    expected = np.array([quantization, -(scatter if supervised else variance) / 2, *rest])
    weights = np.array([1, 0.8, 0.3, 0.2])
    total = float(fast(x, layers, numbers, weights[1:], 0.7, supervised).total)
    assert total == pytest.approx(weights @ expected)
    for term, factor in itertools.product(range(4), (-1, 0, 2)):
        wrong = weights.copy()
        wrong[term] *= factor
        assert total != pytest.approx(wrong @ expected)


@pytest.mark.parametrize("supervised", [False, True])
def test_its_gradient_is_the_numeric_one(supervised):
    x, layers, numbers = draw(1, 6, 3)
    parts = [part.requires_grad_() for layer in layers for part in layer]

    def total(*parts):
        pairs = list(zip(parts[::2], parts[1::2], strict=True))
        return fast(x, pairs, numbers, (0.8, 0.3, 0.2), 0.7, supervised).total

    assert torch.autograd.gradcheck(total, parts)


def test_scatter_of_no_pair_is_nothing_and_of_points_on_their_classes_all_between():
    classes = torch.eye(2, dtype=torch.float64)[[0, 0, 1, 1]]
    corners = torch.tensor([[1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [-1.0, -1.0]]).double()
    between, within = class_scatter(corners, classes)
    assert float(between) == 8 and float(within) == 0  # 4 K, the largest there is
    between, within = class_scatter(corners[:2], classes[:2])
    assert float(between) == 0 and float(within) == 0


def clusters(seed=0, count=600):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    centres = random.normal(size=(4, 8)) * 2
    return centres[labels] + random.normal(size=(count, 8)), labels


@pytest.mark.parametrize("method", [DeepHashing, SupervisedDeepHashing])
def test_learning_lowers_the_loss_and_the_codes_are_the_signs(method):
    features, labels = clusters()
    hasher = method(bits=8, iterations=15).fit(features, labels)
    assert hasher.loss_.shape == (16,) and hasher.loss_[-1] < hasher.loss_[0]
    values = hasher.project(features)
    np.testing.assert_array_equal(hasher.encode(features), pack(values >= 0))
    layers = [
        (torch.from_numpy(w), torch.from_numpy(c))
        for w, c in zip(hasher.weights_, hasher.biases_, strict=True)
    ]
    x = torch.from_numpy((features - hasher.mean_) / hasher.scale_)
    np.testing.assert_allclose(forward(x, layers).numpy(), values)
    spread = hasher._spread(torch.from_numpy(values), torch.from_numpy(np.eye(4)[labels]))
    last = terms(forward(x, layers), signs(forward(x, layers)), spread, layers, *hasher._lambdas())
    assert float(last.total) == pytest.approx(hasher.loss_[-1])
    again = method(bits=8, iterations=15).fit(features, labels)
    np.testing.assert_array_equal(again.project(features), values)
    other = method(bits=8, iterations=15, random_state=1).fit(features, labels)
    assert (other.encode(features) != hasher.encode(features)).any()


def test_labels_bring_the_codes_of_a_class_together():
    features, labels = clusters(3)
    train, new = slice(0, 400), slice(400, None)
    same = labels[new][:, None] == labels[train]
    gaps = []
    for method in (DeepHashing, SupervisedDeepHashing):
        hasher = method(bits=12, variance=0.5, iterations=25).fit(features[train], labels[train])
        ours, theirs = (
            2.0 * unpack(hasher.encode(features[part]), 12) - 1 for part in (new, train)
        )
        agree = ours @ theirs.T / 12
        gaps.append(agree[same].mean() - agree[~same].mean())
    assert gaps[1] > gaps[0] > 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variance": -1}, "variance must be >= 0"),
        ({"orthogonality": -1}, "orthogonality must be >= 0"),
        ({"decay": float("nan")}, "decay must be >= 0"),
        ({"batch_size": 1}, "batch_size >= 2"),
        ({"iterations": -1}, "iterations >= 0"),
        ({"learning_rate": 0}, "learning_rate > 0"),
        ({"hidden": (4, 0)}, "at least one unit"),
        ({"alpha": -1}, "alpha must be >= 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        SupervisedDeepHashing(bits=4, **options).fit(*clusters(count=40))


def test_it_starts_from_principal_directions_and_orthonormal_rows():
    features, _ = clusters(4, 100)
    hasher = DeepHashing(bits=3, hidden=(5, 4), iterations=0).fit(features)
    for weight in hasher.weights_:
        np.testing.assert_allclose(weight @ weight.T, np.eye(len(weight)), atol=1e-12)
    centred = features - features.mean(0)
    falling = np.linalg.eigvalsh(centred.T @ centred / 100)[::-1][:5]
    np.testing.assert_allclose((centred @ hasher.weights_[0].T).var(0), falling)
    assert hasher.scale_ == pytest.approx(np.sqrt(features.var(0).sum() / 5))
    # features without any spread have no direction to start from, and are not refused
    assert DeepHashing(bits=3, iterations=1).fit(np.ones((9, 4))).weights_[0].shape == (80, 4)
