"""CIFAR-10's protocols, and where a copy is looked for."""

import numpy as np
import pytest
from cifar_copies import TEST, TRAIN, small, write_binary, write_jpeg, write_python

from mvs_lib.datasets import cifar
from mvs_lib.datasets.cifar_files import JPEG, PYTHON


def load(root, **options):
    return cifar.load(root, progress=False, **options)


@pytest.fixture(autouse=True)
def no_copy_at_hand(monkeypatch):
    monkeypatch.delenv("MVS_CIFAR10", raising=False)


def position(split_images, images):
    """Where each photo lies in the whole set; the colours are all different."""
    colours = {tuple(image[0, 0]): i for i, image in enumerate(images)}
    assert len(colours) == len(images)
    return [colours[tuple(image[0, 0])] for image in split_images]


def test_protocol_1_draws_queries_from_everything(tmp_path):
    write_binary(tmp_path)
    images, _ = small()
    split = load(tmp_path, protocol="P1", queries=40)
    source = position(split.source.images, images)
    query = position(split.query.images, images)
    assert sorted(source + query) == list(range(TRAIN + TEST))
    assert np.bincount(split.query.labels).tolist() == [4] * 10
    assert min(query) < TRAIN <= max(query)
    assert source == sorted(source) and query == sorted(query)
    again, other = (load(tmp_path, protocol="P1", queries=40, seed=seed) for seed in (0, 1))
    assert position(again.query.images, images) == query != position(other.query.images, images)

    chosen = cifar.labelled(split, per_class=5)
    assert np.bincount(split.source.labels[chosen]).tolist() == [5] * 10
    assert np.array_equal(chosen, np.unique(chosen))
    assert np.array_equal(chosen, cifar.labelled(again, per_class=5))
    assert not np.array_equal(chosen, cifar.labelled(split, per_class=5, seed=1))


def test_protocol_2_cut_down(tmp_path):
    write_jpeg(tmp_path)
    whole = load(tmp_path)
    split = load(tmp_path, source_per_class=3, queries=20)
    assert np.bincount(split.source.labels).tolist() == [3] * 10
    assert np.bincount(split.query.labels).tolist() == [2] * 10
    for part in ("source", "query"):
        small_part = {image.tobytes() for image in getattr(split, part).images}
        assert small_part < {image.tobytes() for image in getattr(whole, part).images}


def test_options_out_of_range(tmp_path):
    write_binary(tmp_path)
    for options, message in (
        ({"protocol": "P3"}, "protocol"),
        ({"queries": 15}, "multiple of ten"),
        ({"queries": 0}, "multiple of ten"),
        ({"queries": 60}, "cannot draw 6 photos of class airplane: there are 5"),
        ({"source_per_class": 16}, "cannot draw 16"),
        ({"source_per_class": 0}, "cannot draw 0"),
        ({"protocol": "P1"}, "cannot draw 100"),
    ):
        with pytest.raises(ValueError, match=message):
            load(tmp_path, **options)


def test_where_it_looks(tmp_path, monkeypatch):
    write_jpeg(tmp_path)
    assert cifar.find(tmp_path / JPEG) == cifar.find(tmp_path) == tmp_path / JPEG
    monkeypatch.setenv("MVS_CIFAR10", str(tmp_path))
    assert cifar.find() == tmp_path / JPEG
    write_python(tmp_path)  # the lossless form goes first
    assert cifar.find() == cifar.find(tmp_path / PYTHON) == tmp_path / PYTHON
    with pytest.raises(ValueError, match=r"not at hand.*torchvision.*download=True"):
        load(tmp_path / "elsewhere")


def test_the_real_one():
    try:
        path = cifar.find()
    except ValueError as error:
        pytest.skip(str(error))
    split = cifar.load(path, source_per_class=20, queries=100, progress=False)
    assert split.source.images.shape == (200, 32, 32, 3)
    assert split.query.images.shape == (100, 32, 32, 3)
    assert split.source.images.std() > 40  # photos, not noise or black
    neighbours = np.abs(np.diff(split.source.images.astype(int), axis=2)).mean()
    assert neighbours < 20  # rows and columns are where they belong
    frogs, ships = (split.source.images[split.source.labels == label] for label in (6, 8))
    assert frogs[..., 2].mean() < ships[..., 2].mean()  # the sea is bluer: labels and RGB fit
