"""From photos to a trained hash network in two steps, on two cores. Taught in notebook 03.

The trunk first learns to see (`pretraining`), then a fresh hash layer and classifier learn on it
with the trunk, by whichever loss. The settings were chosen on a validation split of the campus's
source photos, the same for every method: ``python -m mvs_lib bench campus_settings``.
"""

import copy
from dataclasses import replace
from pathlib import Path

from torch import nn

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.pretraining import Pretraining
from mvs_lib.deep.training import Callback, History, Settings, build_network, train

__all__ = ["HASHING", "PRETRAINING", "learn_hash", "pretrain", "with_fresh_head"]

PRETRAINING = Settings(epochs=8, precision="bf16")
HASHING = Settings(epochs=6, learning_rate=0.03, head_rate=20.0, precision="bf16")


def pretrain(
    photos: Photos,
    bits: int = 48,
    seed: int = 0,
    settings: Settings = PRETRAINING,
    checkpoint: str | Path | None = None,
    progress: bool = True,
    smoothing: float = 0.0,
    callbacks: tuple[Callback, ...] = (),
    **config,
) -> tuple[HashNetwork, History]:
    """Teach a fresh network's trunk to tell the places apart; its hash layer stays fresh.

    Args:
        photos: the source photos; see `mvs_lib.deep.training.train`.
        bits: length of the code.
        seed: takes the place of ``settings.seed``.
        settings: of the run.
        checkpoint: as in `mvs_lib.deep.training.train`.
        progress: show a progress bar.
        smoothing: of the labels, see `mvs_lib.deep.pretraining`.
        callbacks: as in `mvs_lib.deep.training.train`.
        **config: given to `HashNetwork`: the ``trunk`` and its options.

    Returns:
        The network and what happened.

    Raises:
        ValueError: see `mvs_lib.deep.training.train`.
        OSError: the trunk's pretrained weights cannot be had.
    """
    settings = replace(settings, seed=seed)
    classes = max(2, len(photos.names))
    network = build_network(settings, photos, bits=bits, classes=classes, **config)
    loss = Pretraining(network, smoothing)
    history = train(
        network,
        loss,
        photos,
        settings,
        callbacks=callbacks,
        checkpoint=checkpoint,
        progress=progress,
    )
    return network, history


def with_fresh_head(network: HashNetwork, bits: int, seed: int = 0, **config) -> HashNetwork:
    """Return a network of another length on a copy of the same trunk.

    Args:
        network: from `pretrain`; left as it was.
        bits: length of the code.
        seed: of the new hash layer and classifier.
        **config: what else shall differ, given to `HashNetwork`.
    """
    fresh = build_network(Settings(seed=seed), **{**network.config, "bits": bits, **config})
    fresh.trunk.load_state_dict(network.trunk.state_dict())
    return fresh


def learn_hash(
    network: HashNetwork,
    loss: nn.Module,
    photos: Photos,
    seed: int = 0,
    settings: Settings = HASHING,
    callbacks: tuple[Callback, ...] = (),
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> tuple[HashNetwork, History]:
    """Teach a pretrained network its bits; ``network`` itself is left as it was.

    Args:
        network: from `pretrain`.
        loss: one of `mvs_lib.deep.methods`.
        photos, callbacks, checkpoint, progress: as in `mvs_lib.deep.training.train`.
        seed: takes the place of ``settings.seed``.
        settings: of the run.

    Returns:
        The trained network and what happened.
    """
    network = copy.deepcopy(network)
    history = train(
        network,
        loss,
        photos,
        replace(settings, seed=seed),
        callbacks=callbacks,
        checkpoint=checkpoint,
        progress=progress,
    )
    return network, history
