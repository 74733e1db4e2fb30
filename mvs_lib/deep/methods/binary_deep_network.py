"""UH-BDNN and SH-BDNN: a network whose code layer is asked to be binary. Taught in notebook 05.

Do, Doan, Cheung (2016), "Learning to hash with binary deep neural network", ECCV. Sigmoid layers
end in a linear layer of K units, H (a row a photo), whose signs are the code. No sgn stands in the
network: an unknown B in {-1, +1}^(m x K) does, and H is drawn to it. Over the m rows X,

    J = J0 + (l1/2) sum_i ||W^i||^2 + (l2/2m) ||H - B||^2
        + (l3/2) ||(1/m) H'H - I||^2 + (l4/2) ||(1/m) H'1||^2
    J0 = (1/2m) ||X - (B W' + 1 c')||^2                 UH: the features are read back from B
    J0 = (1/2m^2) ||(1/K) H H' - S||^2                  SH: S = 1 for one class, -1 for two

that is, near to binary (l2), bits that know nothing of one another (l3), half of the rows on (l4).
Network and codes take turns, and no turn raises J: L-BFGS for all W and c; then for SH B = sgn(H),
and for UH one bit of all rows after another in closed form, as in SDH (Shen et al., 2015):
b_k = sgn((X - 1 c' - B_rest W_rest') w_k + l2 h_k).

The paper divides J0 of SH by 2m and ||H'1||^2 by 2m too; we divide by m^2, so that a weight means
the same for any number of rows. With the classes' sums, S is never formed. Traps: l3 wants many
more rows than bits; and UH is judged by Euclidean neighbours, not by labels, in the paper.
"""

import itertools
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize

from mvs_lib.deep.methods.method import GROUPS
from mvs_lib.hashing.base import Hasher, Supervised
from mvs_lib.hashing.itq import ITQ
from mvs_lib.hashing.supervised_discrete import best_codes

__all__ = ["BinaryDeepTerms", "SupervisedBinaryDeepNetwork", "UnsupervisedBinaryDeepNetwork"]


class BinaryDeepTerms(NamedTuple):
    """J and its terms before weighting, each a scalar."""

    total: torch.Tensor
    data: torch.Tensor  # J0
    decay: torch.Tensor  # (1/2) sum_i ||W^i||^2
    binarization: torch.Tensor  # (1/2m) ||H - B||^2
    independence: torch.Tensor  # (1/2) ||(1/m) H'H - I||^2
    balance: torch.Tensor  # (1/2) ||(1/m) H'1||^2


