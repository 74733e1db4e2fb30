"""Choosing a trunk: who asks, who teaches, and what is kept."""

from dataclasses import replace

import numpy as np
import pytest

from mvs_lib.benchmarks import cifar10_p1_trunks, cifar10_p2_trunks, trunk_candidates
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep import recipe
from mvs_lib.deep.head import HeadSettings
from mvs_lib.deep.settings import Settings

BRIEF = Settings(epochs=1, batch_size=50, augment=0)


def photos(each, seed):
    """Classes that differ in colour, under noise."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(10), each)
    noise = random.normal(size=(len(labels), 32, 32, 3)) * 20
    images = np.clip(25 * labels[:, None, None, None] + noise, 0, 255).astype(np.uint8)
    return Photos(images, labels, cifar.NAMES)


@pytest.fixture
def split(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    found = Split("CIFAR-10 (in small)", photos(12, seed=0), photos(2, seed=1))
    monkeypatch.setattr(cifar, "load", lambda **_: found)
    monkeypatch.setattr(trunk_candidates, "HEAD", HeadSettings(epochs=2, batch_size=50))
    config = {"trunk": "airbench", "width": 2}
    tried = {"plain": (config, BRIEF), "covered": (config, replace(BRIEF, cover=8))}
    for benchmark in (cifar10_p1_trunks, cifar10_p2_trunks):
        monkeypatch.setattr(benchmark, "CANDIDATES", tried)
    return found


@pytest.fixture
def taught(monkeypatch):
    """Note the photos that a trunk learns from."""
    calls, honest = [], recipe.pretrain
    spy = lambda *given, **options: calls.append(given[0]) or honest(*given, **options)  # noqa: E731
    monkeypatch.setattr(recipe, "pretrain", spy)
    return calls


@pytest.mark.parametrize(
    ("benchmark", "held", "whole"), [(cifar10_p2_trunks, 10, 120), (cifar10_p1_trunks, 10, 60)]
)
def test_a_candidate_is_taught_once_a_seed_and_asked_by_photos_it_has_not_seen(
    split, taught, benchmark, held, whole
):
    found = list(benchmark.rows(seeds=2))
    rows = {(row["trunk"], row["seed"], row["views"]) for row in found}
    assert len(found) == len(rows) == 2 * 2 * 3
    assert [len(given) for given in taught] == [whole - held] * 4
    assert {row["protocol"] for row in found} == {f"validation: {held} of {whole} photos held back"}
    queries = {image.tobytes() for image in split.query.images}
    for given in taught:
        assert not queries & {image.tobytes() for image in given.images}
    covered = [row["cover"] for row in found if row["trunk"] == "covered"]
    assert covered == [8] * 6
    assert list(benchmark.rows(seeds=2)) == found and len(taught) == 4, "rows are kept"


def test_seeds_hold_back_different_photos(split, taught):
    list(cifar10_p2_trunks.rows(seeds=2))
    first, second = ({image.tobytes() for image in given.images} for given in taught[:2])
    assert first != second


def test_a_rehearsal_keeps_nothing(split, taught):
    assert len(list(cifar10_p1_trunks.rows(seeds=1, quick=True))) == 6
    list(cifar10_p1_trunks.rows(seeds=1, quick=True))
    assert len(taught) == 4
