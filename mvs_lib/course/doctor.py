"""Look at the environment, and say in plain words what to mend. Nothing is changed.

The standard library suffices here, so that the doctor can answer where packages are missing.
Packages with a compiled part are tried in a process of their own: a broken one may end it.
"""

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import NamedTuple

from mvs_lib import paths

__all__ = ["Finding", "examine"]

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = ("campus_ssdh_48.safetensors", "campus_dlbh_48.safetensors")
ESSENTIAL = ("torch", "torchvision")  # another version of these is another library
DISK_MB, MEMORY_MB = 1000, 2000  # the campus and its recogniser; the campus and torch together
PATIENCE = 180  # seconds for an import: the first one on a slow disk takes long
PIP = f'"{sys.executable}" -m pip install -r "{ROOT / "requirements.txt"}"'


class Finding(NamedTuple):
    """One thing looked at."""

    subject: str
    found: str
    mend: str = ""  # what to do; "" if nothing
    essential: bool = True  # without it the course does not run

    @property
    def status(self) -> str:
        """``"ok"``, ``"mend"``, or ``"note"`` for what the course can do without."""
        return "ok" if not self.mend else "mend" if self.essential else "note"


def examine(port: int = 8888) -> Iterator[Finding]:
    """Yield what is found, one subject after another; the slow ones (imports) are in the middle."""
    yield python()
    yield from packages()
    for name, code in IMPORTS.items():
        yield importable(name, code)
    yield matching()
    yield from folder(paths.data())
    yield memory()
    yield from checkpoints()
    yield notebooks()
    yield campus()
    yield listening(port)
    yield chromium()
    yield phone_page()


def python(found: tuple = sys.version_info[:3]) -> Finding:
    """Look at the version of Python."""
    number = ".".join(map(str, found))
    mend = "" if found >= (3, 11) else "install Python 3.11 or newer, and run start.py with it"
    return Finding("Python", f"{number}, {sys.executable}", mend)


def packages(requirements: Path = ROOT / "requirements.txt") -> Iterator[Finding]:
    """Compare what is installed with the locked versions."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        yield Finding("packages", "not installed", f"install them: {PIP}")
        return
    if not requirements.exists():
        yield Finding("packages", f"no {requirements}", "get the course's files again")
        return
    lines = requirements.read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    wanted = [each for each in wanted if each.marker is None or each.marker.evaluate()]
    missing, other = [], []
    for each in wanted:
        try:
            installed = version(each.name)
        except PackageNotFoundError:
            missing.append(each.name)
        else:
            if not each.specifier.contains(installed, prereleases=True):
                other.append((each.name, f"{each.name} {installed} (locked: {each.specifier})"))
    known = f"{len(wanted) - len(missing)} of {len(wanted)} installed"
    if missing:
        yield Finding("packages", f"{known}; missing: {', '.join(missing)}", f"install them: {PIP}")
    if other:
        essential = any(name in ESSENTIAL for name, _ in other)
        text = "; ".join(words for _, words in other)
        yield Finding("packages", f"not the locked versions: {text}", f"run {PIP}", essential)
    if not missing and not other:
        yield Finding("packages", f"all {len(wanted)} as locked in {requirements.name}")


IMPORTS = {
    "torch and torchvision": "import torch, torchvision; from torchvision.ops import nms; "
    "print(torch.__version__, 'and', torchvision.__version__)",
    "faiss": "import faiss; faiss.IndexBinaryFlat(8); print(faiss.__version__)",
    "OpenCV": "import cv2; print(cv2.__version__)",
    "ONNX Runtime": "import onnxruntime; print(onnxruntime.__version__)",
}


def importable(name: str, code: str) -> Finding:
    """Try an import in a process of its own."""
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(name, f"not imported after {PATIENCE} s", "run this again; then, " + PIP)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"]
        return Finding(name, f"cannot be imported: {said[-1]}", f"install it again: {PIP}")
    return Finding(name, done.stdout.strip().splitlines()[-1])


def matching() -> Finding:
    """Hold torch's version against the one that torchvision was built for."""
    try:
        installed = version("torch")
        lines = [line for line in requires("torchvision") or [] if line.startswith("torch=")]
    except PackageNotFoundError as error:
        return Finding("torch's match", f"{error.name} is missing", f"install it: {PIP}")
    wanted = re.sub(r"^torch==\s*|[\s;].*$", "", lines[0]) if lines else installed
    if installed.split("+")[0] == wanted.split("+")[0]:
        return Finding("torch's match", f"torchvision {version('torchvision')} wants this torch")
    text = f"torchvision {version('torchvision')} wants torch {wanted}, here is {installed}"
    return Finding("torch's match", text, f"install the pair again: {PIP}")


