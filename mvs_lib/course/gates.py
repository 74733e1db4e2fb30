"""What every notebook of the course must have, read from the file alone.

Each gate returns complaints, one line each. What a notebook may do without is written with its
reason in ``notebooks/source/exceptions.toml``::

    [[exception]]
    notebook = "00_start_here"
    gate = "panel"                  # or a marker: "nbval-ignore-output", "raises-exception", ...
    cell = "print(doctor())"        # for markers and long cells: a text that the cell contains
    reason = "the first notebook moves nothing yet"
"""

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode

from mvs_lib.course import exercises
from mvs_lib.course import notebook as notebooks

__all__ = ["Count", "canonicity", "count", "exceptions", "pictures", "skeleton", "vacuity"]

MARKERS = ("nbval-ignore-output", "nbval-skip", "raises-exception", "nbval-raises-exception")
UNCOMPARED = MARKERS[:2]
GATES = {"panel", "exercises", "quiz", "end result", "phone", "next", "long cell", *MARKERS}
CODE_LINES, EXERCISE_LINES = 15, 25
WORDS_PER_LINE = (5, 16)


class Count(NamedTuple):
    """What a notebook holds: cells whose output nbval compares, cells it ignores, words a line."""

    compared: int
    ignored: int
    outputs: int
    words_per_line: float


def exceptions(folder: Path = notebooks.FOLDER) -> list[dict]:
    """Read the allow-list; none if there is no file.

    Raises:
        ValueError: an entry lacks a field or a real reason, or names no known gate.
    """
    file = folder / "source" / "exceptions.toml"
    if not file.exists():
        return []
    entries = tomllib.loads(file.read_text(encoding="utf-8")).get("exception", [])
    for entry in entries:
        if not {"notebook", "gate", "reason"} <= set(entry) or len(entry["reason"].split()) < 3:
            raise ValueError(f"{file.name}: notebook, gate and a reason are needed in {entry}")
        if entry["gate"] not in GATES:
            raise ValueError(f"{file.name}: gate {entry['gate']!r} is none of {sorted(GATES)}")
        if entry["gate"] in ("long cell", *MARKERS) and not entry.get("cell"):
            raise ValueError(f"{file.name}: {entry} must name its cell")
    return entries


def count(notebook: NotebookNode) -> Count:
    """Count compared and ignored cells, outputs compared, and words of prose a line of code."""
    code = _code(notebook)
    compared = [cell for cell in code if not _markers(cell) & set(UNCOMPARED)]
    prose = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    words = len(re.findall(r"[A-Za-z]{2,}|\d+", prose))
    lines = sum(len(_lines(cell)) for cell in code)
    outputs = sum(len(cell.outputs) for cell in compared)
    return Count(len(compared), len(code) - len(compared), outputs, words / max(lines, 1))


def canonicity(notebook: NotebookNode, text: str) -> list[str]:
    """Complain if the file is not exactly what `mvs_lib.course.notebook.text` writes."""
    wanted = notebooks.text(notebooks.canonical(notebook))
    return [] if text == wanted else ["not canonical: build it, do not save it from an editor"]


def vacuity(notebook: NotebookNode, name: str, allowed: list[dict]) -> list[str]:
    """Complain of whatever would let strict nbval pass without comparing."""
    complaints = []
    code = _code(notebook)
    counts = [cell.execution_count for cell in code]
    if counts != list(range(1, len(code) + 1)):
        complaints.append(f"code cells are counted {counts}, not 1 to {len(code)}: not executed")
    if not count(notebook).outputs:
        complaints.append("no output is compared")
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        for marker in sorted(_markers(cell)):
            if not _excused(allowed, name, marker, cell):
                complaints.append(f"cell {place}: {marker} is not in exceptions.toml")
        for output in cell.outputs:
            if output.get("name") == "stderr":
                complaints.append(f"cell {place}: stderr: {output.text.strip()[:80]}")
    return complaints


def pictures(notebook: NotebookNode) -> list[str]:
    """Complain of every picture without alt text, in prose and in outputs."""
    complaints = []
    for place, cell in enumerate(notebook.cells):
        where = f"cell {place}"
        texts = [cell.source] if cell.cell_type == "markdown" else []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            texts.append(data.get("text/html", ""))
            if {"image/png", "image/jpeg", "image/svg+xml"} & set(data):
                complaints.append(f"{where}: a picture without alt text; use figure.show(fig, alt)")
        for text in texts:
            for tag in re.findall(r"<img\b[^>]*>", text):
                if not re.search(r"""\balt=("[^"]*\w[^"]*"|'[^']*\w[^']*')""", tag):
                    complaints.append(f"{where}: an <img> without alt text")
            if re.search(r"!\[\s*\]\(", text):
                complaints.append(f"{where}: a Markdown picture without alt text")
    return complaints


