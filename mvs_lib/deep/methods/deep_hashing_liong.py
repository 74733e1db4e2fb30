"""DH and SDH of Liong et al.: a small network on fixed features. Taught in notebook 05.

Liong, Lu, Wang, Moulin, Zhou (2015), "Deep hashing for compact binary codes learning", CVPR. Three
layers map a feature vector to the values H behind its bits, H^0 = X, H^m = tanh(H^(m-1) W^m' + c^m)
(a row a photo), and with the codes B = sgn(H^M) of the N rows DH minimises

    J = (1/2N) ||B - H^M||^2 - (l1/2) V
        + (l2/2) sum_m ||W^m W^m' - I||^2 + (l3/2) sum_m (||W^m||^2 + ||c^m||^2),
    V = (1/N) tr(H^M H^M')                                               DH
    V = tr(Sigma_B) - alpha tr(Sigma_W)                                  supervised DH
    Sigma_W = mean of (h_i - h_j)(h_i - h_j)' over the pairs of one class, Sigma_B over all others.

The first term is averaged here and summed in the paper, which divides the second one by N all the
same: so its l1 = 100 beside a sum over N rows is 100/N here. Codes and network take turns: B by the
signs of all rows, then one epoch of back-propagation in batches with B fixed. As in the paper the
"independence" of the bits is asked of the weights (l2), never of the codes; and V is the bits'
variance only where their means are zero. With a large l1 it drives every tanh to its end.
"""

import itertools
from typing import ClassVar, NamedTuple

import numpy as np
import torch

from mvs_lib.deep.methods.method import GROUPS
from mvs_lib.hashing.base import Hasher, Supervised
from mvs_lib.hashing.itq import random_rotation
from mvs_lib.hashing.pcah import principal_directions

__all__ = ["DeepHashing", "DeepHashingTerms", "SupervisedDeepHashing", "class_scatter", "terms"]


class DeepHashingTerms(NamedTuple):
    """J and its terms before weighting, each a scalar."""

    total: torch.Tensor
    quantization: torch.Tensor  # (1/2N) ||B - H||^2
    variance: torch.Tensor  # -V / 2
    orthogonality: torch.Tensor  # (1/2) sum_m ||W^m W^m' - I||^2
    decay: torch.Tensor  # (1/2) sum_m (||W^m||^2 + ||c^m||^2)


class DeepHashing(Hasher):
    """DH: three tanh layers, their signs the codes, learned without labels.

    The features are centred and scaled by one number first, so that the weights fit features of
    any unit. The first layer starts from the principal directions, as far as there are any, the
    others from random rotations: the l2 term starts at 0 where no layer widens.

    Args:
        bits: length of the code.
        hidden: units of the layers before the code layer. The paper's 60 and 30 leave more than 30
            bits no room to be independent.
        variance, orthogonality: l1 and l2, ours.
        decay: l3 (.001, as in the paper, there beside a sum over the rows).
        iterations: how often codes and network take their turn.
        batch_size: rows a step; of fewer than 256 the traces mean little.
        learning_rate: of Adam.
        random_state: seed (int): of the initial weights and the order of the rows.

    Attributes:
        mean_, scale_: float64 ``(d,)`` and a float: X is (features - mean) / scale.
        weights_, biases_: lists of float64 ``(units, units before)`` and ``(units,)``.
        loss_: float64 ``(iterations + 1,)``, J over all the rows, each time after the B step.
    """

    source: ClassVar[str] = "Liong et al., 2015"
    group: ClassVar[str] = GROUPS[1]
    supervision: ClassVar[str] = "nothing"
    stages: ClassVar[str] = "separate"
    published_trunk: ClassVar[str] = "GIST, then three layers"

    def __init__(
        self,
        bits: int = 48,
        hidden: tuple[int, ...] = (80, 60),
        variance: float = 0.5,
        orthogonality: float = 0.1,
        decay: float = 0.001,
        iterations: int = 20,
        batch_size: int = 256,
        learning_rate: float = 0.003,
        random_state: int = 0,
    ):
        self.bits, self.hidden, self.variance = bits, hidden, variance
        self.orthogonality, self.decay, self.iterations = orthogonality, decay, iterations
        self.batch_size, self.learning_rate = batch_size, learning_rate
        self.random_state = random_state

    def _check_labels(self, labels, count):
        return None  # DH has no use for them

    def _lambdas(self) -> tuple[float, float, float]:
        return self.variance, self.orthogonality, self.decay

    def _spread(self, values: torch.Tensor, classes) -> torch.Tensor:
        """Return V of the values ``(n, bits)``."""
        return values.square().sum() / len(values)

    def _fit(self, features, labels):
        self._check()
        sizes = [features.shape[1], *self.hidden, int(self.bits)]
        mean, variance = features.mean(axis=0), features.var(axis=0).sum()
        scale = np.sqrt(variance / sizes[1]) if variance > 0 else 1.0
        x = torch.from_numpy((features - mean) / scale)
        classes = None if labels is None else torch.from_numpy(labels)
        random = np.random.default_rng(self.random_state)
        layers = []
        for inputs, outputs in itertools.pairwise(sizes):
            weight = random_rotation(max(inputs, outputs), random)[:outputs, :inputs]
            if not layers:
                weight = _principal_first(x.numpy(), weight)
            layers.append((torch.tensor(weight), torch.zeros(outputs, dtype=torch.float64)))
        parameters = [part.requires_grad_() for layer in layers for part in layer]
        optimizer = torch.optim.Adam(parameters, lr=self.learning_rate)
        losses = []
        for iteration in range(self.iterations + 1):
            with torch.no_grad():
                values = forward(x, layers)
                codes = signs(values)  # the B step
                spread = self._spread(values, classes)
                losses.append(float(terms(values, codes, spread, layers, *self._lambdas()).total))
            if iteration == self.iterations:
                break
            order = random.permutation(len(x))
            for batch in np.array_split(order, max(1, len(x) // self.batch_size)):
                values = forward(x[batch], layers)
                spread = self._spread(values, None if classes is None else classes[batch])
                loss = terms(values, codes[batch], spread, layers, *self._lambdas()).total
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        self.mean_, self.scale_, self.loss_ = mean, scale, np.array(losses)
        self.weights_ = [weight.detach().numpy() for weight, _ in layers]
        self.biases_ = [bias.detach().numpy() for _, bias in layers]

    def _project(self, features):
        values = (features - self.mean_) / self.scale_
        for weight, bias in zip(self.weights_, self.biases_, strict=True):
            values = np.tanh(values @ weight.T + bias)
        return values

    def _check(self) -> None:
        for name in ("variance", "orthogonality", "decay"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)!r}")
        if self.iterations < 0 or self.batch_size < 2 or not self.learning_rate > 0:
            raise ValueError(
                "need iterations >= 0, batch_size >= 2 and learning_rate > 0, got "
                f"{self.iterations!r}, {self.batch_size!r} and {self.learning_rate!r}"
            )
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"hidden layers need at least one unit, got {self.hidden!r}")


