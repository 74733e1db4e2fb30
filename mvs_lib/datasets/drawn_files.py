"""Photos that are drawn once and kept: files of ``data/cache``, each made whole, many at a time."""

from collections.abc import Callable
from pathlib import Path

import cv2
import joblib
import numpy as np
from tqdm.auto import tqdm

from mvs_lib import paths

__all__ = ["check_whole", "drawn"]


def drawn(
    draw: Callable[..., dict[str, np.ndarray]],
    tasks: dict[Path, tuple],
    photos: Callable[..., int],
    description: str,
    progress: bool,
) -> list[dict[str, np.ndarray]]:
    """Return what each task draws: read from its file, or drawn now and kept there.

    What is missing is drawn by as many processes as there are cores. An interruption loses the
    files in progress, no others.

    Args:
        draw: a function of a module; given a task, returns its arrays by name.
        tasks: what ``draw`` is given, by the file that keeps it.
        photos: how many photos a task draws, for the progress bar.
        description: of the progress bar.
        progress: show it.

    Returns:
        The arrays by name, in the order of the tasks.

    Raises:
        ValueError: a file is damaged; it has been deleted, so that the next call draws it anew.
    """
    missing = [file for file in tasks if not file.exists()]
    for folder in {file.parent for file in missing}:
        folder.mkdir(parents=True, exist_ok=True)
    if missing:
        # Whole files, one a task: loky's processes need no guard in the caller's script.
        calls = (joblib.delayed(_keep)(draw, tasks[file], file) for file in missing)
        finished = joblib.Parallel(n_jobs=-1, return_as="generator_unordered")(calls)
        total = sum(photos(*tasks[file]) for file in missing)
        with tqdm(total=total, desc=description, unit="photo", disable=not progress) as bar:
            for file in finished:
                bar.update(photos(*tasks[file]))
    return [_read(file) for file in tasks]


def check_whole(name: str, value, low: int, high: int, hint: str = "") -> None:
    """Check a number that says what to draw.

    Raises:
        ValueError: it is no whole number, or not in ``low..high``; ``hint`` says more.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must lie in {low}..{high}{hint}, got {value}")


def _keep(draw: Callable[..., dict[str, np.ndarray]], task: tuple, file: Path) -> Path:
    """Draw a task into its file, whole or not at all; return the file."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the processes share the cores already
    try:
        arrays = draw(*task)
    finally:
        cv2.setNumThreads(threads)
    with paths.whole_file(file) as beside, open(beside, "wb") as out:
        np.savez(out, **arrays)
    return file


def _read(file: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here, because np.load leaves a damaged file open.
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            return dict(stored)
    except Exception as error:  # a damaged zip fails in a dozen ways
        file.unlink(missing_ok=True)
        raise ValueError(
            f"{file} was damaged ({type(error).__name__}) and has been deleted: run this again to "
            "draw it anew"
        ) from error
