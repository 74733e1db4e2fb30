"""The README's figures: marked blocks, each written from its results file and from nothing else."""

from pathlib import Path

from mvs_lib import paths
from mvs_lib.benchmarks import report
from mvs_lib.benchmarks.readme_tables import TABLES

__all__ = ["README", "block", "kept", "update"]

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN = "<!-- figures: written by python -m mvs_lib bench {}; do not edit -->"
END = "<!-- end of figures -->"


def block(name: str) -> str:
    """Return the figures of one benchmark of `TABLES` as Markdown, with the command that made them.

    Without a results file it says that nothing is measured yet.
    """
    if not (paths.results() / f"{name}.json").exists():
        return f"*Not measured yet: `python -m mvs_lib bench {name}` measures and fills this in.*"
    results = report.load(name)
    lines, below = TABLES[name](results["rows"])
    text = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    text.insert(1, "|---" * len(lines[0]) + "|")
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    hours, rest = divmod(round(results["seconds"]), 3600)
    took = f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
    text += [*below, "", f"`{results['command']}` at commit {_short(results['commit'])}, {took} on"]
    text[-1] += f" {results['hardware']}; {versions}."
    return "\n".join(text)


def kept(name: str, readme: Path = README) -> str:
    """Return what stands in the README's block now.

    Raises:
        ValueError: the README has no such block.
    """
    return _parts(name, readme)[1]


def update(name: str, readme: Path = README) -> None:
    """Write the block anew, and nothing else of the file.

    Raises:
        ValueError: the README has no such block.
    """
    before, _, after = _parts(name, readme)
    text = f"{before}{BEGIN.format(name)}\n{block(name)}\n{END}{after}"
    with paths.whole_file(readme) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def _parts(name: str, readme: Path) -> tuple[str, str, str]:
    start = BEGIN.format(name)
    before, begin, rest = readme.read_text(encoding="utf-8").partition(start)
    figures, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no block of figures between {start!r} and {END!r}")
    return before, figures.strip("\n"), after


def _short(commit: str) -> str:
    number, _, changes = commit.partition("+")
    return number[:12] + (" with changes" if changes else "")
