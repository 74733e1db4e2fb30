"""Verify the notebooks: gates on the files, then strict nbval, one line a notebook.

    python -m mvs_lib check [NAME ...]

The test suite (``tests/notebooks``) asks `examine` and `strict` for each notebook, so that one test
command runs each notebook once.
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

import nbformat

from mvs_lib.course import gates
from mvs_lib.course import notebook as notebooks
from mvs_lib.course.build import TIMEOUT, drift
from mvs_lib.course.strict import deviations, rounding

__all__ = ["Run", "environment", "examine", "main", "strict"]


class Run(NamedTuple):
    """What strict nbval found: cells passed, failed and skipped, seconds, and its report."""

    passed: int
    failed: int
    skipped: int
    seconds: float
    report: str


def environment() -> tuple[bool, str]:
    """Say how figures can be compared; CI (``CI`` set) must run in the locked environment.

    Its processor is what it is: where it rounds otherwise, data are compared instead of pixels.

    Returns:
        whether to go on, and a line to print.
    """
    found = deviations()
    if not found and not rounding():
        return True, "Figures are compared byte by byte: this is the locked environment."
    line = "Figures are compared by their data, not their pixels: "
    line += "; ".join([*found, *rounding()])
    if not found or os.environ.get("CI", "").lower() in ("", "0", "false"):
        return True, line
    return False, "CI must run in the locked environment, but here is " + "; ".join(found)


def examine(name: str, version: str, folder: Path = notebooks.FOLDER) -> list[str]:
    """Return what the gates complain of in one version of a notebook, without running it."""
    target = notebooks.path(name, version, folder)
    if not target.exists():
        return [f"{target.relative_to(folder)} is missing: python -m mvs_lib build {name}"]
    text = target.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    allowed = gates.exceptions(folder)
    return [
        *gates.canonicity(notebook, text),
        *gates.vacuity(notebook, name, allowed),
        *gates.pictures(notebook),
        *gates.skeleton(notebook, name, allowed),
    ]


def strict(file: Path, timeout: float = TIMEOUT) -> Run:
    """Run a notebook under strict nbval in a process of its own; return what came of it.

    ``failed`` is at least 1 if pytest itself did not end well, or compared nothing.
    """
    with tempfile.TemporaryDirectory() as scratch:
        settings, report = Path(scratch, "pytest.ini"), Path(scratch, "report.xml")
        settings.write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "-c", str(settings)]
        command += ["--rootdir", str(file.parent), "-p", "no:cacheprovider", "-p", "no:python"]
        command += ["-p", "mvs_lib.course.strict", "--nbval", "--nbval-current-env"]
        command += ["--nbval-cell-timeout", str(timeout), "--junitxml", str(report)]
        command += ["-q", "--tb=short", "--color=no", str(file)]
        # Neither the caller's pytest options nor a reader's IPython profile may have a say.
        left_out = ("PYTEST_ADDOPTS", "MPLBACKEND", "PYTEST_XDIST_WORKER")
        variables = {key: value for key, value in os.environ.items() if key not in left_out}
        done = subprocess.run(
            command,
            env=variables | {"IPYTHONDIR": scratch},
            capture_output=True,
            text=True,
            check=False,
        )
        output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        if not report.exists():
            return Run(0, 1, 0, 0.0, output)
        suite = ElementTree.parse(report).getroot().find("testsuite")
    total = int(suite.get("tests"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    skipped = int(suite.get("skipped"))
    if not failed and (done.returncode or total == skipped):
        failed = 1
    passed = max(total - failed - skipped, 0)
    return Run(passed, failed, skipped, float(suite.get("time")), output)


def main(names: list[str] | None = None, *, folder: Path = notebooks.FOLDER) -> int:
    """Check the named notebooks (all if none is named), print a line each; return 0 if all hold.

    Raises:
        ValueError: no notebook of that name.
    """
    chosen = notebooks.select(names or None, folder)
    fit, line = environment()
    print(line, flush=True)
    complaints = [] if fit else [line]
    if not chosen:
        complaints.append(f"there is no notebook in {folder / 'source'}")
    complaints += drift(names or None, folder=folder)
    for complaint in complaints[not fit :]:
        print(f"  {complaint}")
    for name in chosen:
        for version in notebooks.VERSIONS:
            file = notebooks.path(name, version, folder)
            found = examine(name, version, folder)
            if file.exists():
                holds = gates.count(nbformat.read(file, as_version=4))
                run = strict(file)
                low, high = gates.WORDS_PER_LINE
                words = holds.words_per_line
                print(
                    f"{name:28} {version:10} {holds.compared:3} cells compared "
                    f"{holds.ignored:2} ignored {run.seconds:6.1f} s {words:5.1f} words a line"
                    f"{'' if low <= words <= high else f' (wanted: {low} to {high})'}  "
                    f"{'FAILED' if run.failed or found else 'ok'}",
                    flush=True,
                )
                if run.failed:
                    print(run.report)
                    found.append(f"{run.failed} of {run.passed + run.failed} cells differ")
            for complaint in found:
                print(f"  {complaint}")
            complaints += [f"{name} ({version}): {complaint}" for complaint in found]
    ending = f"{len(complaints)} complaints" if complaints else "all hold"
    print(f"{len(chosen)} notebooks, two versions each: {ending}.")
    return 1 if complaints else 0
