"""The command line, in this process and in one of its own."""

import subprocess
import sys

import pytest

from mvs_lib.__main__ import main

collect_ignore = ["conftest.py"]  # doctest would import it as another folder's conftest


@pytest.fixture
def mvs():
    """Return a function that runs ``python -m mvs_lib`` with arguments."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "mvs_lib", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def here(capsys):
    """Return a function that runs a command in this process: status, stdout, stderr."""

    def run(*arguments):
        status = main([*map(str, arguments)])
        return status, *capsys.readouterr()

    return run
