"""Trained networks as files: safetensors with a checked header, never pickle.

The header says what the network is (bits, classes, trunk), what its classes are called, and how
it was made: command, seed, versions, measured figures. Safetensors itself does not notice a weight
that changed on the disk, so the header also holds a checksum of everything.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from mvs_lib import paths
from mvs_lib.deep.network import HashNetwork

__all__ = ["load", "read_tensors", "save", "write_tensors"]

FORMAT = "mvs-hash-network"
VERSION = 1


def write_tensors(path: str | Path, tensors: dict[str, torch.Tensor], about: dict) -> None:
    """Write tensors and a header to ``path``, whole or not at all.

    Args:
        path: the file; its folder is made if missing.
        tensors: any shapes, dtypes and devices, by name.
        about: JSON-able facts; ``"format"`` says what kind of file it is. A ``"sha256"`` of the
            facts and the tensors is added.

    Raises:
        TypeError: a fact that JSON cannot hold.
        OSError: the file cannot be written; an earlier one is then left as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    header = {**about, "sha256": _checksum(about, tensors)}
    with paths.whole_file(path) as beside:
        # save_file would make a file that only its owner may read
        beside.write_bytes(to_bytes(tensors, {"about": json.dumps(header)}))


def read_tensors(path: str | Path, expected: str) -> tuple[dict[str, torch.Tensor], dict]:
    """Read what `write_tensors` wrote.

    Args:
        path: the file.
        expected: what ``about["format"]`` must say.

    Returns:
        The tensors by name, on the CPU, and ``about`` as JSON gives it back (tuples as lists).

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a safetensors file, of another format, cut off, or altered by one bit.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a readable safetensors file ({error})") from None
    if not isinstance(about, dict) or about.get("format") != expected:
        raise ValueError(f"{path} is a safetensors file, but not of the format {expected!r}")
    if about.pop("sha256", None) != _checksum(about, tensors):
        raise ValueError(
            f"{path} was altered: its checksum does not fit; fetch the file again, or train anew"
        )
    return tensors, about


def save(network: HashNetwork, path: str | Path, **about) -> None:
    """Write a network and what is to be known of it.

    Args:
        network: its weights are stored in the precision they have.
        path: a ``.safetensors`` file; never left half written.
        **about: JSON-able facts: ``names`` of the classes, ``size`` of the photos in pixels,
            ``method``, ``command``, ``seed``, ``versions``, measured figures.

    Raises:
        ValueError: a fact has a name that the file itself needs.
        TypeError, OSError: see `write_tensors`.
    """
    if taken := {"format", "version", "sha256"} & about.keys():
        raise ValueError(f"call these facts something else, the file needs them: {sorted(taken)}")
    header = {"format": FORMAT, "version": VERSION, "network": network.config, **about}
    write_tensors(path, network.state_dict(), header)


def load(path: str | Path) -> tuple[HashNetwork, dict]:
    """Read a network and what is known of it.

    Returns:
        The network, float32, on the CPU, in evaluation mode; and the header, with the ``about`` of
        `save` in it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, of another format or version, or tensors that do not fit.
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


def _checksum(about: dict, tensors: dict[str, torch.Tensor]) -> str:
    about = json.loads(json.dumps(about))  # as it will be read: keys text, tuples lists
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
