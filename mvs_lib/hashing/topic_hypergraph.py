"""Topics from words, a hypergraph from topics, codes from the hypergraph. See notebook 01.

Zhu et al. 2015, "Topic hypergraph hashing for mobile image retrieval". Photos of a database come
with text, a query does not. So text helps to learn and is not needed to search: pixels and words
are explained by the same few topics, each topic joins its photos by one hyperedge, and codes are
sought that change little along hyperedges and can be foretold from pixels. The paper's equations
are followed in our own symbols; scale and optimiser are our realisation.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg

__all__ = ["Factors", "TopicHypergraphCodes", "factorise", "incidence_root", "membership"]

FLOOR = 1e-12  # keeps quotients finite
SMOOTH = 1e-6  # under the root: a residual of zero has a slope then


class Factors(NamedTuple):
    """What `factorise` found.

    Attributes:
        visual: float64 ``(d, topics)``, U_v. text: float64 ``(words, topics)``, U_t.
        topics: float64 ``(n, topics)``, V: how much each photo is of each topic; >= 0.
        objective: float64 ``(iterations + 1,)``, before the first update and after each.
    """

    visual: np.ndarray
    text: np.ndarray
    topics: np.ndarray
    objective: np.ndarray


def factorise(
    visual, text, topics: int, alpha: float = 10.0, iterations: int = 60, random_state=0
) -> Factors:
    """Explain two views by the same topics: robust collective non-negative factorisation.

    Minimises, over U_v, U_t, V >= 0, ``||X_v - V U_v'||_{2,1} + alpha ||X_t - V U_t'||_{2,1}``:
    the *lengths* of the photos' residuals are summed, not their squares, so that a photo which
    fits no topic spoils none. A length r is at most r^2 / 2c + c / 2, with equality at c = r; so
    each update weighs photo i by 1 / 2c_i, c_i its present residual, and takes the multiplicative
    steps of Lee and Seung for the weighted squares. The objective never rises.

    Args:
        visual: X_v, non-negative ``(n, d)``, array or scipy.sparse.
        text: X_t, non-negative ``(n, words)``, likewise.
        topics: how many, >= 1.
        alpha: weight of the text.
        iterations: how often to update everything.
        random_state: seed of the first values.

    Raises:
        ValueError: negative entries, different numbers of rows, or no topics.
    """
    views, weights = (visual, text), (1.0, alpha)
    if visual.shape[0] != text.shape[0]:
        raise ValueError(f"{visual.shape[0]} rows of features, but {text.shape[0]} of text")
    if topics < 1 or any(view.min() < 0 for view in views):
        raise ValueError(f"need topics >= 1 and no negative entries, got {topics} topics")
    random = np.random.default_rng(random_state)
    shared = random.uniform(0.5, 1, (visual.shape[0], topics))  # V
    # Each photo is a mean of topics then, so that the first residuals have the photos' own scale.
    shared /= shared.sum(1, keepdims=True)
    bases = [random.uniform(0.5, 1, (view.shape[1], topics)) * view.mean() for view in views]
    residuals = [_residuals(*pair, shared) for pair in zip(views, bases, strict=True)]
    objective = [_objective(residuals, weights)]
    for _ in range(iterations):
        scales = [1 / (2 * lengths)[:, None] for lengths in residuals]
        for number, (view, scale) in enumerate(zip(views, scales, strict=True)):
            base, weighted = bases[number], scale * shared
            bases[number] = base * (view.T @ weighted) / (base @ (shared.T @ weighted) + FLOOR)
        above, below = 0.0, FLOOR
        for view, base, scale, weight in zip(views, bases, scales, weights, strict=True):
            above = above + weight * scale * (view @ base)
            below = below + weight * scale * (shared @ (base.T @ base))
        shared = shared * above / below
        residuals = [_residuals(*pair, shared) for pair in zip(views, bases, strict=True)]
        objective.append(_objective(residuals, weights))
    return Factors(*bases, shared, np.array(objective))


def membership(topics: np.ndarray) -> np.ndarray:
    """Return H, each topic's weights over its largest: a factorisation leaves their scale free."""
    return topics / np.maximum(topics.max(0), FLOOR)


def incidence_root(topics: np.ndarray) -> np.ndarray:
    """Return A ``(n, topics)`` with ``L = I - A A'``, the hypergraph's normalised Laplacian.

    A topic is a hyperedge, and photo i belongs to it by ``H_ie`` (`membership`). With vertex
    degrees D_v = the sums of H's rows and edge degrees D_e = those of its columns, all hyperedges
    of one weight,
    ``L = I - D_v^{-1/2} H D_e^{-1} H' D_v^{-1/2}``, so ``A = D_v^{-1/2} H D_e^{-1/2}``.
    """
    incidence = membership(topics)
    edges, vertices = incidence.sum(0), incidence.sum(1, keepdims=True)
    return incidence / np.sqrt(np.maximum(vertices, FLOOR) * np.maximum(edges, FLOOR))


