"""A deep autoencoder whose narrowest layer is the code. Taught in notebook 05.

Krizhevsky and Hinton (2011), "Using very deep autoencoders for content-based image retrieval",
ESANN; before them Salakhutdinov and Hinton (2009), "Semantic hashing". Restricted Boltzmann
machines are learned one on top of another (`mvs_lib.deep.methods.boltzmann`): the first, Gaussian,
on the pixels, each further one on the probabilities of the one below, until K hidden units are
left. Turned over, the same weights lead from these K units back to the pixels. Encoder and decoder
are then fine-tuned together for

    L = (1/(2 N d)) sum_n ||x_n - decode(round(a_n))||^2,       a_n = encode(x_n) in (0, 1)^K

where the code units are rounded on the way forward, and on the way back treated as if they were
not (a straight-through estimator before it had the name). The average is ours.

The trap: a pixel's error asks for layout and colour, not for what is seen; so photos of one place
share their bits only as far as they share their pixels. And near codes may be looked up in a table:
all addresses within a few flipped bits (`mvs_lib.search` does that).
"""

import itertools
from typing import ClassVar, NamedTuple

import numpy as np
import torch

from mvs_lib.deep.methods.boltzmann import BoltzmannMachine
from mvs_lib.deep.methods.method import GROUPS
from mvs_lib.hashing.base import Hasher

__all__ = ["DeepAutoencoder", "Reconstruction", "reconstruct", "rounded"]


class Reconstruction(NamedTuple):
    """What the autoencoder makes of rows."""

    code: torch.Tensor  # (n, bits), before the sigmoid
    output: torch.Tensor  # (n, d)