class BinaryDeepNetwork(Hasher):
    """What the two have in common; ``_data`` is J0 and ``_best_codes`` the B step."""

    source: ClassVar[str] = "Do et al., 2016"
    stages: ClassVar[str] = "separate"
    published_trunk: ClassVar[str] = "VGG fc7 by PCA, then sigmoid layers"
    reads_back = False  # whether a last layer leads from the code to the features

    def _fit(self, features, labels):
        self._check()
        mean, scale = features.mean(axis=0), features.std()
        scale = scale if scale > 0 else 1.0
        data = (features - mean) / scale
        x = torch.from_numpy(data)
        classes = None if labels is None else torch.from_numpy(labels)
        random = np.random.default_rng(self.random_state)
        codes = self._first_codes(data, random)
        shapes = self._shapes(data.shape[1])
        flat = np.concatenate([_draw(shape, random) for shape in shapes])
        losses = []
        for iteration in range(self.iterations + 1):
            fixed = x, torch.from_numpy(codes), classes, shapes
            losses.append(self._objective(flat, *fixed)[0])
            if iteration == self.iterations:
                break
            found = minimize(
                self._objective, flat, fixed, "L-BFGS-B", jac=True, options={"maxiter": self.steps}
            )
            flat, layers = found.x, unflatten(torch.from_numpy(found.x), shapes)
            losses.append(found.fun)
            codes = self._best_codes(codes, data, forward(x, layers, len(self.hidden)), layers)
        layers = [part.numpy() for part in unflatten(torch.from_numpy(flat), shapes)]
        self.mean_, self.scale_, self.codes_ = mean, scale, codes
        self.weights_, self.biases_ = layers[::2], layers[1::2]
        self.loss_ = np.array(losses)

    def _objective(self, flat, x, codes, classes, shapes) -> tuple[float, np.ndarray]:
        """Return J and its gradient by all weights and biases, one after another in ``flat``."""
        flat = torch.tensor(flat, requires_grad=True)
        total = self._terms(x, codes, unflatten(flat, shapes), classes).total
        (gradient,) = torch.autograd.grad(total, flat)
        return float(total.detach()), gradient.numpy()

    def _project(self, features):
        layers = [
            torch.from_numpy(part)
            for pair in zip(self.weights_, self.biases_, strict=True)
            for part in pair
        ]
        x = torch.from_numpy((features - self.mean_) / self.scale_)
        return forward(x, layers, len(self.weights_) - 1 - self.reads_back).numpy()

    def _shapes(self, dimensions: int) -> list[tuple[int, ...]]:
        sizes = [dimensions, *self.hidden, int(self.bits)]
        sizes += [dimensions] if self.reads_back else []
        pairs = itertools.pairwise(sizes)
        return [shape for inputs, outputs in pairs for shape in ((outputs, inputs), (outputs,))]

    def _first_codes(self, data: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """ITQ's codes where the features spread along K directions, else random planes'."""
        if self.bits <= min(data.shape[1], len(data) - 1, np.linalg.matrix_rank(data)):
            values = ITQ(bits=int(self.bits), random_state=random).fit(data).project(data)
        else:
            values = data @ random.standard_normal((data.shape[1], int(self.bits)))
        return np.where(values >= 0, 1.0, -1.0)

    def _terms(self, x, codes, layers, classes) -> BinaryDeepTerms:
        """Return J and its terms; the layers are W^1, c^1, W^2, ... as `unflatten` gives them."""
        m, values = len(x), forward(x, layers, len(self.hidden))
        data = self._data(x, codes, values, layers, classes)
        decay = sum(weight.square().sum() for weight in layers[::2]) / 2
        binarization = (values - codes).square().sum() / (2 * m)
        unit = torch.eye(values.shape[1], dtype=values.dtype)
        independence = (values.T @ values / m - unit).square().sum() / 2
        balance = values.mean(0).square().sum() / 2
        total = (
            data
            + self.decay * decay
            + self.binarization * binarization
            + self.independence * independence
            + self.balance * balance
        )
        return BinaryDeepTerms(total, data, decay, binarization, independence, balance)

    def _check(self) -> None:
        for name in ("decay", "binarization", "independence", "balance"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)!r}")
        if self.iterations < 0 or self.steps < 1:
            raise ValueError(
                f"need iterations >= 0 and steps >= 1, got {self.iterations!r} and {self.steps!r}"
            )
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"hidden layers need at least one unit, got {self.hidden!r}")


