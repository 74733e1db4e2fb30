import numpy as np
import pytest
import torch

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.training import Settings, build_network

collect_ignore = ["conftest.py"]  # doctest would import it as another folder's conftest


@pytest.fixture(scope="session")
def photos():
    """Thirty photos of three places that differ in colour and pattern, 32 pixels wide."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 256, (3, 8, 8, 3)).repeat(4, 1).repeat(4, 2)
    labels = np.arange(30) % 3
    images = np.clip(patterns[labels] + random.normal(0, 25, (30, 32, 32, 3)), 0, 255)
    return Photos(images.astype(np.uint8), labels.astype(np.int64), ("bridge", "hall", "tower"))


@pytest.fixture
def fresh():
    """Return a maker of tiny networks, the same one for the same arguments."""

    def make(bits=12, classes=3, seed=0, width=4, features=16):
        return build_network(
            Settings(seed=seed), bits=bits, classes=classes, width=width, features=features
        )

    return make


@pytest.fixture
def random_outputs():
    """Return a maker of network outputs in float64, as if a network had spoken."""
    from mvs_lib.deep.network import Outputs

    def make(seed, n, bits, classes):
        random = np.random.default_rng(seed)
        projection = torch.tensor(random.normal(0, 2, (n, bits)))
        logits = torch.tensor(random.normal(0, 2, (n, classes)))
        labels = torch.tensor(random.integers(0, classes, n))
        return Outputs(torch.zeros(n, 1), projection, torch.sigmoid(projection), logits), labels

    return make
