import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loss_cases import assert_only_these_weights

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods import CSQ
from mvs_lib.deep.methods.csq import hash_centres
from mvs_lib.deep.training import Settings, train

any_fixture = [HealthCheck.function_scoped_fixture]


def prepared(bits, classes, seed=0, **options):
    """A loss that has met three photos of so many places."""
    names = tuple(str(name) for name in range(classes))
    loss = CSQ(**options)
    images = np.zeros((3, 8, 8, 3), np.uint8)
    loss.prepare(Photos(images, np.zeros(3, np.int64), names), bits, seed)
    return loss


def distances(centres):
    """Of each two centres, the number of bits in which they differ."""
    n = len(centres)
    return [sum(centres[i] != centres[j]) for i in range(n) for j in range(i)]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16, 32, 64])
def test_hadamard_centres_are_half_the_bits_apart_or_all_of_them(bits):
    centres = hash_centres(2 * bits, bits)
    for i in range(2 * bits):
        for j in range(i):
            apart = bits if i - j == bits else bits / 2
            assert (centres[i] != centres[j]).sum() == apart
    assert np.array_equal(hash_centres(bits, bits, seed=9), centres[:bits])


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 13), st.integers(1, 40), st.integers(1, 5))
def test_no_two_centres_are_alike(seed, bits, classes, draws):
    classes = min(classes, 2**bits)
    centres = hash_centres(classes, bits, seed, draws)
    assert centres.shape == (classes, bits) and centres.dtype == np.uint8
    assert set(centres.ravel().tolist()) <= {0, 1}
    assert len({tuple(row) for row in centres.tolist()}) == classes
    assert np.array_equal(centres, hash_centres(classes, bits, seed, draws))


def test_chance_centres_are_fair_coins_and_half_the_bits_apart_on_average():
    centres = hash_centres(200, 48, seed=1, draws=1)
    # four standard deviations of 9600 coins, and of 19900 pairwise independent distances
    assert abs(centres.mean() - 0.5) < 4 * 0.5 / math.sqrt(centres.size)
    apart = distances(centres)
    assert abs(np.mean(apart) - 24) < 4 * math.sqrt(12 / len(apart))
    assert not np.array_equal(centres, hash_centres(200, 48, seed=2, draws=1))


def test_of_many_sets_the_one_whose_closest_centres_are_furthest_apart():
    smallest = [min(distances(hash_centres(10, 12, 5, draws))) for draws in range(1, 40)]
    assert smallest == sorted(smallest) and smallest[-1] > smallest[0]


def test_hadamard_needs_a_power_of_two_and_room():
    for classes, bits in ((10, 12), (17, 8)):
        one, other = (hash_centres(classes, bits, seed) for seed in (0, 1))
        assert not np.array_equal(one, other)


def slow_terms(outputs, targets):
    """E1 and E2 as the file's head writes them: loops over n and k."""
    e1 = e2 = 0.0
    rows = outputs.projection.tolist()
    for n, row in enumerate(rows):
        for k, value in enumerate(row):
            a, c = 1 / (1 + math.exp(-value)), targets[n][k]
            e1 -= c * math.log(a) + (1 - c) * math.log(1 - a)
            e2 += math.log(math.cosh(abs(2 * a - 1) - 1))
    return e1 / (len(rows) * len(rows[0])), e2 / (len(rows) * len(rows[0]))


@settings(max_examples=60, suppress_health_check=any_fixture)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 9), st.floats(0, 20))
def test_the_terms_are_those_of_the_loops(random_outputs, seed, n, bits, weight):
    outputs, labels = random_outputs(seed, n, bits, 4)
    terms = prepared(bits, 4, seed, weight=weight)(outputs, labels)
    centres = hash_centres(4, bits, seed)
    expected = slow_terms(outputs, [centres[label].tolist() for label in labels])
    assert [float(term) for term in terms[1:]] == pytest.approx(expected)
    assert float(terms.total) == pytest.approx(expected[0] + weight * expected[1])


def test_any_other_sign_or_weight_would_show(random_outputs):
    outputs, labels = random_outputs(0, 5, 7, 4)
    expected = np.array(slow_terms(outputs, hash_centres(4, 7)[labels.numpy()]))
    weights = np.array([1, 1.3])
    total = float(prepared(7, 4, weight=1.3)(outputs, labels).total)
    assert_only_these_weights(total, weights, expected)