def skeleton(notebook: NotebookNode, name: str, allowed: list[dict]) -> list[str]:
    """Complain of what the notebook lacks of the course's common shape."""
    cells, code = notebook.cells, _code(notebook)
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    headings = [line for text in prose for line in text.splitlines() if line.startswith("#")]
    whole, lines = "\n".join(cell.source for cell in code), (prose or [""])[0].splitlines()
    complaints = []

    def need(gate: str, held: bool, complaint: str) -> None:
        if not held and not _excused(allowed, name, gate):
            complaints.append(complaint)

    title = bool(lines) and lines[0].startswith("# ") and any(line.strip() for line in lines[1:])
    need(
        "", title and cells[0].cell_type == "markdown", "no title with a promise in the first cell"
    )
    table = " ".join(prose[:2]).lower()
    need(
        "",
        all(word in table for word in ("|", "minutes", "needs", "you will be able to")),
        "no table of minutes, needs and 'you will be able to' in the first two prose cells",
    )
    need("", bool(code) and "import " in code[0].source, "the first code cell is no setup cell")
    need("end result", "## The end result first" in headings, "no '## The end result first'")
    panels = [i for i, cell in enumerate(cells) if "panel" in cell.metadata.get("tags", [])]
    need("panel", bool(panels), "no cell tagged panel")
    for place in panels:
        before = next((c for c in reversed(cells[:place]) if c.cell_type == "markdown"), None)
        after = next((c for c in cells[place + 1 :] if c.cell_type == "code"), None)
        prompted = before is not None and "**Predict" in before.source
        need("panel", prompted, f"cell {place}: no **Predict** prompt before the panel")
        probed = after is not None and ".summary()" in after.source
        need("panel", probed, f"cell {place}: no cell with .summary() after the panel")
    number = name[:2]
    checked = re.findall(r"""\bcheck\(\s*["'](\d+\.\d+)["']""", whole)
    need(
        "exercises", len(set(checked)) >= 2, f"{len(set(checked))} exercises, 2 or more are wanted"
    )
    for each in sorted(set(checked)):
        try:
            exercises.find(each)
        except ValueError as error:
            complaints.append(str(error))
        if each.split(".")[0] != str(int(number)):
            complaints.append(f"exercise {each} belongs to another notebook")
    need("quiz", bool(re.search(rf"""\bquiz\(["']{number}["']\)""", whole)), "no quiz")
    bullets = len(re.findall(r"^[-*] ", _section(prose, "Summary"), flags=re.MULTILINE))
    need("", bullets == 5, f"'## Summary' has {bullets} bullets, not 5")
    need("phone", bool(_section(prose, "On a real phone")), "no '## On a real phone'")
    need("next", bool(_section(prose, "Next")), "no '## Next'")
    for place, cell in enumerate(cells):
        if cell.cell_type == "code":
            most = EXERCISE_LINES if notebooks.EXERCISE.search(cell.source) else CODE_LINES
            long = len(_lines(cell))
            if long > most and not _excused(allowed, name, "long cell", cell):
                complaints.append(f"cell {place} has {long} lines of code, at most {most}")
    return complaints


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _lines(cell: NotebookNode) -> list[str]:
    return [line for line in cell.source.splitlines() if line.strip()]


def _markers(cell: NotebookNode) -> set[str]:
    """Return nbval's markers on a cell, whether tags or comments."""
    comments = {
        line.strip().lstrip("#").strip() for line in cell.source.splitlines() if "#" in line
    }
    named = {comment.lower().replace("_", "-") for comment in comments}
    return (set(cell.metadata.get("tags", [])) | named) & set(MARKERS)


def _section(prose: list[str], title: str) -> str:
    """Return the text under ``## title`` up to the next heading, in all prose joined."""
    found = re.search(rf"^## {title}\s*\n(.*?)(?=^#|\Z)", "\n".join(prose), re.M | re.S)
    return found[1].strip() if found else ""


def _excused(allowed: list[dict], name: str, gate: str, cell: NotebookNode | None = None) -> bool:
    return any(
        entry["notebook"] == name
        and entry["gate"] == gate
        and (cell is None or entry["cell"] in cell.source)
        for entry in allowed
    )
