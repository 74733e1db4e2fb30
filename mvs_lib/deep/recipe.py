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

__all__ = ["HASHING", "PRETRAINING", "learn_hash", "pretrain"]

PRETRAINING = Settings(epochs=8, precision="bf16")
HASHING = Settings(epochs=6, learning_rate=0.03, head_rate=20.0, precision="bf16")


def pretrain(
    photos: Photos,
    bits: int = 48,
    seed: int = 0,
    settings: Settings = PRETRAINING,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> tuple[HashNetwork, History]:
    """Teach a fresh network's trunk to tell the places apart; its hash layer stays fresh.

    Args:
        photos: the source photos; see `mvs_lib.deep.training.train`.
        bits: length of the code.
        seed: takes the place of ``settings.seed``.
        settings: of the run.
        checkpoint: as in `mvs_lib.deep.training.train`.
        progress: show a progress bar.

    Returns:
        The network and what happened.

    Raises:
        ValueError: see `mvs_lib.deep.training.train`.
    """
    settings = replace(settings, seed=seed)
    network = build_network(settings, bits=bits, classes=max(2, len(photos.names)))
    loss = Pretraining(network)
    history = train(network, loss, photos, settings, checkpoint=checkpoint, progress=progress)
    return network, history


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
