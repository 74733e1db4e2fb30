"""One file for an index: a checked header and arrays that can be mapped into memory.

Layout, little-endian: eight bytes that name the kind of file, the SHA-256 of the header (32 bytes),
its length (8 bytes), the header (JSON); then the arrays, each starting at a multiple of 64 bytes.
The header holds where each array lies and the SHA-256 of everything behind it, so that no byte of
the file is unguarded. Files are written whole or not at all, and hold no pickle.
"""

import hashlib
import json
import os
import struct
from pathlib import Path

import numpy as np

from mvs_lib import paths

__all__ = ["read", "write"]

MAGIC = b"MVSINDEX"
ALIGN = 64
PIECE = 1 << 24  # bytes that are digested at once
START = len(MAGIC) + 32 + 8


def write(path: str | os.PathLike, header: dict, arrays: dict[str, np.ndarray]) -> Path:
    """Write ``header`` (JSON values; ``format`` and ``version`` among them) and ``arrays``.

    Raises:
        OSError: the file cannot be written; what was there before stays.
    """
    path, table, offset = Path(path), {}, 0
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        kind = array.dtype.newbyteorder("<").str
        table[name] = {"dtype": kind, "shape": list(array.shape), "offset": offset}
        offset += -(-array.nbytes // ALIGN) * ALIGN
    digest = hashlib.sha256()
    for piece in _pieces(arrays):
        digest.update(piece)
    whole = {**header, "arrays": table, "bytes": offset, "sha256": digest.hexdigest()}
    text = json.dumps(whole, sort_keys=True).encode()
    text += b" " * (-(START + len(text)) % ALIGN)
    length = struct.pack("<Q", len(text))
    with paths.whole_file(path) as beside, open(beside, "wb") as file:
        file.write(MAGIC + hashlib.sha256(length + text).digest() + length + text)
        for piece in _pieces(arrays):
            file.write(piece)
    return path


def _pieces(arrays):
    """Yield the bytes of the arrays as they lie in the file."""
    for array in arrays.values():
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).reshape(-1).view(np.uint8)
        for at in range(0, len(data), PIECE):
            yield data[at : at + PIECE].data
        yield bytes(-len(data) % ALIGN)


def read(
    path: str | os.PathLike, kind: str, version: int, mmap: bool = False, verify: bool = True
) -> tuple[dict, dict[str, np.ndarray]]:
    """Return the header and the arrays of a file that `write` wrote.

    Args:
        path: the file.
        kind, version: what its header must say.
        mmap: leave the arrays in the file; what is read of them is fetched when it is used. They
            can be written to, which changes memory only, never the file.
        verify: digest the whole file, which reads all of it once. Without it only the header and
            the file's length are checked.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is truncated, altered, or something else.
    """
    path = Path(path)
    with open(path, "rb") as file:
        start = file.read(START)
        if start[: len(MAGIC)] != MAGIC or len(start) < START:
            raise ValueError(f"{path} is not an index file: save one with save()")
        length = struct.unpack("<Q", start[-8:])[0]
        size = os.fstat(file.fileno()).st_size
        text = file.read(length) if length <= size else b""
        if hashlib.sha256(start[-8:] + text).digest() != start[len(MAGIC) : -8]:
            raise ValueError(f"{path} is damaged or cut off in its header: save the index again")
        try:
            header = dict(json.loads(text))
            table, given = dict(header["arrays"]), int(header["bytes"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} has a header that says nothing ({error})") from error
        if header.get("format") != kind or header.get("version") != version:
            raise ValueError(
                f"{path} holds {header.get('format')!r} version {header.get('version')!r}, "
                f"not {kind!r} version {version}"
            )
        if size != START + length + given:
            raise ValueError(
                f"{path} is cut off or grew: {size} bytes instead of {START + length + given}; "
                "save the index again"
            )
        if not given:
            content = np.empty(0, np.uint8)
        else:
            content = np.asarray(np.memmap(file, np.uint8, "c", offset=START + length, shape=given))
    if verify and _digest(content) != header.get("sha256"):
        raise ValueError(f"{path} was altered: its checksum does not fit; save the index again")
    try:
        arrays = {name: _array(content, **where) for name, where in table.items()}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} has arrays that do not fit into it ({error})") from error
    return header, arrays if mmap else {name: array.copy() for name, array in arrays.items()}


def _digest(content: np.ndarray) -> str:
    digest = hashlib.sha256()
    for at in range(0, len(content), PIECE):
        digest.update(content[at : at + PIECE].data)
    return digest.hexdigest()


def _array(content: np.ndarray, dtype: str, shape: list, offset: int) -> np.ndarray:
    kind, shape = np.dtype(dtype), tuple(int(side) for side in shape)
    if kind.hasobject or min(shape, default=0) < 0 or offset < 0 or offset % ALIGN:
        raise ValueError("not a plain array")
    count = int(np.prod(shape, dtype=object)) * kind.itemsize
    if offset + count > len(content):
        raise ValueError("an array reaches behind the end")
    return content[offset : offset + count].view(kind).reshape(shape)
