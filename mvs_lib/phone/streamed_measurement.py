"""What streaming brings: memory and milliseconds, in a process of its own. See notebook 08.

Memory is told as in `mvs_lib.phone.measurement`: what the high-water mark rises to above what the
process took with its libraries. It counts pages of mapped files while they are mapped, so a layer
that is mapped and multiplied in one go counts whole; ``anonymous_bytes`` leaves such pages out. It
does not count the system's page cache: what was read stays there for as long as nobody else needs
the room.

*Warm* times find the files in the system's page cache, as on a phone that has memory to spare;
before each *cold* one the files are dropped from it, and the photo waits for the disk.
"""

import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from mvs_lib.phone import fresh_process
from mvs_lib.phone.pixels import random_photo
from mvs_lib.phone.process_memory import forget, reset_peak, status
from mvs_lib.phone.streamed import CHUNK, StreamedEncoder, weights_beside

__all__ = ["Taken", "measure_runtime", "measure_streamed", "pipelining_ratio"]

WARM = 3  # photos before anything is timed
LEVELS = {
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,  # with this CPU's own layout
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}


class Taken(NamedTuple):
    """What an encoder took; bytes are None where the system does not tell them."""

    open_ms: float  # from the files to an encoder, the checksum included
    first_ms: float  # the first photo
    fastest_ms: float  # a warm photo; the others' load on the machine only ever adds to it
    median_ms: float
    p90_ms: float
    cold_ms: float | None  # a cold photo, median; None where the page cache cannot be dropped
    base_bytes: int | None  # of the process with its libraries
    open_peak_bytes: int | None  # above that, until it was open
    peak_bytes: int | None  # above that, in its whole life
    anonymous_bytes: int | None  # above the base's, after the photos: without mapped files


def measure_streamed(
    path: str | Path, runs: int = 20, cold_runs: int = 5, chunk_bytes: int = CHUNK,
    pipelined: bool = False,
) -> Taken:  # fmt: skip
    """Run a streamed encoder in a fresh process and return what it took.

    Args:
        path: see `mvs_lib.phone.streamed.StreamedEncoder`, as for the last two.
        runs: warm photos that are timed, at least 1.
        cold_runs: cold ones.
        chunk_bytes: of rows in memory at a time.
        pipelined: whether a thread reads ahead.

    Raises:
        FileNotFoundError, ValueError: see `mvs_lib.phone.streamed.StreamedEncoder`.
    """
    _check(runs)
    StreamedEncoder(path, chunk_bytes, pipelined).close()  # errors are better told here
    options = {"chunk_bytes": chunk_bytes, "pipelined": pipelined}
    return Taken(**_child("streamed", path, runs, cold_runs, options))


def measure_runtime(
    path: str | Path, runs: int = 20, from_bytes: bool = False, arena: bool = True,
    pattern: bool = True, prepacking: bool = True, level: str = "all",
) -> Taken:  # fmt: skip
    """Run a whole ONNX file in ONNX Runtime, in a fresh process, and return what it took.

    Args:
        path: an ``.onnx`` file with an input ``photo``, uint8 ``(n, size, size, 3)``.
        runs: warm photos that are timed, at least 1.
        from_bytes: read the file first and give its bytes, instead of its path.
        arena: ONNX Runtime asks for memory in large pieces and keeps it.
        pattern: it plans activations ahead, as `mvs_lib.phone.memory_plan` does.
        prepacking: it copies weights into the order that its kernels like best.
        level: of graph optimisation, see `LEVELS`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: fewer than one run, or an unknown level.
        RuntimeError: ONNX Runtime cannot run it.
    """
    _check(runs)
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}: choose from {sorted(LEVELS)}")
    if not Path(path).is_file():
        raise FileNotFoundError(f"no ONNX file {path}")
    options = {
        "from_bytes": from_bytes, "arena": arena, "pattern": pattern, "prepacking": prepacking,
        "level": level,
    }  # fmt: skip
    return Taken(**_child("runtime", path, runs, 0, options))


