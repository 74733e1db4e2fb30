import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loss_cases import assert_only_these_weights

from mvs_lib.deep.methods import DHN
from mvs_lib.deep.training import Settings, train

any_fixture = [HealthCheck.function_scoped_fixture]


def slow_terms(projection, labels, alpha, balanced=False):
    """E1 and E2 as the file's head writes them: loops over i, j and k."""
    z = [[math.tanh(value) for value in row] for row in projection.tolist()]
    labels = labels.tolist()
    n, bits = len(z), len(z[0])
    similar = sum(a == b for a in labels for b in labels)
    e1 = e2 = 0.0
    for i in range(n):
        for j in range(n):
            theta = alpha * sum(z[i][k] * z[j][k] for k in range(bits))
            s = float(labels[i] == labels[j])
            weight = n * n / similar if balanced and s else 1.0
            e1 += weight * (math.log(1 + math.exp(theta)) - s * theta)
        for k in range(bits):
            e2 += math.log(math.cosh(abs(z[i][k]) - 1))
    return e1 / n**2, e2 / (n * bits)


@settings(max_examples=80, suppress_health_check=any_fixture)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.integers(1, 8),
    st.floats(0, 20),
    st.one_of(st.none(), st.floats(0.05, 2)),
    st.booleans(),
)
def test_the_terms_are_those_of_the_loops(random_outputs, seed, n, bits, weight, alpha, balanced):
    outputs, labels = random_outputs(seed, n, bits, 3)
    terms = DHN(weight, alpha, balanced)(outputs, labels)
    expected = slow_terms(outputs.projection, labels, alpha or 10 / bits, balanced)
    assert [float(term) for term in terms[1:]] == pytest.approx(expected, abs=1e-10)
    assert float(terms.total) == pytest.approx(expected[0] + weight * expected[1], abs=1e-9)


@pytest.mark.parametrize("balanced", [False, True])
def test_any_other_sign_or_weight_would_show(random_outputs, balanced):
    outputs, labels = random_outputs(0, 5, 7, 3)
    expected = np.array(slow_terms(outputs.projection, labels, 0.5, balanced))
    weights = np.array([1, 1.7])
    total = float(DHN(1.7, 0.5, balanced)(outputs, labels).total)
    assert_only_these_weights(total, weights, expected)


@pytest.mark.parametrize("balanced", [False, True])
def test_its_gradient_is_the_numeric_one(random_outputs, balanced):
    outputs, labels = random_outputs(1, 4, 6, 2)
    loss = DHN(0.8, balanced=balanced)

    def terms(projection):
        return tuple(loss(outputs._replace(projection=projection), labels))

    assert torch.autograd.gradcheck(terms, outputs.projection.requires_grad_())


def codes_of_two_places(random_outputs, scale):
    """Four photos of two places whose 8 bits are opposite."""
    outputs, _ = random_outputs(0, 4, 8, 2)
    side = torch.tensor([1.0, 1, -1, -1], dtype=torch.float64)[:, None].expand(4, 8)
    return outputs._replace(projection=scale * side), torch.tensor([0, 0, 1, 1])


def test_perfect_codes_pay_what_alpha_leaves_and_zeros_log_2(random_outputs):
    sure = codes_of_two_places(random_outputs, 1e6)
    assert float(DHN()(*sure).quantization) == 0
    assert float(DHN()(*sure).cross_entropy) == pytest.approx(math.log1p(math.exp(-10)))
    assert float(DHN(alpha=1)(*sure).cross_entropy) == pytest.approx(math.log1p(math.exp(-8)))
    none = codes_of_two_places(random_outputs, 0)
    assert float(DHN()(*none).cross_entropy) == pytest.approx(math.log(2))
    assert float(DHN()(*none).quantization) == pytest.approx(math.log(math.cosh(1)))


def test_balanced_pairs_weigh_alike_however_few_are_similar(random_outputs):
    """Twenty places, two photos each: all at zero, log 2 for either kind of pair."""
    outputs, _ = random_outputs(0, 40, 4, 2)
    blind = outputs._replace(projection=torch.zeros(40, 4, dtype=torch.float64))
    labels = torch.arange(40) // 2
    dissimilar = (1600 - 80) / 1600
    expected = math.log(2) * (1 + dissimilar)
    assert float(DHN(balanced=True)(blind, labels).cross_entropy) == pytest.approx(expected)


def test_a_batch_without_a_similar_pair_has_finite_gradients(random_outputs):
    outputs, _ = random_outputs(0, 3, 4, 2)
    projection = outputs.projection.requires_grad_()
    none = torch.zeros(3, 5, dtype=torch.int64)  # photos without labels
    DHN(balanced=True)(outputs._replace(projection=projection), none).total.backward()
    assert projection.grad.isfinite().all() and projection.grad.any()


def test_the_plain_inner_product_is_content_with_a_code_that_is_partly_right(random_outputs):
    """The trap: of 48 bits 30 agree, and with alpha = 1 no pull is left on the other 18."""
    outputs, _ = random_outputs(0, 2, 48, 2)
    right = torch.full((48,), 4.0, dtype=torch.float64)
    partly = right.clone()
    partly[30:] *= -0.05
    pulls = {}
    for alpha in (1.0, None):
        projection = torch.stack([right, partly]).requires_grad_()
        loss = DHN(0, alpha)(outputs._replace(projection=projection), torch.tensor([3, 3]))
        loss.total.backward()
        pulls[alpha] = float(-projection.grad[1, 30:].mean())
    assert pulls[None] > 100 * pulls[1.0] > 0


def test_photos_with_several_labels_are_similar_if_they_share_one(random_outputs):
    outputs, _ = random_outputs(2, 3, 5, 3)
    rows = torch.tensor([[1, 1, 0], [0, 1, 1], [1, 0, 0]])
    z = torch.tanh(outputs.projection)
    theta = z @ z.T
    similar = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 1]])
    expected = (torch.log1p(torch.exp(theta)) - similar * theta).mean()
    assert torch.isclose(DHN(alpha=1)(outputs, rows).cross_entropy, expected)


def test_training_lowers_it(fresh, photos):
    run = Settings(epochs=2, batch_size=10, learning_rate=0.02, augment=0)
    history = train(fresh(), DHN(), photos, run, progress=False)
    assert history.terms["total"][1] < history.terms["total"][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": -0.1}, "weight must be >= 0, got -0.1"),
        ({"alpha": 0}, "alpha must be > 0, or None for 10 / bits, got 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DHN(**options)
