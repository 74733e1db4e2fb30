"""Trained networks as files: safetensors with a checked header, never pickle.

The header says what the network is (bits, classes, trunk), what its classes are called, and how
it was made: command, seed, versions, measured figures.
"""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from mvs_lib.deep.network import HashNetwork

__all__ = ["load", "read_tensors", "save", "write_tensors"]

FORMAT = "mvs-hash-network"
VERSION = 1


def write_tensors(path: str | Path, tensors: dict[str, torch.Tensor], about: dict) -> None:
    """Write tensors and a JSON-able header ``about`` to ``path``, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    try:
        save_file(tensors, beside, {"about": json.dumps(about)})
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read_tensors(path: str | Path, expected: str) -> tuple[dict[str, torch.Tensor], dict]:
    """Read what `write_tensors` wrote.

    Args:
        path: the file.
        expected: what ``about["format"]`` must say.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a safetensors file, damaged, or of another format.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no file {path}")
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a readable safetensors file ({error})") from None
    if not isinstance(about, dict) or about.get("format") != expected:
        raise ValueError(f"{path} is a safetensors file, but not of the format {expected!r}")
    return tensors, about


def save(network: HashNetwork, path: str | Path, **about) -> None:
    """Write a network and what is to be known of it.

    Args:
        network: its weights are stored in the precision they have.
        path: a ``.safetensors`` file; never left half written.
        **about: JSON-able facts: ``names`` of the classes, ``size`` of the photos in pixels,
            ``method``, ``command``, ``seed``, ``versions``, measured figures.
    """
    header = {"format": FORMAT, "version": VERSION, "network": network.config, **about}
    write_tensors(path, network.state_dict(), header)


def load(path: str | Path) -> tuple[HashNetwork, dict]:
    """Read a network, in evaluation mode, and its header.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, of another format or a newer version, or tensors that do not fit.
    """
    tensors, about = read_tensors(path, FORMAT)
    if about.get("version") != VERSION:
        raise ValueError(
            f"{path} has version {about.get('version')}, this library reads {VERSION}: "
            "update the course"
        )
    try:
        network = HashNetwork(**about["network"])
        network.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path}: the weights do not fit the network it names ({error})") from None
    return network.eval(), about