def test_its_gradient_is_the_numeric_one(random_outputs):
    outputs, labels = random_outputs(1, 4, 6, 3)
    loss = prepared(6, 3, weight=0.8)

    def terms(projection):
        latent = torch.sigmoid(projection)
        return tuple(loss(outputs._replace(projection=projection, latent=latent), labels))

    assert torch.autograd.gradcheck(terms, outputs.projection.requires_grad_())


def test_at_the_centre_it_costs_nothing_and_undecided_log_2(random_outputs):
    outputs, labels = random_outputs(0, 5, 8, 4)
    loss = prepared(8, 4, weight=1)
    projection = 1e6 * (2 * loss.centres[labels].double() - 1)

    def at(values):
        return loss(outputs._replace(projection=values, latent=torch.sigmoid(values)), labels)

    assert float(at(projection).total) == 0
    assert float(at(-projection).centre) == 1e6 and float(at(-projection).quantization) == 0
    assert float(at(0 * projection).centre) == pytest.approx(math.log(2))
    assert float(at(0 * projection).quantization) == pytest.approx(math.log(math.cosh(1)))


def test_descent_gives_each_photo_the_code_of_its_place(random_outputs):
    outputs, labels = random_outputs(5, 8, 12, 4)
    loss = prepared(12, 4)
    projection = outputs.projection.clone().requires_grad_()
    for _ in range(60):
        projection.grad = None
        latent = torch.sigmoid(projection)
        loss(outputs._replace(projection=projection, latent=latent), labels).total.backward()
        projection.data -= 50 * projection.grad
    assert torch.equal((projection >= 0).float(), loss.centres[labels])


def test_several_labels_go_to_the_majority_and_to_the_coins_where_there_is_none(random_outputs):
    outputs, _ = random_outputs(2, 4, 8, 3)
    rows = torch.tensor([[0, 1, 0], [1, 1, 1], [1, 0, 1], [0, 0, 0]])
    loss = prepared(8, 3, seed=3)
    targets = []
    for row in rows.tolist():
        chosen = [centre for centre, has in zip(loss.centres.tolist(), row, strict=True) if has]
        ones = [sum(centre[k] for centre in chosen) for k in range(8)]
        half = len(chosen) / 2
        coins = loss.coins.tolist()
        targets.append([coins[k] if ones[k] == half else float(ones[k] > half) for k in range(8)])
    assert targets[0] == loss.centres[1].tolist() and targets[3] == loss.coins.tolist()
    assert float(loss(outputs, rows).centre) == pytest.approx(slow_terms(outputs, targets)[0])
    one_hot = torch.tensor([[0, 0, 1]] * 4)
    assert loss(outputs, one_hot) == loss(outputs, torch.full((4,), 2))


def test_training_lowers_it(fresh, photos):
    run = Settings(epochs=2, batch_size=10, learning_rate=0.02, augment=0)
    history = train(fresh(), CSQ(), photos, run, progress=False)
    assert history.terms["total"][1] < history.terms["total"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 8), "need classes, bits, draws >= 1, got 0, 8, 100"),
        ((3, 0), "got 3, 0, 100"),
        ((3, 8, 0, 0), "got 3, 8, 0"),
        ((9, 3), "3 bits have 8 codes, too few for 9 classes"),
    ],
)
def test_bad_centres(arguments, message):
    with pytest.raises(ValueError, match=message):
        hash_centres(*arguments)


def test_bad_options_and_batches(random_outputs):
    with pytest.raises(ValueError, match="need weight >= 0 and draws >= 1, got -1 and 100"):
        CSQ(weight=-1)
    with pytest.raises(ValueError, match=r"got 0\.0001 and 0"):
        CSQ(draws=0)
    outputs, labels = random_outputs(0, 4, 8, 3)
    loss = prepared(8, 3)
    for bad, about in ((CSQ(), labels), (loss, labels + 3), (prepared(4, 3), labels)):
        with pytest.raises(ValueError, match=r"call prepare\(photos, bits, seed\)"):
            bad(outputs, about)
    with pytest.raises(ValueError, match="got 2 classes of 8 bits"):
        loss(outputs, torch.ones(4, 2))
