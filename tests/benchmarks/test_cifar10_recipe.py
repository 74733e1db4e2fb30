"""A row an epoch, kept, for every recipe; an interrupted race goes on."""

from dataclasses import replace

import numpy as np
import pytest

from mvs_lib.benchmarks import cifar10_recipe
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep.head import HeadSettings
from mvs_lib.deep.settings import Settings

BRIEF = Settings(epochs=1, batch_size=50, augment=0, mirror=True, shift=2)
TRUNK = {"trunk": "airbench", "width": 2}


def photos(each, seed):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(10), each)
    images = random.integers(0, 256, (len(labels), 32, 32, 3), dtype=np.uint8)
    return Photos(images, labels, cifar.NAMES)


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    split = Split("CIFAR-10 (in small)", photos(12, seed=0), photos(2, seed=1))
    monkeypatch.setattr(cifar, "load", lambda **options: split)
    monkeypatch.setattr(cifar10_recipe, "EPOCHS", 3)
    monkeypatch.setattr(cifar10_recipe, "HEAD", HeadSettings(epochs=1, batch_size=10))
    recipes = {"whole": (BRIEF, 0.2, TRUNK), "still": (replace(BRIEF, shift=0), 0.2, TRUNK)}
    monkeypatch.setattr(cifar10_recipe, "RECIPES", recipes)
    return split


def test_a_row_a_recipe_and_epoch_with_rising_minutes(small):
    found = list(cifar10_recipe.rows())
    assert [(row["recipe"], row["epoch"]) for row in found] == [
        (name, epoch) for name in ("whole", "still") for epoch in (1, 2, 3)
    ]
    for name in ("whole", "still"):
        minutes = [row["minutes"] for row in found if row["recipe"] == name]
        assert minutes == sorted(minutes)
    for row in found:
        assert row["protocol"] == "20 queries, 10 of 120 trained on in the database"
        assert 0 < row["map"] < 1 and row["bits"] == 48 and row["loss"] > 0


def test_an_interrupted_race_goes_on_and_says_nothing_of_the_epoch_that_was_cut_off(
    small, monkeypatch
):
    honest, laps = cifar10_recipe.Lap._measured, []

    def measured(self, network, history):
        if len(laps) == 4:
            laps.append("stop")
            raise KeyboardInterrupt
        laps.append((self.start["recipe"], history.epochs))
        return honest(self, network, history)

    monkeypatch.setattr(cifar10_recipe.Lap, "_measured", measured)
    with pytest.raises(KeyboardInterrupt):
        list(cifar10_recipe.rows())
    found = list(cifar10_recipe.rows())
    assert [row["epoch"] for row in found] == [1, 2, 3, 1, 3]
    whole = [("whole", 1), ("whole", 2), ("whole", 3)]
    assert laps == [*whole, ("still", 1), "stop", ("still", 3)]
    monkeypatch.setattr(cifar10_recipe.Lap, "_measured", lambda *_: pytest.fail("again"))
    assert list(cifar10_recipe.rows()) == found


def test_the_recipes_differ_in_one_thing_each():
    whole, *others = cifar10_recipe.RECIPES.values()
    for other in others:
        assert sum(a != b for a, b in zip(whole, other, strict=True)) == 1
