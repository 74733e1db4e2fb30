"""CIFAR-10, the field's common yardstick (Krizhevsky, 2009). Taught in notebook 03.

60,000 colour photos of 32 x 32 pixels in ten classes, officially 50,000 to train on and 10,000 to
test. Two protocols are in use, and figures of one are never to be compared with the other's:

* ``"P1"`` (Xia et al., 2014; Lai et al., 2015): 1,000 queries, 100 a class, drawn from all photos;
  the other 59,000 are the database; only 5,000 of these, 500 a class, may be trained on:
  `labelled` draws them.
* ``"P2"`` (Lin et al., 2015): the official test photos are the queries; the 50,000 training photos
  are both what is trained on and the database.

Three forms of the data are read: what ``torchvision.datasets.CIFAR10(root, download=True)`` leaves
behind, the official binary version, and a JPEG copy of it. The JPEG copy is lossy, so a
figure measured on it says so; `Split.name` tells which was read.
"""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from tqdm.auto import tqdm

from mvs_lib import paths
from mvs_lib.datasets.collection import Photos, Split

__all__ = ["NAMES", "find", "labelled", "load"]

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BINARY, PYTHON, JPEG = "cifar-10-batches-bin", "cifar-10-batches-py", "cifar10_jpeg.npz"
BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
_BYTES = 3 * 32 * 32  # a photo: its red, green and blue plane


def load(
    root: str | os.PathLike | None = None,
    protocol: str = "P2",
    *,
    source_per_class: int | None = None,
    queries: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Split:
    """Read CIFAR-10 and split it by a protocol.

    Args:
        root: where to look; see `find`.
        protocol: ``"P1"`` or ``"P2"``, see the module.
        source_per_class: keep only so many source photos of each class; None keeps all.
        queries: number of queries, a multiple of ten, as many of each class; None is the
            protocol's number.
        seed: of what is drawn.
        progress: show a progress bar while the JPEG copy is decoded.

    Returns:
        A `Split` named ``"CIFAR-10"`` or ``"CIFAR-10 (JPEG copy)"``, images uint8
        ``(n, 32, 32, 3)``, in the order of the original files.

    Raises:
        ValueError: no copy is at hand (and what to do), a file is damaged, or an option is out of
            range.
    """
    if protocol not in ("P1", "P2"):
        raise ValueError(f"protocol must be 'P1' or 'P2', got {protocol!r}")
    if queries is not None and (queries < 10 or queries % 10):
        raise ValueError(f"queries must be a multiple of ten, as many a class, got {queries}")
    name, labels, train, images = _open(find(root))
    random = np.random.default_rng(seed)
    if protocol == "P1":
        query = _draw(labels, np.arange(len(labels)), (queries or 1000) // 10, random)
        source = np.setdiff1d(np.arange(len(labels)), query)
    else:
        source, query = np.arange(train), np.arange(train, len(labels))
        if queries is not None:
            query = _draw(labels, query, queries // 10, random)
    if source_per_class is not None:
        source = _draw(labels, source, source_per_class, random)
    photos = (Photos(images(chosen, progress), labels[chosen], NAMES) for chosen in (source, query))
    return Split(name, *photos)


def labelled(split: Split, per_class: int = 500, seed: int = 0) -> np.ndarray:
    """Draw the source photos whose labels may be trained on: protocol P1's 5,000.

    Args:
        split: from ``load(protocol="P1")``.
        per_class: how many of each class.
        seed: of the draw.

    Returns:
        int64 ``(10 * per_class,)``, rising positions in ``split.source``.

    Raises:
        ValueError: a class has fewer photos.
    """
    everything = np.arange(len(split.source))
    return _draw(split.source.labels, everything, per_class, np.random.default_rng(seed))


def find(root: str | os.PathLike | None = None) -> Path:
    """Return the copy of CIFAR-10 that is at hand.

    Args:
        root: the folder given to torchvision, or the copy itself. None looks where the environment
            variable ``MVS_CIFAR10`` says, else in ``data/``, in ``data/cache/`` and in
            ``shared/data/`` beside the repository. The lossless forms go first.

    Raises:
        ValueError: there is none, and what to do.
    """
    root = root or os.environ.get("MVS_CIFAR10")
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    places = [Path(root)] if root else [paths.data(), paths.data() / "cache", beside]
    for place in places:
        if place.is_file() or (place.name in (BINARY, PYTHON) and place.is_dir()):
            return place
        for form in (BINARY, PYTHON, JPEG):
            if (place / form).exists():
                return place / form
    wanted = str(places[0] if root else paths.data() / "cache")
    raise ValueError(
        f"CIFAR-10 is not at hand (looked in {', '.join(map(str, places))}): once, with a network, "
        f"run torchvision.datasets.CIFAR10({wanted!r}, download=True)"
    )


def _draw(labels, among, per_class: int, random: np.random.Generator) -> np.ndarray:
    """Draw ``per_class`` of each class from the positions ``among``; return them rising."""
    chosen = []
    for label, name in enumerate(NAMES):
        members = among[labels[among] == label]
        if not 1 <= per_class <= len(members):
            raise ValueError(
                f"cannot draw {per_class} photos of class {name}: there are {len(members)}"
            )
        chosen.append(random.choice(members, per_class, replace=False))
    return np.sort(np.concatenate(chosen))


Images = Callable[[np.ndarray, bool], np.ndarray]  # positions, progress: images


def _open(path: Path) -> tuple[str, np.ndarray, int, Images]:
    """Return the name, the labels (training, then test), how many train, and the images."""
    try:
        if path.is_file():
            return "CIFAR-10 (JPEG copy)", *_open_jpeg(path)
        read = _read_binary if path.name == BINARY else _read_python
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
