"""Distillation: what its loss is, where it is smallest, and that a student comes nearer."""

import copy

import numpy as np
import pytest
import torch

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.distillation import Distillation
from mvs_lib.deep.encoding import project
from mvs_lib.deep.methods import SSDH
from mvs_lib.deep.network import Outputs
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import build_network, train

BITS, PHOTOS = 12, 40


@pytest.fixture(scope="module")
def images():
    """Photos of four fields each, so that the teacher says something else of every one."""
    fields = np.random.default_rng(0).integers(0, 256, (PHOTOS, 2, 2, 3), dtype=np.uint8)
    return fields.repeat(8, 1).repeat(8, 2)


@pytest.fixture(scope="module")
def taught(images):
    """A network that has seen the photos for a moment: which of four is their reddest field?"""
    labels = images[:, ::8, ::8, 0].reshape(PHOTOS, 4).argmax(1)
    photos = Photos(images, labels.astype(np.int64), ("a", "b", "c", "d"))
    settings = Settings(seed=3, epochs=30, batch_size=20, learning_rate=0.05, augment=0.0)
    network = build_network(settings, photos, bits=BITS, classes=4, width=8)
    train(network, SSDH(), photos, settings, progress=False)
    return network


@pytest.fixture
def teacher(taught):
    return copy.deepcopy(taught).train()


def said_by(network, images) -> Outputs:
    with torch.no_grad():
        return copy.deepcopy(network).eval()(torch.from_numpy(images))


def test_terms_are_the_equations(teacher, images):
    """E1 and E2 spelled out in float64, photo by photo and bit by bit."""
    loss = Distillation(teacher, images, alpha=0.7, beta=0.4, batch_size=7, progress=False)
    student = build_network(Settings(seed=4), bits=BITS, classes=4, width=8)
    index = torch.tensor([5, 0, 39])
    outputs = said_by(student, images[index.numpy()])
    terms = loss(outputs, None, index)
    truth = said_by(teacher, images)
    t, v = truth.latent.double().numpy(), truth.features.double().numpy()
    a, f = outputs.latent.double().numpy(), outputs.features.double().numpy()
    e1 = e2 = 0.0
    for row, n in enumerate(index.tolist()):
        for k in range(BITS):
            e1 -= t[n, k] * np.log(a[row, k]) + (1 - t[n, k]) * np.log(1 - a[row, k])
        e2 += ((f[row] - v[n]) ** 2).sum()
    e1, e2 = e1 / (3 * BITS), e2 / 3 / ((v - v.mean(0)) ** 2).sum(1).mean()
    np.testing.assert_allclose([float(terms.bits), float(terms.features)], [e1, e2], rtol=1e-4)
    np.testing.assert_allclose(float(terms.total), 0.7 * e1 + 0.4 * e2, rtol=1e-4)


def test_the_teacher_itself_cannot_be_improved(teacher, images):
    """Its own words give no gradient, and any other bits a larger loss."""
    loss = Distillation(teacher, images, progress=False)
    truth = said_by(teacher, images)
    index = torch.arange(PHOTOS)
    projection = truth.projection.clone().requires_grad_()
    features = truth.features.clone().requires_grad_()
    best = loss(Outputs(features, projection, truth.latent, truth.logits), None, index)
    best.total.backward()
    assert projection.grad.abs().max() < 1e-6 and features.grad.abs().max() < 1e-6
    moved = truth.projection + torch.randn_like(truth.projection)
    assert loss(truth._replace(projection=moved), None, index).total > best.total


def test_one_that_says_the_mean_is_one_apart(teacher, images):
    loss = Distillation(teacher, images, progress=False)
    truth = said_by(teacher, images)
    mean = truth.features.mean(0).expand_as(truth.features)
    terms = loss(truth._replace(features=mean), None, torch.arange(PHOTOS))
    assert float(terms.features) == pytest.approx(1, rel=1e-4)


def test_the_teacher_is_left_as_it_was(teacher, images):
    before = copy.deepcopy(teacher.state_dict())
    Distillation(teacher, images, progress=False)
    assert teacher.training
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_disturbed_student_finds_back_without_labels(teacher, images):
    """Its labels are all one class; what brings its bits back are the teacher's."""
    photos = Photos(images, np.zeros(PHOTOS, np.int64), ("only", "b", "c", "d"))
    student, random = copy.deepcopy(teacher), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weights in student.trunk.parameters():
            weights.mul_(1 + torch.randn(weights.shape, generator=random))
    wanted = project(teacher, images) >= 0

    def wrong(network) -> float:
        return float(((project(network, images) >= 0) != wanted).mean())

    before = wrong(student)
    settings = Settings(epochs=20, batch_size=20, learning_rate=0.05, augment=0.0)
    loss = Distillation(teacher, images, progress=False)
    train(student, loss, photos, settings, progress=False)
    assert before > 0.2 and wrong(student) < before / 2


def test_what_does_not_fit_is_said(teacher, images):
    with pytest.raises(ValueError, match="weights"):
        Distillation(teacher, images, alpha=-1, progress=False)
    with pytest.raises(ValueError, match="none"):
        Distillation(teacher, images[:0], progress=False)
    loss = Distillation(teacher, images, progress=False)
    other = build_network(Settings(), bits=BITS + 4, classes=4, width=8)
    with pytest.raises(ValueError, match="16 bits and the teacher 12"):
        loss(said_by(other, images), None, torch.arange(PHOTOS))
