import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvs_lib.deep.methods import DLBH, METHODS


def slow_cross_entropy(logits, labels):
    """-(1/N) sum_n log softmax(logits_n)[y_n], one photo and one class at a time."""
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        total -= math.log(math.exp(row[label]) / sum(math.exp(value) for value in row))
    return total / len(labels)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(2, 6))
def test_it_is_the_mean_cross_entropy_and_nothing_else(random_outputs, seed, n, classes):
    outputs, labels = random_outputs(seed, n, 5, classes)
    terms = DLBH()(outputs, labels)
    assert terms._fields == ("total", "classification")
    assert float(terms.total) == float(terms.classification)
    assert float(terms.total) == pytest.approx(slow_cross_entropy(outputs.logits, labels))


def test_the_latent_layer_is_not_pushed_anywhere(random_outputs):
    outputs, labels = random_outputs(0, 4, 6, 3)
    latent = outputs.latent.requires_grad_()
    logits = outputs.logits.requires_grad_()
    DLBH()(outputs._replace(latent=latent, logits=logits), labels).total.backward()
    assert latent.grad is None and logits.grad.abs().sum() > 0


def test_its_gradient_is_the_numeric_one(random_outputs):
    outputs, labels = random_outputs(1, 4, 6, 3)
    loss = DLBH()

    def total(logits):
        return loss(outputs._replace(logits=logits), labels).total

    assert torch.autograd.gradcheck(total, outputs.logits.requires_grad_())


def test_a_sure_and_right_classifier_costs_nothing_a_blind_one_log_of_the_classes(random_outputs):
    outputs, labels = random_outputs(2, 9, 6, 5)
    right = 1000 * torch.nn.functional.one_hot(labels, 5).double()
    assert float(DLBH()(outputs._replace(logits=right), labels).total) == pytest.approx(0)
    blind = outputs._replace(logits=torch.zeros(9, 5, dtype=torch.float64))
    assert float(DLBH()(blind, labels).total) == pytest.approx(math.log(5))


def test_every_method_has_its_name_and_a_total_first(random_outputs, photos):
    photos = photos.take(slice(0, 4))
    for name, method in METHODS.items():
        assert method.__name__.lower() == name
        loss = method()
        loss.prepare(photos, 6, 0)
        views = len(loss.views(photos.images, np.random.default_rng(0))) // len(photos)
        outputs, _ = random_outputs(3, 4 * views, 6, 3)
        index = (torch.arange(4),) if loss.uses_index else ()
        terms = loss(outputs, torch.from_numpy(photos.labels), *index)
        assert terms._fields[0] == "total" and all(term.ndim == 0 for term in terms)
