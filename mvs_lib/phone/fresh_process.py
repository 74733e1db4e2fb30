"""A measurement in a process of its own, which nothing before it has warmed up or filled."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

__all__ = ["answer"]


def answer(module: str, *words, environment: Mapping[str, str] | None = None) -> dict:
    """Run a module with some words in a fresh process; return the JSON that it prints.

    Args:
        module: as after ``python -m``.
        words: its arguments.
        environment: variables beside those of this process.

    Raises:
        RuntimeError: the process failed; the message ends with the last line it said.
    """
    command = [sys.executable, "-m", module, *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env=os.environ | dict(environment or {}),
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the measurement failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)
