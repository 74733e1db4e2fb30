"""KSH: bits whose inner products are what the labels say. Taught in notebook 02.

Liu, Wang, Ji, Jiang and Chang 2012, "Supervised hashing with kernels". The inner product of two
codes in {-1, +1}^K is K - 2 * (their Hamming distance): K for equal codes, -K for opposite ones. So
ask for K where two photos share their label and for -K where they do not. One bit after another is
fitted to what the bits before it left over.
"""

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize

from mvs_lib.hashing.anchors import AnchorHasher

__all__ = ["KSH", "Residual", "smooth_objective"]


class KSH(AnchorHasher):
    """Kernel-based supervised hashing: minimise ``||K S - H H'||_F^2`` over K hash functions.

    S ``(n, n)`` is +1 where two rows share their label and -1 elsewhere; column k of H ``(n, K)``
    is ``h_k = sgn(Kbar a_k)`` in {-1, +1}; Kbar ``(n, m)`` holds the nearness of each row to each
    anchor, less its mean. With the residual ``R_k = K S - sum of h_j h_j' over j < k``, bit k
    raises ``h' R_k h`` in two steps:

    1. *Spectral start*: leave out the sgn. Then a is the top eigenvector of
       ``Kbar' R Kbar a = lambda Kbar' Kbar a``.
    2. *Smoothed objective*: sgn becomes ``phi(x) = 2 / (1 + exp(-x)) - 1``, and a climbs
       ``phi(Kbar a)' R phi(Kbar a)``. The paper climbs by Nesterov's gradient method; we do by
       L-BFGS, from the same gradient.

    Of the start and what was reached from it, the one with the larger ``h' R h`` stays. A bit
    lowers the residual where this exceeds n^2 / 2. The n x n matrices are never written out:
    ``S v = 2 Y Y' v - 1 1' v`` for classes Y, so that a step costs O(n), not O(n^2).

    Args:
        bits: length of the code, K.
        anchors: how many training rows are anchors (the paper: 300), m.
        width: of the kernel: sigma^2 over the mean squared distance to the anchors.
        steps: of L-BFGS at most, per bit; 0 leaves the spectral start.
        random_state: seed (int), `numpy.random.Generator`, or None for another draw every time.

    Attributes:
        classes_: ``(C,)``, the distinct labels.
        anchors_, squared_width_, projection_: see `AnchorHasher`; column k of ``projection_`` is
            a_k.
        offset_: float64 ``(m,)``, the mean nearness.
        residual_: float64 ``(bits + 1,)``, ``||R||_F^2 / n^2`` after 0, 1, ... bits.
        gains_: float64 ``(bits, 2)``, ``h' R h / n^2`` of the spectral start and of what stayed.
    """

    def __init__(
        self,
        bits: int = 48,
        anchors: int = 300,
        width: float = 1.0,
        steps: int = 100,
        random_state=0,
    ):
        self.bits, self.anchors, self.width = bits, anchors, width
        self.steps, self.random_state = steps, random_state

    def _learn(self, kernel, classes, random):
        steps = self.steps
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
            raise ValueError(f"steps must be a whole number >= 0, got {steps!r}")
        offset = kernel.mean(axis=0)
        centred = kernel - offset
        count, anchors = centred.shape
        gram = centred.T @ centred
        gram[np.diag_indices(anchors)] += 1e-6 * np.trace(gram) / anchors  # anchors may be alike
        residual = Residual(classes, self.bits)
        losses, gains, projection = [residual.squared_norm()], [], []
        for _ in range(self.bits):
            start = _spectral_start(centred, residual, gram)
            climbed = _climb(start, centred, residual, steps) if steps else start
            codes = [np.where(centred @ a >= 0, 1.0, -1.0) for a in (start, climbed)]
            gain = [h @ residual(h) for h in codes]
            better = int(gain[1] > gain[0])
            residual.subtract(codes[better])
            projection.append((start, climbed)[better])
            gains.append((gain[0], gain[better]))
            losses.append(losses[-1] - 2 * gain[better] + count**2)
        self.residual_, self.gains_ = np.array(losses) / count**2, np.array(gains) / count**2
        return np.column_stack(projection), offset


class Residual:
    """``R = K S - sum of h h'`` as a function: ``residual(v)`` is ``R v``, R never written out.

    Args:
        classes: float64 ``(n, C)``, 1 where a row is of a class.
        bits: K.
    """

    def __init__(self, classes: np.ndarray, bits: int):
        self.classes, self.bits, self.codes = classes, bits, np.empty((len(classes), 0))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return R times ``values``, float64 ``(n,)`` or ``(n, any)``."""
        agreed = 2 * self.classes @ (self.classes.T @ values) - values.sum(axis=0)  # S v
        return self.bits * agreed - self.codes @ (self.codes.T @ values)

    def subtract(self, code: np.ndarray) -> None:
        """Take ``h h'`` off, h in {-1, +1} ``(n,)``."""
        self.codes = np.column_stack([self.codes, code])

    def squared_norm(self) -> float:
        """Return ``||K S||_F^2 - 2 tr(H' K S H) + ||H' H||_F^2``."""
        without = Residual(self.classes, self.bits)
        crossed = (self.codes * without(self.codes)).sum()
        inner = self.codes.T @ self.codes
        return (self.bits * len(self.classes)) ** 2 - 2 * crossed + (inner**2).sum()


def smooth_objective(
    direction: np.ndarray, kernel: np.ndarray, residual: Residual
) -> tuple[float, np.ndarray]:
    """Return ``-phi(Kbar a)' R phi(Kbar a)`` and its gradient with respect to a ``(m,)``."""
    smooth = np.tanh(kernel @ direction / 2)  # phi
    left = residual(smooth)
    return -smooth @ left, -kernel.T @ (left * (1 - smooth**2))


def _spectral_start(kernel, residual, gram) -> np.ndarray:
    """The top generalised eigenvector a, scaled so that the values have mean square 1."""
    last = len(gram) - 1
    _, vectors = eigh(kernel.T @ residual(kernel), gram, subset_by_index=[last, last])
    direction = vectors[:, 0] * np.sign(vectors[np.abs(vectors[:, 0]).argmax(), 0])
    return direction / np.sqrt(np.mean((kernel @ direction) ** 2))


def _climb(start, kernel, residual, steps) -> np.ndarray:
    scale = len(kernel) ** 2  # keeps the solver's tolerances free of the number of rows

    def objective(direction):
        value, gradient = smooth_objective(direction, kernel, residual)
        return value / scale, gradient / scale

    return minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x
