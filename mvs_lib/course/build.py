"""Build the notebooks from their sources: stubs and solutions, executed, canonical.

    python -m mvs_lib build [NAME ...]

``build`` executes; ``drift`` does not: it compares the cells of the committed notebooks with those
that the sources give. Outputs are held by strict nbval (`mvs_lib.course.verify`), so that the two
together notice every difference between a source and what a student opens.
"""

import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm.auto import tqdm

from mvs_lib import paths
from mvs_lib.course import notebook as notebooks

__all__ = ["TIMEOUT", "BuildError", "build", "drift", "execute"]

TIMEOUT = 120  # seconds for one cell; nbval gets the same


class BuildError(ValueError):
    """A notebook could not be built; nothing of it was written."""


def build(
    names: list[str] | None = None, progress: bool = True, *, folder: Path = notebooks.FOLDER
) -> list[Path]:
    """Execute and write both versions of the named notebooks (all if None); return the files.

    Each file is written whole or not at all; a failure stops here and keeps what was there.

    Raises:
        BuildError: a cell failed, or the source breaks a convention.
        ValueError: no notebook of that name.
    """
    jobs = [(name, v) for name in notebooks.select(names, folder) for v in notebooks.VERSIONS]
    written = []
    for name, version in tqdm(jobs, desc="build", unit="notebook", disable=not progress):
        try:
            unexecuted = notebooks.make(name, version, folder)
        except ValueError as error:
            raise BuildError(str(error)) from None
        target = notebooks.path(name, version, folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        executed = execute(unexecuted, target.parent, f"{name} ({version})")
        with paths.whole_file(target) as beside:
            beside.write_text(notebooks.text(executed), encoding="utf-8")
        written.append(target)
    return written


def execute(notebook: NotebookNode, folder: Path, title: str) -> NotebookNode:
    """Execute a notebook in a fresh kernel of this Python, in ``folder``; return it canonical.

    Raises:
        BuildError: a cell raised (and is not tagged ``raises-exception``) or took too long.
    """
    result = nbformat.from_dict(notebook)
    with tempfile.TemporaryDirectory() as ipython:
        client = NotebookClient(
            result,
            timeout=TIMEOUT,
            kernel_name="python3",
            extra_arguments=["--IPKernelApp.log_level=40"],  # its own warnings are no news
            resources={"metadata": {"path": str(folder)}},
            store_widget_state=False,
            record_timing=False,
        )
        # A reader's own IPython profile must not show in the course.
        environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
        try:
            client.execute(env=environment | {"IPYTHONDIR": ipython})
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise BuildError(f"{title}, {_where(result)}{_why(error)}") from None
    return notebooks.canonical(result)


def _where(notebook: NotebookNode) -> str:
    """Name the first cell that failed or did not end."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.source.strip():
            failed = any(output.output_type == "error" for output in cell.outputs)
            allowed = "raises-exception" in cell.metadata.get("tags", [])
            if cell.execution_count is None or (failed and not allowed):
                return (
                    f"cell {index}:\n    {cell.source.strip().replace(chr(10), chr(10) + '    ')}\n"
                )
    return "after the last cell: "


def _why(error: Exception) -> str:
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}"
    return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def drift(names: list[str] | None = None, *, folder: Path = notebooks.FOLDER) -> list[str]:
    """Compare the committed notebooks with their sources, without executing; return complaints.

    Cell sources, ids, tags and metadata must agree, and every notebook must have a source.
    """
    complaints = []
    chosen = notebooks.select(names, folder)
    for name in chosen:
        for version in notebooks.VERSIONS:
            target = notebooks.path(name, version, folder)
            where = target.relative_to(folder)
            if not target.exists():
                complaints.append(f"{where} is missing: python -m mvs_lib build {name}")
                continue
            kept = nbformat.read(target, as_version=4)
            wanted = notebooks.make(name, version, folder)
            for cell in kept.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            if kept != wanted:
                complaints.append(
                    f"{where} differs from its source {_difference(kept, wanted)}: "
                    f"python -m mvs_lib build {name}"
                )
    if names is None:
        for target in sorted([*folder.glob("*.ipynb"), *folder.glob("solutions/*.ipynb")]):
            if target.stem not in chosen:
                complaints.append(f"{target.relative_to(folder)} has no source")
    return complaints


def _difference(kept: NotebookNode, wanted: NotebookNode) -> str:
    for index, (old, new) in enumerate(zip(kept.cells, wanted.cells, strict=False)):
        if old != new:
            parts = [key for key in new if old.get(key) != new[key]]
            return f"in cell {index} ({', '.join(parts) or 'extra fields'})"
    if len(kept.cells) != len(wanted.cells):
        return f"in its number of cells ({len(kept.cells)}, not {len(wanted.cells)})"
    return "in its metadata"
