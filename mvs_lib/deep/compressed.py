"""Compressed hash networks: taught on, written to a file, read again. Taught in notebook 07."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from mvs_lib.compress import compressed_file
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods.method import Method
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.recipe import learn_hash
from mvs_lib.deep.settings import Settings

__all__ = ["learn_on", "load", "save"]


def save(network: HashNetwork, path: str | Path, **about) -> int:
    """Write a network, whole or not at all; return the bytes of the file.

    Args:
        network: with any of its layers compressed.
        path: the file.
        **about: JSON-able facts to be read again.

    Raises:
        ValueError, TypeError, OSError: see `mvs_lib.compress.compressed_file.write`.
    """
    return compressed_file.write(path, network, network.config, _build, **about)


def load(path: str | Path) -> tuple[HashNetwork, dict]:
    """Read what `save` wrote; return the network, in evaluation mode, and the facts about it.

    Raises:
        FileNotFoundError, ValueError: see `mvs_lib.compress.compressed_file.read`.
    """
    return compressed_file.read(path, _build)


def _build(config: dict) -> HashNetwork:
    return HashNetwork(**config)


def learn_on(
    method: Callable[[], Method], photos: Photos, settings: Settings, seed: int = 0,
    muon: bool = False, progress: bool = True,
) -> Callable[[nn.Module], nn.Module]:  # fmt: skip
    """Return a step of a pipeline that teaches a compressed network on.

    Args:
        method: makes the loss, one of `mvs_lib.deep.methods`.
        photos: to learn from.
        settings: of the training; small rates, since nearly everything is there.
        seed: of the order and the views of the photos.
        muon: whether the trunk's kernels and matrices go by `mvs_lib.deep.muon.Muon`, as a fresh
            network's do, or by SGD as all else. Only where a normalisation follows each, or each
            chain of them (`mvs_lib.compress.folding.unfolded`), and where none are codebooks: Muon
            sets their norms.
        progress: show a progress bar.
    """

    def step(network: nn.Module) -> nn.Module:
        network = copy.deepcopy(network)
        network.trunk.orthogonal = muon
        taught, history = learn_hash(
            network, method(), photos, seed, replace(settings, seed=seed), progress=progress
        )
        if history.interrupted:
            raise KeyboardInterrupt
        return taught

    return step
