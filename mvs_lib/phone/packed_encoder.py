"""An encoder in as few bytes as its weights allow, which the phone unpacks itself. See notebook 08.

`mvs_lib.phone.packing` makes such a file, this module reads it.

What deep compression (Han, Mao, Dally, 2016) leaves of a network, a few weights of a few values,
takes as many bytes as ever in an ONNX file. Here the graph is kept without its weights, and each
tensor as whichever is shortest:

- ``raw``: its bytes;
- ``dense``: its different values, at most 256, and for each entry the label of its value;
- ``sparse``: the same for the entries other than 0, with the gaps between them
  (`mvs_lib.compress.sparse_coding`).

Everything goes through Deflate, whose Huffman codes every phone has already; labels and gaps are
streams of their own, so that they are coded as the paper has it. What is unpacked is given to ONNX
Runtime beside the graph: no ONNX file is built in between, and nothing but NumPy is needed.

Layout, little-endian: eight bytes that name the kind of file, the SHA-256 of all behind it (32
bytes), the length of the header (4 bytes), the header (JSON, deflated), the pieces.
"""

import hashlib
import json
import math
import struct
import zlib

import numpy as np
import onnxruntime

from mvs_lib.compress.sparse_coding import places

__all__ = ["MAGIC", "MOST", "START", "VERSION", "is_packed", "open_session"]

MAGIC = b"MVSPHONE"
VERSION = 1
START = len(MAGIC) + 32
MOST = 2**26  # bytes of a header, of a graph or of a tensor, at most


def is_packed(content: bytes) -> bool:
    """Whether a file's content is that of a packed encoder."""
    return content[: len(MAGIC)] == MAGIC


def open_session(
    content: bytes, options: onnxruntime.SessionOptions
) -> tuple[onnxruntime.InferenceSession, int, int]:
    """Return a running session of a packed encoder, its bits, and its photos' side in pixels.

    Args:
        content: of a file that `mvs_lib.phone.packing.pack` wrote.
        options: of the session; the weights are added to them.

    Raises:
        ValueError: cut off, altered, of another version, or forged.
    """
    if not is_packed(content):
        raise ValueError(f"its first bytes are not {MAGIC!r}")
    if hashlib.sha256(content[START:]).digest() != content[len(MAGIC) : START]:
        raise ValueError("its checksum does not fit: it is cut off or altered; fetch it again")
    try:
        header, graph, weights = _parsed(content[START:])
    except (ValueError, TypeError, KeyError, IndexError, struct.error, RecursionError, zlib.error,
            OverflowError) as error:  # fmt: skip
        raise ValueError(f"it does not hold what it claims ({error})") from None
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in weights.values()]
    options.add_external_initializers(list(weights), values)
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return session, header["bits"], header["size"]


def _parsed(content: bytes) -> tuple[dict, bytes, dict[str, np.ndarray]]:
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(_inflated(content[4 : 4 + length], MOST, exactly=False))
    if header["version"] != VERSION:
        raise ValueError(
            f"version {header['version']}, this library reads {VERSION}: update the course"
        )
    at = 4 + length

    def taken(size) -> bytes:
        nonlocal at
        if not isinstance(size, int) or not 0 <= size <= len(content) - at:
            raise ValueError("its pieces lead beyond its end")
        at += size
        return content[at - size : at]

    graph = _inflated(taken(header["graph_bytes"]), header["graph"])
    weights = {
        facts["name"]: _tensor(facts, [taken(size) for size in facts["bytes"]])
        for facts in header["tensors"]
    }
    if at != len(content):
        raise ValueError("something lies behind its tensors")
    return header, graph, weights


def _tensor(facts: dict, pieces: list[bytes]) -> np.ndarray:
    """Return a tensor, float32, equal to the last bit."""
    shape = tuple(facts["shape"])
    if not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError(f"no tensor has the shape {shape}")
    size = math.prod(shape)
    if 4 * size > MOST:
        raise ValueError(f"a tensor {shape} is too large")
    if facts["coding"] not in ("raw", "dense", "sparse"):
        raise ValueError(f"no tensor is coded as {facts['coding']!r}")
    if facts["coding"] == "raw":
        return np.frombuffer(_inflated(pieces[0], 4 * size), "<f4").reshape(shape)
    patterns = np.frombuffer(_inflated(pieces[0], 4 * 256, exactly=False), "<u4")
    if facts["coding"] == "dense":
        return _named(patterns, _inflated(pieces[1], size)).view("<f4").reshape(shape)
    count = facts["count"]
    if not isinstance(count, int) or not 0 <= count <= size:
        raise ValueError(f"{count} entries of {size}")
    gap, value = (_inflated(each, count) for each in pieces[1:])
    whole = np.full(size, _named(patterns, b"\0"))  # no array of all labels: memory is short
    whole[places(np.frombuffer(gap, np.uint8), size)] = _named(patterns, value)
    return whole.view("<f4").reshape(shape)


def _named(patterns: np.ndarray, labels: bytes) -> np.ndarray:
    """Return the values that labels name."""
    if labels and max(labels) >= len(patterns):
        raise ValueError(f"a label is beyond the {len(patterns)} values of its tensor")
    return patterns[np.frombuffer(labels, np.uint8)]


def _inflated(data: bytes, size: int, exactly: bool = True) -> bytes:
    """Return what was deflated, never more than ``size`` bytes."""
    if not isinstance(size, int) or not 0 <= size <= MOST:
        raise ValueError(f"no piece has {size} bytes")
    inflate = zlib.decompressobj(-15)
    found = inflate.decompress(data, size + 1)
    if not inflate.eof or len(found) > size or (exactly and len(found) != size):
        raise ValueError(f"a piece does not hold the {size} bytes that it should")
    return found
