"""The two deep benchmarks on CIFAR-10: what a row says, what is kept, what is trained on."""

import numpy as np
import pytest

from mvs_lib.benchmarks import (
    campus_methods,
    cifar10_p1,
    cifar10_p1_settings,
    cifar10_p2,
    cifar10_p2_settings,
    deep_methods,
    deep_methods_settings,
)
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep import checkpoint, processes, recipe
from mvs_lib.deep.encoding import describe
from mvs_lib.deep.head import HeadSettings
from mvs_lib.deep.methods import DLBH, METHODS, SSDH, VECTOR_METHODS, DeepHashing
from mvs_lib.deep.settings import Settings
from mvs_lib.features import cached

FEW = {"dlbh": DLBH, "ssdh": SSDH}


def photos(each, seed):
    """Classes that differ in colour, under noise."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(10), each)
    colours = np.random.default_rng(9).integers(0, 256, (10, 1, 1, 3))
    noise = random.normal(size=(len(labels), 32, 32, 3)) * 20
    return Photos(np.clip(colours[labels] + noise, 0, 255).astype(np.uint8), labels, cifar.NAMES)


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    split = Split("CIFAR-10 (in small)", photos(12, seed=0), photos(2, seed=1))
    asked = []
    monkeypatch.setattr(cifar, "load", lambda **options: asked.append(options) or split)
    brief = Settings(epochs=1, batch_size=50, augment=0, mirror=True, shift=2)
    for benchmark in (cifar10_p1, cifar10_p2, cifar10_p2_settings):
        monkeypatch.setattr(benchmark, "TRUNK", {"trunk": "airbench", "width": 2})
        monkeypatch.setattr(benchmark, "PRETRAINING", brief)
        monkeypatch.setattr(benchmark, "LENGTHS", (12, 48))
    for benchmark in (cifar10_p2, cifar10_p2_settings, deep_methods):
        monkeypatch.setattr(benchmark, "METHODS", FEW)
    monkeypatch.setattr(cifar10_p2_settings, "HEAD", HeadSettings(batch_size=50))
    monkeypatch.setattr(cifar10_p1, "HASHING", brief)
    monkeypatch.setattr(deep_methods, "VECTOR_METHODS", {})
    monkeypatch.setattr(cifar10_p2, "HEAD", HeadSettings(epochs=2, batch_size=50))
    return split, asked


@pytest.fixture
def learned(monkeypatch):
    """Note the photos that a trunk and a hash layer learn from."""
    calls = []
    for name, place in (("pretrain", 0), ("learn_hash", 2)):
        honest = getattr(recipe, name)

        def spy(*given, honest=honest, place=place, name=name, **options):
            calls.append((name, given[place]))
            return honest(*given, **options)

        monkeypatch.setattr(recipe, name, spy)
    return calls


def test_p2_has_a_row_a_method_length_and_seed_and_one_trunk_a_seed(small, learned):
    split, asked = small
    found = list(cifar10_p2.rows(seeds=2))
    assert asked == [{"protocol": "P2"}]
    assert [(r["method"], r["bits"], r["views"], r["seed"]) for r in found] == [
        (name, bits, views, seed)
        for seed in (0, 1)
        for name in FEW
        for bits in (12, 48)
        for views in (1, 2, 6)
    ]
    assert [name for name, _ in learned] == ["pretrain"] * 2
    assert all(given is split.source for _, given in learned)
    for row in found:
        assert row["protocol"] == "P2: 20 queries, 120 trained on and in the database"
        assert row["data"] == split.name and row["bytes"] == (row["bits"] + 7) // 8
        assert all(0 <= row[name] <= 1 for name in ("map", "map_at_1000", "accuracy"))
        assert row["map_at_1000"] == row["map"]  # 120 photos: all lie among the first 1,000
        assert row["parameters"] > 1000
    published = {(r["method"], r["bits"]): r.get("published_map_at_1000") for r in found[:12]}
    assert published == {
        ("dlbh", 12): 0.8930, ("dlbh", 48): 0.8973, ("ssdh", 12): None, ("ssdh", 48): 0.8997
    }  # fmt: skip
    assert "AlexNet" in found[0]["published_trunk"] and "published_trunk" not in found[6]


def test_p2_ships_the_network_that_it_says_with_the_figures_of_its_halved_weights(small, tmp_path):
    split, _ = small
    found = list(cifar10_p2.rows(seeds=1))
    (file,) = (tmp_path / "checkpoints").glob("*.safetensors")
    assert file.name == "cifar10_ssdh_48.safetensors"
    network, about = checkpoint.load(file)
    (row,) = (r for r in found if (r["method"], r["bits"], r["views"]) == ("ssdh", 48, 1))
    assert about["names"] == list(cifar.NAMES) and about["size"] == 32 and about["seed"] == 0
    features = (describe(network, part.images) for part in (split.query, split.source))
    assert about["map"] == cifar10_p2.measures(network, *features, split)["map"]
    assert abs(about["map"] - row["map"]) < 0.1


def test_p1_learns_from_the_labelled_photos_alone_and_starts_every_row_from_one_trunk(
    small, learned
):
    split, asked = small
    found = list(cifar10_p1.rows(seeds=2))
    assert asked == [{"protocol": "P1"}]
    assert [(r["method"], r["bits"], r["seed"]) for r in found] == [
        (name, bits, seed) for seed in (0, 1) for name in FEW for bits in (12, 48)
    ]
    assert [name for name, _ in learned] == (["pretrain"] + ["learn_hash"] * 4) * 2
    for position, (_, given) in enumerate(learned):
        chosen = cifar.labelled(split, 6, seed=position // 5)
        np.testing.assert_array_equal(given.images, split.source.images[chosen])
    for row in found:
        assert row["protocol"] == "P1: 20 queries, 120 in the database, 60 labelled"
        assert row["labels_seen"] == "by trunk and loss" and "published" not in row


def test_p1_teaches_vector_methods_by_the_labelled_photos_trunk_features_and_gist(
    small, monkeypatch
):
    split, fitted = small[0], []

    class Spy(DeepHashing):
        def fit(self, features, labels=None):
            fitted.append((features, labels))
            return super().fit(features, labels)

    monkeypatch.setattr(deep_methods, "VECTOR_METHODS", {"deephashing": Spy})
    found = list(cifar10_p1.rows(seeds=1, only=["deephashing"]))
    assert [(row["bits"], row["features"], row["labels_seen"]) for row in found] == [
        (12, "trunk", "by trunk"), (12, "descriptor", "none"),
        (48, "trunk", "by trunk"), (48, "descriptor", "none"),
    ]  # fmt: skip
    chosen = cifar.labelled(split, 6, seed=0)
    gist = cached.describe_gist(split.source.images, cifar10_p1.SIZE)[chosen]
    for features, labels in fitted:
        np.testing.assert_array_equal(labels, split.source.labels[chosen])
        assert len(features) == 60
    np.testing.assert_array_equal(fitted[1][0], gist)
    np.testing.assert_array_equal(fitted[3][0], gist)
    assert fitted[0][0].shape != gist.shape
    assert found[1]["trunk"] == "none, GIST of 32 px" and "frozen" in found[0]["trunk"]


def test_p1_measures_the_methods_that_are_asked_for(small, monkeypatch):
    monkeypatch.setattr(cifar10_p1, "PUBLISHED", {"ssdh": ((0.1, 0.2), "AlexNet", "a paper")})
    found = list(cifar10_p1.rows(seeds=1, only=["ssdh"]))
    assert {row["method"] for row in found} == {"ssdh"}
    assert [row["published"] for row in found] == [0.1, 0.2]
    assert {row["published_trunk"] for row in found} == {"AlexNet"}
    with pytest.raises(ValueError, match="no method vgg: choose from dlbh, ssdh"):
        next(cifar10_p1.rows(only=["vgg"]))


def test_p1_measures_the_others_when_one_method_fails(small, monkeypatch, capsys):
    class Faulty(DLBH):
        def forward(self, outputs, labels):
            raise RuntimeError("a bug")

    monkeypatch.setattr(deep_methods, "METHODS", {"faulty": Faulty, "ssdh": SSDH})
    rows, found = cifar10_p1.rows(seeds=1), []
    with pytest.raises(RuntimeError, match=r"2 could not be measured: faulty at 12 .*a bug"):
        for row in rows:
            found.append(row)
    assert [row["method"] for row in found] == ["ssdh", "ssdh"]
    assert "a bug" in capsys.readouterr().err


@pytest.mark.parametrize("benchmark", [cifar10_p1, cifar10_p2])
def test_what_was_measured_is_kept_until_the_settings_change(small, monkeypatch, benchmark):
    first = list(benchmark.rows(seeds=1))
    at = (cifar10_p2, "_measured")
    at = at if benchmark is cifar10_p2 else (deep_methods.Comparison, "_measured")
    honest = getattr(*at)
    monkeypatch.setattr(*at, lambda *_: pytest.fail("measured again"))
    assert list(benchmark.rows(seeds=1)) == first
    measured = []
    monkeypatch.setattr(*at, lambda *a: measured.append(a) or honest(*a))
    monkeypatch.setattr(benchmark, "SMOOTHING", 0.3)
    list(benchmark.rows(seeds=1))
    assert len(measured) == len(first)


@pytest.mark.parametrize("benchmark", [cifar10_p1, cifar10_p2])
def test_a_rehearsal_keeps_nothing_and_other_processes_only_help(
    small, monkeypatch, tmp_path, benchmark
):
    rows = 12 if benchmark is cifar10_p2 else 4
    assert len(list(benchmark.rows(seeds=1, quick=True))) == rows
    assert small[1] == [
        {"protocol": benchmark.__name__[-2:].upper(), "source_per_class": 60, "queries": 20}
    ]
    assert not list(tmp_path.rglob("*.json")) and not list(tmp_path.rglob("*.safetensors"))
    monkeypatch.setattr(processes, "first", lambda: False)
    assert list(benchmark.rows(seeds=1)) == []
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("benchmark", [cifar10_p1, cifar10_p2])
def test_the_stop_button_measures_no_half_trained_trunk(small, monkeypatch, tmp_path, benchmark):
    honest = recipe.pretrain

    def stopped(*given, **options):
        network, history = honest(*given, **options)
        history.interrupted = True
        return network, history

    monkeypatch.setattr(recipe, "pretrain", stopped)
    with pytest.raises(KeyboardInterrupt):
        list(benchmark.rows(seeds=1))
    assert not list(tmp_path.rglob("*.json"))


def test_the_heads_settings_are_chosen_on_held_back_photos_and_are_a_point_of_the_grid(
    small, monkeypatch, learned
):
    split, _ = small
    seen, honest = [], cifar10_p2_settings.describe

    def describe(network, images, *given, **options):
        seen.append(images)
        return honest(network, images, *given, **options)

    monkeypatch.setattr(cifar10_p2_settings, "describe", describe)
    found = list(cifar10_p2_settings.rows(seeds=1, quick=True))
    grid = cifar10_p2_settings.GRID
    assert len(found) == len(grid) * len(FEW) * len(cifar10_p2_settings.LENGTHS)
    assert any(HeadSettings(**each) == cifar10_p2.HeadSettings() for each in grid)
    assert [len(given) for _, given in learned] == [110]
    queries = {image.tobytes() for image in split.query.images}
    held, taught = ({image.tobytes() for image in part} for part in seen)
    assert (len(held), len(taught)) == (10, 110) and not held & taught
    assert not queries & (held | taught)
    assert {row["protocol"] for row in found} == {"validation: 10 of 120 source photos held back"}


def test_p1_settings_are_chosen_on_some_of_the_labelled_photos(small, monkeypatch, learned):
    split, _ = small
    seen, honest = [], deep_methods.encode
    monkeypatch.setattr(deep_methods, "encode", lambda *a, **o: seen.append(a[1]) or honest(*a))
    found = list(cifar10_p1_settings.rows(seeds=1, only=["ssdh"]))
    tried = deep_methods_settings.choices("ssdh", rare=False)
    assert [row["head_rate"] for row in found] == [cifar10_p1.HASHING.head_rate, 1.0]
    assert len(tried) == len(found) == 2 < len(deep_methods_settings.choices("deepbit", rare=False))
    labelled = split.source.take(cifar.labelled(split, 6, seed=0)).images
    asked, taught = ({image.tobytes() for image in part} for part in seen[:2])
    assert (len(asked), len(taught)) == (10, 50) and not asked & taught
    assert asked | taught == {image.tobytes() for image in labelled}
    assert all(len(given) == 50 for _, given in learned)
    assert {row["protocol"] for row in found} == {"validation: 10 of 60 photos held back"}


def test_a_method_without_rates_to_choose_is_refused_at_once(small):
    with pytest.raises(ValueError, match="no rates to choose for itqcca: cnnh"):
        next(cifar10_p1_settings.rows(only=["ssdh", "itqcca"], quick=True))


def test_what_was_chosen_is_among_what_was_tried_and_changes_the_training(small, monkeypatch):
    monkeypatch.setattr(deep_methods_settings, "METHODS", METHODS)
    for benchmark, rare in ((cifar10_p1, False), (campus_methods, True)):
        for name, choice in benchmark.CHOICES.items():
            assert choice in deep_methods_settings.choices(name, rare)
    assert {"head_rate": 1.0, "per_class": 4, "memory": "batch"} in (
        deep_methods_settings.choices("dpsh", rare=True)
    )
    for name in ("cnnh", "csq"):
        assert len(deep_methods_settings.choices(name, rare=True)) == 2
    usual = next(cifar10_p1.rows(seeds=1, only=["ssdh"]))
    monkeypatch.setattr(cifar10_p1, "CHOICES", {"ssdh": {"head_rate": 7.0, "gamma": 0.5}})
    row = next(cifar10_p1.rows(seeds=1, only=["ssdh"]))
    assert (usual["head_rate"], row["head_rate"]) == (1.0, 7.0)  # measured anew
    assert (usual["options"], row["options"]) == ("", "gamma=0.5")
    assert next(cifar10_p1.rows(seeds=1, only=["dlbh"]))["head_rate"] == 1.0


def test_published_values_belong_to_four_lengths_and_name_their_trunk():
    assert cifar10_p1.LENGTHS == cifar10_p2.LENGTHS == (12, 24, 32, 48)
    assert set(cifar10_p1.PUBLISHED) <= {*METHODS, *VECTOR_METHODS}
    for values, trunk, source in cifar10_p1.PUBLISHED.values():
        assert len(values) == 4 and all(0 < value < 1 for value in values) and trunk and source
    assert set(cifar10_p2.PUBLISHED) == set(cifar10_p2.COMPARED) <= set(METHODS)
    assert all(set(values) <= set(cifar10_p2.LENGTHS) for values in cifar10_p2.PUBLISHED.values())
