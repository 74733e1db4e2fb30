"""The figures of a compressed network: its file, its encoder, its codes. See `compress`."""

import copy
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mvs_lib.benchmarks.campus import measures
from mvs_lib.benchmarks.compress_subject import Case
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

__all__ = ["CALIBRATED_ON", "SHIPPED", "Figures", "sent"]

# The network and the method of the one that comes with the course, for the phone of notebook 08.
SHIPPED = ("campus", "deep compression, middle, 16-bit values")
CALIBRATED_ON = 256  # photos, of the 8-bit encoder


class Figures:
    """The figures of one network, and of what is made of it.

    Args:
        case: the network and its photos.
        folder: for files that are measured.
        quick: a rehearsal, which ships nothing.
    """

    def __init__(self, case: Case, folder: Path, quick: bool):
        self.case, self.split, self.folder, self.quick = case, case.split, folder, quick
        self.network = sent(case.subject.network)
        self.cost = cost(self.network, torch.from_numpy(self.split.query.images[:1]))
        self.bytes = 4 * sum(each.numel() for each in self.network.parameters())

    # The following take seconds: no row that is kept needs them.

    @cached_property
    def _onnx(self) -> Path:
        return self._exported(self.network, "original")

    @cached_property
    def _codes(self) -> list[np.ndarray]:
        return [encode(self.network, part.images, progress=True) for part in self._parts]

    @cached_property
    def _map(self) -> float:
        return measures(*self._codes, self.split)["map"]

    @property
    def _parts(self):
        return self.split.query, self.split.source

    def about(self, method: str) -> dict:
        """Return what a row says first: what was measured, on what."""
        return {
            "net": self.case.name, "method": method, "data": self.split.name,
            "bits": self.network.bits, "protocol": self.case.protocol, "seed": self.case.seed,
        }  # fmt: skip

    def original(self) -> dict:
        """Return the figures of the network as it was given."""
        return self._figures(self.network, self._onnx, self._codes, 1.0)

    def measured(self, network: nn.Module, about: dict) -> dict:
        """Return the figures of a compressed network; ship it if it is the one to be shipped."""
        network = sent(network)
        # a copy: `float` would turn the network itself, whose file is measured, to 32 bits
        computing = folded(copy.deepcopy(network).float() if _is_half(network) else network)
        onnx = self._exported(computing, "compressed")
        ratio = measurement.time_ratio(self._onnx, onnx)
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
        file = quantization.quantize(self._onnx, self.folder / "int8.onnx", images[chosen])
        encoder = Encoder(file)
        codes = [encoder.encode_pixels(part.images, progress=True) for part in self._parts]
        size = file.stat().st_size
        return {
            "file_bytes": size, "size_ratio": round(self.bytes / size, 2), "zlib_bytes": None,
            "macs": self.cost.macs, "macs_ratio": 1.0,
            "time_ratio": round(measurement.time_ratio(self._onnx, file), 3),
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
            for now, before in zip(codes, self._codes, strict=True)
        ]
        found = measures(*codes, self.split)
        mixed = measures(codes[0], self._codes[1], self.split)
        return {
            "map_before": self._map, "map": found["map"], "map_mixed": mixed["map"],
            "top1": found["top1"],
            "flipped_bits": round(sum(flipped) / bits / sum(map(len, codes)), 5),
        }  # fmt: skip

    def _exported(self, network: nn.Module, name: str) -> Path:
        size = self.split.query.images.shape[1]
        return export_onnx(network, self.folder / f"{name}.onnx", size)


def sent(network: nn.Module) -> nn.Module:
    """Return what a phone gets: plain weights, no classifier."""
    return replaced(settled(network), {"classifier": nn.Identity()}).eval()


def _is_half(network: nn.Module) -> bool:
    return any(each.dtype == torch.float16 for each in network.parameters())
