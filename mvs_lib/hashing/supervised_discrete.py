"""SDH: codes from which a linear classifier reads the label, kept binary all along.

Shen, Shen, Liu and Shen 2015, "Supervised discrete hashing". Most methods drop the sgn, solve, and
round; here the codes of the training rows are unknowns of their own, and each bit is solved for
exactly while the others stand still. (Liong's supervised *deep* hashing is another method of the
same initials; hence the long name.)
"""

import numpy as np

from mvs_lib.hashing.anchors import AnchorHasher
from mvs_lib.hashing.itq import check_iterations

__all__ = ["SupervisedDiscreteHashing", "best_codes"]


class SupervisedDiscreteHashing(AnchorHasher):
    """Supervised discrete hashing: minimise over codes B, classifier W and projection P

        ``||Y - B W||^2 + lambda ||W||^2 + nu (||B - Phi P||^2 + delta ||P||^2)``

    with classes Y ``(n, C)``, codes B in {-1, +1} ``(n, bits)``, W ``(bits, C)``, the nearness to
    the anchors Phi ``(n, m)`` and P ``(m, bits)``. Each of three steps lowers it as far as its
    unknown alone can:

    - *P step*: ``P = (Phi'Phi + delta I)^-1 Phi'B``;
    - *W step*: ``W = (B'B + lambda I)^-1 B'Y``;
    - *B step*: discrete cyclic coordinate descent, see `best_codes`.

    A photo's code is then ``sgn(P' phi(x))``. The paper's formula has no delta (its P step is plain
    least squares); with it, hundreds of anchors do not fit the noise of few rows.

    Args:
        bits: length of the code.
        anchors: how many training rows are anchors, m (the paper: 1,000).
        width: of the kernel: sigma^2 over the mean squared distance to the anchors.
        classifier_ridge: lambda, > 0 (the paper: 1).
        fit_weight: nu, > 0 (the paper: 1e-5): how much the codes heed what the kernel can reach.
        projection_ridge: delta, > 0.
        iterations: how often to do the three steps (the paper: 5).
        random_state: seed (int), `numpy.random.Generator`, or None for another draw every time: of
            the anchors and the codes that it starts from.

    Attributes:
        classes_: ``(C,)``, the distinct labels.
        anchors_, squared_width_, projection_: see `AnchorHasher`; ``projection_`` is P.
        offset_: float64 ``(m,)``, zeros.
        classifier_: float64 ``(bits, C)``, W.
        codes_: float64 ``(n, bits)``, B, in {-1, +1}.
        loss_: float64 ``(2 + 3 * iterations,)``: after the first P and W step, then after each B,
            P and W step.
    """

    def __init__(
        self,
        bits: int = 48,
        anchors: int = 1000,
        width: float = 1.0,
        classifier_ridge: float = 1.0,
        fit_weight: float = 1e-5,
        projection_ridge: float = 1e-2,
        iterations: int = 5,
        random_state=0,
    ):
        self.bits, self.anchors, self.width = bits, anchors, width
        self.classifier_ridge, self.fit_weight = classifier_ridge, fit_weight
        self.projection_ridge, self.iterations = projection_ridge, iterations
        self.random_state = random_state

    def _learn(self, kernel, classes, random):
        check_iterations(self.iterations)
        for name in ("classifier_ridge", "fit_weight", "projection_ridge"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)!r}")
        codes = np.where(random.random((len(kernel), self.bits)) < 0.5, -1.0, 1.0)
        projection = _ridge(kernel, codes, self.projection_ridge)
        classifier = np.zeros((self.bits, classes.shape[1]))
        losses = []

        def note():
            losses.append(self._loss(classes, codes, classifier, kernel, projection))

        note()
        classifier = _ridge(codes, classes, self.classifier_ridge)
        note()
        for _ in range(self.iterations):
            pull = classes @ classifier.T + self.fit_weight * (kernel @ projection)
            codes = best_codes(codes, classifier, pull)
            note()
            projection = _ridge(kernel, codes, self.projection_ridge)
            note()
            classifier = _ridge(codes, classes, self.classifier_ridge)
            note()
        self.classifier_, self.codes_, self.loss_ = classifier, codes, np.array(losses)
        return projection, np.zeros(kernel.shape[1])

    def _loss(self, classes, codes, classifier, kernel, projection) -> float:
        loss = ((classes - codes @ classifier) ** 2).sum()
        loss += self.classifier_ridge * (classifier**2).sum()
        fit = ((codes - kernel @ projection) ** 2).sum()
        return loss + self.fit_weight * (fit + self.projection_ridge * (projection**2).sum())


def best_codes(
    codes: np.ndarray, classifier: np.ndarray, pull: np.ndarray, sweeps: int = 20
) -> np.ndarray:
    """Lower ``||B W||^2 - 2 tr(B' Q)`` over B in {-1, +1}, one bit of all rows after another.

    That is all of the loss that depends on B, for ``Q = Y W' + nu Phi P``. With the other bits
    fixed, the best column k of B is ``sgn(q_k - B_rest W_rest w_k)``; a zero keeps its old bit.

    Args:
        codes: float64 ``(n, bits)`` in {-1, +1}, to start from; not changed.
        classifier: float64 ``(bits, C)``, W.
        pull: float64 ``(n, bits)``, Q.
        sweeps: over all bits at most; it ends before when no bit changes.

    Returns:
        float64 ``(n, bits)`` in {-1, +1}.
    """
    codes = codes.copy()
    interplay = classifier @ classifier.T
    np.fill_diagonal(interplay, 0)
    for _ in range(sweeps):
        before = codes.copy()
        for bit in range(codes.shape[1]):
            drive = pull[:, bit] - codes @ interplay[:, bit]
            codes[:, bit] = np.where(drive == 0, codes[:, bit], np.where(drive > 0, 1.0, -1.0))
        if (codes == before).all():
            break
    return codes


def _ridge(inputs: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    gram = inputs.T @ inputs
    gram[np.diag_indices(len(gram))] += ridge
    return np.linalg.solve(gram, inputs.T @ targets)
