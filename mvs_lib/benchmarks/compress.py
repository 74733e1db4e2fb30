"""What does each way of compressing a network buy, and what does it cost?

A network that the course trained is compressed by every method of the survey, and by some chains of
them. Each result is a file that was written, read back and found equal, an encoder that ran on one
thread beside the original's, and codes of all photos, queries and database alike:

- ``file_bytes`` and ``size_ratio``: of the file without the classifier, which no phone needs,
  against the original's weights in 32 bits; ``zlib_bytes``: the same weights by zlib, as a control;
- ``macs_ratio``: multiply-accumulates of the original a photo, divided by those now;
- ``time_ratio``: milliseconds of the original in ONNX Runtime on one thread, divided by those now;
- ``peak_bytes``: memory while the encoder is loaded and run, above that of the libraries;
- ``map_before`` and ``map`` (Eq. 1), and ``map_mixed``, where the database keeps the original's
  codes; ``flipped_bits``: the share of all code bits that changed.

Rows are kept, see `mvs_lib.benchmarks.kept_rows`. ``--only NAME`` measures one network, or one
family of methods, or both.
"""

import inspect
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from torch import nn

from mvs_lib.benchmarks import (
    compress_faster,
    compress_fewer,
    compress_figures,
    compress_smaller,
    kept_code,
)
from mvs_lib.benchmarks.compress_figures import Figures
from mvs_lib.benchmarks.compress_networks import NETWORKS
from mvs_lib.benchmarks.compress_subject import Made
from mvs_lib.benchmarks.kept_rows import KeptRows

__all__ = ["METHODS", "rows"]

METHODS = {
    name: function
    for module in (compress_smaller, compress_faster, compress_fewer)
    for name, function in vars(module).items()
    if name in module.__all__
}
EIGHT_BITS = "eight_bits"  # the encoder, which is no network any more


def rows(seeds: int = 1, quick: bool = False, only: list[str] | None = None) -> Iterator[dict]:
    """Yield a row a network and compressed network.

    Args:
        seeds: must be 1: the networks are given.
        quick: a rehearsal.
        only: names of `NETWORKS` and of families, those of `METHODS` and "eight_bits"; all
            networks if it names none, and all families likewise.

    Raises:
        ValueError: there is nothing of that name, or a network is not there; the message says what
            to do.
    """
    only, families = set(only or ()), [*METHODS, EIGHT_BITS]
    if unknown := sorted(only - {*NETWORKS, *families}):
        known = ", ".join([*NETWORKS, *families])
        raise ValueError(f"nothing is called {', '.join(unknown)}: choose from {known}")
    wanted = [each for each in families if each in only] or families
    makers = [NETWORKS[name] for name in NETWORKS if name in only] or NETWORKS.values()
    for case in [make(quick) for make in makers]:  # so that one that is missing is said at once
        with tempfile.TemporaryDirectory() as folder:
            yield from _of_network(Figures(case, Path(folder), quick), wanted, quick)


def _of_network(bench: Figures, families: list[str], quick: bool) -> Iterator[dict]:
    case, kept = bench.case, KeptRows.of("compress", bench.split, quick)
    measured_by = compress_figures.__file__
    key = kept_code.key(case.key, measured_by)
    yield kept.row(f"{case.name}-original-{key}", bench.about("original"), bench.original)
    for family in families:
        if family == EIGHT_BITS:
            about = bench.about("8 bits, ONNX Runtime")
            yield kept.row(f"{case.name}-int8-{key}", about, bench.eight_bits)
        elif family in (case.families or METHODS):
            function = METHODS[family]
            key = kept_code.key((case.key, family), inspect.getfile(function), measured_by)
            yield from _family(function(case.subject), bench, kept, f"{case.name}-{family}", key)


def _family(made: Made, bench: Figures, kept: KeptRows, name: str, key: str) -> Iterator[dict]:
    """Yield the rows of a family; nothing is made anew if all of them are there."""
    number = 0
    while kept.there(f"{name}-{number}-{key}"):
        row = kept.row(f"{name}-{number}-{key}", {}, dict)
        yield row
        number += 1
        if row["last"]:
            return
    following = _timed(made)
    place = 0
    while following is not None:
        (method, network, seconds), following = following, _timed(made)
        if place >= number:
            yield kept.row(
                f"{name}-{place}-{key}", bench.about(method),
                partial(_measured, bench, method, network, seconds, following is None),
            )  # fmt: skip
        place += 1


def _timed(made: Made) -> tuple[str, nn.Module, float] | None:
    """Return what is made next, and the seconds that it took to make; None at the end."""
    began = time.perf_counter()
    following = next(made, None)
    return following and (*following, time.perf_counter() - began)


def _measured(bench: Figures, method: str, network: nn.Module, made_in: float, last: bool) -> dict:
    began = time.perf_counter()
    figures = bench.measured(network, bench.about(method))
    seconds = made_in + time.perf_counter() - began
    return {**figures, "last": last, "row_seconds": round(seconds, 1)}
