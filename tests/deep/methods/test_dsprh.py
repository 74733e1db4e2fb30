import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loss_cases import assert_only_these_weights
from scipy.linalg import hadamard

from mvs_lib.deep.methods import DSPRH
from mvs_lib.deep.training import Settings, train

any_fixture = [HealthCheck.function_scoped_fixture]
weight = st.floats(0, 20)


def slow_terms(outputs, labels, margin=1.0):
    """E1, E2 and E3 as the file's head writes them: loops over photos, triplets and bits."""
    a, logits, y = outputs.latent.tolist(), outputs.logits.tolist(), labels.tolist()
    n, bits = len(a), len(a[0])

    def apart(i, j):
        return sum((a[i][k] - a[j][k]) ** 2 for k in range(bits))

    hinges = [
        max(0.0, margin + apart(i, j) - apart(i, other))
        for i in range(n)
        for j in range(n)
        for other in range(n)
        if i != j and y[i] == y[j] and y[i] != y[other]
    ]
    e2 = e3 = 0.0
    for row, label in zip(logits, y, strict=True):
        e2 -= math.log(math.exp(row[label]) / sum(math.exp(value) for value in row)) / n
    for k in range(bits):
        for m in range(bits):
            mean = sum((2 * a[i][k] - 1) * (2 * a[i][m] - 1) for i in range(n)) / n
            e3 += (mean - (k == m)) ** 2 / bits**2
    return sum(hinges) / max(1, len(hinges)), e2, e3


@settings(max_examples=60, suppress_health_check=any_fixture)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.integers(1, 7),
    st.tuples(weight, weight, weight),
    st.floats(0.1, 4),
)
def test_the_terms_are_those_of_the_loops(random_outputs, seed, n, bits, weights, margin):
    outputs, labels = random_outputs(seed, n, bits, 3)
    terms = DSPRH(*weights, margin=margin)(outputs, labels)
    expected = slow_terms(outputs, labels, margin)
    assert [float(term) for term in terms[1:]] == pytest.approx(expected)
    assert float(terms.total) == pytest.approx(np.dot(weights, expected))


def test_any_other_sign_or_weight_would_show(random_outputs):
    outputs, labels = random_outputs(0, 6, 5, 3)
    weights = np.array([0.7, 1.9, 3.1])
    expected = np.array(slow_terms(outputs, labels))
    assert expected.min() > 0.01
    total = float(DSPRH(*weights)(outputs, labels).total)
    assert_only_these_weights(total, weights, expected)
    assert float(DSPRH()(outputs, labels).total) == pytest.approx(sum(expected))


def test_its_gradient_is_the_numeric_one(random_outputs):
    outputs, _ = random_outputs(1, 4, 3, 2)
    labels = torch.tensor([0, 0, 1, 1])
    loss = DSPRH(1.5, 0.8, 2.5, margin=2)

    def terms(projection, logits):
        latent = torch.sigmoid(projection)
        return tuple(loss(outputs._replace(latent=latent, logits=logits), labels))

    given = outputs.projection.requires_grad_(), outputs.logits.requires_grad_()
    assert terms(*given)[1] > 0
    assert torch.autograd.gradcheck(terms, given)


def of_codes(random_outputs, codes, labels, **options):
    latent = torch.tensor(np.asarray(codes), dtype=torch.float64)
    outputs, _ = random_outputs(0, *latent.shape, 16)
    return DSPRH(**options)(outputs._replace(latent=latent), torch.tensor(labels))


def test_the_margin_counts_in_bits(random_outputs):
    codes = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    for margin, expected in ((1, 0), (2, 0), (3, 1), (5, 3)):
        terms = of_codes(random_outputs, codes, [0, 0, 1, 1], margin=margin)
        assert float(terms.triplet) == expected
    same = of_codes(random_outputs, [[0, 1, 1]] * 4, [0, 0, 1, 1], margin=2.5)
    assert float(same.triplet) == 2.5


@pytest.mark.parametrize("labels", [[3, 3, 3, 3], [0, 1, 2, 3]])
def test_a_batch_without_triplets_ranks_nothing(random_outputs, labels):
    terms = of_codes(random_outputs, np.random.default_rng(0).random((4, 5)), labels)
    assert float(terms.triplet) == 0 and math.isfinite(float(terms.total))


def test_orthogonal_bits_cost_nothing_and_bits_that_repeat_each_other_do(random_outputs):
    rows = (hadamard(8) + 1) // 2
    assert float(of_codes(random_outputs, rows, [0] * 8).orthogonality) == 0
    repeated = of_codes(random_outputs, rows[:, [1, 1]], [0] * 8)
    assert float(repeated.orthogonality) == 0.5  # two of the four entries are off by one


@pytest.mark.parametrize("places", [1, 2, 4, 8])
def test_fewer_photos_or_places_than_bits_leave_what_the_head_says(random_outputs, places):
    """1/N - 1/K, reached by N rows of a Hadamard matrix; photos of a place are one row."""
    rows = (hadamard(8)[:places] + 1) // 2
    bound = 1 / places - 1 / 8
    alone = of_codes(random_outputs, rows, list(range(places)))
    three = of_codes(random_outputs, np.repeat(rows, 3, 0), [n // 3 for n in range(3 * places)])
    assert float(alone.orthogonality) == pytest.approx(bound, abs=1e-15)
    assert float(three.orthogonality) == pytest.approx(bound, abs=1e-15)
    for seed in range(20):
        chance = np.random.default_rng(seed).integers(0, 2, (places, 8))
        terms = of_codes(random_outputs, chance, list(range(places)))
        assert float(terms.orthogonality) >= bound - 1e-15


def test_training_lowers_it(fresh, photos):
    run = Settings(epochs=2, batch_size=10, learning_rate=0.02, augment=0)
    history = train(fresh(), DSPRH(), photos, run, progress=False)
    assert history.terms["total"][1] < history.terms["total"][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -0.1}, "weights must be >= 0"),
        ({"beta": -1}, "weights must be >= 0"),
        ({"gamma": -1}, "weights must be >= 0"),
        ({"margin": 0}, "margin must be > 0, got 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DSPRH(**options)
