"""KSH: bits whose inner products are what the labels say.

Liu, Wang, Ji, Jiang and Chang 2012, "Supervised hashing with kernels". The inner product of two
codes in {-1, +1}^K is K - 2 * (their Hamming distance): K for equal codes, -K for opposite ones. So
ask for K where two photos share their label and for -K where they do not. One bit after another is
fitted to what the bits before it left over.
"""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
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
       ``Kbar' R Kbar a = lambda (Kbar' Kbar + rho s I) a``, s the mean of the diagonal.
    2. *Smoothed objective*: sgn becomes ``phi(x) = 2 / (1 + exp(-x)) - 1``, and a climbs
       ``phi(Kbar a)' R phi(Kbar a)``. The paper climbs by Nesterov's gradient method; we do by
       L-BFGS, from the same gradient.

    Of the start and what was reached from it, the one with the larger ``h' R h`` stays. A bit
    lowers the residual where this exceeds n^2 / 2. The n x n matrices are never written out: with
    classes Y, ``S = 2 Y Y' - 1 1'``, so that R is a product of few columns.

    Args:
        bits: length of the code, K.
        anchors: how many training rows are anchors (the paper: 300), m.
        width: of the kernel: sigma^2 over the mean squared distance to the anchors.
        regularization: rho, > 0: anchors may be alike, and few rows are soon fitted by many.
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
        regularization: float = 1e-6,
        steps: int = 100,
        random_state=0,
    ):
        self.bits, self.anchors, self.width = bits, anchors, width
        self.regularization, self.steps, self.random_state = regularization, steps, random_state

    def _learn(self, kernel, classes, random):
        steps = self.steps
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
            raise ValueError(f"steps must be a whole number >= 0, got {steps!r}")
        if not self.regularization > 0:
            raise ValueError(f"regularization must be > 0, got {self.regularization!r}")
        offset = kernel.mean(axis=0)
        centred = kernel - offset
        count, anchors = centred.shape
        gram = centred.T @ centred
        gram[np.diag_indices(anchors)] += self.regularization * np.trace(gram) / anchors
        triangle = cholesky(gram, lower=True)
        residual = Residual(classes, self.bits)
        losses, gains, projection = [residual.squared_norm()], [], []
        for _ in range(self.bits):
            start = _spectral_start(centred, residual, triangle)
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
    """``R = K S - sum of h h'``, kept as ``F diag(weights) F'`` with few columns F.

    Args:
        classes: float64 ``(n, C)``, 1 where a row is of a class.
        bits: K.
    """

    def __init__(self, classes: np.ndarray, bits: int):
        ones = np.ones(len(classes))
        self.factor = np.column_stack([classes, ones])
        self.weights = np.array([2.0 * bits] * classes.shape[1] + [-bits])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return R times ``values``, float64 ``(n,)``."""
        return self.factor @ (self.weights * (self.factor.T @ values))

    def subtract(self, code: np.ndarray) -> None:
        """Take ``h h'`` off, h in {-1, +1} ``(n,)``."""
        self.factor = np.column_stack([self.factor, code])
        self.weights = np.append(self.weights, -1.0)

    def squared_norm(self) -> float:
        """Return ``||R||_F^2``."""
        inner = self.factor.T @ self.factor
        return self.weights @ inner**2 @ self.weights


def smooth_objective(
    direction: np.ndarray, kernel: np.ndarray, residual: Residual
) -> tuple[float, np.ndarray]:
    """Return ``-phi(Kbar a)' R phi(Kbar a)`` and its gradient with respect to a ``(m,)``."""
    smooth = np.tanh(kernel @ direction / 2)  # phi
    left = residual(smooth)
    return -smooth @ left, -kernel.T @ (left * (1 - smooth**2))


def _spectral_start(kernel, residual, triangle) -> np.ndarray:
    """The top generalised eigenvector a, scaled so that the values have mean square 1.

    With ``Kbar' Kbar + rho s I = L L'`` and ``G = L^-1 Kbar' F``, a is ``L^-T`` times the top
    eigenvector of ``G diag(weights) G'``, which lies in the span of G's few columns.
    """
    columns = solve_triangular(triangle, kernel.T @ residual.factor, lower=True)  # G
    basis, inner = np.linalg.qr(columns)
    _, vectors = np.linalg.eigh(inner * residual.weights @ inner.T)
    direction = solve_triangular(triangle.T, basis @ vectors[:, -1])
    direction *= np.sign(direction[np.abs(direction).argmax()])
    return direction / np.sqrt(np.mean((kernel @ direction) ** 2))


def _climb(start, kernel, residual, steps) -> np.ndarray:
    scale = len(kernel) ** 2  # keeps the solver's tolerances free of the number of rows

    def objective(direction):
        value, gradient = smooth_objective(direction, kernel, residual)
        return value / scale, gradient / scale

    return minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x
