"""A trained autoencoder as a file: safetensors with a checked header, weights of 16 bits.

Only weights and biases are rounded; what `mvs_lib.deep.checkpoint` says of networks holds here.
"""

import itertools
from pathlib import Path

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from mvs_lib.deep.checkpoint import read_tensors, write_tensors
from mvs_lib.deep.methods.autoencoder import DeepAutoencoder

__all__ = ["FORMAT", "halved", "load", "save"]

FORMAT = "mvs-autoencoder"
VERSION = 1


def halved(autoencoder: DeepAutoencoder) -> DeepAutoencoder:
    """Round the weights and biases of a fitted autoencoder to 16 bits, in place; return it."""
    for parts in (autoencoder.weights_, autoencoder.biases_):
        parts[:] = [part.astype(np.float16).astype(np.float64) for part in parts]
    return autoencoder


def save(autoencoder: DeepAutoencoder, path: str | Path, **about) -> None:
    """Write a fitted autoencoder and what is to be known of it.

    Args:
        autoencoder: stays as it is.
        path: a ``.safetensors`` file; never left half written.
        **about: JSON-able facts: ``command``, ``seed``, ``versions``, measured figures.

    Raises:
        sklearn.exceptions.NotFittedError: there is nothing to write yet.
        ValueError: a fact has a name that the file itself needs.
        TypeError, OSError: see `mvs_lib.deep.checkpoint.write_tensors`.
    """
    check_is_fitted(autoencoder, "bits_")
    header = {"format": FORMAT, "version": VERSION, "arguments": autoencoder.get_params()}
    if taken := {*header, "sha256"} & about.keys():
        raise ValueError(f"call these facts something else, the file needs them: {sorted(taken)}")
    tensors = {
        "mean": autoencoder.mean_,
        "scale": autoencoder.scale_,
        "loss": autoencoder.loss_,
        "pretraining_error": np.array(autoencoder.pretraining_error_),
    }
    for number, parts in enumerate(zip(autoencoder.weights_, autoencoder.biases_, strict=True)):
        for name, part in zip(("weights", "biases"), parts, strict=True):
            tensors[f"{name}.{number}"] = part.astype(np.float16)
    write_tensors(path, {k: torch.from_numpy(v) for k, v in tensors.items()}, {**header, **about})


def load(path: str | Path) -> tuple[DeepAutoencoder, dict]:
    """Read an autoencoder and what is known of it.

    Returns:
        The autoencoder, fitted; and the header, with the ``about`` of `save` in it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, of another format or version, or tensors that do not fit together.
    """
    tensors, about = read_tensors(path, FORMAT)
    if about.get("version") != VERSION:
        raise ValueError(
            f"{path} has version {about.get('version')}, this library reads {VERSION}: "
            "update the course"
        )
    try:
        return _fitted({k: v.double().numpy() for k, v in tensors.items()}, about), about
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: the tensors do not fit the autoencoder it names ({error})"
        ) from None


def _fitted(tensors: dict[str, np.ndarray], about: dict) -> DeepAutoencoder:
    arguments = about["arguments"]
    autoencoder = DeepAutoencoder(**{**arguments, "hidden": tuple(arguments["hidden"])})
    up = [len(tensors["mean"]), *autoencoder.hidden, int(autoencoder.bits)]
    units = [*up, *up[-2::-1]]
    wanted = {"mean": (up[0],), "scale": (up[0],)}
    for number, (before, after) in enumerate(itertools.pairwise(units)):
        wanted |= {f"weights.{number}": (before, after), f"biases.{number}": (after,)}
    for name, shape in wanted.items():
        if tensors[name].shape != shape:
            raise ValueError(f"{name} is {tensors[name].shape}, not {shape}")
    layers = range(len(units) - 1)
    autoencoder.mean_, autoencoder.scale_ = tensors["mean"], tensors["scale"]
    autoencoder.weights_ = [tensors[f"weights.{number}"] for number in layers]
    autoencoder.biases_ = [tensors[f"biases.{number}"] for number in layers]
    autoencoder.loss_ = tensors["loss"]
    autoencoder.pretraining_error_ = tensors["pretraining_error"].tolist()
    autoencoder.n_features_in_, autoencoder.bits_ = up[0], int(autoencoder.bits)
    return autoencoder