class TopicHypergraphCodes:
    """Codes that are smooth on a hypergraph of topics and can be foretold from features.

    Minimises ``tr(Y'LY) + beta ||Y - X P||^2 + gamma ||P||^2 + eta (||Y - H Q||^2 + ||Q||^2)``
    with ``Y'Y = n I``, H the `membership` of photos in topics. With the best P and Q put in, what
    is left is ``tr(Y' (const - S) Y)``,

        S = A A' + beta X (X'X + gamma/beta I)^{-1} X' + eta H (H'H + I)^{-1} H',

    so Y holds the leading eigenvectors of S. The Laplacian's own first one, sqrt(D_v), says the
    same of every photo and is kept out. Each bit is 1 at or above the median: balanced.

    Args:
        bits: length of the code.
        beta: weight of what features foretell. gamma: of the ridge. eta: of topic consistency.

    Attributes:
        values_: Y, float64 ``(n, bits)``. projection_: P, float64 ``(d, bits)``.
        source_median_: of Y. median_: of ``X P``, where the bits of a new photo turn.
    """

    def __init__(self, bits: int = 48, beta: float = 1.0, gamma: float = 1.0, eta: float = 1.0):
        self.bits, self.beta, self.gamma, self.eta = bits, beta, gamma, eta

    def fit(self, features, topics: np.ndarray) -> "TopicHypergraphCodes":
        """Learn from features ``(n, d)``, array or scipy.sparse, and topic weights ``(n, t)``.

        Raises:
            ValueError: more bits than directions to tell photos apart, or weights below zero.
        """
        if min(self.beta, self.gamma) <= 0 or self.eta < 0:
            raise ValueError("need beta > 0, gamma > 0 and eta >= 0")
        dense = features.toarray() if hasattr(features, "toarray") else np.asarray(features)
        dense = dense.astype(np.float64)
        n, edges = len(dense), membership(topics)
        most = min(n - 1, dense.shape[1] + edges.shape[1])
        if not 1 <= self.bits <= most:
            raise ValueError(f"these photos give 1..{most} bits, got bits={self.bits}")
        ridge = dense.T @ dense + self.gamma / self.beta * np.eye(dense.shape[1])
        factor = linalg.cholesky(ridge, lower=True)
        parts = [incidence_root(topics), np.sqrt(self.beta) * _whiten(dense, factor)]
        if self.eta:
            spread = linalg.cholesky(edges.T @ edges + np.eye(edges.shape[1]), lower=True)
            parts.append(np.sqrt(self.eta) * _whiten(edges, spread))
        stacked = np.hstack(parts)  # B, with S = B B'
        trivial = np.sqrt(edges.sum(1))
        trivial /= np.linalg.norm(trivial)
        stacked -= np.outer(trivial, trivial @ stacked)
        self.values_ = np.sqrt(n) * _leading(stacked, self.bits)
        self.projection_ = linalg.cho_solve((factor, True), dense.T @ self.values_)
        self.source_median_ = np.median(self.values_, axis=0)
        self.median_ = np.median(dense @ self.projection_, axis=0)
        return self

    def project(self, features) -> np.ndarray:
        """Return the value behind each bit of new photos: ``X P - median_``, float64 ``(m, bits)``.

        Args:
            features: ``(m, d)``, array or scipy.sparse.
        """
        return np.asarray(features @ self.projection_) - self.median_

    @property
    def source_values(self) -> np.ndarray:
        """The value behind each bit of the photos learned from: Y less its median."""
        return self.values_ - self.source_median_


def _whiten(rows: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return Z with ``Z Z' = rows (F F')^{-1} rows'``, F lower triangular."""
    return linalg.solve_triangular(factor, rows.T, lower=True).T


def _leading(stacked: np.ndarray, bits: int) -> np.ndarray:
    """Return the leading eigenvectors of ``B B'``, orthonormal ``(n, bits)``, largest first."""
    n, width = stacked.shape
    wide = width >= n
    gram = stacked @ stacked.T if wide else stacked.T @ stacked
    last = len(gram) - 1
    values, vectors = linalg.eigh(gram, subset_by_index=[last + 1 - bits, last])
    left = (vectors if wide else stacked @ vectors / np.sqrt(values))[:, ::-1]
    largest = np.abs(left).argmax(0)  # a direction's sign is free: its largest entry is positive
    return left * np.where(left[largest, np.arange(bits)] < 0, -1, 1)


def _residuals(view, base: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Return the (smoothed) length of each row of ``view - V U'``, without ever writing it out."""
    squares = view.multiply(view) if hasattr(view, "multiply") else view * view
    squares = np.asarray(squares.sum(axis=1)).ravel()
    cross = ((view @ base) * shared).sum(1)
    own = ((shared @ (base.T @ base)) * shared).sum(1)
    return np.sqrt(np.maximum(squares - 2 * cross + own, 0) + SMOOTH)


def _objective(residuals, weights) -> float:
    return sum(weight * lengths.sum() for weight, lengths in zip(weights, residuals, strict=True))
