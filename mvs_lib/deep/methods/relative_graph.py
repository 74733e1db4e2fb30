"""A graph of photos in which classmates lie nearer than strangers. Taught in notebook 04.

Gao, Song, Zou, Zhang, Shao (2015), "Scalable multimedia retrieval by deep learning hashing with
relative similarity learning", ACM Multimedia, learn a graph from labels and visual neighbours; its
formulas were not to be had, and these are our realisation. Row i of the graph says how much weight
photo i lends each other photo: a point of the simplex, its entries >= 0 with sum 1. It begins as

    a0_i = mu (some classmates, in equal shares) + (1 - mu) (the k nearest photos, likewise)

and is put in order, so that each classmate (P) outweighs each photo of another class (N) by a
margin m_i = margin / |P|: that holds for all pairs at once if some t >= 0 lies between,

    min over a in the simplex of  phi(a) = min over t >= 0 of  1/2 ||a - a0||^2
        + (rho/2) (sum_{j in P} [t + m - a_j]_+^2 + sum_{k in N} [a_k - t]_+^2).

phi is convex, its gradient is that of the right side at the best t, and 1 + rho bounds how fast
that changes; so a step of 1 / (1 + rho) down the gradient, brought back to the simplex, never
raises phi. A row keeps to the photos it started with. Unlabelled photos belong neither to P nor to
N: their weights stay visual.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

__all__ = [
    "Rows",
    "best_threshold",
    "draw_rows",
    "in_order",
    "objective",
    "to_matrix",
    "to_simplex",
]


class Rows(NamedTuple):
    """The graph's rows, padded to one width w: each array is ``(n, w)``."""

    photos: np.ndarray  # int64, whom the weight is lent to; 0 where padded
    weights: np.ndarray  # float64, >= 0, each row's sum 1, 0 where padded
    used: np.ndarray  # bool, False where padded
    mates: np.ndarray  # bool, P: both photos labelled, one class
    strangers: np.ndarray  # bool, N: both labelled, two classes


def draw_rows(
    features: np.ndarray,
    labels: np.ndarray,
    known: np.ndarray,
    mu: float,
    neighbours: int,
    partners: int,
    random: np.random.Generator,
) -> Rows:
    """Return a0 of all photos.

    Args:
        features: real ``(n, d)``, n >= 2: a descriptor a photo, compared by Euclid.
        labels: int ``(n,)``, looked at only where known.
        known: bool ``(n,)``.
        mu: share of the labels, 0 to 1; a photo without classmates gives all to its neighbours.
        neighbours: k; all other photos where there are no more.
        partners: classmates a row at most, drawn where there are more: a few dozen tie a class
            together as well as all would.
        random: where the draws come from.
    """
    n = len(features)
    k = min(neighbours, n - 1)
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(features)
    near = search.kneighbors(return_distance=False)
    mates = np.full((n, partners), -1)
    for label in np.unique(labels[known]):
        members = np.flatnonzero(known & (labels == label))
        for i in members:
            others = members[members != i]
            if len(others) > partners:
                others = random.choice(others, partners, replace=False)
            mates[i, : len(others)] = others
    count = (mates >= 0).sum(1, keepdims=True)
    shares = np.where(mates >= 0, mu / np.maximum(count, 1), 0.0)
    visual = np.where(count > 0, 1 - mu, 1.0) / k
    weights = np.hstack([shares, np.repeat(visual, k, axis=1)])
    photos = np.hstack([mates, near])
    for column in range(partners, partners + k):  # a neighbour that is a drawn classmate too
        twice = photos[:, :partners] == photos[:, [column]]
        weights[:, :partners] += np.where(twice, visual, 0.0)
        gone = twice.any(1)
        weights[gone, column], photos[gone, column] = 0.0, -1
    used = photos >= 0
    photos = np.where(used, photos, 0)
    both = used & known[:, None] & known[photos]
    same = labels[:, None] == labels[photos]
    return Rows(photos, weights, used, both & same, both & ~same)


