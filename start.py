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
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
REQUIREMENTS = ROOT / "requirements.txt"
STAMP = ENVIRONMENT / "installed-requirements.sha256"


def main(arguments: list[str]) -> int:
    """Make the environment if it is missing or out of date, then run the command in it."""
    if sys.version_info < (3, 11):
        print(f"This course needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
        return 2
    if not PYTHON.exists():
        print(f"Making a virtual environment in {ENVIRONMENT} ...", flush=True)
        try:
            venv.create(ENVIRONMENT, with_pip=True)
        except (subprocess.CalledProcessError, OSError) as error:
            print(
                f"That failed ({error}). On Debian and Ubuntu, first: sudo apt install python3-venv"
            )
            return 2
    wanted = hashlib.sha256(
        REQUIREMENTS.read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    ).hexdigest()
    if not STAMP.exists() or STAMP.read_text() != wanted:
        print("Installing the locked requirements; the first time, some minutes ...", flush=True)
        command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
        if subprocess.call([*command, "-r", str(REQUIREMENTS)], cwd=ROOT):
            print("The installation failed: see above. Mend the cause and run this again.")
            return 2
        STAMP.write_text(wanted)
    if arguments[:1] == ["test"]:
        command = [str(PYTHON), "-m", "pytest", *arguments[1:]]
    else:
        command = [str(PYTHON), "-m", "mvs_lib", *(arguments or ["demo"])]
    try:
        return subprocess.call(command, cwd=ROOT if arguments[:1] == ["test"] else None)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
