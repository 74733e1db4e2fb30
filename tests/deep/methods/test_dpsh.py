import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loss_cases import assert_only_these_weights

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods import DPSH
from mvs_lib.deep.training import Callback, Settings, train

any_fixture = [HealthCheck.function_scoped_fixture]


def of_labels(labels, classes=4):
    images = np.zeros((len(labels), 8, 8, 3), np.uint8)
    labels = np.array([int(label) for label in labels], np.int64)
    return Photos(images, labels, tuple(map(str, range(classes))))


def slow_terms(u, others, labels, other_labels):
    """E1 and E2 as the file's head writes them: loops over i, j and k."""
    e1 = e2 = 0.0
    for i, left in enumerate(u):
        for j, right in enumerate(others):
            theta = 0.5 * sum(a * b for a, b in zip(left, right, strict=True))
            s = float(labels[i] == other_labels[j])
            e1 -= s * theta - math.log(1 + math.exp(theta))
        for value in left:
            e2 += ((1 if value >= 0 else -1) - value) ** 2
    return e1 / (len(u) * len(others)), e2 / (len(u) * len(u[0]))


@settings(max_examples=40, suppress_health_check=any_fixture)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 7), st.floats(0, 20))
def test_the_batch_terms_are_those_of_the_loops(random_outputs, seed, n, bits, eta):
    outputs, labels = random_outputs(seed, n, bits, 3)
    terms = DPSH(eta, memory="batch")(outputs, labels)
    u = outputs.projection.tolist()
    expected = slow_terms(u, u, labels, labels)
    assert [float(term) for term in terms[1:]] == pytest.approx(expected)
    assert float(terms.total) == pytest.approx(expected[0] + eta * expected[1])


@settings(max_examples=40, suppress_health_check=any_fixture)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 6), st.integers(0, 5))
def test_each_batch_meets_what_was_last_said_of_every_photo(random_outputs, seed, n, bits, more):
    """Three batches, some photos twice and some never; the memory kept here by hand."""
    random = np.random.default_rng(seed)
    photos = of_labels(random.integers(0, 3, n + more))
    loss = DPSH(0.7)
    loss.prepare(photos, bits, seed)
    said = [[0.0] * bits for _ in range(n + more)]
    for step in range(3):
        index = random.permutation(n + more)[:n]
        outputs, _ = random_outputs(seed + step, n, bits, 3)
        labels = torch.tensor(photos.labels[index])
        terms = loss(outputs, labels, torch.tensor(index))
        for place, row in zip(index, outputs.projection.tolist(), strict=True):
            said[place] = row
        u = outputs.projection.tolist()
        expected = slow_terms(u, said, photos.labels[index], photos.labels)
        assert [float(term) for term in terms[1:]] == pytest.approx(expected)
        assert float(terms.total) == pytest.approx(expected[0] + 0.7 * expected[1])
        assert loss.remembered.tolist() == said


@pytest.mark.parametrize("memory", ["all", "batch"])
def test_any_other_sign_or_weight_would_show(random_outputs, memory):
    outputs, labels = random_outputs(0, 5, 7, 3)
    loss = DPSH(0.6, memory)
    loss.prepare(of_labels(labels), 7, 0)
    u = outputs.projection.tolist()
    expected = np.array(slow_terms(u, u, labels, labels))
    weights = np.array([1, 0.6])
    total = float(loss(outputs, labels, torch.arange(5)).total)
    assert_only_these_weights(total, weights, expected)


def test_its_gradient_is_the_papers(random_outputs):
    """dJ/du_i = 1/2 sum_j (a_ij - s_ij) u_j + 1/2 sum_j (a_ji - s_ji) u_j + 2 eta (u_i - b_i)."""
    photos = of_labels([0, 1, 2, 0, 1, 2, 2])
    index = torch.tensor([5, 0, 3])
    labels = torch.tensor(photos.labels)[index]
    bits, paper_eta = 6, 30.0
    loss = DPSH(paper_eta * bits / (2 * len(photos)))
    loss.prepare(photos, bits, 0)
    loss.remembered = torch.tensor(np.random.default_rng(3).normal(0, 1, (7, bits)))
    outputs, _ = random_outputs(4, 3, bits, 3)
    u = outputs.projection.requires_grad_()
    loss(outputs, labels, index).total.backward()

    everyone = loss.remembered
    for row in range(3):
        expected = 2 * paper_eta * (u[row] - torch.sign(u[row])).detach()
        for j in range(7):
            s = float(photos.labels[j] == labels[row])
            a = torch.sigmoid(0.5 * u[row].detach() @ everyone[j])
            expected += 0.5 * (a - s) * everyone[j] + 0.5 * (a - s) * everyone[j]
        assert torch.allclose(2 * 3 * 7 * u.grad[row], expected)


