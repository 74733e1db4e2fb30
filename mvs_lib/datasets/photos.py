"""Your own photos as a data set: a folder with one subfolder a place. Taught in notebook 13.

Photos of any size and orientation are turned upright (EXIF), centre-cropped to a square and
resized. What cannot be used is left out and named in a `Report`; nothing in the folder makes the
loader fail but having nothing to load. The split into source and query depends on the names of
the files and the seed only.
"""

import hashlib
import os
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.datasets.photo_file import check_size, read, read_with_position

__all__ = ["Report", "load", "read"]


@dataclass
class Report:
    """What `load` made of a folder.

    Attributes:
        read: how many photos were read, source and query together.
        skipped: the files (and empty places) left out, each ``(path in the folder, reason)``.
        warnings: what was used but is worth knowing.
    """

    read: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.read} photos read, {len(self.skipped)} left out"]
        lines += [f"  left out: {path}: {reason}" for path, reason in self.skipped]
        return "\n".join(lines + [f"  note: {text}" for text in self.warnings])


def load(
    folder: str | os.PathLike,
    size: int = 128,
    query_share: float = 0.2,
    seed: int = 0,
    progress: bool = True,
) -> tuple[Split, Report]:
    """Read a folder of photos, one subfolder a place, and split each place into source and query.

    Photos in folders below a place belong to that place. Each place with at least two different
    photos gives ``round(query_share * count)`` of them to the queries, at least one and never
    all. Copies of one picture stay on one side, so that no query is in the database.

    Args:
        folder: its subfolders are the places, their names the places' names.
        size: side of the photos in pixels.
        query_share: share of the photos of each place that become queries, between 0 and 1.
        seed: of the split.
        progress: show a progress bar.

    Returns:
        The `Split`, with the sensors ``"latitude"`` and ``"longitude"`` in degrees (north and east
        positive, NaN where a photo has no position), and the `Report`.

    Raises:
        ValueError: the folder is missing or holds no usable photo of any place, or an option is
            out of range.
    """
    if not 0 < query_share < 1:
        raise ValueError(f"query_share must lie strictly between 0 and 1, got {query_share}")
    check_size(size)
    folder, report = Path(folder), Report()
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}: give one with a subfolder for each place")
    places = _places(folder, report)
    names, images, labels, positions, digests, paths = [], [], [], [], [], []
    with tqdm(total=sum(map(len, places.values())), desc="photos", disable=not progress) as bar:
        for place, files in places.items():
            before = len(images)
            for path in files:
                try:
                    image, position, digest = read_with_position(path, size)
                except ValueError as error:
                    report.skipped.append((_shown(path.relative_to(folder)), str(error)))
                else:
                    images.append(image)
                    labels.append(len(names))
                    positions.append(position)
                    digests.append(digest)
                    paths.append(_shown(path.relative_to(folder)))
                bar.update()
            if len(images) > before:
                names.append(place)
            elif not files:
                report.skipped.append((place, "this place has no photos"))
            else:
                report.warnings.append(f"{place}: no photo of this place could be used")
    report.read = len(images)
    if not images:
        raise ValueError(
            f"{folder} holds no usable photo: make one subfolder for each place and put its JPEG, "
            f"PNG or WebP photos there\n{report}"
        )
    labels = np.array(labels, np.int64)
    is_query = _choose_queries(names, labels, digests, paths, query_share, seed, report)
    latitude, longitude = np.array(positions, np.float64).T.copy()
    photos = Photos(
        np.stack(images), labels, tuple(names), {"latitude": latitude, "longitude": longitude}
    )
    return Split(folder.resolve().name, photos.take(~is_query), photos.take(is_query)), report


def _places(folder: Path, report: Report) -> dict[str, list[Path]]:
    """Return the files of each place, places and files in the order of their names."""
    try:
        entries = sorted(folder.iterdir(), key=_by_name)
    except OSError as error:
        raise ValueError(f"{folder} cannot be opened ({error.strerror})") from error
    places = {}
    for entry in entries:
        if _hidden(entry.name):
            continue
        if not entry.is_dir():
            reason = "lies outside the places' folders: move it into one"
            report.skipped.append((_shown(entry.relative_to(folder)), reason))
            continue
        files = places.setdefault(_shown(entry.relative_to(folder)), [])
        for path, folders, found in os.walk(entry):  # does not follow links to folders
            folders[:] = [name for name in folders if not _hidden(name)]
            files += [Path(path) / name for name in found if not _hidden(name)]
        files.sort(key=_by_name)
    return places


def _shown(path: Path) -> str:
    """Name a file alike on every system: composed accents, and only what can be printed."""
    return unicodedata.normalize("NFC", path.as_posix().encode("utf-8", "replace").decode())


def _by_name(path: Path) -> tuple[str, ...]:
    """Sort alike on every system: without regard to case, then with."""
    return _shown(path).casefold(), _shown(path), path.as_posix()


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in ("thumbs.db", "desktop.ini", "__macosx")


def _choose_queries(names, labels, digests, paths, share, seed, report) -> np.ndarray:
    """Choose the queries of each place, bool ``(n,)``; copies of a picture move together."""
    first = {}  # digest: the first photo with these pixels
    original = np.array([first.setdefault(digest, i) for i, digest in enumerate(digests)])
    copies = np.flatnonzero(original != np.arange(len(original)))
    for copy in copies:
        text = f"{paths[copy]} is a copy of {paths[original[copy]]}"
        if labels[copy] != labels[original[copy]]:
            text += ", which is called another place: one of the two is wrong"
        report.warnings.append(text)
    # A picture filed under two places makes no query: no answer to it could be right.
    contested = {original[i] for i in copies if labels[i] != labels[original[i]]}
    is_query = np.zeros(len(labels), bool)
    for label, name in enumerate(names):
        pictures = np.unique(original[labels == label])
        free = np.array([picture for picture in pictures if picture not in contested], int)
        count = min(max(1, round(share * len(pictures))), len(pictures) - 1, len(free))
        if count < 1:
            report.warnings.append(
                f"{name}: too few different pictures to make one a query; add more"
            )
            continue
        # A generator of its own for each place, so that a new place leaves the others alone.
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
        chosen = np.random.default_rng([seed, key]).choice(free, count, replace=False)
        is_query |= np.isin(original, chosen)
    return is_query
