#!/usr/bin/env python3
"""One file to start everything: makes ``.venv`` if need be, then hands over to the course.

    python3 start.py                 the demo, and how to go on
    python3 start.py test            every test and every notebook
    python3 start.py lab             open the course in JupyterLab
    python3 start.py <anything>      the same as  .venv/bin/python -m mvs_lib <anything>

Only the standard library is used here, so that any Python from 3.11 on can run it.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
REQUIREMENTS = ROOT / "requirements.txt"
STAMP = ENVIRONMENT / "installed-requirements.sha256"
WANTED_GB = 9  # on Linux, where torch brings CUDA's libraries; what is downloaded counts, too


def main(arguments: list[str]) -> int:
    """Make the environment if it is missing or out of date, then run the command in it."""
    if sys.version_info < (3, 11):
        print(f"This course needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
        return 2
    try:
        if not (up_to_date() or (make_environment() and install())):
            return 2
    except KeyboardInterrupt:
        print("\nInterrupted. Run this again: it goes on from here.")
        return 130
    if arguments[:1] == ["test"]:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # a core to each process: none waits
        spread = ["-n", "logical", "--dist", "loadfile", "--no-loadscope-reorder"]
        return hand_over([str(PYTHON), "-m", "pytest", *spread, *arguments[1:]], cwd=ROOT)
    return hand_over([str(PYTHON), "-m", "mvs_lib", *(arguments or ["demo"])])


def wanted() -> str:
    """Name what the environment must hold, and where: a folder that was moved is installed anew."""
    parts = [REQUIREMENTS.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), os.fsencode(ROOT)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def up_to_date() -> bool:
    """Whether the environment is there and holds what is wanted."""
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted()


def make_environment() -> bool:
    """Make ``.venv``, unless there is one that works; return whether there is one now."""
    if PYTHON.exists() and not subprocess.call(
        [str(PYTHON), "-c", "import pip"], stderr=subprocess.DEVNULL
    ):
        return True
    print(f"Making a virtual environment in {ENVIRONMENT} ...", flush=True)
    try:
        import venv

        venv.create(ENVIRONMENT, with_pip=True, clear=True)  # half a one is made anew
    except (ImportError, OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        print(f"That failed ({error}).")
        if sys.platform == "linux":
            print("On Debian and Ubuntu this helps: sudo apt install python3-venv")
        return False
    return True


def install() -> bool:
    """Install the locked requirements, a line of progress meanwhile; return whether it worked."""
    free = shutil.disk_usage(ROOT).free / 1e9
    if sys.platform == "linux" and free < WANTED_GB:
        print(f"Only {free:.1f} GB are free here; this may need {WANTED_GB} GB.")
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    total = sum(not line.startswith(("#", "-")) for line in lines)
    print(f"Installing up to {total} packages; the first time, some minutes ...", flush=True)
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "-r", str(REQUIREMENTS)]
    pip = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace")
    done = 0
    with pip:
        for line in pip.stdout:
            word, _, rest = line.strip().partition(" (from ")[0].partition(" ")
            done += word == "Collecting" or line.startswith("Requirement already")
            if word in ("Collecting", "Downloading", "Installing") and sys.stdout.isatty():
                text = "unpacking all of them" if word == "Installing" else rest
                print(f"\r  {done:3}: {text[:66]:66}", end="", flush=True)
    print(flush=True)
    if pip.returncode:
        print("The installation failed: see above. Mend the cause and run this again.")
        return False
    STAMP.write_text(wanted())
    fetch_browser_runtime()
    return True


def fetch_browser_runtime() -> None:
    """Fetch what the phone page needs; without it, the course lacks that page and nothing else."""
    if subprocess.call([str(PYTHON), "-m", "mvs_lib", "serve", "--fetch"], cwd=ROOT):
        print("Only the phone page needs that: the command `serve` fetches it later.", flush=True)


def hand_over(command: list[str], cwd: Path | None = None) -> int:
    """Run a command as if it were this process, and return its exit status.

    Ctrl-C reaches the command, too, and is its own affair: it ends when it has put things in order.
    """
    process = subprocess.Popen(command, cwd=cwd)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            status = process.wait()
            return status if status >= 0 else 128 - status
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
