"""The README's figures: marked blocks, each written from its results file and from nothing else."""

from collections import defaultdict
from pathlib import Path
from statistics import mean, pstdev

from mvs_lib import paths
from mvs_lib.benchmarks import report
from mvs_lib.benchmarks.method_names import method_name
from mvs_lib.course.bitrate_chart import bitrate_chart, knows, operating_points

__all__ = ["BLOCKS", "README", "block", "kept", "update"]

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN = "<!-- figures: written by python -m mvs_lib bench {}; do not edit -->"
END = "<!-- end of figures -->"
WHAT = ("method", "bits", "protocol")
FIGURES = {"map": "MAP", "map_at_1000": "MAP@1000", "top1": "top-1"}


def block(name: str) -> str:
    """Return the figures of one benchmark of `BLOCKS` as Markdown, with the command that made them.

    Without a results file it says that nothing is measured yet.
    """
    if not (paths.results() / f"{name}.json").exists():
        return f"*Not measured yet: `python -m mvs_lib bench {name}` measures and fills this in.*"
    results = report.load(name)
    lines, below = BLOCKS[name](results["rows"])
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


def _campus(rows: list[dict]) -> tuple[list[list], list[str]]:
    """Return lines of cells, the mean over the seeds and how far they lie apart; nothing below."""
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row.get(name) for name in WHAT)].append(row)
    shown = [name for name in FIGURES if any(name in row for row in rows)]
    lines = [["Method", "Bits", "Bytes", "Protocol", *(FIGURES[name] for name in shown), "Seeds"]]
    for (method, bits, protocol), group in groups.items():
        figures = [_figure([row[name] for row in group if name in row]) for name in shown]
        size = ", ".join(sorted({str(row["bytes"]) for row in group if "bytes" in row}))
        lines.append([method_name(method), bits, size, protocol or "", *figures, len(group)])
    return lines, []


def _queries(rows: list[dict]) -> tuple[list[list], list[str]]:
    """Return lines of cells, one a system by rising bytes; the chart below."""
    points = operating_points(rows)
    lines = [["Method", "Kind", "Knows", "Bytes", "MAP", "top-1", "Encoding", "Index a photo"]]
    for point in points:
        lines.append([
            point["method"], point["kind"], knows(point), f"{point['bytes']:,.0f}",
            f"{point['map']:.3f}", f"{point['top1']:.3f}", f"{point['encode_ratio']:.1f}",
            f"{point['index_bytes']:,.0f}",
        ])  # fmt: skip
    _, alt = bitrate_chart(points)
    return lines, ["", f"![{alt}](data/results/queries.png)", "", f"{points[0]['protocol']}."]


def _by_length(rows: list[dict]) -> tuple[list[list], list[str]]:
    """Return lines of cells, MAP by code length, published values in brackets; sources below."""
    lengths = sorted({row["bits"] for row in rows})
    groups, published = defaultdict(list), {}
    for row in rows:
        groups[row["method"], row["supervision"], row["trunk"]].append(row)
        if "published" in row:
            published[row["method"]] = row["published_trunk"], row["published_source"]
    lines = [["Method", "Learns from", "Trunk", *(f"{bits} bits" for bits in lengths), "Seeds"]]
    for (method, supervision, trunk), group in groups.items():
        cells = []
        for bits in lengths:
            there = [row for row in group if row["bits"] == bits]
            cells.append(_figure([row["map"] for row in there]))
            cells[-1] += (
                f" ({there[0]['published']:.3f})" if there and "published" in there[0] else ""
            )
        lines.append([method_name(method), supervision, trunk, *cells, _seeds(group, lengths)])
    below = ["", f"MAP, {_asked(rows)}."]
    if published:
        below += ["", "In brackets what the methods' authors or successors published:"]
        said = (
            f"{method_name(name)} on {trunk} ({source})"
            for name, (trunk, source) in published.items()
        )
        below[-1] += f" {'; '.join(said)}."
    return lines, below


