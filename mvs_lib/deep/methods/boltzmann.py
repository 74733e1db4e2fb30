"""Restricted Boltzmann machines: layers that learn to dream what they saw. Taught in notebook 05.

Hinton (2002), "Training products of experts by minimizing contrastive divergence", and
Salakhutdinov and Hinton (2009), "Semantic hashing". Visible units v and hidden units h in {0, 1}
have the energy

    E(v, h) = -v'W h - a'v - b'h                    Bernoulli, v in [0, 1]
    E(v, h) = ||v - a||^2 / 2 - v'W h - b'h         Gaussian, v real of variance 1

and the probability exp(-E) / Z. So p(h_j = 1 | v) = sigmoid(b_j + (v'W)_j), and v given h is 1 with
probability sigmoid(a + W h), or normal about a + W h. Climbing the likelihood of the data takes the
difference <v h> of the data less that of the model; one step of Gibbs sampling away from the data
stands for the model (CD-1). Hidden states are sampled to make the reconstruction; elsewhere their
probabilities and the visible means do, which has the same mean and less noise.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

__all__ = ["BoltzmannMachine", "Statistics"]


class Statistics(NamedTuple):
    """What CD-1 adds to each parameter, before the learning rate: data less reconstruction."""

    weights: np.ndarray  # (visible, hidden)
    visible_bias: np.ndarray  # (visible,)
    hidden_bias: np.ndarray  # (hidden,)


class BoltzmannMachine:
    """A restricted Boltzmann machine.

    Args:
        visible, hidden: how many units.
        gaussian: real visible units of variance 1, instead of 0 or 1.
        random: where the initial weights (normal, std .01) come from; biases are zero.

    Attributes:
        weights: float64 ``(visible, hidden)``, W.
        visible_bias, hidden_bias: float64 ``(visible,)`` and ``(hidden,)``, a and b.

    Raises:
        ValueError: fewer than one unit.
    """

    def __init__(self, visible: int, hidden: int, gaussian: bool, random: np.random.Generator):
        if visible < 1 or hidden < 1:
            raise ValueError(f"a machine needs units on both sides, got {visible} and {hidden}")
        self.gaussian = gaussian
        self.weights = 0.01 * random.standard_normal((visible, hidden))
        self.visible_bias, self.hidden_bias = np.zeros(visible), np.zeros(hidden)

    def hidden_probabilities(self, visible: np.ndarray) -> np.ndarray:
        """Return p(h = 1 | v), float64 ``(n, hidden)``, for rows v ``(n, visible)``."""
        return expit(visible @ self.weights + self.hidden_bias)

    def visible_means(self, hidden: np.ndarray) -> np.ndarray:
        """Return the mean of v given h ``(n, hidden)``, float64 ``(n, visible)``."""
        field = hidden @ self.weights.T + self.visible_bias
        return field if self.gaussian else expit(field)

    def free_energy(self, visible: np.ndarray) -> np.ndarray:
        """Return F(v) = -log sum_h exp(-E(v, h)), float64 ``(n,)``; p(v) = exp(-F(v)) / Z."""
        inside = np.logaddexp(0, visible @ self.weights + self.hidden_bias).sum(1)
        if self.gaussian:
            return ((visible - self.visible_bias) ** 2).sum(1) / 2 - inside
        return -visible @ self.visible_bias - inside

    def statistics(self, visible: np.ndarray, random: np.random.Generator) -> Statistics:
        """Return what CD-1 says of a batch ``(n, visible)``, averaged over its rows."""
        data = self.hidden_probabilities(visible)
        states = (random.random(data.shape) < data).astype(float)
        means = self.visible_means(states)
        dreamt = self.hidden_probabilities(means)
        return Statistics(
            (visible.T @ data - means.T @ dreamt) / len(visible),
            (visible - means).mean(0),
            (data - dreamt).mean(0),
        )

    def fit(
        self,
        rows: np.ndarray,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        random: np.random.Generator,
        momentum: float = 0.9,
        decay: float = 2e-4,
    ) -> "BoltzmannMachine":
        """Climb by CD-1 on rows ``(n, visible)``; return self.

        Args:
            rows: real of variance about 1 for Gaussian units, else in [0, 1].
            epochs, batch_size, learning_rate: of the climb.
            random: of the order of the rows and the hidden states.
            momentum: of the steps.
            decay: of the weights.
        """
        pace = [np.zeros_like(part) for part in self._parameters()]
        for _ in range(epochs):
            order = random.permutation(len(rows))
            for batch in np.array_split(order, max(1, len(rows) // batch_size)):
                found = self.statistics(rows[batch], random)
                wanted = [found[0] - decay * self.weights, found[1], found[2]]
                for part, step, push in zip(self._parameters(), pace, wanted, strict=True):
                    step *= momentum
                    step += learning_rate * push
                    part += step
        return self

    def _parameters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.weights, self.visible_bias, self.hidden_bias
