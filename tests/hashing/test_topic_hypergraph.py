import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import NMF

from mvs_lib.hashing.topic_hypergraph import (
    TopicHypergraphCodes,
    factorise,
    incidence_root,
    membership,
)

RANDOM = np.random.default_rng(0)
GROUPS = np.arange(60) % 4


def two_views(noise=0.05):
    """60 photos of 4 groups: 20 visual words and 6 text words, all non-negative."""
    bases = RANDOM.uniform(0, 1, (4, 20)), np.eye(4, 6)
    return tuple(base[GROUPS] + noise * RANDOM.uniform(0, 1, (60, base.shape[1])) for base in bases)


def length_sum(matrix):
    return np.linalg.norm(matrix, axis=1).sum()


@pytest.mark.parametrize("alpha", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_the_objective_is_the_papers_and_never_rises(alpha, store):
    views = RANDOM.uniform(0, 1, (40, 15)) * (RANDOM.random((40, 15)) < 0.4), np.eye(40, 7)
    found = factorise(*map(store, views), topics=5, alpha=alpha, iterations=40, random_state=1)
    objective = found.objective
    assert (np.diff(objective) <= 1e-9 * objective[0]).all() and objective[-1] < 0.9 * objective[0]
    explicit = length_sum(views[0] - found.topics @ found.visual.T)
    explicit += alpha * length_sum(views[1] - found.topics @ found.text.T)
    assert objective[-1] == pytest.approx(explicit, rel=1e-2)
    assert min(each.min() for each in found[:3]) >= 0


def test_a_photo_that_fits_nothing_spoils_less_than_with_squares():
    visual, text = two_views()
    visual[7] = 3 * np.random.default_rng(5).uniform(0, 1, 20)
    others = np.arange(60) != 7
    found = factorise(visual, text, 4, alpha=0, iterations=500, random_state=1)
    squares = NMF(4, init="nndsvda", max_iter=2000, tol=1e-6)
    weights = squares.fit_transform(visual)
    robust, square = (
        length_sum((visual - rows @ columns)[others])
        for rows, columns in ((found.topics, found.visual.T), (weights, squares.components_))
    )
    assert robust < 0.7 * square


def test_the_seed_decides_alone():
    visual, text = two_views()
    first, again, other = (factorise(visual, text, 3, random_state=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.topics, again.topics)
    assert not np.array_equal(first.topics, other.topics)


def test_the_laplacian_is_the_hypergraph_s():
    weights = RANDOM.uniform(0, 3, (12, 4))
    incidence = membership(weights)
    assert incidence.max(0) == pytest.approx(np.ones(4))
    vertices, edges = np.diag(incidence.sum(1)), np.diag(incidence.sum(0))
    half = np.linalg.inv(np.sqrt(vertices))
    laplacian = np.eye(12) - half @ incidence @ np.linalg.inv(edges) @ incidence.T @ half
    root = incidence_root(weights)
    np.testing.assert_allclose(np.eye(12) - root @ root.T, laplacian, atol=1e-12)
    assert np.linalg.eigvalsh(laplacian).min() > -1e-12
    np.testing.assert_allclose(laplacian @ np.sqrt(incidence.sum(1)), 0, atol=1e-12)


def objective(values, features, topics, codes):
    """Return the paper's objective at Y, with the P and Q that are best for it."""
    root, edges = incidence_root(topics), membership(topics)
    total = np.trace(values.T @ (values - root @ (root.T @ values)))
    for rows, weight, ridge in ((features, codes.beta, codes.gamma), (edges, codes.eta, codes.eta)):
        square = weight * rows.T @ rows + ridge * np.eye(rows.shape[1])
        best = np.linalg.solve(square, weight * rows.T @ values)
        total += weight * ((values - rows @ best) ** 2).sum() + ridge * (best**2).sum()
    return total


@pytest.mark.parametrize("count", [30, 9], ids=["tall", "wide"])
def test_no_other_codes_of_that_kind_have_a_smaller_objective(count):
    features, topics = RANDOM.uniform(0, 1, (count, 10)), RANDOM.uniform(0, 1, (count, 4))
    codes = TopicHypergraphCodes(bits=5, beta=0.7, gamma=0.3, eta=0.2).fit(features, topics)
    trivial = np.sqrt(membership(topics).sum(1))
    values = codes.values_
    np.testing.assert_allclose(values.T @ values, count * np.eye(5), atol=1e-8)
    np.testing.assert_allclose(trivial @ values, 0, atol=1e-8)
    reached = objective(values, features, topics, codes)
    for step in (1.0, 0.1, 0.01):
        for _ in range(20):
            other = values + step * RANDOM.normal(size=values.shape)
            other -= np.outer(trivial, trivial @ other) / (trivial @ trivial)
            other = np.sqrt(count) * np.linalg.qr(other)[0]
            assert objective(other, features, topics, codes) >= reached - 1e-8


def test_new_photos_are_foretold_by_the_ridge_and_bits_are_balanced():
    features, topics = RANDOM.uniform(0, 1, (40, 8)), RANDOM.uniform(0, 1, (40, 3))
    codes = TopicHypergraphCodes(bits=6, beta=2.0, gamma=0.5).fit(
        sparse.csr_array(features), topics
    )
    ridge = np.linalg.inv(features.T @ features + 0.25 * np.eye(8))
    np.testing.assert_allclose(codes.projection_, ridge @ features.T @ codes.values_, atol=1e-8)
    assert ((codes.source_values >= 0).sum(0) == 20).all()
    assert ((codes.project(features) >= 0).sum(0) == 20).all()
    np.testing.assert_allclose(codes.project(sparse.csr_array(features)), codes.project(features))


def test_groups_that_share_a_topic_share_their_bits():
    visual, text = two_views()
    found = factorise(visual, text, 4, iterations=200)
    codes = TopicHypergraphCodes(bits=3).fit(visual, found.topics)
    bits = codes.project(visual) >= 0
    same = GROUPS[:, None] == GROUPS
    differ = (bits[:, None] != bits[None]).sum(2)
    assert differ[same].mean() < 0.5 * differ[~same].mean()


def test_what_cannot_be_learned_is_said():
    views = np.ones((5, 3)), np.ones((5, 2))
    with pytest.raises(ValueError, match="5 rows of features, but 4 of text"):
        factorise(views[0], views[1][:4], 2)
    with pytest.raises(ValueError, match="topics >= 1"):
        factorise(*views, 0)
    with pytest.raises(ValueError, match="no negative entries"):
        factorise(-views[0], views[1], 2)
    with pytest.raises(ValueError, match=r"1\.\.4 bits, got bits=5"):
        TopicHypergraphCodes(bits=5).fit(*views)
    with pytest.raises(ValueError, match="beta > 0"):
        TopicHypergraphCodes(beta=0).fit(*views)
