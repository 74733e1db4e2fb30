"""Average precision of one ranking that is full of ties. Taught in notebook 02.

Answers at one distance form a tie. With ``before`` answers and ``R`` positives in front of a tie
of ``size`` answers, ``hits`` of them positive, each way to order the tie has a closed form, built
on the harmonic numbers H (the sums of 1 / rank):

* positives first, from ``start = before`` (or last, from ``start = before + size - hits``): the
  sum over j = 1 … hits of (R + j) / (start + j), which is
  hits + (R - start) (H[start + hits] - H[start]);
* the mean over all orders: McSherry and Najork (2008, "Computing information retrieval performance
  measures efficiently in the presence of tied scores").

Where the ``k``-th place cuts a tie, the number of its positives that come first is drawn without
replacement (hypergeometric), and every such number is gone through.

The callers in `mvs_lib.metrics` check the arguments.
"""

from functools import lru_cache

import numpy as np

__all__ = ["TIES", "check_options", "count_found", "score"]

TIES = ("stable", "optimistic", "pessimistic", "expected")


def check_options(k: int | None, ties: str) -> None:
    """Check what every ranked measure may be asked for.

    Raises:
        ValueError: ``k`` is neither None nor a whole number >= 1, or ``ties`` is not of `TIES`.
    """
    whole = isinstance(k, int | np.integer) and not isinstance(k, bool)
    if k is not None and (not whole or k < 1):
        raise ValueError(f"k must be a whole number >= 1 or None, got {k!r}")
    if ties not in TIES:
        raise ValueError(f"ties must be one of {TIES}, got {ties!r}")


def score(
    relevant: np.ndarray, distances: np.ndarray, k: int | None, denominator: str, ties: str
) -> float:
    """Return the average precision of one ranking: `mvs_lib.metrics.average_precision`.

    Args:
        relevant: bool ``(n,)``.
        distances: ``(n,)``, real numbers.
        k: look at the first ``k`` answers only; None looks at all.
        denominator: ``"all"`` or ``"retrieved"``.
        ties: one of `TIES`.
    """
    k = min(k or len(relevant), len(relevant))
    positives = int(np.count_nonzero(relevant))
    if ties == "stable":
        ranks = np.flatnonzero(relevant[np.argsort(distances, kind="stable")[:k]]) + 1
        divisor = positives if denominator == "all" else len(ranks)
        return float((np.arange(1, len(ranks) + 1) / ranks).sum() / max(1, divisor))
    size, hits = _tie_groups(relevant, distances)
    ends = size.cumsum()
    before, hits_before = ends - size, hits.cumsum() - hits
    whole = int(np.searchsorted(ends, k, side="right"))  # ties that lie within the first k
    gains = _gain(size, hits, before, hits_before, len(relevant), ties)[:whole].sum()
    found = int(hits[:whole].sum())
    if whole and ends[whole - 1] == k:
        return float(gains / max(1, positives if denominator == "all" else found))
    # The k-th place falls inside a tie: go through every number of positives that may come first.
    size, hits, before = int(size[whole]), int(hits[whole]), int(before[whole])
    room = k - before
    first = np.arange(max(0, room - (size - hits)), min(room, hits) + 1)
    gains = gains + _gain(room, first, before, found, len(relevant), ties)
    scores = gains / (max(1, positives) if denominator == "all" else np.maximum(1, found + first))
    if ties == "expected":
        return float(scores @ _hypergeometric(size, hits, room, first))
    return float(scores.max() if ties == "optimistic" else scores.min())


def _gain(size, hits, before, hits_before, n, ties) -> np.ndarray:
    """Sum the precision at each positive of tie groups that start after ``before`` answers."""
    harmonic = _harmonic(n)
    if ties == "expected":
        # A place holds a positive with probability hits / size, and then the i places before it
        # inside the tie hold i * (hits - 1) / (size - 1) further ones on average.
        reciprocals = harmonic[before + size] - harmonic[before]  # sum of 1 / rank
        slope = (hits - 1) / np.maximum(1, size - 1)
        inside = slope * (size - (before + 1) * reciprocals)
        return hits / size * ((hits_before + 1) * reciprocals + inside)
    start = before if ties == "optimistic" else before + size - hits
    return hits + (hits_before - start) * (harmonic[start + hits] - harmonic[start])


def _tie_groups(relevant, distances) -> tuple[np.ndarray, np.ndarray]:
    """Count, by rising distance, the answers of each tie and the positives among them."""
    if distances.dtype.kind == "f" or distances.dtype.itemsize > 2 or distances.min() < 0:
        distances = np.unique(distances, return_inverse=True)[1]
    size = np.bincount(distances)
    hits = np.bincount(distances[relevant], minlength=len(size))
    return size[size > 0], hits[size > 0]


def count_found(relevant: np.ndarray, distances: np.ndarray, k: int, ties: str) -> float:
    """Return how many of the first ``k`` answers of one ranking are positive.

    Args as in `score`; the expected number need not be whole.
    """
    k = min(k, len(relevant))
    if ties == "stable":
        return np.count_nonzero(relevant[np.argsort(distances, kind="stable")[:k]])
    size, hits = _tie_groups(relevant, distances)
    room = np.clip(k - (size.cumsum() - size), 0, size)  # places of each tie among the first k
    if ties == "expected":
        return (hits * room / size).sum()
    if ties == "optimistic":
        return np.minimum(hits, room).sum()
    return np.maximum(0, room - (size - hits)).sum()


@lru_cache(maxsize=4)
def _harmonic(n: int) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(1 / np.arange(1, n + 1))])


@lru_cache(maxsize=4)
def _log_factorial(n: int) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def _hypergeometric(size: int, hits: int, room: int, first: np.ndarray) -> np.ndarray:
    """Return the chance that ``first`` of the ``hits`` fall on ``room`` of ``size`` places."""
    log = _log_factorial(size)
    last, misses = hits - first, size - hits
    chance = log[room] - log[first] - log[room - first]
    chance += log[size - room] - log[last] - log[misses - (room - first)]
    chance += log[hits] + log[misses] - log[size]
    return np.exp(chance)