class SupervisedDeepHashing(Supervised, DeepHashing):
    """SDH: DH with the scatter between the classes, less that within, in the variance's place.

    (Shen's supervised discrete hashing, of the same initials, is another method.)

    Args:
        bits, hidden, orthogonality, decay, iterations, batch_size, learning_rate, random_state: as
            in `DeepHashing`.
        variance: l1, the weight of V, likewise ours.
        alpha: of the scatter within the classes against that between them; ours.

    Attributes:
        classes_: ``(C,)``, the distinct labels; the others as in `DeepHashing`.
    """

    group: ClassVar[str] = GROUPS[0]
    supervision: ClassVar[str] = "labels"

    def __init__(
        self,
        bits: int = 48,
        hidden: tuple[int, ...] = (80, 60),
        variance: float = 0.3,
        orthogonality: float = 0.1,
        decay: float = 0.001,
        alpha: float = 1.0,
        iterations: int = 20,
        batch_size: int = 256,
        learning_rate: float = 0.003,
        random_state: int = 0,
    ):
        super().__init__(
            bits, hidden, variance, orthogonality, decay, iterations, batch_size, learning_rate,
            random_state,
        )  # fmt: skip
        self.alpha = alpha

    def _check(self) -> None:
        super()._check()
        if not self.alpha >= 0:
            raise ValueError(f"alpha must be >= 0, got {self.alpha!r}")

    def _spread(self, values, classes):
        between, within = class_scatter(values, classes)
        return between - self.alpha * within


def _principal_first(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weights with the rows' principal directions first, as many as there are."""
    count = min(len(weight), x.shape[1], len(x) - 1, int(np.linalg.matrix_rank(x)))
    if count == 0:
        return weight
    weight = weight.copy()
    weight[:count] = principal_directions(x, count)[1].T
    return weight


def forward(x: torch.Tensor, layers: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """Return H^M ``(n, bits)`` of the rows x ``(n, d)``; a layer is (W^m, c^m)."""
    for weight, bias in layers:
        x = torch.tanh(x @ weight.T + bias)
    return x


def signs(values: torch.Tensor) -> torch.Tensor:
    """Return -1 and +1, sgn(0) = +1."""
    return torch.where(values >= 0, 1.0, -1.0).to(values.dtype)


def terms(
    values: torch.Tensor, codes: torch.Tensor, spread: torch.Tensor, layers, l1, l2, l3
) -> DeepHashingTerms:
    """Return J and its terms for values and codes ``(n, bits)``, V and the layers."""
    quantization = (codes - values).square().sum() / (2 * len(values))
    orthogonality = sum(
        (weight @ weight.T - torch.eye(len(weight), dtype=weight.dtype)).square().sum()
        for weight, _ in layers
    )
    decay = sum(weight.square().sum() + bias.square().sum() for weight, bias in layers)
    total = quantization - l1 / 2 * spread + l2 / 2 * orthogonality + l3 / 2 * decay
    return DeepHashingTerms(total, quantization, -spread / 2, orthogonality / 2, decay / 2)


def class_scatter(values: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tr(Sigma_B) and tr(Sigma_W), by sums over the classes instead of pairs.

    Over the ordered pairs of n rows, sum ||h_i - h_j||^2 = 2 (n sum ||h_i||^2 - ||sum h_i||^2).

    Args:
        values: ``(n, bits)``.
        classes: ``(n, C)``, 1 where the row is of the class, else 0.

    Returns:
        Two scalars; 0 for a mean over no pair.
    """
    counts, squares = classes.sum(0), values.square().sum(1)
    every = 2 * (len(values) * squares.sum() - values.sum(0).square().sum())
    within = 2 * (counts * (classes.T @ squares) - (classes.T @ values).square().sum(1)).sum()
    same = (counts * (counts - 1)).sum()
    other = len(values) ** 2 - counts.square().sum()
    return (every - within) / other.clamp(min=1), within / same.clamp(min=1)