def _seeds(group: list[dict], lengths: list[int]) -> str:
    """Say how many seeds there are, and at which lengths there are more than elsewhere."""
    count = {bits: sum(row["bits"] == bits for row in group) for bits in lengths}
    least = min(filter(None, count.values()))
    more = (f"{count[bits]} at {bits} bits" for bits in lengths if count[bits] > least)
    return ", ".join([str(least), *more])


def _cifar10_p2(rows: list[dict]) -> tuple[list[list], list[str]]:
    """Return lines of cells, both measures by method and length; the protocol below."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["method"], row["bits"], row["views"]].append(row)
    lines = [["Method", "Bits", "Views", "MAP", "mAP@1000", "Published", "Minutes", "Seeds"]]
    for (method, bits, views), group in groups.items():
        figures = [_figure([row[name] for row in group]) for name in ("map", "map_at_1000")]
        there = group[0].get("published_map_at_1000")
        minutes = mean(row["train_seconds"] for row in group) / 60
        lines.append([
            method_name(method), bits, views, *figures, "" if there is None else f"{there:.4f}",
            f"{minutes:.0f}", len(group),
        ])  # fmt: skip
    said = {row["published_trunk"] for row in rows if "published_trunk" in row}
    below = [f"{_asked(rows)}; trunk: {rows[0]['trunk']}; minutes of training, trunk included."]
    below[-1] += f" Published: mAP@1000 on {', '.join(sorted(said))}." if said else ""
    return lines, ["", *below]


def _squares(rows: list[dict]) -> tuple[list[list], list[str]]:
    """Return lines of cells, NDCG@100 by code length and the other measures at the longest."""
    lengths = sorted({row["bits"] for row in rows})
    groups = defaultdict(list)
    for row in rows:
        groups[row["method"]].append(row)
    graded = {"acg_at_100": "ACG@100", "weighted_map": "weighted MAP", "map": "MAP"}
    head = [f"NDCG@100, {bits} bits" for bits in lengths]
    lines = [["Method", *head, *graded.values(), "Seeds"]]
    for method, group in groups.items():
        at = {bits: [row for row in group if row["bits"] == bits] for bits in lengths}
        cells = [_figure([row["ndcg_at_100"] for row in at[bits]]) for bits in lengths]
        cells += [_figure([row[name] for row in at[lengths[-1]]]) for name in graded]
        lines.append([method_name(method), *cells, len({row["seed"] for row in group})])
    below = f"{rows[0]['protocol']}; {', '.join(graded.values())} at {lengths[-1]} bits."
    return lines, ["", below]


BLOCKS = {
    "campus": _campus,
    "campus_methods": _by_length,
    "cifar10_p1": _by_length,
    "cifar10_p2": _cifar10_p2,
    "queries": _queries,
    "squares": _squares,
}


def _parts(name: str, readme: Path) -> tuple[str, str, str]:
    start = BEGIN.format(name)
    before, begin, rest = readme.read_text(encoding="utf-8").partition(start)
    figures, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} has no block of figures between {start!r} and {END!r}")
    return before, figures.strip("\n"), after


def _asked(rows: list[dict]) -> str:
    """Say what was asked of which photos; all rows must say the same."""
    said = {(row["data"], row["protocol"]) for row in rows}
    if len(said) > 1:
        raise ValueError(f"rows of one table must be of one protocol, got {sorted(said)}")
    ((data, protocol),) = said
    return protocol if protocol.startswith(data) else f"{data}, {protocol}"


def _short(commit: str) -> str:
    number, _, changes = commit.partition("+")
    return number[:12] + (" with changes" if changes else "")


def _figure(values: list[float]) -> str:
    """Write a figure and its standard deviation over the seeds in three decimals."""
    if not values:
        return ""
    spread = f" ± {pstdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}"