def test_its_gradient_is_the_numeric_one(random_outputs):
    outputs, labels = random_outputs(1, 4, 6, 3)
    loss = DPSH(0.8, memory="batch")

    def terms(projection):
        return tuple(loss(outputs._replace(projection=projection), labels))

    assert torch.autograd.gradcheck(terms, outputs.projection.requires_grad_())


def test_over_a_batch_of_all_photos_the_variants_agree_and_u_held_fixed_halves_the_pull(
    random_outputs,
):
    outputs, labels = random_outputs(6, 5, 4, 2)
    values, gradients = [], []
    for memory in ("all", "batch"):
        u = outputs.projection.clone().requires_grad_()
        loss = DPSH(0, memory)
        loss.prepare(of_labels(labels), 4, 0)
        total = loss(outputs._replace(projection=u), labels, torch.arange(5)).total
        total.backward()
        values.append(float(total.detach()))
        gradients.append(u.grad)
    assert values[0] == pytest.approx(values[1])
    assert torch.allclose(2 * gradients[0], gradients[1])


def test_perfect_codes_pay_what_their_length_leaves_and_zeros_log_2(random_outputs):
    code = torch.ones(8, dtype=torch.float64)
    u = torch.stack([code, code, -code, -code])
    outputs, _ = random_outputs(0, 4, 8, 2)
    labels = torch.tensor([0, 0, 1, 1])
    loss = DPSH(memory="batch")
    terms = loss(outputs._replace(projection=u), labels)
    assert float(terms.likelihood) == pytest.approx(math.log1p(math.exp(-4)))  # |Theta| = K / 2
    assert float(terms.quantization) == 0
    far = loss(outputs._replace(projection=1e6 * u), labels)  # e^Theta would overflow
    assert float(far.likelihood) < 1e-300 and math.isfinite(float(far.total))
    terms = loss(outputs._replace(projection=0 * u), labels)
    assert float(terms.likelihood) == pytest.approx(math.log(2))
    assert float(terms.quantization) == 1  # sgn(0) = +1


def test_photos_with_several_labels_are_similar_if_they_share_one(random_outputs):
    outputs, _ = random_outputs(2, 3, 5, 3)
    rows = torch.tensor([[1, 1, 0], [0, 1, 1], [1, 0, 0]])
    u = outputs.projection
    theta = 0.5 * u @ u.T
    similar = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 1]])
    expected = (torch.log1p(torch.exp(theta)) - similar * theta).mean()
    assert torch.isclose(DPSH(memory="batch")(outputs, rows).likelihood, expected)


def test_a_stopped_run_remembers_and_ends_where_one_in_one_go_does(fresh, photos, tmp_path):
    class Stop(Callback):
        def on_epoch(self, network, history):
            return history.epochs == 1

    run = Settings(epochs=2, batch_size=10, learning_rate=0.02, augment=0)
    whole, halves = DPSH(), DPSH()
    a, b = fresh(), fresh()
    history = train(a, whole, photos, run, progress=False)
    assert history.terms["total"][1] < history.terms["total"][0]
    path = tmp_path / "run.safetensors"
    train(b, halves, photos, run, callbacks=(Stop(),), checkpoint=path, progress=False)
    again = DPSH()
    train(b, again, photos, run, checkpoint=path, progress=False)
    assert torch.equal(whole.remembered, again.remembered) and whole.remembered.any()
    assert torch.equal(a.hash.weight, b.hash.weight)


def test_bad_options_and_batches(random_outputs):
    with pytest.raises(ValueError, match="eta must be >= 0, got -1"):
        DPSH(-1)
    with pytest.raises(ValueError, match="memory must be 'all' or 'batch', got 'half'"):
        DPSH(memory="half")
    outputs, labels = random_outputs(0, 4, 6, 3)
    loss = DPSH()
    with pytest.raises(ValueError, match=r"call prepare\(photos, bits, seed\)"):
        loss(outputs, labels, torch.arange(4))
    loss.prepare(of_labels(labels), 6, 0)
    with pytest.raises(ValueError, match="needs the index"):
        loss(outputs, labels)
    with pytest.raises(ValueError, match="got place 4 of 6 bits"):
        loss(outputs, labels, torch.arange(1, 5))
    with pytest.raises(ValueError, match="not those of the prepared photos"):
        loss(outputs, (labels + 1) % 3, torch.arange(4))
    assert not loss.remembered.any()
