"""CIFAR-10's four forms, written small, read alike; damaged ones; and a hostile pickle."""

import hashlib
import json
import os
import pickle

import numpy as np
import pytest
from cifar_copies import TEST, TRAIN, small, write_binary, write_jpeg, write_package, write_python

from mvs_lib.datasets import cifar
from mvs_lib.datasets.cifar_files import BINARY, JPEG, PACKAGE, PYTHON


def load(root, **options):
    return cifar.load(root, progress=False, **options)


@pytest.fixture(autouse=True)
def no_copy_at_hand(monkeypatch):
    monkeypatch.delenv("MVS_CIFAR10", raising=False)


@pytest.mark.parametrize(
    "write", [write_binary, write_python, lambda r: write_python(r, True), write_package]
)
def test_lossless_forms(write, tmp_path):
    write(tmp_path)
    images, labels = small()
    split = load(tmp_path)
    assert split.name == "CIFAR-10" and split.source.names == cifar.NAMES
    assert np.array_equal(split.source.images, images[:TRAIN])
    assert np.array_equal(split.query.images, images[TRAIN:])
    assert np.array_equal(split.source.labels, labels[:TRAIN])
    assert np.array_equal(split.query.labels, labels[TRAIN:])


def test_jpeg_copy(tmp_path):
    write_jpeg(tmp_path)
    images, labels = small()
    split = load(tmp_path)
    assert split.name == "CIFAR-10 (JPEG copy)"
    rows = slice(None, None, 31)  # the first and the last: JPEG smears the step between
    for part, original in ((split.source, images[:TRAIN]), (split.query, images[TRAIN:])):
        assert np.abs(part.images[:, rows].astype(int) - original[:, rows]).max() <= 4
    assert np.array_equal(split.source.labels, labels[:TRAIN])
    assert np.array_equal(split.query.labels, labels[TRAIN:])


class Hostile:
    def __init__(self, call, *arguments):
        self.reduced = call, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("call", [os.mkdir, eval, np.load, np.memmap, getattr])
def test_a_hostile_pickle_is_refused_and_does_nothing(call, tmp_path):
    write_python(tmp_path)
    target = tmp_path / "made"
    hostile = {"data": Hostile(call, str(target)), "labels": []}
    if call is eval:
        hostile["data"] = Hostile(eval, f"__import__('os').mkdir({str(target)!r})")
    (tmp_path / PYTHON / "data_batch_3").write_bytes(pickle.dumps(hostile, protocol=2))
    with pytest.raises(ValueError, match=r"asks for .*does not need"):
        load(tmp_path)
    assert not target.exists()


def test_damaged_files(tmp_path):
    write_binary(tmp_path)
    batch = tmp_path / BINARY / "test_batch.bin"
    whole = batch.read_bytes()
    for content, message in (
        (whole[:-1], "cut off"),
        (b"", "cut off"),
        (b"\x0a" + whole[1:], r"not 0\.\.9"),
    ):
        batch.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            load(tmp_path)
    batch.unlink()
    with pytest.raises(ValueError, match=r"test_batch\.bin.*fetch it again"):
        load(tmp_path)


def test_damaged_pickles(tmp_path):
    write_python(tmp_path)
    batch = tmp_path / PYTHON / "data_batch_1"
    whole = batch.read_bytes()
    for content in (b"", whole[:100], whole[:-20], pickle.dumps([1, 2]), pickle.dumps({})):
        batch.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read as CIFAR-10"):
            load(tmp_path)
    wrong = {"data": np.zeros((3, 5), np.uint8), "labels": [1, 2, 3]}
    batch.write_bytes(pickle.dumps(wrong, protocol=4))
    with pytest.raises(ValueError, match="for 3 labels"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_off": np.arange(TRAIN + 1, dtype=np.int32)}, "photo 0 cannot be decoded"),
        ({"train_off": np.arange(5, dtype=np.int32)}, "offsets"),
        ({"test_y": np.full(TEST, 10, np.uint8)}, r"not 0\.\.9"),
    ],
)
def test_damaged_jpeg_copy(change, message, tmp_path):
    write_jpeg(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        load(tmp_path)
    (tmp_path / JPEG).write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be read as CIFAR-10"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data_batch_2.png": b"no picture"}, "data_batch_2.png does not hold photos"),
        ({"train_lables.json": b"[1, 2]"}, "there are 2 labels for the 30 photos of data_batch_1"),
        ({"test_lables.json": b"{"}, "cannot be read as CIFAR-10"),
        ({"test_lables.json": json.dumps([10] * TEST).encode()}, r"not 0\.\.9"),
    ],
)
def test_damaged_package(change, message, tmp_path):
    write_package(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        load(tmp_path)
    (tmp_path / PACKAGE).write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be read as CIFAR-10"):
        load(tmp_path)


OFFICIAL = {  # SHA-1 of the binary version's files, as listed in Apache MXNet's gluon.data.vision
    "train": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",  # of its first batch
    "test": "67eb016db431130d61cd03c7ad570b013799c88c",
}


def test_a_lossless_copy_is_the_official_one_to_the_last_byte():
    try:
        split = cifar.load(progress=False)
    except ValueError as error:
        pytest.skip(str(error))
    if split.name != "CIFAR-10":
        pytest.skip("only the JPEG copy is at hand")
    for part, photos in (("train", split.source), ("test", split.query)):
        images, labels = photos.images[:10_000], photos.labels[:10_000]
        planes = images.transpose(0, 3, 1, 2).reshape(10_000, -1)
        rows = np.hstack([labels[:, None].astype(np.uint8), planes])
        assert hashlib.sha1(rows.tobytes()).hexdigest() == OFFICIAL[part]
