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

import copy
import inspect
import tempfile
import time
import zlib
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mvs_lib.benchmarks import compress_faster, compress_smaller, kept_code
from mvs_lib.benchmarks.campus import measures
from mvs_lib.benchmarks.compress_networks import NETWORKS, Case
from mvs_lib.benchmarks.compress_subject import Made
from mvs_lib.benchmarks.kept_rows import KeptRows
from mvs_lib.benchmarks.shipped import ship_small
from mvs_lib.codes import unpack
from mvs_lib.compress.cost import cost
from mvs_lib.compress.folding import folded
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.pruning import settled
from mvs_lib.deep import compressed
from mvs_lib.deep.encoding import encode
from mvs_lib.phone import measurement, quantization
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.export import export_onnx

__all__ = ["METHODS", "rows"]

METHODS = {
    name: function
    for module in (compress_smaller, compress_faster)
    for name, function in vars(module).items()
    if name in module.__all__
}
EIGHT_BITS = "eight_bits"  # the encoder, which is no network any more
# The network and the method of the one that comes with the course, for the phone of notebook 08.
SHIPPED = ("campus", "deep compression, middle, 16-bit values")
CALIBRATED_ON = 256  # photos, of the 8-bit encoder


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
            yield from _of_network(_Bench(case, Path(folder), quick), wanted, quick)


def _of_network(bench: "_Bench", families: list[str], quick: bool) -> Iterator[dict]:
    case, kept = bench.case, KeptRows.of("compress", bench.split, quick)
    yield kept.row(f"{case.name}-original-{case.key}", bench.about("original"), bench.original)
    for family in families:
        if family == EIGHT_BITS:
            key = kept_code.key(case.key, quantization.__file__)
            about = bench.about("8 bits, ONNX Runtime")
            yield kept.row(f"{case.name}-int8-{key}", about, bench.eight_bits)
        elif family in (case.families or METHODS):
            function = METHODS[family]
            key = kept_code.key((case.key, family), inspect.getfile(function), __file__)
            yield from _family(function(case.subject), bench, kept, f"{case.name}-{family}", key)


def _family(made: Made, bench: "_Bench", kept: KeptRows, name: str, key: str) -> Iterator[dict]:
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


def _measured(bench: "_Bench", method: str, network: nn.Module, made_in: float, last: bool) -> dict:
    began = time.perf_counter()
    figures = bench.measured(network, bench.about(method))
    seconds = made_in + time.perf_counter() - began
    return {**figures, "last": last, "row_seconds": round(seconds, 1)}


class _Bench:
    """One network, its figures, and those of what is made of it."""

    def __init__(self, case: Case, folder: Path, quick: bool):
        self.case, self.split, self.folder, self.quick = case, case.split, folder, quick
        self.network = _sent(case.subject.network)
        self.cost = cost(self.network, torch.from_numpy(self.split.query.images[:1]))
        self.bytes = 4 * sum(each.numel() for each in self.network.parameters())

    # The following take seconds: no row that is kept needs them.

    @cached_property
    def onnx(self) -> Path:
        return self._exported(self.network, "original")

    @cached_property
    def codes(self) -> list[np.ndarray]:
        return [encode(self.network, part.images, progress=True) for part in self._parts]

    @cached_property
    def map(self) -> float:
        return measures(*self.codes, self.split)["map"]

    @property
    def _parts(self):
        return self.split.query, self.split.source

    def about(self, method: str) -> dict:
        return {
            "net": self.case.name, "method": method, "data": self.split.name,
            "bits": self.network.bits, "protocol": self.case.protocol, "seed": self.case.seed,
        }  # fmt: skip

    def original(self) -> dict:
        return self._figures(self.network, self.onnx, self.codes, 1.0)

    def measured(self, network: nn.Module, about: dict) -> dict:
        """Return the figures of a compressed network; ship it if it is the one to be shipped."""
        network = _sent(network)
        # a copy: `float` would turn the network itself, whose file is measured, to 32 bits
        computing = folded(copy.deepcopy(network).float() if _is_half(network) else network)
        onnx = self._exported(computing, "compressed")
        ratio = measurement.time_ratio(self.onnx, onnx)
        codes = [encode(computing, part.images, progress=True) for part in self._parts]
        figures = self._figures(network, onnx, codes, ratio, computing)
        if (about["net"], about["method"]) == SHIPPED and not self.quick:
            ship_small(
                network, {**about, **figures}, self.split.source, "compress", "campus_ssdh_48"
            )
        return figures

    def eight_bits(self) -> dict:
        """Return the figures of the encoder in 8 bits, whose file is an ONNX file."""
        images = self.split.source.images
        chosen = np.linspace(0, len(images) - 1, CALIBRATED_ON).astype(np.int64)
        file = quantization.quantize(self.onnx, self.folder / "int8.onnx", images[chosen])
        encoder = Encoder(file)
        codes = [encoder.encode_pixels(part.images, progress=True) for part in self._parts]
        size = file.stat().st_size
        return {
            "file_bytes": size, "size_ratio": round(self.bytes / size, 2), "zlib_bytes": None,
            "macs": self.cost.macs, "macs_ratio": 1.0,
            "time_ratio": round(measurement.time_ratio(self.onnx, file), 3),
            "peak_bytes": measurement.measure(file).peak_bytes, **self._found(codes),
        }  # fmt: skip

    def _figures(self, network, onnx, codes, ratio, computing=None) -> dict:
        size = self._stored(network)
        now = cost(computing or network, torch.from_numpy(self.split.query.images[:1]))
        state = b"".join(value.numpy().tobytes() for value in network.state_dict().values())
        return {
            "file_bytes": size,
            "size_ratio": round(self.bytes / size, 2),
            "zlib_bytes": len(zlib.compress(state, 9)),
            "macs": now.macs,
            "macs_ratio": round(self.cost.macs / now.macs, 3),
            "time_ratio": round(ratio, 3),
            "peak_bytes": measurement.measure(onnx).peak_bytes,
            **self._found(codes),
        }

    def _stored(self, network: nn.Module) -> int:
        """Write a file, read it back, compare every weight; return its bytes."""
        file = self.folder / "network.small"
        size = compressed.save(network, file)
        again = compressed.load(file)[0].state_dict()
        for name, value in network.state_dict().items():
            if not torch.equal(value, again[name]):
                raise RuntimeError(f"{name} came back otherwise")
        return size

    def _found(self, codes: list[np.ndarray]) -> dict:
        bits = self.network.bits
        flipped = [
            int((unpack(now, bits) != unpack(before, bits)).sum())
            for now, before in zip(codes, self.codes, strict=True)
        ]
        found = measures(*codes, self.split)
        mixed = measures(codes[0], self.codes[1], self.split)
        return {
            "map_before": self.map, "map": found["map"], "map_mixed": mixed["map"],
            "top1": found["top1"],
            "flipped_bits": round(sum(flipped) / bits / sum(map(len, codes)), 5),
        }  # fmt: skip

    def _exported(self, network: nn.Module, name: str) -> Path:
        size = self.split.query.images.shape[1]
        return export_onnx(network, self.folder / f"{name}.onnx", size)


def _sent(network: nn.Module) -> nn.Module:
    """Return what a phone gets: plain weights, no classifier."""
    return replaced(settled(network), {"classifier": nn.Identity()}).eval()


def _is_half(network: nn.Module) -> bool:
    return any(each.dtype == torch.float16 for each in network.parameters())
