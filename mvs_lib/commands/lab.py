"""``lab``: open the course in JupyterLab."""

import argparse
import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
# JupyterLab asks its makers' server for news at the first start; a class has no use for that.
SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("notebook", nargs="?", default="00", help="which one to open, such as 02")
    parser.add_argument("--no-browser", action="store_true", help="print the address instead")
    parser.add_argument("--port", type=int, default=8888, help="the next free one is taken")


def run(options: argparse.Namespace) -> int:
    """Start JupyterLab in the notebooks folder and stay until it ends.

    Raises:
        ValueError: no notebook of that name.
    """
    notebook = find(options.notebook, FOLDER)
    reason = without_desktop(os.environ)
    if reason and not options.no_browser:
        print(f"{reason}: open one of the addresses below in a browser.", file=sys.stderr)
        print(_tunnel(options.port), file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as settings:
        Path(settings, "overrides.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
        browser = not (options.no_browser or reason)
        return wait(subprocess.Popen(command(notebook, options.port, settings, browser)))


def find(name: str, folder: Path) -> Path:
    """Return the notebook whose name begins with ``name`` (a path to it will do, too).

    Raises:
        ValueError: there is none.
    """
    known = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    start = Path(name).name.removesuffix(".ipynb")
    for path in known:
        if start and path.stem.startswith(start):
            return path
    names = ", ".join(path.stem for path in known) or "none yet (python -m mvs_lib build)"
    raise ValueError(f"no notebook {name!r} in {folder}; there are: {names}")


def command(notebook: Path, port: int, settings: str | Path, browser: bool) -> list[str]:
    """Return the command that opens a notebook in JupyterLab, whose files are the course."""
    line = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebook.parent}"]
    line += [f"--ServerApp.port={port}", f"--LabApp.default_url=/lab/tree/{notebook.name}"]
    line += [f"--LabApp.app_settings_dir={settings}"]
    line += [] if browser else ["--no-browser"]
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # as in most containers
    return line + (["--allow-root"] if root else [])


def without_desktop(environment: Mapping[str, str], platform: str = sys.platform) -> str | None:
    """Say why no browser can be opened here, or return None.

    Without a display, Python's `webbrowser` would start a text browser in this terminal, which
    cannot show JupyterLab.
    """
    if platform != "linux" or any(map(environment.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))):
        return None
    return "This machine has no desktop"


def wait(process: subprocess.Popen) -> int:
    """Wait until a process ends; Ctrl-C is its own affair, and it ends when this one is ended.

    JupyterLab gets the same Ctrl-C and asks whether to shut down. If this process left at once,
    that question would compete with the shell for the keyboard, and the server would stay.
    """
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def _tunnel(port: int) -> str:
    return (
        "From another computer, first in a terminal there: "
        f"ssh -L {port}:localhost:{port} {getpass.getuser()}@{socket.gethostname()}"
    )
