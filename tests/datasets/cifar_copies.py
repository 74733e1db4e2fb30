"""CIFAR-10 in small, written in each of its forms."""

import io
import json
import pickle
import struct
import tarfile

import cv2
import numpy as np

from mvs_lib.datasets.cifar_files import BATCHES, BINARY, JPEG, PACKAGE, PYTHON

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
    for name, a, b in zip((*BATCHES, "test_batch"), cuts, cuts[1:], strict=False):
        yield name, planes[a:b], labels[a:b].tolist()


def write_binary(root):
    (root / BINARY).mkdir()
    for name, planes, labels in batches():
        rows = np.hstack([np.array(labels, np.uint8)[:, None], planes])
        (root / BINARY / f"{name}.bin").write_bytes(rows.tobytes())


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
    (root / PYTHON).mkdir()
    for name, planes, labels in batches():
        content = python2_pickle(planes, labels)
        if modern:
            content = pickle.dumps({"data": planes, "labels": labels}, protocol=4)
        (root / PYTHON / name).write_bytes(content)


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
    np.savez(root / JPEG, **arrays | (change or {}))


def write_package(root, change=None):
    files, labels = {}, {"train": [], "test": []}
    for name, planes, given in batches():
        pixels = planes.reshape(-1, 3, 1024).transpose(0, 2, 1)[..., ::-1]
        files[f"{name}.png"] = cv2.imencode(".png", pixels)[1].tobytes()
        labels["test" if name == "test_batch" else "train"] += given
    files |= {f"{part}_lables.json": json.dumps(all_).encode() for part, all_ in labels.items()}
    with tarfile.open(root / PACKAGE, "w:gz") as package:
        for name, content in (files | (change or {})).items():
            about = tarfile.TarInfo(f"package/{name}")
            about.size = len(content)
            package.addfile(about, io.BytesIO(content))