def in_order(
    rows: Rows, margin: float, rho: float, iterations: int = 30
) -> tuple[Rows, np.ndarray]:
    """Put the rows in order by projected gradient.

    Args:
        rows: a0.
        margin: from 0 to 1, of a row's whole weight: 1 asks that classmates have it all.
        rho: weight of the order against staying at a0.
        iterations: how many steps.

    Returns:
        The rows, and float64 ``(iterations + 1,)``: the sum of phi after 0, 1, ... steps.
    """
    start, history = rows.weights, []
    gap = margin / np.maximum(rows.mates.sum(1, keepdims=True), 1)
    weights = start
    for iteration in range(iterations + 1):
        t = best_threshold(weights, rows, gap)
        short, over = _violations(weights, rows, gap, t)
        history.append(_phi(weights - start, short, over, rho))
        if iteration < iterations:
            gradient = weights - start + rho * (over - short)
            weights = to_simplex(weights - gradient / (1 + rho), rows.used)
    return rows._replace(weights=weights), np.array(history)


def objective(weights: np.ndarray, rows: Rows, margin: float, rho: float) -> float:
    """Return the sum over the rows of phi, for weights ``(n, w)`` and ``rows`` that hold a0."""
    gap = margin / np.maximum(rows.mates.sum(1, keepdims=True), 1)
    violations = _violations(weights, rows, gap, best_threshold(weights, rows, gap))
    return _phi(weights - rows.weights, *violations, rho)


def best_threshold(weights: np.ndarray, rows: Rows, gap: np.ndarray) -> np.ndarray:
    """Return the best t of each row, ``(n, 1)``: where the two sums of violations are equal.

    The first grows with t and the second falls, so that bisection finds it.
    """
    values = np.where(rows.mates, weights - gap, weights)
    counted = rows.mates | rows.strangers
    low = np.where(counted, values, np.inf).min(1, keepdims=True, initial=0.0)
    high = np.where(counted, values, -np.inf).max(1, keepdims=True, initial=0.0)
    for _ in range(45):
        t = (low + high) / 2
        short, over = _violations(weights, rows, gap, t)
        rising = short.sum(1, keepdims=True) > over.sum(1, keepdims=True)
        low, high = np.where(rising, low, t), np.where(rising, t, high)
    return np.maximum((low + high) / 2, 0.0)


def to_simplex(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Return the nearest points of the simplex, a row each, 0 where not used.

    Such a point is [v - theta]_+ with theta from the largest entries (Held, Wolfe, Crowder 1974).

    >>> to_simplex(np.array([[0.5, 1.0, 9.0]]), np.array([[True, True, False]])).tolist()
    [[0.25, 0.75, 0.0]]
    """
    falling = -np.sort(np.where(used, -values, np.inf), axis=1)
    real = np.isfinite(falling)
    theta = (np.where(real, falling, 0).cumsum(1) - 1) / np.arange(1, values.shape[1] + 1)
    last = (real & (falling > theta)).sum(1) - 1
    theta = np.take_along_axis(theta, last[:, None], axis=1)
    return np.where(used, np.maximum(values - theta, 0), 0.0)


def to_matrix(rows: Rows) -> sparse.csr_array:
    """Return the symmetric graph (A + A') / 2, sparse ``(n, n)``."""
    n = len(rows.weights)
    origin = np.repeat(np.arange(n), rows.used.sum(1))
    graph = sparse.csr_array(
        (rows.weights[rows.used], (origin, rows.photos[rows.used])), shape=(n, n)
    )
    return (graph + graph.T) / 2


def _violations(weights, rows, gap, t) -> tuple[np.ndarray, np.ndarray]:
    """By how much each classmate falls short of t + m, and each stranger passes t."""
    short = np.where(rows.mates, np.maximum(t + gap - weights, 0), 0.0)
    return short, np.where(rows.strangers, np.maximum(weights - t, 0), 0.0)


def _phi(moved: np.ndarray, short: np.ndarray, over: np.ndarray, rho: float) -> float:
    return float(((moved**2).sum() + rho * ((short**2).sum() + (over**2).sum())) / 2)
