"""Where the course keeps its files.

Everything lies under the repository's ``data/`` folder, or under the folder that the environment
variable ``MVS_DATA`` names. ``data/cache/`` may be deleted at any time: it is made again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["cache", "checkpoints", "data", "results", "whole_file"]


def data() -> Path:
    """Return the data folder: ``$MVS_DATA``, or ``data/`` beside the package."""
    given = os.environ.get("MVS_DATA")
    return Path(given) if given else Path(__file__).resolve().parent.parent / "data"


def cache() -> Path:
    """Return ``data/cache``, made if missing: what can be computed again."""
    folder = data() / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def checkpoints() -> Path:
    """Return ``data/checkpoints``: the trained networks that ship with the course."""
    return data() / "checkpoints"


def results() -> Path:
    """Return ``data/results``: measured figures, one JSON file a benchmark."""
    return data() / "results"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all: yield a path beside it, renamed to ``path`` at the end.

    If the block fails or is interrupted, what it wrote is deleted and ``path`` is as it was.

    Raises:
        OSError: the file cannot be renamed.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
