"""Only the bits: hash layer and classifier learned on the features of a trunk that stays.

Used by ``python -m mvs_lib bench cifar10_p2``. Once a trunk tells the classes apart, what is left
to learn is a small model of N vectors. That takes seconds where the whole network takes minutes,
so that methods and lengths can be compared on one trunk. With standardised features f,

    a = sigmoid(s (W f + b)),    scores = c (V a + d),

any loss of `mvs_lib.deep.methods` that reads one view of a photo trains W, b, V and d. The two
numbers are ours, and they matter. Under a steep sigmoid, s > 1, units leave the threshold early.
Under a small scale of the scores, c < 1, the classifier can be sure of a photo only if the units
are at 0 or 1: classification itself then makes bits of them. Both are multiplied into the layers
in the end, and the network is one like any other.
"""

import copy
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from mvs_lib.deep.network import HashNetwork, Outputs

__all__ = ["HeadSettings", "learn_head"]


@dataclass(frozen=True)
class HeadSettings:
    """What the head's training is made of.

    Raises:
        ValueError: a value out of its range.
    """

    epochs: int = 20
    batch_size: int = 500
    learning_rate: float = 0.01  # of Adam at the start; it falls straight to zero
    steepness: float = 4.0  # s
    logit_scale: float = 0.2  # c

    def __post_init__(self):
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(
                f"need epochs >= 1 and batch_size >= 2, got {self.epochs} and {self.batch_size}"
            )
        if min(self.learning_rate, self.steepness, self.logit_scale) <= 0:
            raise ValueError("learning_rate, steepness and logit_scale must be > 0")


def learn_head(
    network: HashNetwork,
    loss: nn.Module,
    features: np.ndarray,
    labels: np.ndarray,
    seed: int = 0,
    settings: HeadSettings | None = None,
    progress: bool = True,
) -> tuple[HashNetwork, float]:
    """Teach a copy of ``network`` its hash layer and classifier; trunk and original stay.

    Args:
        network: with a trained trunk.
        loss: of `mvs_lib.deep.methods`, of one view and without an index.
        features: float32 ``(n, features)`` of the training photos, from
            `mvs_lib.deep.encoding.describe`.
        labels: int64 ``(n,)``.
        seed: of the initial weights and the order of the photos.
        settings: defaults if None.
        progress: show a progress bar with the loss.

    Returns:
        The network, in evaluation mode, and the seconds that training took.

    Raises:
        ValueError: fewer than two features, labels that do not fit them or the classifier, or a
            loss that became NaN or infinite.
    """
    settings = settings or HeadSettings()
    if len(features) < 2 or len(features) != len(labels) or labels.max() >= network.classes:
        raise ValueError(
            f"need two or more features with a label each below {network.classes}, got "
            f"{len(features)} features, {len(labels)} labels up to {max(labels, default=None)}"
        )
    start = time.perf_counter()
    network = copy.deepcopy(network).eval()
    mean, deviation = features.mean(0), max(float(features.std()), 1e-6)
    given = torch.from_numpy((features - mean) / deviation)
    targets = torch.from_numpy(np.array(labels))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        hashing = nn.Linear(features.shape[1], network.bits)
        classifier = nn.Linear(network.bits, network.classes)
    nn.init.zeros_(hashing.bias)
    nn.init.zeros_(classifier.bias)
    learned = nn.ModuleList([hashing, classifier, loss])
    optimizer = torch.optim.Adam(learned.parameters(), settings.learning_rate)
    batches = max(1, len(features) // settings.batch_size)
    steps = settings.epochs * batches
    bar = tqdm(total=steps, desc="head", disable=not progress, leave=False)
    for epoch in range(settings.epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(features))
        for i in range(batches):
            index = order[i * settings.batch_size : (i + 1) * settings.batch_size]
            rate = 1 - (epoch * batches + i) / steps
            optimizer.param_groups[0]["lr"] = settings.learning_rate * rate
            projection = settings.steepness * hashing(given[index])
            latent = torch.sigmoid(projection)
            scores = settings.logit_scale * classifier(latent)
            total = loss(Outputs(given[index], projection, latent, scores), targets[index]).total
            value = float(total.detach())
            if not math.isfinite(value):
                raise ValueError(f"the loss became {value}: lower the learning_rate")
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            optimizer.step()
            bar.update()
            bar.set_postfix(loss=f"{value:.3f}", refresh=False)
    bar.close()
    with torch.no_grad():  # s, c and the standardisation become part of the layers
        weight = settings.steepness * hashing.weight / deviation
        network.hash.weight.copy_(weight)
        network.hash.bias.copy_(settings.steepness * hashing.bias - weight @ torch.from_numpy(mean))
        network.classifier.weight.copy_(settings.logit_scale * classifier.weight)
        network.classifier.bias.copy_(settings.logit_scale * classifier.bias)
    return network, time.perf_counter() - start
