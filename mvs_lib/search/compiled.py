"""Compile the search kernels once per machine, and never run a stale one.

numba keeps what it compiled beside the source file and looks at that file alone: if only a kernel
that it calls from another file changed, it would run the old one. So the kernels are kept under a
digest of *all* files of this room. A folder that cannot be written to costs the keeping, never the
search: the kernels are then compiled once a process, which takes a few seconds.
"""

import hashlib
import os
import tempfile
from pathlib import Path

import numba

from mvs_lib import paths

__all__ = ["entry", "folder", "part"]


def folder() -> str:
    """Return the folder for compiled kernels, or "" where none can be written to.

    It lies in ``$NUMBA_CACHE_DIR`` if that is set, else in ``data/cache``, else in the user's own
    cache. (Never in a shared temporary folder: numba trusts what it finds.)
    """
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    given = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(given)] if given else [paths.data() / "cache", Path.home() / ".cache" / "mvs"]
    for place in places:
        kept = place / "kernels" / digest.hexdigest()[:16]
        try:
            kept.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=kept).close()
        except OSError:
            continue
        return str(kept)
    return ""


FOLDER = folder()


def part(function):
    """Compile a kernel that only other kernels call: it becomes a part of them."""
    return numba.njit(nogil=True, error_model="numpy")(function)


def entry(function):
    """Compile a kernel that Python calls, and keep it; it runs without the interpreter's lock."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = FOLDER
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=bool(FOLDER))(function)
    except RuntimeError:  # numba found no way to keep it
        return part(function)
    finally:
        numba.config.CACHE_DIR = before
