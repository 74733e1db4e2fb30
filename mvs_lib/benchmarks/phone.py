"""What an encoder takes on a phone: measured here in a process of its own, predicted for devices.

- *measured*, the campus's network as four files: exported; its 8-bit version; packed
  (`mvs_lib.phone.packing`); and the compressed network of ``bench compress``, packed, which is also
  run ``lean`` (`mvs_lib.phone.encoder.Encoder`), as a phone with little memory would. ``bytes`` is
  the file's length, ``bits_equal`` the share of the bits of all query photos in which the file
  agrees with torch and the network that it was made of, ``map`` that of its own codes, queries and
  database alike. ``peak_bytes`` (above ``base_bytes``, the process with its libraries) and
  milliseconds are those of `mvs_lib.phone.measurement`: one thread, one photo at a time.
- *AlexNet's shape*, whole and streamed: the rows of `mvs_lib.phone.streamed_table`.
- *predicted*, for every device with published times: ``predicted_ms`` with ``low_ms`` and
  ``high_ms``, and ``error``, the median of the leave-one-out errors.
- *the software of 2016*: what `mvs_lib.phone.paper_stack` says, and what was measured then.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mvs_lib import paths
from mvs_lib.benchmarks.campus import measures
from mvs_lib.benchmarks.campus_methods import photos
from mvs_lib.codes import unpack
from mvs_lib.compress.folding import folded, scaled
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.pruning import settled
from mvs_lib.datasets.collection import Split
from mvs_lib.deep import checkpoint, compressed
from mvs_lib.deep.encoding import encode
from mvs_lib.deep.network import HashNetwork
from mvs_lib.phone import measurement, paper_stack, streamed_table
from mvs_lib.phone.devices import predict, timed_devices
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.export import export_onnx
from mvs_lib.phone.network_costs import measured_cost, network_cost
from mvs_lib.phone.packing import pack
from mvs_lib.phone.quantization import quantize

__all__ = ["CALIBRATED_ON", "campus_files", "campus_networks", "rows"]

CALIBRATED_ON = 256  # source photos, of the 8-bit encoder
LEAN = "compressed, packed"  # the file that is also run with little memory


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield the rows.

    Args:
        seeds: must be 1: the networks are given.
        quick: a rehearsal: few photos, and nothing of AlexNet's size.

    Raises:
        FileNotFoundError, ValueError: a network that comes with the course is missing or damaged.
    """
    split, about = photos(quick)
    network, small = campus_networks()
    with tempfile.TemporaryDirectory() as folder:
        yield from _measured(split, about, network, small, Path(folder))
        if not quick:
            for row in streamed_table.rows(folder):
                yield {"net": "AlexNet's shape", **row}
    one = torch.from_numpy(split.query.images[:1])
    costs = {"campus": measured_cost(network, one), "AlexNet": network_cost("AlexNet")}
    for name in timed_devices():
        for net, cost in costs.items():
            predicted = predict(name, cost)
            yield {
                "net": net, "method": "predicted", "device": name,
                "predicted_ms": round(predicted.milliseconds, 2),
                "low_ms": round(predicted.low, 2), "high_ms": round(predicted.high, 2),
                "error": round(predicted.typical_error, 3),
            }  # fmt: skip
    yield from _of_2016()


def campus_networks() -> tuple[HashNetwork, HashNetwork]:
    """Return the campus's SSDH network as a phone needs it, and the compressed one.

    Raises:
        FileNotFoundError, ValueError: a file is missing or damaged.
    """
    whole, small = (
        paths.checkpoints() / f"campus_ssdh_48.{end}" for end in ("safetensors", "small")
    )
    if not small.is_file():
        raise FileNotFoundError(
            f"no compressed network {small}: python -m mvs_lib bench compress makes it"
        )
    found = checkpoint.load(whole)[0], compressed.load(small)[0]
    network, small = (
        replaced(settled(each).float(), {"classifier": nn.Identity()}) for each in found
    )
    return folded(network), scaled(small)


def campus_files(
    network: HashNetwork, small: HashNetwork, images: np.ndarray, folder: Path
) -> dict[str, tuple[Path, HashNetwork]]:
    """Write the encoders of the campus; return by name each file and the network that it is of.

    Args:
        network: the whole one.
        small: the compressed one.
        images: source photos, uint8 ``(n, size, size, 3)``, to calibrate with.
        folder: to write into.

    Raises:
        OSError: a file cannot be written.
    """
    size = images.shape[1]
    whole = export_onnx(network, folder / "whole.onnx", size)
    compact = export_onnx(small, folder / "compressed.onnx", size)
    chosen = np.linspace(0, len(images) - 1, min(CALIBRATED_ON, len(images))).astype(np.int64)
    files = {
        "exported": (whole, network),
        "8 bits": (quantize(whole, folder / "8_bits.onnx", images[chosen]), network),
    }
    for name, source, made_of in (
        ("packed", whole, network), (LEAN, compact, small),
    ):  # fmt: skip
        file = source.with_suffix(".packed")
        pack(source, file)
        files[name] = file, made_of
    return files


def _measured(split: Split, about: dict, network, small, folder: Path) -> Iterator[dict]:
    parts = split.query.images, split.source.images
    files = campus_files(network, small, parts[1], folder)
    tried = [(method, *files[method], False) for method in files]
    for method, file, made_of, lean in [*tried, (f"{LEAN}, lean", *files[LEAN], True)]:
        encoder, bits = Encoder(file, lean), made_of.bits
        codes = [encoder.encode_pixels(part, progress=True) for part in parts]
        expected = encode(made_of, parts[0], progress=True)
        taken = measurement.measure(file, lean=lean)._asdict()
        times = {name: round(taken.pop(name), 3) for name in ("cold_ms", "median_ms", "p90_ms")}
        yield {
            "net": "campus", "method": method, **about, "bits": bits,
            **measures(*codes, split),
            "bytes": file.stat().st_size,
            "bits_equal": float(np.mean(unpack(codes[0], bits) == unpack(expected, bits))),
            **taken, **times,
        }  # fmt: skip


def _of_2016() -> Iterator[dict]:
    """Yield what was measured in 2016 beside what the model says; milliseconds."""
    operations, mate_7 = paper_stack.alexnet_operations(), paper_stack.mate_7()
    for method, device, said, measured in (
        ("AlexNet as it is", "Huawei Mate 7", mate_7.direct_seconds(operations.direct),
         paper_stack.MATE_7_SECONDS),
        ("AlexNet, looked up", "Huawei Mate 7", mate_7.look_up_seconds(operations.look_up),
         paper_stack.MATE_7_LOOK_UP_SECONDS),
        ("AlexNet, looked up", "i7-4790K", paper_stack.i7_look_up_seconds(),
         paper_stack.I7_LOOK_UP_SECONDS),
        ("YOLO at its peaks", "Jetson TK1", float(np.mean(paper_stack.yolo_bound())),
         paper_stack.YOLO_SECONDS),
    ):  # fmt: skip
        yield {
            "net": method.split()[0].strip(","), "method": f"2016: {method}", "device": device,
            "predicted_ms": round(1000 * said, 2), "measured_ms": round(1000 * measured, 2),
            "error": round(said / measured - 1, 3),
        }  # fmt: skip
