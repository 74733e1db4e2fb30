"""The trained models that come with the course: written with their provenance, and listed.

``data/checkpoints/README.md`` is the list, made from the files' own headers.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from mvs_lib import paths
from mvs_lib.benchmarks import report
from mvs_lib.benchmarks.method_names import method_name
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import autoencoder_file, checkpoint, compressed
from mvs_lib.deep.methods import DeepAutoencoder
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.settings import Settings

__all__ = ["provenance", "ship", "ship_autoencoder", "ship_small", "update"]

LIST = "README.md"
SMALL = ".small"  # the ending of a compressed network's file
FIGURES = ("map", "map_at_1000", "top1")


def ship(
    network: HashNetwork,
    row: dict,
    photos: Photos,
    benchmark: str,
    pretraining: Settings,
    hashing,
    name: str | None = None,
) -> Path:
    """Write a network, weights of 16 bits, as one that comes with the course; renew the list.

    Args:
        network: halved in place.
        row: its row in the benchmark: method, bits, seed, figures.
        photos: that it learned from.
        benchmark: whose run made it.
        pretraining, hashing: dataclasses, the settings of the two steps.
        name: of the file without its ending; ``DATA_METHOD_BITS`` if None.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written.
    """
    name = name or f"{row['data'].lower()}_{row['method']}_{row['bits']}"
    file = paths.checkpoints() / f"{name}.safetensors"
    checkpoint.save(
        network.half(),
        file,
        names=list(photos.names),
        size=photos.images.shape[1],
        method=row["method"],
        pretraining=asdict(pretraining),
        hashing=asdict(hashing),
        **_made(row, benchmark),
    )
    update()
    return file


def ship_autoencoder(autoencoder: DeepAutoencoder, row: dict, benchmark: str, name: str) -> Path:
    """Write an autoencoder as one that comes with the course; renew the list.

    Args:
        autoencoder: fitted.
        row: its row in the benchmark: features, seed, figures.
        benchmark: whose run made it.
        name: of the file without its ending.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written.
    """
    file = paths.checkpoints() / f"{name}.safetensors"
    about = _made(row, benchmark)
    autoencoder_file.save(autoencoder, file, features=row["features"], **about)
    update()
    return file


def ship_small(network: HashNetwork, row: dict, photos: Photos, benchmark: str, name: str) -> Path:
    """Write a compressed network as one that comes with the course; renew the list.

    Args:
        network: with any of its layers compressed.
        row: its row in the benchmark: method, seed, figures.
        photos: that it learned from.
        benchmark: whose run made it.
        name: of the file without its ending.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written.
    """
    file = paths.checkpoints() / f"{name}{SMALL}"
    about = {"names": list(photos.names), "size": photos.images.shape[1], "method": row["method"]}
    compressed.save(network, file, **about, **_made(row, benchmark))
    update()
    return file


def _made(row: dict, benchmark: str) -> dict:
    """Say how a model was made, and its figures."""
    return {
        "command": f"python -m mvs_lib bench {benchmark}",
        "seed": row["seed"],
        "commit": report.commit(),
        "versions": report.versions(),
        "hardware": report.hardware(),
        "threads": torch.get_num_threads(),
        **{figure: row[figure] for figure in FIGURES if figure in row},
    }


def provenance() -> str:
    """Return the list of the shipped models as Markdown: what each is, and how it was made.

    Raises:
        ValueError: a file is damaged, was altered, or is of a format that the course does not ship.
    """
    lines = [
        "# The models that come with the course",
        "",
        "Weights of 16 bits in safetensors, and compressed networks (`.small`); the header of each "
        "file says more than stands here. A model's command trains it anew.",
        "",
        "| File | Bytes | SHA-256 | Model | MAP | Made by | Seed | Commit | Hardware |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    found = paths.checkpoints().iterdir()
    for file in sorted(each for each in found if each.suffix in (".safetensors", SMALL)):
        what, about = _read(file)
        cells = (
            file.name, file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest(),
            what, about["map"],
            f"`{about['command']}`", about["seed"], about["commit"][:12], about["hardware"],
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _read(file: Path) -> tuple[str, dict]:
    """Return what a model is, in words, and its header; read it whole, so that it is checked."""
    if file.suffix == SMALL:
        network, about = compressed.load(file)
        return f"{about['method']}, {network.bits} bits", about
    try:
        with safe_open(file, "pt") as opened:
            form = json.loads((opened.metadata() or {}).get("about", "{}")).get("format")
    except SafetensorError as error:
        raise ValueError(f"{file} is not a readable safetensors file ({error})") from None
    if form == autoencoder_file.FORMAT:
        autoencoder, about = autoencoder_file.load(file)
        return f"autoencoder, {autoencoder.bits} bits, {about['features']}", about
    network, about = checkpoint.load(file)
    trunk = network.config.get("trunk", "small")
    return f"{method_name(about['method'])}, {network.bits} bits, {trunk} trunk", about


def update() -> None:
    """Write the list anew.

    Raises:
        ValueError, OSError: see `provenance`; the list cannot be written.
    """
    with paths.whole_file(paths.checkpoints() / LIST) as beside:
        beside.write_text(provenance(), encoding="utf-8", newline="\n")