def folder(data: Path) -> Iterator[Finding]:
    """Try to write into the data folder, and look at the space left on its disk."""
    existing = next(each for each in (data, *data.absolute().parents) if each.exists())
    probe = existing / f".mvs-doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"?")
        probe.unlink()
        yield Finding("data folder", f"{data} can be written")
    except OSError as error:
        mend = "make it writable, or name another folder in the environment variable MVS_DATA"
        yield Finding("data folder", f"{data}: {error.strerror}", mend)
    free = shutil.disk_usage(existing).free // 10**6
    mend = "" if free >= DISK_MB else f"make room: {DISK_MB} MB are wanted"
    yield Finding("disk", f"{free:,} MB free", mend)


def memory() -> Finding:
    """Look at the free memory."""
    try:
        import psutil  # comes with JupyterLab's kernel

        free = psutil.virtual_memory().available // 10**6
    except ImportError:
        return Finding("memory", "unknown (psutil is missing)")
    mend = "" if free >= MEMORY_MB else f"close other programs: {MEMORY_MB:,} MB are wanted"
    return Finding("memory", f"{free:,} MB free", mend, essential=False)


def checkpoints(directory: Path | None = None) -> Iterator[Finding]:
    """Look whether the trained networks that ship with the course are there, and whole."""
    again = "get it again (in a clone: git checkout -- data/checkpoints)"
    for name in CHECKPOINTS:
        path = (directory or paths.checkpoints()) / name
        problem = _problem(path)
        found = problem or f"{path.stat().st_size / 1e6:.1f} MB, whole"
        yield Finding(name, found, again if problem else "")


def _problem(path: Path) -> str | None:
    """Say what is wrong with a safetensors file, without its package, or return None.

    The file is a length (uint64), a JSON header of that length, and the tensors' bytes.
    """
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                return "no safetensors file"
            header = json.loads(file.read(length))
        about = json.loads(header.pop("__metadata__")["about"])
        end = max(tensor["data_offsets"][1] for tensor in header.values())
        if "network" not in about:
            return "holds no network of this course"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except (struct.error, ValueError, KeyError, TypeError, AttributeError):
        return "damaged: its header cannot be read"
    size = path.stat().st_size - 8 - length
    return None if size == end else f"cut off: {size:,} of {end:,} bytes"


def notebooks(course: Path = ROOT / "notebooks") -> Finding:
    """Look whether every notebook is there in both versions."""
    names = sorted(path.stem for path in (course / "source").glob("[0-9][0-9]_*.py"))
    if not names:
        return Finding("notebooks", f"none in {course}", "get the course's files again")
    kept = [course / f"{name}.ipynb" for name in names]
    kept += [course / "solutions" / f"{name}.ipynb" for name in names]
    missing = [str(path.relative_to(course)) for path in kept if not path.exists()]
    if missing:
        mend = "get the course's files again (in a clone: git checkout -- notebooks)"
        return Finding("notebooks", f"missing: {', '.join(missing)}", mend)
    return Finding("notebooks", f"{len(names)}, each with its solutions")


def campus() -> Finding:
    """Say whether the campus was drawn already."""
    folders = sorted(
        (paths.data() / "cache").glob("campus-*"), key=lambda path: path.stat().st_mtime
    )
    drawn = list(folders[-1].glob("place*.npz")) if folders else []
    if not drawn:
        return Finding("campus", "not drawn yet: the first demo does it, in some minutes")
    size = sum(path.stat().st_size for path in drawn) / 1e6
    places = len({path.name.split("-")[0] for path in drawn})
    return Finding("campus", f"{places} places drawn, {size:,.0f} MB in {folders[-1]}")


def listening(port: int = 8888) -> Finding:
    """Look whether JupyterLab's usual port is free."""
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    if not taken:
        return Finding(f"port {port}", "free")
    mend = "nothing, if it is a JupyterLab of yours; the course takes the next free port"
    return Finding(f"port {port}", "in use", mend, essential=False)


def chromium() -> Finding:
    """Look for the browser of the browser tests."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path:
        return Finding("Chromium", path)
    mend = "only the browser tests need it; on Debian: sudo apt install chromium"
    return Finding("Chromium", "missing", mend, essential=False)


def phone_page() -> Finding:
    """Look for the browser's ONNX Runtime, which the phone page hands out."""
    try:
        from mvs_lib.service import browser_runtime  # brings tqdm

        return Finding("phone page", f"onnxruntime-web is in {browser_runtime.folder()}")
    except (ImportError, OSError) as error:
        mend = "only the phone page needs it, and fetches it: python -m mvs_lib serve --fetch"
        return Finding("phone page", str(error), mend, essential=False)
