"""Make a packed encoder of an exported one. See `mvs_lib.phone.packed_encoder`, and notebook 08."""

import hashlib
import json
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import onnx

from mvs_lib import paths
from mvs_lib.compress.sparse_coding import gaps
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.packed_encoder import MAGIC, MOST, START, VERSION, is_packed

__all__ = ["pack"]

SMALL = 16  # entries below which a tensor stays in the graph
GAP_BITS = (3, 4, 5, 6, 7, 8)


def pack(source: str | Path, path: str | Path) -> int:
    """Write an exported encoder packed, whole or not at all; return the bytes of the file.

    Args:
        source: an ``.onnx`` file written by `mvs_lib.phone.export.export_onnx`.
        path: the file to write; its folder is made if missing.

    Raises:
        FileNotFoundError, ValueError: as `mvs_lib.phone.encoder.Encoder` for ``source``; or it is
            packed already; or a tensor, or the graph, is larger than 64 MiB.
        OSError: the file cannot be written; an earlier one is then left as it was.
    """
    Encoder(source)  # refuses what is no encoder
    whole = Path(source).read_bytes()
    if is_packed(whole):
        raise ValueError(f"{source} is packed already: give the exported .onnx file")
    model = onnx.load_model_from_string(whole)
    tensors, pieces = [], []
    for each in model.graph.initializer:
        values = onnx.numpy_helper.to_array(each)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        facts, parts = _shortest(values)
        tensors.append({"name": each.name, **facts, "bytes": [len(part) for part in parts]})
        pieces += parts
        each.ClearField("raw_data")
        each.ClearField("float_data")
        each.data_location = onnx.TensorProto.EXTERNAL
        each.external_data.add(key="location", value="packed")
    properties = {each.key: each.value for each in model.metadata_props}
    about = {"bits": int(properties["bits"]), "size": int(properties["size"])}
    graph = model.SerializeToString(deterministic=True)
    if len(graph) > MOST or any(4 * math.prod(each["shape"]) > MOST for each in tensors):
        raise ValueError(f"{source} is too large to be packed: graph or a tensor over 64 MiB")
    header = {"version": VERSION, **about, "graph": len(graph), "tensors": tensors}
    pieces.insert(0, _deflated(graph))
    header["graph_bytes"] = len(pieces[0])
    text = _deflated(json.dumps(header).encode())
    content = struct.pack("<I", len(text)) + text + b"".join(pieces)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with paths.whole_file(path) as beside:
        beside.write_bytes(MAGIC + hashlib.sha256(content).digest() + content)
    return START + len(content)


def _shortest(values: np.ndarray) -> tuple[dict, list[bytes]]:
    """Return how a tensor is stored, and the deflated pieces."""
    facts = {"shape": list(values.shape)}
    flat = np.ascontiguousarray(values, "<f4").ravel()
    stored = [({**facts, "coding": "raw"}, [_deflated(flat.tobytes())])]
    patterns, labels = np.unique(flat.view("<u4"), return_inverse=True)
    if len(patterns) <= 256:
        table = patterns.tobytes()
        labels = labels.astype(np.uint8)
        stored.append(
            ({**facts, "coding": "dense"}, [_deflated(table), _deflated(labels.tobytes())])
        )
        if patterns[0] == 0:
            for bits in GAP_BITS:
                gap, value = (each.astype(np.uint8) for each in gaps(labels, bits))
                pieces = [_deflated(each.tobytes()) for each in (patterns, gap, value)]
                stored.append(({**facts, "coding": "sparse", "count": len(gap)}, pieces))
    return min(stored, key=lambda each: sum(map(len, each[1])))


def _deflated(data: bytes) -> bytes:
    """Return data deflated, with or without looking for repetitions, whichever is shorter."""
    packed = []
    for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY):
        pack = zlib.compressobj(9, zlib.DEFLATED, -15, 9, strategy)
        packed.append(pack.compress(data) + pack.flush())
    return min(packed, key=len)
