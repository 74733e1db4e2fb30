import math

import numpy as np
import pytest
import torch
from scipy import sparse

from mvs_lib.deep.methods import relative_similarity
from mvs_lib.deep.methods.relative_similarity import DLH, graph_codes, smooth_functions
from mvs_lib.deep.training import Settings, train


def blocks(sizes, inside=1.0, across=0.01, seed=0):
    """A graph of groups: strong edges inside, weak ones across, some noise."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(seed).uniform(0.8, 1.2, (len(group), len(group)))
    graph = np.where(group[:, None] == group, inside, across) * (noise + noise.T)
    np.fill_diagonal(graph, 0)
    return sparse.csr_array(graph), group


def test_the_functions_are_eigenvectors_of_the_laplacian_without_the_constant():
    graph, _ = blocks([5, 6, 7])
    values, functions = smooth_functions(graph, 4, np.random.default_rng(0))
    dense = graph.toarray()
    degree = dense.sum(1)
    laplacian = np.eye(18) - dense / np.sqrt(degree[:, None] * degree)
    expected = np.linalg.eigvalsh(laplacian)
    np.testing.assert_allclose(1 - values, expected[1:5])
    for value, function in zip(values[:2], functions.T, strict=False):
        walked = dense @ function / degree  # the walk averages over the neighbours
        np.testing.assert_allclose(walked, value * function, atol=1e-10)
        assert degree @ function == pytest.approx(0, abs=1e-9)
        unit = function / value * np.sqrt(degree)
        assert unit @ unit == pytest.approx(1)
    assert (functions[:, values < 0] == 0).all()


def test_few_eigenvectors_are_those_of_all(monkeypatch):
    graph, _ = blocks([40, 50, 60])
    exact, functions = smooth_functions(graph, 2, np.random.default_rng(0))
    monkeypatch.setattr(relative_similarity, "DENSE", 10)
    found, others = smooth_functions(graph, 2, np.random.default_rng(0))
    np.testing.assert_allclose(found, exact)
    for one, other in zip(functions.T, others.T, strict=True):
        sign = np.sign(one @ other)
        np.testing.assert_allclose(one, sign * other, atol=1e-8)


@pytest.mark.parametrize("bits", [2, 8, 40])
def test_groups_get_their_codes_even_where_no_edge_leads_across(bits):
    for across in (0.01, 0.0):
        graph, group = blocks([8, 9, 10, 7], across=across)
        codes = graph_codes(graph, bits, np.random.default_rng(1))
        assert codes.shape == (34, bits) and set(np.unique(codes)) <= {-1.0, 1.0}
        agree = codes @ codes.T / bits
        same = group[:, None] == group
        assert agree[same].mean() > 0.95
        assert agree[~same].mean() < 0.35


def tinted(photos, labels_seen=1.0, **options):
    """A method whose descriptor is the mean colour of a photo."""
    return DLH(
        labelled=labels_seen,
        describe=lambda images: images.mean(axis=(1, 2)),
        neighbours=4,
        **options,
    )


def test_prepare_gives_classmates_one_code_by_the_seed(photos):
    method = tinted(photos)
    method.prepare(photos, 12, 3)
    codes = 2 * method.codes.numpy() - 1
    same = photos.labels[:, None] == photos.labels
    agree = codes @ codes.T / 12
    assert agree[same].mean() > 0.9 and agree[~same].mean() < 0.3
    again = tinted(photos)
    again.prepare(photos, 12, 3)
    np.testing.assert_array_equal(again.codes, method.codes)
    again.prepare(photos, 12, 4)
    assert not np.array_equal(again.codes, method.codes)
    assert "codes" in method.state_dict()


def test_unlabelled_photos_get_the_code_of_those_they_look_like(photos):
    method = tinted(photos, 0.3)
    method.prepare(photos, 8, 0)
    codes = 2 * method.codes.numpy() - 1
    agree = codes @ codes.T / 8
    same = photos.labels[:, None] == photos.labels
    assert agree[same].mean() > agree[~same].mean() + 0.5


def test_the_course_s_own_descriptor_is_taken_unless_one_is_given(photos):
    method = DLH()
    method.prepare(photos, 6, 0)
    assert method.codes.shape == (30, 6)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.5])
def test_the_loss_is_that_of_the_loops_and_its_gradient_the_numeric_one(random_outputs, alpha):
    outputs, labels = random_outputs(0, 4, 5, 3)
    codes = np.random.default_rng(0).choice([-1.0, 1.0], (9, 5))
    method = DLH(alpha)
    method.remember(codes)
    index = torch.tensor([8, 0, 3, 1])
    expected = 0.0
    for n, photo in enumerate(index.tolist()):
        for k in range(5):
            a = float(outputs.latent[n, k])
            expected -= math.log(a if codes[photo, k] > 0 else 1 - a) / 20
    terms = method(outputs, labels, index)
    assert terms._fields == ("total", "code")
    assert float(terms.code) == pytest.approx(expected)
    assert float(terms.total) == pytest.approx(alpha * expected)

    def total(projection):
        return method(outputs._replace(projection=projection), labels, index).total

    assert torch.autograd.gradcheck(total, outputs.projection.requires_grad_())


def test_a_network_learns_the_codes(photos, fresh):
    loss = tinted(photos)
    settings = Settings(epochs=12, batch_size=10, learning_rate=0.05, augment=0.0)
    history = train(fresh(bits=8), loss, photos, settings, progress=False)
    assert history.terms["code"][-1] < 0.5 * history.terms["code"][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -1}, "weights must be >= 0"),
        ({"rho": -1}, "weights must be >= 0"),
        ({"labelled": 1.1}, "labelled must lie in 0..1"),
        ({"mu": -0.1}, "mu must lie in 0..1"),
        ({"margin": 2}, "margin must lie in 0..1"),
        ({"neighbours": 0}, "neighbours >= 1"),
        ({"partners": 0}, "partners >= 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        DLH(**options)
