"""A notebook's one source, and its two versions: the student's and the solutions.

The source is a jupytext percent file, ``notebooks/source/NN_name.py``; its conventions stand in
``notebooks/source/README.md``. Nothing is executed here: `mvs_lib.course.build` does that.
"""

import hashlib
import re
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

__all__ = ["FOLDER", "VERSIONS", "canonical", "make", "path", "select", "text"]

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
VERSIONS = ("student", "solutions")
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT = ("jupyter", "slideshow", "tags")  # cell metadata that means something to a reader
WIDGET = "application/vnd.jupyter.widget-view+json"  # names a model that died with its kernel
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
EXERCISE = re.compile(r"Exercise (\d+\.\d+)[\s:·.—-]*([^\n·\"]*)")


def select(names: list[str] | None = None, folder: Path = FOLDER) -> list[str]:
    """Return the notebooks (``NN_name``) that have a source and whose name begins so; all if None.

    Raises:
        ValueError: a name fits no source.
    """
    known = sorted(p.stem for p in (folder / "source").glob("[0-9][0-9]_*.py"))
    if names is None:
        return known
    chosen = set()
    for name in names:
        found = [stem for stem in known if stem.startswith(Path(name).stem)]
        if not found:
            raise ValueError(f"no notebook {name!r}; there are: {', '.join(known) or 'none yet'}")
        chosen.update(found)
    return sorted(chosen)


def path(name: str, version: str, folder: Path = FOLDER) -> Path:
    """Return where a version of a notebook is kept."""
    return (folder / "solutions" if version == "solutions" else folder) / f"{name}.ipynb"


def make(name: str, version: str, folder: Path = FOLDER) -> NotebookNode:
    """Return one version of a notebook, canonical and not yet executed.

    Raises:
        ValueError: the source breaks a convention (the message says which and where).
    """
    source = (folder / "source" / f"{name}.py").read_text(encoding="utf-8")
    cells = []
    for index, cell in enumerate(jupytext.reads(source.lstrip(), fmt="py:percent").cells):
        if version == "student" and "solution" in cell.metadata.get("tags", []):
            continue
        # The place in the source, so that both versions of a cell have one id.
        cell.id = hashlib.sha256(f"{name}/{index}".encode()).hexdigest()[:8]
        if cell.cell_type == "code":
            try:
                cell.source = _version_of(cell.source, version)
            except ValueError as error:
                raise ValueError(f"{name}, cell {index}: {error}") from None
        elif BEGIN in cell.source:
            raise ValueError(f"{name}, cell {index}: a solution region in a cell that is not code")
        cells.append(cell)
    return canonical(new_notebook(cells=cells))


def _version_of(source: str, version: str) -> str:
    """Complete the code of a cell, or replace each solution region by a stub."""
    lines, region, exercise = [], None, None
    for line in source.splitlines():
        mark = line.strip()
        exercise = EXERCISE.search(line) or exercise
        if mark == BEGIN:
            if region is not None:
                raise ValueError(f"a second {BEGIN} before {END}")
            region = line[: len(line) - len(line.lstrip())]
            if not region:
                raise ValueError("a solution region must lie inside a function")
            if exercise is None:
                raise ValueError(
                    "a solution region needs its exercise named above it: a docstring or comment "
                    'such as "Exercise 2.1: count the bits"'
                )
            if version == "student":
                message = f"Exercise {exercise[1]}: {exercise[2].strip()}".rstrip(" .:")
                lines.append(f'{region}raise NotImplementedError("{message}")')
        elif mark == END:
            if region is None:
                raise ValueError(f"{END} without {BEGIN}")
            region = None
        elif region is None or version == "solutions":
            lines.append(line)
    if region is not None:
        raise ValueError(f"{BEGIN} without {END}")
    return "\n".join(lines)


def canonical(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without anything that differs from run to run: the committed form.

    Widget state and views, time stamps, editor leftovers and tracebacks' paths go; execution counts
    of executed cells become 1..n; neighbouring pieces of one stream become one. Idempotent.
    """
    result = new_notebook(cells=[], metadata=nbformat.from_dict(METADATA), nbformat_minor=5)
    count = 0
    for cell in notebook.cells:
        fresh = nbformat.from_dict(
            {"id": cell.id, "cell_type": cell.cell_type, "source": cell.source.rstrip("\n")}
        )
        fresh.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT if cell.metadata.get(key)}
        )
        if cell.cell_type == "code":
            executed = cell.get("execution_count") is not None
            count += executed
            fresh.execution_count = count if executed else None
            fresh.outputs = _outputs(cell.get("outputs", []), fresh.execution_count)
        result.cells.append(fresh)
    return result


def _outputs(outputs: list, count: int | None) -> list:
    result: list = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            last = result[-1] if result else {}
            if last.get("output_type") == "stream" and last["name"] == output["name"]:
                last["text"] += output["text"]
                continue
            fresh = {"output_type": kind, "name": output["name"], "text": output["text"]}
        elif kind == "error":
            said = f"{output['ename']}: {output['evalue']}"
            fresh = {"output_type": kind, "ename": output["ename"], "evalue": output["evalue"]}
            fresh["traceback"] = [said]
        else:
            data = {key: value for key, value in output["data"].items() if key != WIDGET}
            fresh = {"output_type": kind, "data": data, "metadata": output.get("metadata", {})}
            if kind == "execute_result":
                fresh["execution_count"] = count
        result.append(nbformat.from_dict(fresh))
    return result


def text(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file, ending in one newline."""
    return nbformat.writes(notebook, indent=1, ensure_ascii=False, sort_keys=True).rstrip() + "\n"
