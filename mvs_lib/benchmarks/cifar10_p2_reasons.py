"""Why does SSDH with 12 bits sometimes fall back? Beside `mvs_lib.benchmarks.cifar10_p2`.

One of its trainings there has a MAP far below the others. Here only the head is learned anew, from
many starts, on the trunk of the network that comes with the course: by SSDH, by SSDH without each
of its constraints, and by DLBH, which has neither. For each class, ``class_codes`` looks up the
code that most of its database photos have, and counts how many of these codes differ: with fewer
than ten, classes share one, and no ranking by Hamming distance can tell them apart.
"""

from collections.abc import Iterator

import numpy as np
import torch

from mvs_lib import paths
from mvs_lib.benchmarks.cifar10_p2 import HEAD, measures
from mvs_lib.codes import binarize
from mvs_lib.datasets import cifar
from mvs_lib.deep import checkpoint, recipe
from mvs_lib.deep.encoding import describe
from mvs_lib.deep.head import learn_head
from mvs_lib.deep.methods import DLBH, SSDH
from mvs_lib.deep.network import HashNetwork

__all__ = ["LOSSES", "class_codes", "rows"]

LENGTHS = (12, 24)  # bits
LOSSES = {  # the method, and what of it is left out
    "ssdh": (SSDH, {}),
    "ssdh without E2": (SSDH, {"beta": 0.0}),
    "ssdh without E3": (SSDH, {"gamma": 0.0}),
    "dlbh": (DLBH, {}),
}


def rows(seeds: int = 20, quick: bool = False) -> Iterator[dict]:
    """Yield a row a loss, length and seed of the head.

    Raises:
        FileNotFoundError, ValueError: CIFAR-10 or the network is not at hand; the message says
            what to do.
    """
    split = cifar.load(protocol="P2", **({"source_per_class": 60, "queries": 20} if quick else {}))
    protocol = f"P2: {len(split.query)} queries, {len(split.source)} trained on and in the database"
    trunk, _ = checkpoint.load(paths.checkpoints() / "cifar10_ssdh_48.safetensors")
    query, source = (
        describe(trunk, part.images, 500, progress=True) for part in (split.query, split.source)
    )
    known = split.source.labels
    for name, (method, weights) in LOSSES.items():
        for bits in LENGTHS:
            for seed in range(seeds):
                fresh = recipe.with_fresh_head(trunk, bits, seed)
                network, _ = learn_head(fresh, method(**weights), source, known, seed, HEAD)
                yield {
                    "method": name, "data": split.name, "bits": bits, "protocol": protocol,
                    "seed": seed, "classes": len(split.source.names),
                    "class_codes": class_codes(network, source, known),
                    **measures(network, query, source, split),
                }  # fmt: skip


def class_codes(network: HashNetwork, features: np.ndarray, labels: np.ndarray) -> int:
    """Return how many different codes the classes have, each that of most of its photos.

    Args:
        network: with a trained head.
        features: float32 ``(n, features)`` of photos.
        labels: int64 ``(n,)``.
    """
    with torch.inference_mode():
        codes = binarize(network.hash(torch.from_numpy(features)).numpy())
    most = set()
    for label in np.unique(labels):
        found, counts = np.unique(codes[labels == label], axis=0, return_counts=True)
        most.add(found[counts.argmax()].tobytes())
    return len(most)
