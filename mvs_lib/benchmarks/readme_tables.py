"""The README's tables: how the rows of a results file become lines of cells.

Each function takes the rows of one benchmark and returns the lines of its table, the first of them
the names of the columns, and the lines of text that stand below it.
"""

from collections import defaultdict
from statistics import mean, pstdev

from mvs_lib.benchmarks.method_names import method_name
from mvs_lib.course.bitrate_chart import bitrate_chart, knows, operating_points
from mvs_lib.course.compression_chart import pareto

__all__ = ["TABLES"]

Table = tuple[list[list], list[str]]
WHAT = ("method", "bits", "protocol")
FIGURES = {"map": "MAP", "map_at_1000": "MAP@1000", "top1": "top-1"}
YARDSTICKS = (
    "original", "taught on, not compressed", "8 bits, ONNX Runtime", "looked up, corrected",
)  # fmt: skip


def _campus(rows: list[dict]) -> Table:
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


def _queries(rows: list[dict]) -> Table:
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


def _by_length(rows: list[dict]) -> Table:
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


def _cifar10_p2(rows: list[dict]) -> Table:
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


def _squares(rows: list[dict]) -> Table:
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


def _compress(rows: list[dict]) -> Table:
    """Return lines of cells: of each network the yardsticks, and what no other result beats."""
    lines = [[
        "Network", "Method", "Bytes", "Times smaller", "By zlib", "Times fewer MACs",
        "Times as fast", "Peak MB", "MAP before", "MAP", "Bits flipped",
    ]]  # fmt: skip
    for net in dict.fromkeys(row["net"] for row in rows):
        own = [row for row in rows if row["net"] == net]
        best = [row for gain in ("bytes", "multiplications") for row in pareto(own, gain)]
        for row in own:
            if row in best or row["method"] in YARDSTICKS:
                zipped = "" if row["zlib_bytes"] is None else f"{row['zlib_bytes']:,}"
                lines.append([
                    net, row["method"], f"{row['file_bytes']:,}", f"{row['size_ratio']:.1f}",
                    zipped, f"{row['macs_ratio']:.2f}", f"{row['time_ratio']:.2f}",
                    f"{row['peak_bytes'] / 1e6:.1f}", f"{row['map_before']:.3f}",
                    f"{row['map']:.3f}", f"{100 * row['flipped_bits']:.1f} %",
                ])  # fmt: skip
    about = {row["net"]: row["protocol"].removeprefix(f"{row['data']}: ") for row in rows}
    said = [f"{net}: {protocol}" for net, protocol in about.items()]
    return lines, [
        "",
        f"{len(lines) - 1} of {len(rows)} results: the original, three yardsticks, and those that "
        "no other beats in MAP and in bytes, or in MAP and in multiplications. All stand in "
        "`data/results/compress.json`. " + "; ".join(said) + ".",
    ]


def _phone(rows: list[dict]) -> Table:
    """Return lines of cells, one an encoder of the campus; the streamed network below."""
    lines = [[
        "Encoder", "Bytes", "Bits as torch's", "MAP", "Cold, ms", "Median, ms", "90 %, ms",
        "Peak MB",
    ]]  # fmt: skip
    for row in rows:
        if row["net"] == "campus" and "median_ms" in row:
            times = (f"{row[name]:.2f}" for name in ("cold_ms", "median_ms", "p90_ms"))
            lines.append([
                row["method"], f"{row['bytes']:,}", f"{100 * row['bits_equal']:.2f} %",
                f"{row['map']:.3f}", *times, f"{row['peak_bytes'] / 1e6:.1f}",
            ])  # fmt: skip
    large = [row for row in rows if row["net"] == "AlexNet's shape" and row.get("peak_bytes")]
    streamed = min(row["peak_bytes"] for row in large if row["method"] == "streamed") / 1e6
    whole = min(
        row["peak_bytes"] for row in large if row["method"].startswith("ONNX Runtime, whole")
    )
    return lines, [
        "",
        "One thread, one photo at a time, in a process of its own; memory above that of its "
        f"libraries. A network of AlexNet's shape takes {whole / 1e6:.0f} MB at the least when it "
        f"is run whole, and {streamed:.0f} MB when its weights are streamed from their file.",
    ]


def _search(rows: list[dict]) -> Table:
    """Return lines of cells, one a set of codes, ten neighbours; growth and exactness below."""
    modes = ("chunks", "alternated", "batches")
    lines = [["Codes", "Number", "Bits", *modes, "Slower than flat?", "Build, s", "Bytes a code"]]
    sets = defaultdict(list)
    for row in rows:
        if "ratio_to_flat" in row:
            sets[row["data"], row["n"], row["bits"]].append(row)
    for (data, n, bits), own in sets.items():
        ten = {row["mode"]: row["ratio_to_flat"] for row in own if row["k"] == 10}
        least = min(row["ratio_to_flat"] for row in own)
        lines.append([
            data, f"{n:,}", bits, *(f"{ten[mode]:.1f}" if mode in ten else "" for mode in modes),
            f"no, {least:.1f} at the least" if least >= 1 else f"yes, {least:.2f}",
            f"{own[0]['build_seconds']:.2f}", f"{own[0]['bytes_per_code']:.0f}",
        ])  # fmt: skip
    grown = "; ".join(
        f"{row['data']}, {row['bits']} bits: {row['exponent']:.2f} (flat: "
        f"{row['flat_exponent']:.2f})"
        for row in rows
        if row["mode"] == "growth" and row["k"] == 10
    )
    said = [
        f"{row['mismatches']} of {row['cases']:,} random cases differ from a comparison with every "
        "code."
        for row in rows
        if row["mode"] == "exactness"
    ]
    return lines, [
        "",
        "Times as fast as faiss's `IndexBinaryFlat` for ten neighbours, one thread, medians; the "
        "column after them looks at 1, 10 and 100 neighbours in all three protocols. The time of a "
        f"query grows with the number of codes to the power of: {grown}. {' '.join(said)}",
    ]


TABLES = {
    "campus": _campus,
    "campus_methods": _by_length,
    "cifar10_p1": _by_length,
    "cifar10_p2": _cifar10_p2,
    "compress": _compress,
    "phone": _phone,
    "queries": _queries,
    "search": _search,
    "squares": _squares,
}


def _asked(rows: list[dict]) -> str:
    """Say what was asked of which photos; all rows must say the same."""
    said = {(row["data"], row["protocol"]) for row in rows}
    if len(said) > 1:
        raise ValueError(f"rows of one table must be of one protocol, got {sorted(said)}")
    ((data, protocol),) = said
    return protocol if protocol.startswith(data) else f"{data}, {protocol}"


def _figure(values: list[float]) -> str:
    """Write a figure and its standard deviation over the seeds in three decimals."""
    if not values:
        return ""
    spread = f" ± {pstdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}"