class UnsupervisedBinaryDeepNetwork(BinaryDeepNetwork):
    """UH-BDNN: the features can be read back from the code. Features are centred first.

    Args:
        bits: length of the code.
        hidden: units of the sigmoid layers before the code layer.
        decay, binarization, independence, balance: l1 to l4 (the paper's first three; l4 ours, for
            our average).
        iterations: how often network and codes take their turn.
        steps: of L-BFGS at most, each turn.
        random_state: seed (int): of ITQ's rotation, whose codes B starts from (random planes
            where there are more bits than principal directions), and of the weights.

    Attributes:
        mean_, scale_: float64 ``(d,)`` and a float: X is (features - mean) / scale.
        weights_, biases_: lists of float64 ``(units, units before)`` and ``(units,)``; the last
            layer of UH leads from the code to the features.
        codes_: float64 ``(m, bits)``, B.
        loss_: float64 ``(2 * iterations + 1,)``: J at the start, then after each of the steps.
    """

    group: ClassVar[str] = GROUPS[1]
    supervision: ClassVar[str] = "nothing"
    reads_back = True

    def __init__(
        self,
        bits: int = 48,
        hidden: tuple[int, ...] = (90, 60),
        decay: float = 1e-5,
        binarization: float = 0.05,
        independence: float = 0.01,
        balance: float = 0.01,
        iterations: int = 5,
        steps: int = 50,
        random_state: int = 0,
    ):
        self.bits, self.hidden, self.decay = bits, hidden, decay
        self.binarization, self.independence, self.balance = binarization, independence, balance
        self.iterations, self.steps, self.random_state = iterations, steps, random_state

    def _check_labels(self, labels, count):
        return None

    def _data(self, x, codes, values, layers, classes):
        weight, bias = layers[-2:]
        return (x - (codes @ weight.T + bias)).square().sum() / (2 * len(x))

    def _best_codes(self, codes, data, values, layers):
        weight, bias = (part.numpy() for part in layers[-2:])
        pull = (data - bias) @ weight + self.binarization * values.numpy()
        return best_codes(codes, weight.T, pull)


class SupervisedBinaryDeepNetwork(Supervised, BinaryDeepNetwork):
    """SH-BDNN: inner products of the code layer are the similarities of the labels.

    Args:
        bits, hidden, iterations, steps, random_state: as in `UnsupervisedBinaryDeepNetwork`.
        decay, binarization, independence, balance: l1 to l4, for our averages: about what
            the paper's 5, 1 and 1e-4 for l2 to l4 are for 5,000 rows; l1 is ours.

    Attributes:
        classes_: ``(C,)``, the distinct labels; the others as in `UnsupervisedBinaryDeepNetwork`.
    """

    group: ClassVar[str] = GROUPS[0]
    supervision: ClassVar[str] = "pairs"

    def __init__(
        self,
        bits: int = 48,
        hidden: tuple[int, ...] = (90, 60),
        decay: float = 1e-5,
        binarization: float = 1e-3,
        independence: float = 2e-4,
        balance: float = 1e-4,
        iterations: int = 5,
        steps: int = 50,
        random_state: int = 0,
    ):
        self.bits, self.hidden, self.decay = bits, hidden, decay
        self.binarization, self.independence, self.balance = binarization, independence, balance
        self.iterations, self.steps, self.random_state = iterations, steps, random_state

    def _data(self, x, codes, values, layers, classes):
        # ||H H' / K - S||^2 with S = 2 Y Y' - 1 1', from K x K and C x K matrices alone
        m, bits = values.shape
        square = (values.T @ values).square().sum() / bits**2
        sums = classes.T @ values
        within = 2 * sums.square().sum() - values.sum(0).square().sum()
        return (square - 2 / bits * within + m**2) / (2 * m**2)

    def _best_codes(self, codes, data, values, layers):
        return np.where(values.numpy() >= 0, 1.0, -1.0)


def forward(x: torch.Tensor, layers: list[torch.Tensor], hidden: int) -> torch.Tensor:
    """Return H ``(m, bits)``: ``hidden`` sigmoid layers, then a linear one."""
    for layer in range(hidden):
        x = torch.sigmoid(x @ layers[2 * layer].T + layers[2 * layer + 1])
    return x @ layers[2 * hidden].T + layers[2 * hidden + 1]


def unflatten(flat: torch.Tensor, shapes: list[tuple[int, ...]]) -> list[torch.Tensor]:
    """Cut a vector into matrices and vectors of the given shapes."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    parts = flat.split(sizes)
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def _draw(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Weights that keep the rows' spread; biases 0."""
    if len(shape) == 1:
        return np.zeros(shape)
    return (random.standard_normal(shape) / np.sqrt(shape[1])).ravel()
