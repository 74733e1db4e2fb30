"""The comparison on photos with several labels: its rows, and that no query chooses a rate."""

import numpy as np
import pytest

from mvs_lib.benchmarks import squares, squares_settings
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep.settings import Settings


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Sixty photos of noise with several labels, and twenty queries."""
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    random = np.random.default_rng(0)

    def some(count):
        images = random.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)
        labels = random.integers(0, 2, (count, 3))
        return Photos(images, labels, ("bench", "car", "palm"))

    split = Split("squares", some(60), some(20))
    for benchmark in (squares, squares_settings):
        monkeypatch.setattr(benchmark.campus_squares, "load", lambda *args: split)
    monkeypatch.setattr(squares, "LENGTHS", (8, 12))
    monkeypatch.setattr(squares_settings, "BITS", 8)
    return split


def test_each_method_has_a_row_a_length_and_the_figures_are_those_of_its_codes(small, monkeypatch):
    seen, honest = [], squares.encode
    monkeypatch.setattr(
        squares, "encode", lambda *args, **options: seen.append(honest(*args)) or seen[-1]
    )
    found = list(squares.rows(seeds=1, quick=True))
    assert [(row["method"], row["bits"]) for row in found] == [
        (name, bits) for name in squares.METHODS for bits in (8, 12)
    ]
    asked, stored = seen[:2]
    labels = small.query.labels, small.source.labels
    wanted = squares.graded_metrics.ndcg(asked, labels[0], stored, labels[1], k=squares.FIRST)
    assert found[0][f"ndcg_at_{squares.FIRST}"] == round(wanted, 4)
    assert all(0 < row["map"] <= 1 and row["weighted_map"] >= row["map"] for row in found)


def test_what_was_measured_is_kept_until_the_settings_change(small, monkeypatch):
    brief = Settings(epochs=1, batch_size=20)
    monkeypatch.setattr(squares, "PRETRAINING", brief)
    monkeypatch.setattr(squares, "HASHING", brief)
    monkeypatch.setattr(squares, "METHODS", {"dpsh": squares.METHODS["dpsh"]})
    first = list(squares.rows(seeds=1))
    measured, honest = [], squares.Squares._measured
    monkeypatch.setattr(
        squares.Squares, "_measured", lambda *args: measured.append(args) or honest(*args)
    )
    assert list(squares.rows(seeds=1)) == first and not measured
    monkeypatch.setattr(squares, "CHOICES", {"dpsh": {"learning_rate": 0.02}})
    again = list(squares.rows(seeds=1))
    assert len(measured) == 2 and [row["learning_rate"] for row in again] == [0.02, 0.02]


def test_rates_are_chosen_without_a_query(small, monkeypatch):
    taught, honest = [], squares.recipe.learn_hash

    def noted(network, loss, photos, *rest, **options):
        taught.append({image.tobytes() for image in photos.images})
        return honest(network, loss, photos, *rest, **options)

    monkeypatch.setattr(squares.recipe, "learn_hash", noted)
    found = list(squares_settings.rows(seeds=1, quick=True))
    assert len(found) == len(squares.METHODS) * len(squares_settings.TRIED)
    assert {row["protocol"] for row in found} == {"6 queries, 54 labelled photos in the database"}
    queries = {image.tobytes() for image in small.query.images}
    assert all(len(photos) == 54 and not photos & queries for photos in taught)
