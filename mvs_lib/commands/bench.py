"""``bench NAME``: measure, and write the figures to ``data/results/NAME.json``."""

import argparse
import json
from importlib import import_module
from pathlib import Path

from mvs_lib import paths
from mvs_lib.benchmarks import readme, report
from mvs_lib.course.bitrate_chart import bitrate_chart
from mvs_lib.course.figure import picture
from mvs_lib.deep import processes

BENCHMARKS = [
    "campus",
    "campus_descriptor",
    "campus_hashing",
    "campus_hashing_settings",
    "campus_methods",
    "campus_methods_settings",
    "campus_scalable",
    "campus_settings",
    "campus_unlabelled",
    "cifar10_gist",
    "cifar10_gist_reasons",
    "cifar10_gist_settings",
    "cifar10_p1",
    "cifar10_p1_settings",
    "cifar10_p1_trunks",
    "cifar10_p2",
    "cifar10_p2_reasons",
    "cifar10_p2_settings",
    "cifar10_p2_trunks",
    "cifar10_recipe",
    "compress",
    "look_up",
    "phone",
    "queries",
    "search",
    "squares",
    "squares_settings",
]
ONLY = (  # can measure some systems or methods alone
    "queries",
    "campus_methods",
    "campus_methods_settings",
    "cifar10_p1",
    "cifar10_p1_settings",
    "compress",
)
CHARTS = {"queries": bitrate_chart}
TIMES = ("fit_seconds", "measure_seconds")  # of a row
SEEDS = {  # the others: 3
    "campus_hashing_settings": 2,
    "campus_methods_settings": 1,
    "campus_settings": 1,
    "cifar10_gist_reasons": 5,
    "cifar10_gist_settings": 2,
    "cifar10_p1_settings": 1,
    "cifar10_p2_reasons": 20,
    "cifar10_p2_settings": 1,
    "cifar10_p2_trunks": 1,
    "cifar10_recipe": 1,
    "compress": 1,
    "look_up": 1,
    "phone": 1,
    "queries": 1,
    "search": 1,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--seeds", type=_positive, help="how many seeds, from 0 on")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--output", type=Path, help="another file than data/results/NAME.json")
    parser.add_argument(
        "--only",
        action="append",
        metavar="METHOD",
        help=f"{', '.join(ONLY)}: measure this one (repeat for more) and keep its rows; writes no "
        "file",
    )
    parser.add_argument("--full", action="store_true", help="search: 100 million codes too (15 GB)")
    parser.add_argument("--quick", action="store_true", help="a small rehearsal; writes no file")


def run(options: argparse.Namespace) -> int:
    """Run one benchmark, print its table, write its file, its chart and the README's figures."""
    processes.start()  # those of torchrun, if it started us
    benchmark = import_module(f"mvs_lib.benchmarks.{options.name}")
    options.seeds = options.seeds or SEEDS.get(options.name, 3)
    command = f"python -m mvs_lib bench {options.name} --seeds {options.seeds}"
    chosen = {"only": options.only} if options.only else {}
    if chosen and options.name not in ONLY:
        raise ValueError(f"--only is for {', '.join(ONLY)}, not for {options.name}")
    command += "".join(f" --only {name}" for name in options.only or [])
    if options.full:
        if options.name != "search":
            raise ValueError(f"--full is for the benchmark search, not for {options.name}")
        command, chosen["full"] = f"{command} --full", True
    results = report.measure(
        command, benchmark.rows, seeds=options.seeds, quick=options.quick, **chosen
    )
    if not processes.first():
        return 0  # the first process writes and shows what all measured
    spent = sum(_seconds(row) for row in results["rows"])
    results["seconds"] = max(results["seconds"], round(spent, 1))  # kept rows took theirs earlier
    if not options.quick and (options.output or not options.only):
        file = options.output or paths.results() / f"{options.name}.json"
        report.write(results, file)
        if options.name in CHARTS:
            drawn = picture(*CHARTS[options.name](results["rows"])).png
            with paths.whole_file(file.with_suffix(".png")) as beside:
                beside.write_bytes(drawn)
        if options.name in readme.TABLES and not options.output:
            readme.update(options.name)
    print(json.dumps(results, indent=1) if options.json else report.table(results["rows"]))
    return 0


def _seconds(row: dict) -> float:
    return row.get("row_seconds", sum(row[name] for name in TIMES if name in row))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number >= 1")
    return int(text)
