"""Results files: what was measured, by which command, on what."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

from mvs_lib import paths

__all__ = ["load", "measure", "table", "versions", "write"]

PACKAGES = [
    "numpy", "torch", "faiss-cpu", "numba", "onnxruntime", "opencv-python-headless",
    "scikit-learn",
]  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions that a figure may depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def hardware() -> str:
    """Return processor and number of cores, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores"


def commit() -> str:
    """Return the commit that the measured code stands on, or "unknown" outside a checkout.

    "+changes" behind it says that the package differed from that commit.
    """
    try:
        head, changes = (
            subprocess.run(
                ["git", *words],
                cwd=Path(__file__).resolve().parents[1],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "."])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}+changes" if changes else head


def measure(command: str, rows: Callable[..., Iterable[dict]], **options) -> dict:
    """Run ``rows(**options)`` and return its rows with everything that made them.

    Should the checkout move on meanwhile, the commit is that of the start, "+changes" behind it.
    """
    start, began = time.perf_counter(), commit()
    found = list(rows(**options))
    return {
        "command": command,
        "commit": began if began == commit() else f"{began}+changes",
        "versions": versions(),
        "hardware": hardware(),
        "seconds": round(time.perf_counter() - start, 1),
        "rows": found,
    }


def write(results: dict, path: str | Path) -> None:
    """Write a results file, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with paths.whole_file(path) as beside:
        beside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def load(name: str) -> dict:
    """Read ``data/results/NAME.json``.

    Raises:
        FileNotFoundError: it was never measured; the message says the command.
        ValueError: the file is damaged.
    """
    path = paths.results() / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"no {path}: make it with python -m mvs_lib bench {name}")
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        results["rows"] = [dict(row) for row in results["rows"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is damaged ({error}): make it again with python -m mvs_lib bench {name}"
        ) from None
    return results


def table(rows: list[dict]) -> str:
    """Return flat rows as aligned text, the columns in order of first appearance.

    What a row is kept as (`mvs_lib.benchmarks.kept_rows`) is for programs, and left out.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row if key != "kept_as"))

    def cell(value) -> str:
        return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)

    cells = [columns] + [[cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    padded = [[c.ljust(w) for c, w in zip(line, widths, strict=True)] for line in cells]
    return "\n".join("  ".join(line).rstrip() for line in padded)
