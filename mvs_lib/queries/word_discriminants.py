"""Directions that part matching from non-matching features, learned for each visual word.

Chen et al. (2013, residual enhanced visual vectors) reduce the residuals in a word by linear
discriminant analysis: along the kept directions, differences between features that show different
things are large against those between features that show the same. What shows the same is mined
from photos of one place by mutual nearest neighbours and Lowe's ratio test (our realisation).
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg

from mvs_lib.features.local import LocalFeatures, root

__all__ = ["directions", "matches", "mine", "power"]

RATIO = 0.8  # nearest over second nearest distance (Lowe, 2004)
ENOUGH = 8  # matches that two photos must share: fewer are chance
PRIOR = 400  # pairs that the average over all words counts as, in each word's scatter


def power(values: np.ndarray, exponent: float) -> np.ndarray:
    """Return sign(v) |v|^exponent: a large component no longer drowns the others."""
    return np.sign(values) * np.abs(values) ** exponent


def matches(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Match RootSIFT ``(n, d)`` and ``(m, d)``; return rows of both, int64 ``(matches, 2)``.

    A match is nearest in both directions, and its distance is below 0.8 times that of the second
    nearest among ``other``.
    """
    if len(one) < 2 or len(other) < 2:
        return np.empty((0, 2), np.int64)
    distance = np.maximum(2 - 2 * one @ other.T, 0)  # squared: RootSIFT has length 1
    best = distance.argmin(axis=1)
    rows = np.arange(len(one))
    second = np.partition(distance, 1, axis=1)[:, 1]
    kept = (distance.argmin(axis=0)[best] == rows) & (distance[rows, best] < RATIO**2 * second)
    return np.stack([rows, best], axis=1)[kept]


def mine(
    features: LocalFeatures, labels: np.ndarray, pairs: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Find features that show the same thing in two photos of one place.

    Args:
        features: of photos. labels: the place of each photo.
        pairs: of photos that are looked at, at most.

    Returns:
        rows: int64 ``(matches, 2)``, rows of ``features``.
        photos: int64 ``(verified, 2)``, the pairs of photos that share enough of them.
    """
    first = np.repeat(random.permutation(len(labels)), 4)
    shuffled = random.permutation(len(labels))
    members = {label: shuffled[labels[shuffled] == label] for label in np.unique(labels)}
    tried, rows, photos = set(), [np.empty((0, 2), np.int64)], []
    for one in first:
        same = members[labels[one]]
        other = int(same[random.integers(len(same))])
        pair = (min(int(one), other), max(int(one), other))
        if other == one or pair in tried or len(tried) >= pairs:
            continue
        tried.add(pair)
        found = matches(*(root(features.of(photo).descriptors) for photo in pair))
        if len(found) >= ENOUGH:
            rows.append(found + features.offsets[list(pair)])
            photos.append(pair)
    return np.concatenate(rows), np.array(photos, np.int64).reshape(-1, 2)


def directions(
    residual: Callable[[np.ndarray], np.ndarray],
    words: np.ndarray,
    labels: np.ndarray,
    same: np.ndarray,
    count: int,
    dimensions: int,
    random: np.random.Generator,
) -> np.ndarray:
    """Learn the directions of every word, float32 ``(count, d, dimensions)``.

    A_j maximises tr((A' S_w A)^-1 A' S_b A), S_w and S_b the mean outer products of differences of
    residuals over the matching and the non-matching pairs in word j. Both are drawn towards their
    averages over all words, which count as 400 pairs: a word that was seldom visited has few.

    Args:
        residual: returns the residuals of rows of features, ``(n, d)``.
        words: of each feature. labels: the place of each feature.
        same: matching pairs of features, ``(matches, 2)``.
        count: how many words there are.
        dimensions: kept of each word's residuals.
        random: draws the non-matching pairs, as many a word as there are features of it, at most
            2,000.

    Raises:
        ValueError: there are no matching or no non-matching pairs.
    """
    same = same[words[same[:, 0]] == words[same[:, 1]]]
    within = [same[words[same[:, 0]] == word] for word in range(count)]
    between = []
    for word in range(count):
        members = np.flatnonzero(words == word)
        pairs = random.choice(members, (min(len(members), 2000), 2)) if len(members) else None
        pairs = np.empty((0, 2), np.int64) if pairs is None else pairs
        between.append(pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]])
    scatters = []
    for groups, kind in ((within, "matching"), (between, "non-matching")):
        if not sum(map(len, groups)):
            raise ValueError(
                f"no {kind} features were found among the source photos: give more photos of each "
                "place, and of at least two places"
            )
        sums = []
        for pairs in groups:
            apart = residual(pairs[:, 0]) - residual(pairs[:, 1])
            sums.append((apart.T @ apart).astype(np.float64))
        counts = np.array([len(pairs) for pairs in groups])
        pooled = np.sum(sums, axis=0) / counts.sum()
        scatters.append([
            (total + PRIOR * pooled) / (n + PRIOR) for total, n in zip(sums, counts, strict=True)
        ])  # fmt: skip
    found = []
    for inner, outer in zip(*scatters, strict=True):
        size = len(inner)
        inner = inner + 1e-3 * np.trace(inner) / size * np.eye(size)
        _, vectors = scipy.linalg.eigh(outer, inner, subset_by_index=[size - dimensions, size - 1])
        vectors = vectors[:, ::-1] / np.linalg.norm(vectors[:, ::-1], axis=0)
        largest = np.abs(vectors).argmax(axis=0)  # fixes the sign, which is free
        vectors *= np.sign(vectors[largest, np.arange(dimensions)])
        found.append(vectors.astype(np.float32))
    return np.stack(found)
