"""Codes without labels: the yardstick's own mathematics, and every row the benchmark promises."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from mvs_lib.benchmarks import campus_unlabelled
from mvs_lib.benchmarks.campus_unlabelled import few_places, nearest_rows
from mvs_lib.datasets.collection import Photos, Split


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(5, 30))
def test_the_nearest_rows_are_those_of_scikit_learn(seed, k, n):
    random = np.random.default_rng(seed)
    database, queries = random.standard_normal((n, 4)), random.standard_normal((3, 4))
    expected = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(database)
    assert (nearest_rows(queries, database, k) == expected.kneighbors(queries)[1]).all()


def test_of_equally_near_rows_the_earlier_comes_first():
    assert nearest_rows(np.zeros((1, 2)), np.ones((4, 2)), 3).tolist() == [[0, 1, 2]]


def test_few_places_keeps_their_photos_and_all_names():
    labels = np.array([0, 2, 1, 2, 0])
    photos = Photos(np.arange(15, dtype=np.uint8).reshape(5, 1, 1, 3), labels, ("a", "b", "c"))
    few = few_places(Split("campus", photos, photos.take([1, 2])), 2)
    assert few.source.labels.tolist() == [0, 1, 0] and few.query.labels.tolist() == [1]
    assert few.source.images[:, 0, 0, 0].tolist() == [0, 6, 12] and few.source.names == (
        "a",
        "b",
        "c",
    )


class _Signs:
    """As many bits as features: which of them are positive."""

    def __init__(self, bits, **_):
        self.bits = bits

    def fit(self, _):
        return self

    def encode(self, features):
        return np.packbits(features[:, : self.bits] >= 0, axis=1)


def test_recall_counts_the_true_neighbours_among_the_nearest_codes(monkeypatch):
    monkeypatch.setattr(campus_unlabelled, "LOOKED_AT", 2)
    source = np.array([[1.0] * 8, [1.0] * 4 + [-1.0] * 4, [-1.0] * 8, [-1.0] * 7 + [1.0]])
    query = np.array([[1.0] * 8, [-1.0] * 8])
    true = np.array([[0, 3], [2, 3]])  # found are 0, 1 and 2, 3
    photos = Photos(np.zeros((4, 1, 1, 3), np.uint8), np.array([0, 0, 1, 1]), ("a", "b"))
    split = Split("campus", photos, photos.take([0, 2]))
    found = campus_unlabelled._figures(_Signs(8), [query, source], true, split)
    assert (found["recall_of_neighbours"], found["map"], found["top1"]) == (0.75, 1.0, 1.0)


def test_a_rehearsal_measures_every_method_and_writes_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(campus_unlabelled, "LENGTHS", (16,))
    monkeypatch.setattr(campus_unlabelled, "EPOCHS", 1)
    monkeypatch.setattr(campus_unlabelled, "NEIGHBOURS", 5)
    shipped = []
    monkeypatch.setattr(campus_unlabelled, "ship_autoencoder", lambda *args: shipped.append(args))
    methods = {name: campus_unlabelled.METHODS[name] for name in ("lsh", "pcah", "itq")}
    monkeypatch.setattr(campus_unlabelled, "METHODS", methods)
    found = list(campus_unlabelled.rows(seeds=2, quick=True))
    assert [(row["method"], row["seed"]) for row in found] == [
        ("lsh", 0), ("lsh", 1), ("pcah", 0), ("itq", 0), ("itq", 1),
        ("deepautoencoder", 0), ("deepautoencoder", 1),
    ]  # fmt: skip
    assert not shipped
    assert all(0 < row["recall_of_neighbours"] <= 1 and 0 < row["map"] <= 1 for row in found)
    assert {row["features"] for row in found[:5]} == {"descriptor"}
    assert len({row["neighbours_of_the_place"] for row in found[:5]}) == 1
