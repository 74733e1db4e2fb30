"""A network's weights in a file that is mapped, not loaded. Taught in notebook 08.

Mapping a file gives addresses, not memory: a page of it is read when it is first touched, and may
be given back at once, as the file still holds it. So a phone can multiply by a matrix that is
larger than the memory it may take, some rows at a time (`mvs_lib.phone.streamed`).

Layout, little-endian: eight bytes that name the kind of file, the SHA-256 of all behind it (32
bytes), the length of the header (4 bytes), the header (JSON), zeros up to byte 4096, then the
tensors in float32, row-major, each beginning at a multiple of 4096 bytes (a page). The header holds
the version, facts about the network, and each tensor's name, shape and place.
"""

import hashlib
import json
import math
import mmap
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mvs_lib import paths

__all__ = ["WeightFile", "places", "write"]

MAGIC = b"MVSWEIGH"
VERSION = 1
START = len(MAGIC) + 32  # of what the checksum covers
PAGE = 4096  # bytes; the header's room, and what every tensor's place is a multiple of


def places(shapes: Mapping[str, Iterable[int]]) -> dict[str, int]:
    """Return where `write` puts each tensor, in bytes from the start of the file.

    >>> places({"weight": (2, 700), "bias": (2,)})
    {'weight': 4096, 'bias': 12288}
    """
    found, at = {}, PAGE
    for name, shape in shapes.items():
        found[name] = at
        at += -(-4 * math.prod(shape) // PAGE) * PAGE
    return found


def write(path: str | Path, tensors: Mapping[str, np.ndarray], **about) -> int:
    """Write tensors, whole or not at all; return the bytes of the file.

    Args:
        path: the file; its folder is made if missing.
        tensors: float32, by name, in the order they shall lie in.
        **about: JSON-able facts to be read again.

    Raises:
        ValueError: a tensor that is not float32, or more facts than the header's page holds.
        TypeError: a fact that JSON cannot hold.
        OSError: the file cannot be written; an earlier one is then left as it was.
    """
    path = Path(path)
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32:
            raise ValueError(f"{name} is {tensor.dtype}: a weight file holds float32; convert it")
    at = places({name: tensor.shape for name, tensor in tensors.items()})
    entries = [
        {"name": name, "shape": list(tensor.shape), "at": at[name]}
        for name, tensor in tensors.items()
    ]
    header = json.dumps({"version": VERSION, "about": about, "tensors": entries}).encode()
    if START + 4 + len(header) > PAGE:
        raise ValueError(f"a header of {len(header)} bytes: names and facts must fit one page")
    path.parent.mkdir(parents=True, exist_ok=True)
    with paths.whole_file(path) as beside, open(beside, "w+b") as file:
        file.write(MAGIC + bytes(32) + struct.pack("<I", len(header)) + header)
        for name, tensor in tensors.items():
            file.seek(at[name])
            file.write(np.ascontiguousarray(tensor, "<f4").data)
        file.flush()
        length = -(-file.seek(0, 2) // PAGE) * PAGE
        file.truncate(length)
        digest = _digest(file)
        file.seek(len(MAGIC))
        file.write(digest)
    return length


class WeightFile:
    """An open weight file, checked, of which nothing is in memory yet.

    The checksum is computed here, a piece at a time, so that opening takes the time to read the
    file once and the memory of one piece. The file must not change while it is open.

    Args:
        path: a file from `write`.

    Attributes:
        about: the facts given to `write`.
        mapped: the file's bytes, a read-only mapping.
        places: each tensor's first byte in the file, by name.

    Raises:
        FileNotFoundError: no such file.
        ValueError: cut off, altered, of another kind or version, or not what it claims.
    """

    def __init__(self, path: str | Path):
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no weight file {path}: export the network again")
        with open(path, "rb") as file:
            start = file.read(START)
            if start[: len(MAGIC)] != MAGIC:
                raise ValueError(f"{path} is no weight file: its first bytes are not {MAGIC!r}")
            if start[len(MAGIC) :] != _digest(file):
                raise ValueError(
                    f"{path} is cut off or altered: its checksum does not fit; export it again"
                )
            self.mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            self._parse()
        except (ValueError, TypeError, KeyError, AttributeError, struct.error,
                RecursionError) as error:  # fmt: skip
            raise ValueError(f"{path} does not hold what it claims ({error})") from None

    def _parse(self) -> None:
        (length,) = struct.unpack_from("<I", self.mapped, START)
        if START + 4 + length > PAGE:
            raise ValueError(f"its header of {length} bytes is longer than a page")
        header = json.loads(self.mapped[START + 4 : START + 4 + length])
        if header["version"] != VERSION:
            raise ValueError(
                f"version {header['version']}, this library reads {VERSION}: update the course"
            )
        self.about, shapes = dict(header["about"]), {}
        for entry in header["tensors"]:
            shape = shapes[entry["name"]] = tuple(entry["shape"])
            if not all(isinstance(side, int) and side > 0 for side in shape):
                raise ValueError(f"{entry['name']} has the shape {shape}")
        self.places = places(shapes)
        if [self.places[entry["name"]] for entry in header["tensors"]] != [
            entry["at"] for entry in header["tensors"]
        ] or places({**shapes, "": ()})[""] != len(self.mapped):
            raise ValueError("its tensors do not lie one behind the other up to its end")
        self._shapes = shapes

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a tensor, float32, read-only: its pages are read where it is touched."""
        shape, at = self._shapes[name], self.places[name]
        return np.frombuffer(self.mapped, "<f4", math.prod(shape), at).reshape(shape)

    def __contains__(self, name: str) -> bool:
        return name in self._shapes


def _digest(file: BinaryIO) -> bytes:
    """Return the SHA-256 of all that the checksum covers."""
    file.seek(START)
    return hashlib.file_digest(file, "sha256").digest()
