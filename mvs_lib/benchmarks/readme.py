"""The README's figures: a marked block, written from the results file and from nothing else."""

from collections import defaultdict
from pathlib import Path
from statistics import mean, pstdev

from mvs_lib import paths
from mvs_lib.benchmarks import report

__all__ = ["README", "block", "kept", "update"]

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN = "<!-- figures: written by python -m mvs_lib bench campus; do not edit -->"
END = "<!-- end of figures -->"
WHAT = ("method", "bits", "protocol")
FIGURES = {"map": "MAP", "map_at_1000": "MAP@1000", "top1": "top-1"}


def block() -> str:
    """Return the figures as Markdown: the mean over the seeds, and how far they lie apart.

    Without a results file it says that nothing is measured yet.
    """
    if not (paths.results() / "campus.json").exists():
        return "*Not measured yet: `python -m mvs_lib bench campus` measures and fills this in.*"
    results = report.load("campus")
    groups = defaultdict(list)
    for row in results["rows"]:
        groups[tuple(row.get(name) for name in WHAT)].append(row)
    shown = [name for name in FIGURES if any(name in row for row in results["rows"])]
    lines = [["Method", "Bits", "Bytes", "Protocol", *(FIGURES[name] for name in shown), "Seeds"]]
    for (method, bits, protocol), rows in groups.items():
        figures = [_figure([row[name] for row in rows if name in row]) for name in shown]
        size = ", ".join(sorted({str(row["bytes"]) for row in rows if "bytes" in row}))
        lines.append([str(method).upper(), bits, size, protocol or "", *figures, len(rows)])
    text = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    text.insert(1, "|---" * len(lines[0]) + "|")
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    hours, rest = divmod(round(results["seconds"]), 3600)
    took = f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
    text += ["", f"`{results['command']}` at commit {_short(results['commit'])}, {took} on"]
    text[-1] += f" {results['hardware']}; {versions}."
    return "\n".join(text)


def kept(readme: Path = README) -> str:
    """Return what stands in the README's block now.

    Raises:
        ValueError: the README has no such block.
    """
    return _parts(readme)[1]


def update(readme: Path = README) -> None:
    """Write the block anew, and nothing else of the file.

    Raises:
        ValueError: the README has no such block.
    """
    before, _, after = _parts(readme)
    text = f"{before}{BEGIN}\n{block()}\n{END}{after}"
    with paths.whole_file(readme) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def _parts(readme: Path) -> tuple[str, str, str]:
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    figures, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no block of figures between {BEGIN!r} and {END!r}")
    return before, figures.strip("\n"), after


def _short(commit: str) -> str:
    number, _, changes = commit.partition("+")
    return number[:12] + (" with changes" if changes else "")


def _figure(values: list[float]) -> str:
    """Write a figure and its standard deviation over the seeds in three decimals."""
    if not values:
        return ""
    spread = f" ± {pstdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}"
