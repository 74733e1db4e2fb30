"""A compressed network as a file: checked, read back bit-equal, safe to get from anybody.

Layout, little-endian: eight bytes that name the kind of file, the SHA-256 of all behind it (32
bytes), the length of the header (4 bytes), the header (JSON, deflated), then the pieces of the
tensors (`mvs_lib.compress.tensor_coding`) one after another. The header holds the version, what the
network is, its replaced layers (`mvs_lib.compress.structure`), and how each tensor is stored.

A checksum finds accidents; who forges a file can forge that, too. So whatever the header claims is
checked before memory is taken for it: the network is first built without memory for its weights
(torch's ``meta`` device), and no file may claim a network hundreds of times its size.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from mvs_lib import paths
from mvs_lib.compress.pruning import settled
from mvs_lib.compress.quantized_cnn import LookUp
from mvs_lib.compress.structure import changed_layers, restored
from mvs_lib.compress.svd import Biclustered, Monochromatic
from mvs_lib.compress.tensor_coding import decode_tensor, encode_tensor
from mvs_lib.compress.vector_quantization import QuantizedWeights

__all__ = ["read", "write"]

MAGIC = b"MVSSMALL"
VERSION = 1
START = len(MAGIC) + 32
HEADER = 2**20  # bytes of a header, at most
SMALLEST = 200  # entries a byte of the file, at most: 800 times smaller than in 32 bits

Build = Callable[[dict], nn.Module]


def write(path: str | Path, network: nn.Module, config: dict, build: Build, **about) -> int:
    """Write a network, whole or not at all; return the bytes of the file.

    Args:
        path: the file; its folder is made if missing.
        network: compressed; masks and codebooks of training are settled first.
        config: JSON-able, what ``build`` makes the uncompressed network of.
        build: makes a network of ``config``, as `read` will.
        **about: JSON-able facts to be read again: the method, figures, names.

    Raises:
        ValueError: a layer that no file can hold, or weights of an unknown precision.
        TypeError: a fact that JSON cannot hold.
        OSError: the file cannot be written; an earlier one is then left as it was.
    """
    path, network = Path(path), settled(network)
    config = json.loads(json.dumps(config))
    with torch.device("meta"):
        layers = changed_layers(network, build(config))
    tensors, pieces = [], []
    for name, tensor in network.state_dict().items():
        facts, parts = encode_tensor(tensor.detach().cpu().numpy())
        tensors.append({"name": name, **facts, "bytes": [len(part) for part in parts]})
        pieces += parts
    header = {"version": VERSION, "config": config, "layers": layers, "tensors": tensors}
    header = zlib.compress(json.dumps({**header, "about": about}).encode(), 9)
    content = struct.pack("<I", len(header)) + header + b"".join(pieces)
    path.parent.mkdir(parents=True, exist_ok=True)
    with paths.whole_file(path) as beside:
        beside.write_bytes(MAGIC + hashlib.sha256(content).digest() + content)
    return START + len(content)


def read(path: str | Path, build: Build) -> tuple[nn.Module, dict]:
    """Read a network that `write` wrote; return it, in evaluation mode, and the facts about it.

    Args:
        path: the file.
        build: makes a network of a configuration; ValueError or TypeError if it is none.

    Raises:
        FileNotFoundError: no such file.
        ValueError: cut off, altered, of another kind or version, or forged.
    """
    data = Path(path).read_bytes()
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError(f"{path} is no compressed network: its first bytes are not {MAGIC!r}")
    if hashlib.sha256(data[START:]).digest() != data[len(MAGIC) : START]:
        raise ValueError(f"{path} is cut off or altered: its checksum does not fit; fetch it again")
    try:
        return _parsed(data[START:], build)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, struct.error,
            RecursionError, zlib.error) as error:  # fmt: skip
        raise ValueError(f"{path} does not hold what it claims ({error})") from None


def _parsed(content: bytes, build: Build) -> tuple[nn.Module, dict]:
    (length,) = struct.unpack_from("<I", content)
    inflate = zlib.decompressobj()
    text = inflate.decompress(content[4 : 4 + length], HEADER)
    if not inflate.eof:
        raise ValueError(f"its header is cut off or longer than {HEADER} bytes")
    header = json.loads(text)
    if header["version"] != VERSION:
        raise ValueError(
            f"version {header['version']}, this library reads {VERSION}: update the course"
        )
    with torch.device("meta"):
        shape = restored(build(header["config"]), header["layers"]).state_dict()
    claimed = {facts["name"]: tuple(facts["shape"]) for facts in header["tensors"]}
    if claimed != {name: tuple(value.shape) for name, value in shape.items()}:
        raise ValueError("its tensors are not those of its network")
    entries = sum(value.numel() for value in shape.values())
    if entries > SMALLEST * len(content):
        raise ValueError(f"{entries} entries in {len(content)} bytes")
    at, found = 4 + length, {}
    for facts in header["tensors"]:
        pieces = []
        for size in facts["bytes"]:
            if not isinstance(size, int) or not 0 <= size <= len(content) - at:
                raise ValueError("its tensors lead beyond its end")
            pieces.append(content[at : at + size])
            at += size
        found[facts["name"]] = torch.from_numpy(decode_tensor(facts, pieces))
    if at != len(content):
        raise ValueError("something lies behind its tensors")
    network = restored(build(header["config"]), header["layers"])
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() != found[name].is_floating_point():
            raise ValueError(f"{name} is of another kind than the network's")
    network.load_state_dict(found, assign=True)
    _check_labels(network)
    return network.eval(), header["about"]


def _check_labels(network: nn.Module) -> None:
    """Refuse labels that lead beyond their codebooks: looking one up would read elsewhere."""
    for name, layer in network.named_modules():
        if isinstance(layer, QuantizedWeights | LookUp):
            given = [(layer.labels, layer.codebooks.shape[1])]
        elif isinstance(layer, Monochromatic):
            given = [(layer.colour, layer.mix.out_channels)]
        elif isinstance(layer, Biclustered):
            given = [(order, len(order)) for order in (layer.order, layer.back)]
        else:
            continue
        for labels, most in given:
            if labels.dtype != torch.int64 or labels.min() < 0 or labels.max() >= most:
                raise ValueError(f"labels of {name} lead beyond its {most} values")
