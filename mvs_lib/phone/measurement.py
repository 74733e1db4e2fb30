"""What an encoder takes: milliseconds and memory, in a process of its own. See notebooks 07 and 08.

Memory is the process's own account (Linux, ``/proc/self/status``): after the libraries are there,
the high-water mark is set back; the peak is what it rises to while the file is loaded and run,
above what the libraries took. Time is one photo at a time on one thread: the first one, with the
loading, as a phone pays for it (*cold*), and the median and the 90th percentile of many. Two
encoders are compared by turns, so that whatever else the machine does meets both: the ratio is the
median over the turns. ExecuTorch's files (``.pte``) are measured too; their base holds torch.
"""

import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mvs_lib.phone import fresh_process
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.pixels import random_photo
from mvs_lib.phone.process_memory import reset_peak, status

__all__ = ["Measured", "measure", "time_ratio"]

WARM = 5  # photos before anything is timed
TURNS = 15  # of a comparison
TOGETHER = 4  # photos a turn


class Measured(NamedTuple):
    """What one encoder took."""

    cold_ms: float  # loading the file, and the first photo
    median_ms: float  # a photo
    p90_ms: float
    base_bytes: int | None  # of the process with its libraries; None where it cannot be told
    peak_bytes: int | None  # above that


def measure(path: str | Path, runs: int = 50, lean: bool = False) -> Measured:
    """Run an encoder in a fresh process and return what it took.

    Args:
        path: an ``.onnx`` file of this course, packed or not, or a ``.pte`` file.
        runs: photos that are timed, at least 1.
        lean: see `mvs_lib.phone.encoder.Encoder`; of no file ``.pte``.

    Raises:
        FileNotFoundError, ValueError: see `mvs_lib.phone.encoder.Encoder`.
        ImportError: a ``.pte`` file needs the extra ``[executorch]``.
    """
    if runs < 1:
        raise ValueError(f"runs must be >= 1, got {runs}")
    if lean and Path(path).suffix == ".pte":
        raise ValueError(f"{path}: ExecuTorch has no lean way to open a file; give an .onnx file")
    _opened(path, lean)  # errors are better told here than by a process
    return Measured(**_child("measure", path, runs, *(["lean"] if lean else [])))


def time_ratio(path: str | Path, other: str | Path, turns: int = TURNS) -> float:
    """Return how many times as fast as ``path`` an encoder is: ``other``, by turns in one process.

    Raises:
        FileNotFoundError, ValueError, ImportError: see `measure`.
    """
    for each in (path, other):
        _opened(each)
    return _child("compare", path, other, turns)["ratio"]


def _kind(path: str | Path) -> type:
    """Return what opens an encoder's file, its libraries imported already."""
    if Path(path).suffix != ".pte":
        return Encoder
    from mvs_lib.phone import executorch_encoder  # imports torch, which the others do without

    executorch_encoder.import_runtime()
    return executorch_encoder.ExecuTorchEncoder


def _opened(path: str | Path, lean: bool = False):
    return _kind(path)(path, **({"lean": True} if lean else {}))


def _child(*words) -> dict:
    return fresh_process.answer("mvs_lib.phone.measurement", *words)


def _measure(path: str, runs: str, lean: str = "") -> dict:
    _kind(path)  # its libraries belong to the base
    reset_peak()
    base, began = status("VmRSS"), time.perf_counter()
    encoder = _opened(path, bool(lean))
    photo = random_photo(encoder.size)
    encoder.encode_pixels(photo)
    cold, times = time.perf_counter() - began, []
    for _ in range(WARM + int(runs)):
        start = time.perf_counter()
        encoder.encode_pixels(photo)
        times.append(1000 * (time.perf_counter() - start))
    times, peak = times[WARM:], status("VmHWM")
    return {
        "cold_ms": 1000 * cold,
        "median_ms": float(np.median(times)),
        "p90_ms": float(np.percentile(times, 90)),
        "base_bytes": base,
        "peak_bytes": None if base is None or peak is None else peak - base,
    }


def _compare(path: str, other: str, turns: str) -> dict:
    encoders = [_opened(each) for each in (path, other)]
    photos = [random_photo(encoder.size) for encoder in encoders]
    ratios = []
    for turn in range(1 + int(turns)):
        spent = []
        for encoder, photo in zip(encoders, photos, strict=True):
            start = time.perf_counter()
            for _ in range(TOGETHER):
                encoder.encode_pixels(photo)
            spent.append(time.perf_counter() - start)
        if turn:  # the first one warms up
            ratios.append(spent[0] / spent[1])
    return {"ratio": float(np.median(ratios))}


if __name__ == "__main__":
    task = {"measure": _measure, "compare": _compare}[sys.argv[1]]
    print(json.dumps(task(*sys.argv[2:])))