def pipelining_ratio(
    path: str | Path, chunk_bytes: int = CHUNK, turns: int = 9, cold: bool = False
) -> float:
    """Return how many times as fast a photo is with pipelining, by turns in one process.

    Args:
        path: see `mvs_lib.phone.streamed.StreamedEncoder`.
        chunk_bytes: of rows in memory at a time.
        turns: one photo each a turn. The fastest ones are compared: on a machine that is busy with
            something else, too, a thread waits for its turn, and pipelining is not to blame.
        cold: drop the files from the page cache before each photo.

    Raises:
        FileNotFoundError, ValueError: see `mvs_lib.phone.streamed.StreamedEncoder`.
    """
    _check(turns)
    StreamedEncoder(path, chunk_bytes).close()
    return _child("ratio", path, turns, int(cold), {"chunk_bytes": chunk_bytes})["ratio"]


def _check(runs: int) -> None:
    if runs < 1:
        raise ValueError(f"runs and turns must be >= 1, got {runs}")


def _child(task: str, path, runs: int, more: int, options: dict) -> dict:
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # as ONNX Runtime has
    return fresh_process.answer(
        "mvs_lib.phone.streamed_measurement", task, path, runs, more, json.dumps(options),
        environment=one_thread,
    )  # fmt: skip


def _streamed(path: str, runs: int, cold_runs: int, options: dict) -> dict:
    def start():
        encoder = StreamedEncoder(path, **options)
        return encoder.size, encoder.encode_pixels

    return _taken(start, [path, weights_beside(path)], runs, cold_runs)


def _runtime(path: str, runs: int, cold_runs: int, options: dict) -> dict:
    wanted = onnxruntime.SessionOptions()
    wanted.intra_op_num_threads = wanted.inter_op_num_threads = 1
    wanted.log_severity_level = 3
    wanted.enable_cpu_mem_arena, wanted.enable_mem_pattern = options["arena"], options["pattern"]
    wanted.graph_optimization_level = LEVELS[options["level"]]
    if not options["prepacking"]:
        wanted.add_session_config_entry("session.disable_prepacking", "1")

    def start():
        content = Path(path).read_bytes() if options["from_bytes"] else path
        session = onnxruntime.InferenceSession(content, wanted, providers=["CPUExecutionProvider"])
        size = session.get_inputs()[0].shape[1]
        return size, lambda photo: session.run(None, {"photo": photo})

    return _taken(start, [path], runs, cold_runs)


def _taken(start, files: list, runs: int, cold_runs: int) -> dict:
    """Open an encoder by ``start()``, which gives the side of its photos and how to run one."""
    reset_peak()
    base, anonymous, began = status("VmRSS"), status("RssAnon"), time.perf_counter()
    size, run = start()
    opened, open_peak = time.perf_counter(), status("VmHWM")
    photo, times = random_photo(size), []
    for _ in range(1 + WARM + runs):
        times.append(_ms(run, photo))
    peak, after = status("VmHWM"), status("RssAnon")
    cold = [_ms(run, photo) for _ in range(cold_runs) if all([forget(file) for file in files])]

    def above(value, foundation):
        return None if value is None or foundation is None else value - foundation

    return {
        "open_ms": 1000 * (opened - began),
        "first_ms": times[0],
        "fastest_ms": min(times[1 + WARM :]),
        "median_ms": float(np.median(times[1 + WARM :])),
        "p90_ms": float(np.percentile(times[1 + WARM :], 90)),
        "cold_ms": float(np.median(cold)) if cold else None,
        "base_bytes": base,
        "open_peak_bytes": above(open_peak, base),
        "peak_bytes": above(peak, base),
        "anonymous_bytes": above(after, anonymous),
    }


def _ms(run, photo: np.ndarray) -> float:
    start = time.perf_counter()
    run(photo)
    return 1000 * (time.perf_counter() - start)


def _ratio(path: str, turns: int, cold: int, options: dict) -> dict:
    encoders = [StreamedEncoder(path, pipelined=each, **options) for each in (False, True)]
    photo, spent = random_photo(encoders[0].size), ([], [])
    for turn in range(1 + turns):
        for which in (turn % 2, 1 - turn % 2):  # who begins changes
            if cold:
                forget(weights_beside(path))
            spent[which].append(_ms(encoders[which].encode_pixels, photo))
    return {"ratio": min(spent[0][1:]) / min(spent[1][1:])}  # the first one warms up


if __name__ == "__main__":
    task = {"streamed": _streamed, "runtime": _runtime, "ratio": _ratio}[sys.argv[1]]
    print(json.dumps(task(sys.argv[2], *map(int, sys.argv[3:5]), json.loads(sys.argv[5]))))
