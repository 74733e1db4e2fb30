import numpy as np
import pytest

from mvs_lib.benchmarks import cifar10_gist, cifar10_gist_settings
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.hashing.base import Supervised


def photos(each, seed):
    """Classes that differ in the direction of a wave, under noise."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(10), each)
    row, column = np.mgrid[:32, :32]
    angle = labels[:, None, None] * np.pi / 10
    wave = 127 + 60 * np.cos(0.9 * (column * np.cos(angle) + row * np.sin(angle)))
    noise = random.normal(size=(len(labels), 32, 32, 3)) * 30
    return Photos(np.clip(wave[..., None] + noise, 0, 255).astype(np.uint8), labels, cifar.NAMES)


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    split = Split("CIFAR-10 (in small)", photos(40, seed=0), photos(2, seed=1))
    asked = []
    monkeypatch.setattr(cifar, "load", lambda **options: asked.append(options) or split)
    return split, asked


def test_a_row_a_method_length_and_seed_beside_what_is_published(small):
    found = list(cifar10_gist.rows(seeds=2, quick=True))
    assert small[1][0]["protocol"] == "P1"
    whats = [(row["method"], row["bits"], row["seed"]) for row in found]
    assert len(set(whats)) == len(whats) == 4 * (6 * 2 + 1)
    for row in found:
        assert row["data"] == "CIFAR-10 (in small)" and row["protocol"].startswith("P1: 20 queries")
        assert row["trained_on"] == (200 if row["method"] in cifar10_gist.FROM_LABELLED else 400)
        assert ("published" in row) == (row["method"] in cifar10_gist.PUBLISHED)
        assert ("published_source" in row) == ("published" in row)
        assert row["bytes"] == (row["bits"] + 7) // 8
    at_48 = {row["method"]: row["map"] for row in found if row["bits"] == 48}
    # classes as plain as these are found by all; labels help
    assert min(at_48.values()) > 0.2 and at_48["sdh"] > at_48["lsh"]


def test_what_was_measured_is_kept_and_read(small, monkeypatch):
    monkeypatch.setattr(cifar10_gist, "LENGTHS", (12, 48))
    monkeypatch.setattr(cifar10_gist, "METHODS", {"itq": cifar10_gist.METHODS["itq"]})
    first = list(cifar10_gist.rows(seeds=1))
    more = list(cifar10_gist.rows(seeds=2))
    assert [row["seed"] for row in more] == [0, 0, 1, 1]
    assert more[:2] == first
    monkeypatch.setattr(cifar10_gist, "_measured", lambda *_: pytest.fail("measured again"))
    assert list(cifar10_gist.rows(seeds=2)) == more


def test_who_is_taught_by_labels_and_who_draws_nothing():
    for name, (hasher, settings, _) in cifar10_gist.METHODS.items():
        assert (name in cifar10_gist.SUPERVISED) == issubclass(hasher, Supervised)
        assert (name in cifar10_gist.FIXED) == ("random_state" not in hasher().get_params())
        assert set(settings) <= set(hasher().get_params())
    assert all(len(row) == len(cifar10_gist.LENGTHS) for row in cifar10_gist.PUBLISHED.values())


def test_settings_are_chosen_without_a_query(small, monkeypatch):
    split, _ = small
    seen = []
    honest = cifar10_gist_settings.cached.describe_gist

    def describe(images, *options, **more):
        seen.append(images)
        return honest(images, *options, **more)

    monkeypatch.setattr(cifar10_gist_settings.cached, "describe_gist", describe)
    found = list(cifar10_gist_settings.rows(seeds=1, quick=True))
    assert {row["method"] for row in found} == set(cifar10_gist_settings.GRID)
    queries = {image.tobytes() for image in split.query.images}
    assert [len(images) for images in seen] == [400, 300]
    for images in seen:
        assert not queries & {image.tobytes() for image in images}


def test_the_settings_in_use_are_a_point_of_the_grid():
    for name, tried in cifar10_gist_settings.GRID.items():
        _, settings, unit = cifar10_gist.METHODS[name]
        used = {"size": cifar10_gist.SIZE, "unit_length": unit, **settings}
        if name in ("sh", "itq"):
            used["taught"] = "labelled" if name in cifar10_gist.FROM_LABELLED else "all"
        assert used in tried


def test_the_parts_share_no_photo_and_hold_every_class_alike():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(4), 50))
    parts = cifar10_gist_settings.parts(labels)
    assert sorted(np.concatenate(parts)) == list(range(200))
    for part, each in zip(parts, (5, 10, 35), strict=True):
        np.testing.assert_array_equal(np.bincount(labels[part]), each)


def test_a_length_of_one_and_zeros_stay():
    rows = cifar10_gist.scaled(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0]])


@pytest.mark.parametrize("benchmark", [cifar10_gist, cifar10_gist_settings])
def test_without_cifar_10_it_says_what_to_do(benchmark, tmp_path, monkeypatch):
    monkeypatch.setenv("MVS_CIFAR10", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"CIFAR-10 is not at hand.*download=True"):
        next(iter(benchmark.rows()))
