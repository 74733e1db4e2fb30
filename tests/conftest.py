"""What all tests share: no deadlines, and a data folder in small.

The folder has 6 places as flat colours, and an untrained network that tells them.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings

# Nothing is asserted of time: a test is not wrong because a machine is busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

collect_ignore = ["conftest.py"]  # doctest would import it as another folder's conftest


@pytest.fixture(scope="session")
def small_world(tmp_path_factory):
    """Return ``split``, the ``network``'s ``checkpoint``, and the ``data`` folder it lies in."""
    import torch

    from mvs_lib.datasets.collection import Photos, Split
    from mvs_lib.deep import checkpoint
    from mvs_lib.deep.network import HashNetwork

    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (6, 1, 1, 3))
    names = ("Gate", "Hall", "Library", "Old Pine", "Physics", "Tower")

    def photos(each):
        labels = np.repeat(np.arange(6), each)
        noise = random.integers(-30, 31, (len(labels), 32, 32, 3))
        return Photos(np.clip(colours[labels] + noise, 0, 255).astype(np.uint8), labels, names)

    split = Split("small", photos(5), photos(3))
    data = tmp_path_factory.mktemp("data")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = HashNetwork(bits=12, classes=6, width=8, features=16).eval()
    path = data / "checkpoints" / "campus_ssdh_48.safetensors"
    checkpoint.save(network, path, names=list(names), size=32, method="ssdh")
    return SimpleNamespace(split=split, data=data, checkpoint=path, network=network)
