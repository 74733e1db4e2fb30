"""The networks that `compress` compresses: trained by the course, normalisations folded.

- ``campus``: SSDH with 48 bits, as shipped;
- ``cifar10``: SSDH with 48 bits by protocol P2, as shipped, which has no large linear layer and
  whose convolutions are followed by a smooth rectifier (GELU); it learns on with all 50,000 photos
  and is measured with every fifth query in every fifth of them, since many networks are, of the
  methods that matter most;
- ``campus, large head``: the campus's convolutions with linear layers like AlexNet's on top, 6,912
  to 4,096 to 4,096, which hold nearly all of its weights. They are trained here, and kept in
  ``data/cache``. Only what concerns linear layers is measured: the convolutions are campus's.

What learns on has its normalisations back. On the campus it learns as the network did, its whole
second step once more; with the large head, whose steps are slow, in a third of the epochs. On
CIFAR-10 it learns to say what the network says (`mvs_lib.deep.distillation`), with the settings of
the last quarter of the network's training.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from mvs_lib import paths
from mvs_lib.benchmarks import cifar10_p2, kept_code
from mvs_lib.benchmarks.campus_methods import photos
from mvs_lib.benchmarks.compress_subject import Case, Learn, Subject, looked_at
from mvs_lib.compress.folding import folded, unfolded
from mvs_lib.compress.layers import replaced
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep import checkpoint, distillation, recipe
from mvs_lib.deep.compressed import learn_on
from mvs_lib.deep.distillation import Distillation
from mvs_lib.deep.methods import SSDH
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import train

__all__ = [
    "NETWORKS", "campus_network", "cifar10_network", "large_head", "with_large_head",
]  # fmt: skip

BITS = 48
ON = recipe.HASHING  # what learns on
# The last quarter of the training once more, most of it on smaller photos: half the work.
CIFAR10_ON = replace(
    cifar10_p2.PRETRAINING, epochs=6, small_share=2 / 3,
    learning_rate=cifar10_p2.PRETRAINING.learning_rate * 6 / cifar10_p2.PRETRAINING.epochs,
)  # fmt: skip
HEAD = recipe.HASHING  # of the large head, by SGD alone
PRUNED = tuple(f"deep_compression_{label}" for label in ("mild", "moderate", "middle"))
FOR_CIFAR10 = ("as_they_are", *PRUNED, "looked_up", "separated", "fewer", "chained")
FOR_LINEAR_LAYERS = ("as_they_are", *PRUNED, "deep_compression_strong", "matrices", "looked_up",
                     "denton")  # fmt: skip
LONGER = 2  # times as many epochs, at length
WIDE, CELLS = 4096, 6  # outputs of each linear layer; side of what the first one reads


def campus_network(quick: bool) -> Case:
    """Return the campus's SSDH network.

    Raises:
        FileNotFoundError, ValueError: the checkpoint is missing or damaged.
    """
    split, about = photos(quick)
    network, facts = checkpoint.load(paths.checkpoints() / "campus_ssdh_48.safetensors")
    return _case("campus", network, split, about["protocol"], facts["seed"], ON, quick)


def cifar10_network(quick: bool) -> Case:
    """Return CIFAR-10's SSDH network.

    Raises:
        FileNotFoundError, ValueError: the checkpoint is missing or damaged, or CIFAR-10 is not at
            hand; the message says what to do.
    """
    few = {"source_per_class": 60, "queries": 20} if quick else {}
    split = cifar.load(protocol="P2", **few)
    network, facts = checkpoint.load(paths.checkpoints() / "cifar10_ssdh_48.safetensors")
    asked = Split(split.name, *(_every_fifth(each) for each in (split.source, split.query)))
    protocol = f"P2: {len(asked.query)} of the queries, {len(asked.source)} in the database"
    return _case(
        "cifar10", network, asked, protocol, facts["seed"], CIFAR10_ON, quick, split.source,
        families=FOR_CIFAR10,
        loss=functools.cache(partial(Distillation, network, split.source.images)),
        code=(recipe.__file__, distillation.__file__),
    )  # fmt: skip


def large_head(quick: bool) -> Case:
    """Return the network with AlexNet's linear layers, trained now or read from the cache.

    Raises:
        FileNotFoundError, ValueError: the campus's checkpoint is missing or damaged.
        KeyboardInterrupt: the stop button.
    """
    split, about = photos(quick)
    network, facts = checkpoint.load(paths.checkpoints() / "campus_ssdh_48.safetensors")
    wide, settings, state = WIDE, replace(HEAD, seed=facts["seed"]), None
    if quick:
        wide, settings = 64, replace(settings, epochs=1)
    else:
        key = kept_code.key((settings, wide, CELLS, _digest(network)), recipe.__file__)
        state = paths.cache() / "bench-compress" / f"large-head-{key}.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(facts["seed"])
        network = with_large_head(network, wide)
    network.trunk.orthogonal = False  # half a minute a step for matrices of this size
    if train(network, SSDH(), split.source, settings, checkpoint=state).interrupted:
        raise KeyboardInterrupt
    on = replace(ON, epochs=2)
    return _case(
        "campus, large head", network, split, about["protocol"], facts["seed"], on, quick,
        families=FOR_LINEAR_LAYERS,
    )  # fmt: skip


def with_large_head(network: HashNetwork, wide: int) -> HashNetwork:
    """Return a network of the small trunk whose vector comes from two wide linear layers."""
    trunk = network.trunk
    last = trunk.stages[-1][0].out_channels
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(last * CELLS**2, wide, bias=False), nn.BatchNorm1d(wide), nn.ReLU(inplace=True),
        nn.Linear(wide, wide, bias=False), nn.BatchNorm1d(wide), nn.ReLU(inplace=True),
    )  # fmt: skip
    layers = {"pool": nn.AdaptiveAvgPool2d(CELLS), "vector": head}
    layers = {f"trunk.{name}": layer for name, layer in layers.items()}
    layers["hash"] = nn.Linear(wide, network.bits)
    nn.init.zeros_(layers["hash"].bias)
    new = replaced(network, layers)
    new.trunk.features = wide
    return new


def _case(
    name: str, network, split: Split, protocol: str, seed: int, settings: Settings, quick: bool,
    taught: Photos | None = None, families: tuple[str, ...] | None = None,
    loss: Callable[[], nn.Module] = SSDH, code: tuple[str, ...] = (recipe.__file__,),
) -> Case:  # fmt: skip
    settings = replace(settings, epochs=1) if quick else settings
    taught = taught or split.source

    settings = replace(settings, seed=seed)
    brief = replace(settings, epochs=max(1, settings.epochs // 3))
    long = replace(settings, epochs=1 if quick else LONGER * settings.epochs)
    learning = (_learning(network, taught, each, loss) for each in (settings, brief, long))
    subject = Subject(
        folded(network), network, taught.images, *learning,
        relu=any(isinstance(layer, nn.ReLU) for layer in network.modules()),
    )  # fmt: skip
    key = kept_code.key((settings, _digest(network)), *code)
    return Case(name, subject, split, protocol, seed, key, families)


def _learning(
    like: HashNetwork, photos: Photos, settings: Settings, loss: Callable[[], nn.Module]
) -> Learn:
    """Return what teaches a compressed network on, normalised where ``like`` is."""
    muon = like.trunk.orthogonal

    def learn(network: nn.Module) -> nn.Module:
        back = unfolded(network, like, looked_at(photos.images))
        step = learn_on(loss, photos, settings, settings.seed, muon and _has_kernels(back.trunk))
        return step(back)

    return learn


def _has_kernels(trunk: nn.Module) -> bool:
    """Whether what learns are kernels, matrices and vectors: codebooks are nothing for Muon."""
    kinds = nn.Conv2d | nn.Linear | parametrize.ParametrizationList
    return all(
        isinstance(module, kinds) or all(each.ndim < 2 for each in module.parameters(recurse=False))
        for module in trunk.modules()
    )


def _digest(network: nn.Module) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for value in network.state_dict().values():
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _every_fifth(photos: Photos) -> Photos:
    return photos.take(np.arange(0, len(photos), 5))


NETWORKS = {"campus": campus_network, "cifar10": cifar10_network, "large_head": large_head}