class DeepAutoencoder(Hasher):
    """Stacked Boltzmann machines, unrolled and fine-tuned with rounded code units.

    Features (pixels, as rows) are shifted to mean 0 and divided by the standard deviation, a
    column each, which is what the Gaussian units expect; a constant column is only shifted.

    Args:
        bits: length of the code (the paper: 28 for tables, 256 for comparing).
        hidden: units of the layers before the code; the paper's 8192, 4096, 2048, 1024, 512 saw
            1.6 million pictures, ours are for thousands.
        pretraining_epochs: of each Boltzmann machine.
        pretraining_rate: of CD-1; the Gaussian machine takes a tenth, or it runs away.
        epochs: of the fine-tuning.
        batch_size: rows a step, in both.
        learning_rate: of Adam in the fine-tuning.
        random_state: seed (int) of weights, sampled states and orders.

    Attributes:
        mean_, scale_: float64 ``(d,)``.
        weights_, biases_: lists of float64 ``(units before, units)`` and ``(units,)``: the encoder,
            then the decoder.
        pretraining_error_: list: the mean squared error of each machine's own reconstruction.
        loss_: float64 ``(epochs + 1,)``: L over all rows after 0, 1, ... epochs of fine-tuning.
    """

    source: ClassVar[str] = "Krizhevsky and Hinton, 2011"
    group: ClassVar[str] = GROUPS[1]
    supervision: ClassVar[str] = "nothing"
    stages: ClassVar[str] = "separate"
    published_trunk: ClassVar[str] = "stacked Boltzmann machines on pixels"

    def __init__(
        self,
        bits: int = 48,
        hidden: tuple[int, ...] = (256, 128),
        pretraining_epochs: int = 10,
        pretraining_rate: float = 0.05,
        epochs: int = 20,
        batch_size: int = 128,
        learning_rate: float = 0.001,
        random_state: int = 0,
    ):
        self.bits, self.hidden = bits, hidden
        self.pretraining_epochs, self.pretraining_rate = pretraining_epochs, pretraining_rate
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.random_state = random_state

    def _check_labels(self, labels, count):
        return None  # it has no use for them

    def _fit(self, features, labels):
        self._check()
        mean, scale = features.mean(axis=0), features.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        data = (features - mean) / scale
        random = np.random.default_rng(self.random_state)
        machines, errors = self._stack(data, random)
        layers = unrolled(machines)
        x, losses = torch.from_numpy(data), []
        optimizer = torch.optim.Adam(
            [part.requires_grad_() for layer in layers for part in layer], lr=self.learning_rate
        )
        for epoch in range(self.epochs + 1):
            with torch.no_grad():
                losses.append(float(loss(x, layers)))
            if epoch == self.epochs:
                break
            order = random.permutation(len(x))
            for batch in np.array_split(order, max(1, len(x) // self.batch_size)):
                optimizer.zero_grad()
                loss(x[batch], layers).backward()
                optimizer.step()
        self.mean_, self.scale_ = mean, scale
        self.weights_ = [weight.detach().numpy() for weight, _ in layers]
        self.biases_ = [bias.detach().numpy() for _, bias in layers]
        self.pretraining_error_, self.loss_ = errors, np.array(losses)

    def _project(self, features):
        return self._run((features - self.mean_) / self.scale_).code.numpy()

    def reconstruct(self, features) -> np.ndarray:
        """Return what the decoder makes of the codes, float64 ``(n, d)``, in the features' units.

        Raises:
            sklearn.exceptions.NotFittedError, ValueError: see `project`.
        """
        self.project(features)  # for its checks
        output = self._run((np.asarray(features, float) - self.mean_) / self.scale_).output
        return output.numpy() * self.scale_ + self.mean_

    def _run(self, data: np.ndarray) -> Reconstruction:
        layers = [
            (torch.from_numpy(weight), torch.from_numpy(bias))
            for weight, bias in zip(self.weights_, self.biases_, strict=True)
        ]
        return reconstruct(torch.from_numpy(data), layers)

    def _stack(self, data: np.ndarray, random: np.random.Generator):
        """Learn the machines one on top of another; return them and their errors."""
        machines, errors = [], []
        for visible, units in itertools.pairwise([data.shape[1], *self.hidden, int(self.bits)]):
            machine = BoltzmannMachine(visible, units, not machines, random)
            rate = self.pretraining_rate * (1.0 if machines else 0.1)
            machine.fit(data, self.pretraining_epochs, self.batch_size, rate, random)
            above = machine.hidden_probabilities(data)
            errors.append(float(((data - machine.visible_means(above)) ** 2).mean()))
            machines.append(machine)
            data = above
        return machines, errors

    def _check(self) -> None:
        if min(self.pretraining_epochs, self.epochs) < 0 or self.batch_size < 1:
            raise ValueError(
                "need pretraining_epochs >= 0, epochs >= 0 and batch_size >= 1, got "
                f"{self.pretraining_epochs!r}, {self.epochs!r} and {self.batch_size!r}"
            )
        for name in ("pretraining_rate", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)!r}")
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"hidden layers need at least one unit, got {self.hidden!r}")


def unrolled(machines: list[BoltzmannMachine]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the layers (weights, bias) from the visible units to the code and back again."""
    up = [(machine.weights, machine.hidden_bias) for machine in machines]
    down = [(machine.weights.T, machine.visible_bias) for machine in reversed(machines)]
    return [(torch.tensor(weight), torch.tensor(bias)) for weight, bias in up + down]


def reconstruct(x: torch.Tensor, layers: list[tuple[torch.Tensor, torch.Tensor]]) -> Reconstruction:
    """Encode, round and decode rows ``(n, d)``; the last layer is linear, all others sigmoid."""
    middle = len(layers) // 2
    code = None
    for number, (weight, bias) in enumerate(layers):
        x = x @ weight + bias
        if number == middle - 1:
            code, x = x, rounded(torch.sigmoid(x))
        elif number < len(layers) - 1:
            x = torch.sigmoid(x)
    return Reconstruction(code, x)


def rounded(units: torch.Tensor) -> torch.Tensor:
    """Return 1 where a unit is >= 1/2, else 0; the gradient passes as if it were the unit."""
    return units + ((units >= 0.5).to(units.dtype) - units).detach()


def loss(x: torch.Tensor, layers: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """Return L, a scalar."""
    return (x - reconstruct(x, layers).output).square().mean() / 2
