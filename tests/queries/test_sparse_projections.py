import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import Photos
from mvs_lib.hashing import PCAH
from mvs_lib.hashing.sparse_projections import SparseProjections, truncated_power
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import PayloadError, pack
from mvs_lib.queries.pseudo_pairs import pseudo_pairs
from mvs_lib.queries.sparse_projections import SparseProjectionBits

FLAT = np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def fitted(split):
    return SparseProjectionBits(bits=20, nonzeros=30).fit(split.source)


def positive(seed, size=8):
    root = np.random.default_rng(seed).normal(size=(size, size))
    return root @ root.T


@settings(max_examples=40)
@given(st.integers(0, 9999), st.integers(1, 8))
def test_the_power_method_rises_and_stays_sparse(seed, nonzeros):
    matrix = positive(seed)
    start = np.random.default_rng(seed + 1).normal(size=8)
    direction, objective = truncated_power(matrix, start, nonzeros)
    assert np.count_nonzero(direction) <= nonzeros
    assert np.linalg.norm(direction) == pytest.approx(1)
    assert (np.diff(objective) >= 0).all()
    assert objective[-1] == pytest.approx(direction @ matrix @ direction)
    best = max(
        np.linalg.eigvalsh(matrix[np.ix_(kept, kept)])[-1]
        for kept in itertools.combinations(range(8), nonzeros)
    )
    assert objective[-1] <= best * (1 + 1e-9)


def test_the_power_method_is_near_the_best_support_and_exact_without_sparsity():
    ratios = []
    for seed in range(30):
        matrix = positive(seed)
        top = np.linalg.eigh(matrix)[1][:, -1]
        _, objective = truncated_power(matrix, top, 3, 200)
        best = max(
            np.linalg.eigvalsh(matrix[np.ix_(kept, kept)])[-1]
            for kept in itertools.combinations(range(8), 3)
        )
        ratios.append(objective[-1] / best)
        dense, _ = truncated_power(matrix, np.ones(8), 8, 5000)
        np.testing.assert_allclose(np.abs(dense @ top), 1, atol=1e-3)
    assert np.mean(ratios) > 0.93


def test_all_nonzeros_and_no_pairs_is_pca_hashing():
    features = np.random.default_rng(0).normal(size=(400, 12)) * np.linspace(3, 0.3, 12)
    ours = SparseProjections(bits=6, nonzeros=12).fit(features)
    theirs = PCAH(bits=6).fit(features)
    product = np.abs(ours.projection_.T @ theirs.projection_)
    np.testing.assert_allclose(product, np.eye(6), atol=1e-4)
    assert ours.nonzeros_ == 72


def test_pairs_turn_the_direction_to_what_parts_them():
    # axis 0 varies most but pairs agree along axis 5 and disagree along axis 0
    random = np.random.default_rng(1)
    features = random.normal(size=(200, 8)) * [5, 1, 1, 1, 1, 2, 1, 1]
    order = np.argsort(features[:, 5])
    pairs = sparse.lil_array((200, 200))
    for a, b in itertools.pairwise(order):
        pairs[a, b] = pairs[b, a] = 1
    rank = np.argsort(features[:, 0])
    for a, b in itertools.pairwise(rank):
        pairs[a, b] = pairs[b, a] = -1
    with_pairs = SparseProjections(bits=1, nonzeros=2, spread=0.1).fit(features, pairs.tocsr())
    without = SparseProjections(bits=1, nonzeros=2, spread=0.1).fit(features)
    assert np.abs(with_pairs.projection_[:, 0]).argmax() == 5
    assert np.abs(without.projection_[:, 0]).argmax() == 0


def test_the_first_direction_maximises_the_objective_as_written():
    random = np.random.default_rng(3)
    features = random.normal(size=(60, 5))
    drawn = random.integers(-1, 2, (60, 60)) * (random.random((60, 60)) < 0.1)
    signs = sparse.csr_array(np.sign(drawn + drawn.T).astype(float))
    hasher = SparseProjections(bits=1, nonzeros=5, spread=0.7, iterations=5000).fit(features, signs)
    centred = features - features.mean(0)

    def objective(w):
        y = centred @ w
        return y @ (signs @ y) / abs(signs).sum() + 0.7 * (y @ y) / 60

    best = objective(hasher.projection_[:, 0])
    for _ in range(200):
        other = random.normal(size=5)
        assert objective(other / np.linalg.norm(other)) <= best + 1e-9


