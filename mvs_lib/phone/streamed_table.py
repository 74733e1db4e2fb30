"""AlexNet's memory and milliseconds, whole and streamed, option by option: a table of rows.

    python -m mvs_lib.phone.streamed_table FOLDER

exports an AlexNet-shaped encoder with random weights into the folder (0.7 GB, kept for the next
time) and prints a row a line. The figure to beat is 74.65 MB, which Wu, Leng, Wang, Hu and Cheng
(2016, "Quantized convolutional neural networks for mobile devices") report for AlexNet on a Huawei
Mate 7. Taught in notebook 08.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from mvs_lib.codes import unpack
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.export import export_onnx
from mvs_lib.phone.memory_plan import buffers, lower_bound, naive_bytes, plan, weight_bytes
from mvs_lib.phone.streamed import StreamedEncoder, weights_beside
from mvs_lib.phone.streamed_export import alexnet_shaped, export_streamed, split
from mvs_lib.phone.streamed_measurement import (
    measure_runtime,
    measure_streamed,
    pipelining_ratio,
)

__all__ = ["PAPER_BYTES", "export_all", "plan_rows", "rows"]

PAPER_BYTES = 74_650_000
CHUNKS = (2**16, 2**18, 2**20, 2**22, 2**24, 2**28)  # bytes; the last one: a layer at a time
OPTIONS = {  # of ONNX Runtime, one at a time
    "as it is": {},
    "read first, given as bytes": {"from_bytes": True},
    "no arena": {"arena": False},
    "no memory pattern": {"pattern": False},
    "no prepacking": {"prepacking": False},
    "no layout of this CPU's own": {"level": "extended"},
    "no arena, pattern, prepacking, layout": {
        "arena": False, "pattern": False, "prepacking": False, "level": "extended",
    },
}  # fmt: skip


def export_all(folder: str | Path) -> dict[str, Path]:
    """Write what the table measures, unless it is there; return the files by what they are.

    Raises:
        OSError: a file cannot be written.
    """
    folder = Path(folder)
    files = {
        name: folder / f"{name.replace(' ', '_')}.onnx"
        for name in ("whole", "whole mapped", "streamed", "convolutions")
    } | {"convolutions in ORT format": folder / "convolutions.ort"}
    if all(path.is_file() for path in files.values()):
        return files
    folder.mkdir(parents=True, exist_ok=True)
    network = alexnet_shaped()
    export_onnx(network, files["whole"], size=224)
    export_streamed(*split(network), files["streamed"])
    onnx.save_model(
        onnx.load(files["whole"]), files["whole mapped"], save_as_external_data=True,
        location="whole_mapped.data",
    )  # fmt: skip
    onnx.save_model(onnx.load(files["streamed"]), files["convolutions"])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(files["convolutions in ORT format"])
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(str(files["convolutions"]), options)
    return files


def plan_rows(path: str | Path) -> Iterator[dict]:
    """Yield what the activations of an encoder need, kept, freed and planned; in bytes."""
    weights = sum(weight_bytes(path).values())
    for in_place in (False, True):
        needed = buffers(path, in_place=in_place)
        yield {
            "method": "memory plan", "in_place": in_place, "weight_bytes": weights,
            "naive_bytes": naive_bytes(needed), "plan_bytes": plan(needed).bytes,
            "lower_bound_bytes": lower_bound(needed),
        }  # fmt: skip


def rows(folder: str | Path, runs: int = 20, cold_runs: int = 5) -> Iterator[dict]:
    """Yield the table's rows, each measured in a process of its own.

    Args:
        folder: for the exported files.
        runs: warm photos that are timed a row, at least 1.
        cold_runs: cold photos of a streamed row.

    Raises:
        OSError: a file cannot be written.
        RuntimeError: a measurement failed.
    """
    files = export_all(folder)
    yield from plan_rows(files["whole"])
    for subject in ("whole", "whole mapped", "convolutions", "streamed"):
        for name, options in OPTIONS.items():
            if options.get("from_bytes") and subject in ("whole mapped", "streamed"):
                continue  # bytes do not tell where the weights lie
            what = "convolutions mapped" if subject == "streamed" else subject
            taken = measure_runtime(files[subject], runs, **options)
            yield {"method": f"ONNX Runtime, {what}", "options": name, **taken._asdict()}
    taken = measure_runtime(files["convolutions in ORT format"], runs, level="extended")
    yield {"method": "ONNX Runtime, convolutions in ORT format", **taken._asdict()}
    size = sum(
        path.stat().st_size for path in (files["streamed"], weights_beside(files["streamed"]))
    )
    equal = _bits_equal(files["whole"], files["streamed"])
    for chunk_bytes in CHUNKS:
        for pipelined in (False, True):
            taken = measure_streamed(files["streamed"], runs, cold_runs, chunk_bytes, pipelined)
            yield {
                "method": "streamed", "chunk_bytes": chunk_bytes, "pipelined": pipelined,
                "bytes": size, "bits_equal": equal, **taken._asdict(),
            }  # fmt: skip
        yield {
            "method": "pipelining", "chunk_bytes": chunk_bytes,
            "ratio_warm": pipelining_ratio(files["streamed"], chunk_bytes, runs),
            "ratio_cold": pipelining_ratio(files["streamed"], chunk_bytes, cold_runs, cold=True),
        }  # fmt: skip


def _bits_equal(whole: Path, streamed: Path, photos: int = 40) -> float:
    """Return the share of code bits in which the streamed encoder agrees with ONNX Runtime."""
    images = np.random.default_rng(0).integers(0, 256, (photos, 224, 224, 3), dtype=np.uint8)
    with StreamedEncoder(streamed) as encoder:
        found = [each.encode_pixels(images, batch_size=8) for each in (Encoder(whole), encoder)]
        return float(np.mean(unpack(found[0], encoder.bits) == unpack(found[1], encoder.bits)))


if __name__ == "__main__":
    for row in rows(sys.argv[1]):
        print(json.dumps(row), flush=True)
