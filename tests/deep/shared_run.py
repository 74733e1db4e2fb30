"""What two processes train together, and one alone: ``shared_run.py FOLDER``, run by torchrun.

Started by test_processes.py; the tests of a process read what both wrote.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import processes
from mvs_lib.deep.methods import SSDH
from mvs_lib.deep.methods.method import Method
from mvs_lib.deep.pretraining import Pretraining
from mvs_lib.deep.training import Settings, build_network, train

SETTINGS = Settings(
    epochs=2, batch_size=12, learning_rate=0.05, augment=0.3, mirror=True, shift=2, seed=1
)


class Terms(NamedTuple):
    total: torch.Tensor
    far: torch.Tensor


class Pairs(Method):
    """A loss of pairs over two views of every photo, weighted by which photos they are."""

    uses_index = True

    def views(self, images, random):
        noise = random.integers(-20, 21, images.shape)
        return np.concatenate([images, np.clip(images + noise, 0, 255).astype(np.uint8)])

    def forward(self, outputs, labels, index):
        n = len(labels)
        latent = outputs.latent
        near = (latent[:n] - latent[n:]).square().mean()
        same = (labels[:, None] == labels[None, :]).to(latent.dtype)
        agree = torch.sigmoid(outputs.projection[:n] @ outputs.projection[:n].T / 4)
        weight = 1 + (index[:, None] - index[None, :]).abs() / 30
        far = (weight * (agree - same).square()).mean()
        return Terms(near + far, far)


def photos():
    random = np.random.default_rng(5)
    labels = np.arange(36) % 3
    images = random.integers(0, 200, (3, 32, 32, 3))[labels] + random.integers(
        0, 56, (36, 32, 32, 3)
    )
    return Photos(images.astype(np.uint8), labels, ("a", "b", "c"))


CASES = {
    "pairs": (lambda network: Pairs(), {"trunk": "small", "features": 8}),
    "balance": (lambda network: SSDH(gamma=3, balance="bit"), {"trunk": "airbench"}),
    "pretraining": (lambda network: Pretraining(network, 0.1), {"trunk": "small", "features": 8}),
}


def run(name, double, checkpoint=None, settings=SETTINGS):
    """Return every weight after the run, and the mean loss of each epoch."""
    make, config = CASES[name]
    network = build_network(settings, photos(), bits=6, classes=3, width=4, **config)
    network = network.double() if double else network
    loss = make(network)
    loss = loss.double() if double else loss
    history = train(network, loss, photos(), settings, checkpoint=checkpoint, progress=False)
    state = nn.ModuleDict({"network": network, "loss": loss}).state_dict()
    losses = torch.tensor(history.terms["total"], dtype=torch.float64)
    return {name: value.clone().contiguous() for name, value in state.items()} | {"losses": losses}


def main(folder):
    processes.start()
    rank = torch.distributed.get_rank()
    assert processes.count() == 2 and processes.first() == (rank == 0)
    for name in CASES:
        for double in (True, False):
            path = folder / f"{name}-{double}-{rank}.safetensors"
            save_file(run(name, double, folder / f"{name}-{double}.state"), path)
    try:
        odd = Settings(**{**SETTINGS.described(), "batch_size": 9})
        run("pairs", False, settings=odd)
    except ValueError as error:
        (folder / f"refused-{rank}.txt").write_text(str(error))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
