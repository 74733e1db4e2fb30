"""CIFAR-10's three forms, written small, read alike; the protocols; and a hostile pickle."""

import os
import pickle
import struct

import cv2
import numpy as np
import pytest

from mvs_lib.datasets import cifar

TRAIN, TEST = 150, 50  # photos of the small copies; the labels go round 0..9


def small():
    """Photos of one colour each, dark above (JPEG nearly keeps them), and their labels."""
    colours = np.random.default_rng(0).integers(0, 256, (TRAIN + TEST, 1, 1, 3), dtype=np.uint8)
    images = np.tile(colours, (1, 32, 32, 1))
    images[:, :16] //= 2
    return images, np.arange(TRAIN + TEST) % 10


def batches():
    images, labels = small()
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    cuts = [*np.linspace(0, TRAIN, 6).astype(int).tolist(), TRAIN + TEST]
    for name, a, b in zip((*cifar.BATCHES, "test_batch"), cuts, cuts[1:], strict=False):
        yield name, planes[a:b], labels[a:b].tolist()


def write_binary(root):
    (root / cifar.BINARY).mkdir()
    for name, planes, labels in batches():
        rows = np.hstack([np.array(labels, np.uint8)[:, None], planes])
        (root / cifar.BINARY / f"{name}.bin").write_bytes(rows.tobytes())


def python2_pickle(planes, labels):
    """What the official file holds: protocol 2 as Python 2 wrote it, byte strings and all."""

    def string(value):
        return b"T" + struct.pack("<i", len(value)) + value

    def number(value):
        return b"J" + struct.pack("<i", value)

    kind = b"cnumpy\ndtype\n" + string(b"u1") + number(0) + number(1) + b"\x87R"
    kind += b"(" + number(3) + string(b"|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + number(0) + b"\x85"
    array += string(b"b") + b"\x87R(" + number(1) + number(planes.shape[0])
    array += number(planes.shape[1]) + b"\x86" + kind + b"\x89" + string(planes.tobytes()) + b"tb"
    listed = b"](" + b"".join(map(number, labels)) + b"e"
    return b"\x80\x02}(" + string(b"data") + array + string(b"labels") + listed + b"u."


def write_python(root, modern=False):
    (root / cifar.PYTHON).mkdir()
    for name, planes, labels in batches():
        content = python2_pickle(planes, labels)
        if modern:
            content = pickle.dumps({"data": planes, "labels": labels}, protocol=4)
        (root / cifar.PYTHON / name).write_bytes(content)


def write_jpeg(root, change=None):
    images, labels = small()
    files = [cv2.imencode(".jpg", image[..., ::-1])[1] for image in images]
    shortest = min(map(len, files))
    common = int((np.array([f[:shortest] for f in files]) == files[0][:shortest]).all(0).argmin())
    header, bodies = files[0][:common], [file[common:] for file in files]
    arrays = {"header": header}
    for part, where in (("train", slice(TRAIN)), ("test", slice(TRAIN, None))):
        arrays[f"{part}_jpg"] = np.concatenate(bodies[where])
        arrays[f"{part}_off"] = np.cumsum([0, *map(len, bodies[where])]).astype(np.int32)
        arrays[f"{part}_y"] = labels[where].astype(np.uint8)
    np.savez(root / cifar.JPEG, **arrays | (change or {}))


def load(root, **options):
    return cifar.load(root, progress=False, **options)


@pytest.fixture(autouse=True)
def no_copy_at_hand(monkeypatch):
    monkeypatch.delenv("MVS_CIFAR10", raising=False)


@pytest.mark.parametrize("write", [write_binary, write_python, lambda r: write_python(r, True)])
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
    assert cifar.find(tmp_path / cifar.JPEG) == cifar.find(tmp_path) == tmp_path / cifar.JPEG
    monkeypatch.setenv("MVS_CIFAR10", str(tmp_path))
    assert cifar.find() == tmp_path / cifar.JPEG
    write_python(tmp_path)  # the lossless form goes first
    assert cifar.find() == cifar.find(tmp_path / cifar.PYTHON) == tmp_path / cifar.PYTHON
    with pytest.raises(ValueError, match=r"not at hand.*torchvision.*download=True"):
        load(tmp_path / "elsewhere")


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
    (tmp_path / cifar.PYTHON / "data_batch_3").write_bytes(pickle.dumps(hostile, protocol=2))
    with pytest.raises(ValueError, match=r"asks for .*does not need"):
        load(tmp_path)
    assert not target.exists()


def test_damaged_files(tmp_path):
    write_binary(tmp_path)
    batch = tmp_path / cifar.BINARY / "test_batch.bin"
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
    batch = tmp_path / cifar.PYTHON / "data_batch_1"
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
    (tmp_path / cifar.JPEG).write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be read as CIFAR-10"):
        load(tmp_path)


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