@pytest.mark.parametrize("wrong", [{"nonzeros": 0}, {"nonzeros": 9}, {"bits": 9}, {"spread": -1}])
def test_the_hasher_refuses_settings(wrong):
    features = np.random.default_rng(0).normal(size=(30, 8))
    with pytest.raises(ValueError, match="need nonzeros"):
        SparseProjections(**{"bits": 2, "nonzeros": 2, **wrong}).fit(features)
    with pytest.raises(ValueError, match="pairs must be"):
        SparseProjections(2, 2).fit(features, sparse.eye_array(4))


def test_pairs_are_mined_by_the_rule():
    random = np.random.default_rng(0)
    looks, places = random.random((40, 3)), random.random((40, 2)) * 200
    places[5] = np.nan
    pairs = pseudo_pairs(looks, places, 50, 120, 2).toarray()
    expected = np.zeros((40, 40))
    for i in range(40):
        apart = np.linalg.norm(places - places[i], axis=1)
        unlike = ((looks - looks[i]) ** 2).sum(1)
        for sign, allowed in ((1, apart <= 50), (-1, apart > 120)):
            rows = [j for j in np.flatnonzero(allowed) if j != i]
            for j in sorted(rows, key=lambda j: unlike[j])[:2]:
                expected[i, j] += sign
                expected[j, i] += sign
    np.testing.assert_array_equal(pairs, np.sign(expected))
    assert not pairs[5].any() and (pairs > 0).any() and (pairs < 0).any()
    assert pseudo_pairs(looks, np.full((40, 2), np.nan)).nnz == 0
    with pytest.raises(ValueError, match="near < far"):
        pseudo_pairs(looks, places, 50, 50)


def test_the_payload_is_the_code_and_the_score_counts_equal_bits(fitted, split):
    image = split.source.images[4]
    payload = fitted.encode(image)
    assert payload == pack(12, fitted.codes_[4].tobytes()) and len(payload) == 3 + 3
    scores = fitted.search(payload)
    bits = np.unpackbits(fitted.codes_, axis=1, count=20)
    np.testing.assert_array_equal(scores, (bits == bits[4]).sum(axis=1))
    assert scores[4] == 20


def test_fewer_nonzeros_cost_the_phone_less(fitted, split):
    assert fitted.multiplications == np.count_nonzero(fitted.hasher_.projection_) <= 20 * 30
    assert fitted.client_bytes == 6 * fitted.multiplications + 80
    assert fitted.index_bytes == 24 * 3 and fitted.pairs_ > 0


@settings(max_examples=60)
@given(st.binary(max_size=6))
def test_garbage_is_refused_and_nothing_else(fitted, body):
    if len(body) == 3 and not body[2] & 15:
        assert fitted.search(pack(12, body)).shape == (24,)
    else:
        with pytest.raises(PayloadError):
            fitted.search(pack(12, body))


def test_altered_and_foreign_payloads_are_refused(fitted, split):
    payload = fitted.encode(split.query.images[1])
    for wrong in (payload[:-1], b"", pack(11, payload[1:-2])):
        with pytest.raises(PayloadError):
            fitted.search(wrong)


def test_it_finds_places_better_than_chance_and_takes_a_flat_photo(fitted, split):
    assert measure(fitted, split).map > 0.4
    assert fitted.search(fitted.encode(FLAT)).shape == (24,)


def test_it_learns_without_positions(split):
    photos = Photos(split.source.images, split.source.labels, split.source.names)
    fitted = SparseProjectionBits(bits=8, nonzeros=10).fit(photos)
    assert fitted.pairs_ == 0 and fitted.codes_.shape == (24, 1)
