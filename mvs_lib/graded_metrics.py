"""How good a ranking is where some answers are more right than others. Taught in notebook 04.

A photo with several labels may share one, two or more of them with the query: r_i is the number
that the i-th answer shares. Zhao et al. (2015, "Deep semantic ranking based hashing for multi-label
image retrieval") measure, over the first p of n answers,

    NDCG@p = (1/Z) sum_{i=1..p} (2^(r_i) - 1) / log2(1 + i),    Z the largest value of the sum
    ACG@p  = (1/p) sum_{i=1..p} r_i
    weighted MAP = mean over queries of (1/m) sum_{i=1..n} [r_i > 0] ACG@i,    m = #{i: r_i > 0}

With one label a photo, weighted MAP is the MAP of `mvs_lib.metrics`. NDCG is Järvelin and
Kekäläinen's (2002), with gains that double with each label. A query that shares nothing with any
photo scores 0. Ties are broken as in `mvs_lib.metrics`, by the same names; the best order inside a
tie has the larger gains first, the worst one last, for all three measures.
"""

from collections.abc import Callable, Iterator

import numpy as np

from mvs_lib.codes import check_codes, hamming_distance
from mvs_lib.tied_ranking import check_options

__all__ = ["average_cumulative_gain", "ndcg", "weighted_mean_average_precision"]

_CHUNK = 16_000_000  # distances held at once


def ndcg(
    query_codes: np.ndarray,
    query_labels: np.ndarray,
    database_codes: np.ndarray,
    database_labels: np.ndarray,
    *,
    k: int | None = None,
    ties: str = "stable",
) -> float:
    """Return NDCG@k, averaged over the queries.

    Args:
        query_codes: uint8 ``(q, bytes)``.
        query_labels: 0 and 1 ``(q, classes)``, or integers ``(q,)`` for one label a photo.
        database_codes: uint8 ``(n, bytes)``.
        database_labels: likewise ``(n, classes)`` or ``(n,)``.
        k: look at the first ``k`` answers only (p in the paper); None looks at all.
        ties: see the module.

    >>> codes = np.uint8([[0], [1], [3]])
    >>> labels = np.array([[1, 1], [1, 0], [1, 1]])
    >>> round(ndcg(codes[:1], labels[:1], codes, labels, k=2), 3)
    0.742

    Raises:
        ValueError: codes or labels do not fit together, nothing to rank, or an option is unknown.
    """

    def score(shared, distances):
        gains = 2.0**shared - 1
        discount = 1 / np.log2(2 + np.arange(min(k or len(gains), len(gains))))
        ideal = np.sort(gains)[::-1][: len(discount)] @ discount
        return _ranked(gains, distances, ties)[: len(discount)] @ discount / (ideal or 1.0)

    return _mean(score, query_codes, query_labels, database_codes, database_labels, k, ties)


def average_cumulative_gain(
    query_codes: np.ndarray,
    query_labels: np.ndarray,
    database_codes: np.ndarray,
    database_labels: np.ndarray,
    *,
    k: int,
    ties: str = "stable",
) -> float:
    """Return ACG@k, how many labels the first k answers share on average, over the queries.

    Arguments and errors as in `ndcg`.

    >>> codes = np.uint8([[0], [1], [3]])
    >>> labels = np.array([[1, 1], [1, 0], [1, 1]])
    >>> average_cumulative_gain(codes[:1], labels[:1], codes, labels, k=2)
    1.5
    """

    def score(shared, distances):
        return _ranked(shared, distances, ties)[:k].mean()

    return _mean(score, query_codes, query_labels, database_codes, database_labels, k, ties)


def weighted_mean_average_precision(
    query_codes: np.ndarray,
    query_labels: np.ndarray,
    database_codes: np.ndarray,
    database_labels: np.ndarray,
    *,
    ties: str = "stable",
) -> float:
    """Return the weighted MAP; it lies between 0 and the number of labels a photo may share.

    Arguments and errors as in `ndcg`.

    >>> codes = np.uint8([[0], [1], [3]])
    >>> labels = np.array([[1, 1], [0, 0], [1, 0]])
    >>> weighted_mean_average_precision(codes[:1], labels[:1], codes, labels)
    1.5
    """

    def score(shared, distances):
        positive = shared > 0
        if ties == "expected":
            gained = _expected_gained(shared, distances)
        else:
            shared = _ranked(shared, distances, ties)
            gained = (shared > 0) * np.cumsum(shared)
        return (gained / np.arange(1, len(gained) + 1)).sum() / max(1, positive.sum())

    return _mean(score, query_codes, query_labels, database_codes, database_labels, None, ties)


def _ranked(gains: np.ndarray, distances: np.ndarray, ties: str) -> np.ndarray:
    """Return the gains in the order of the answers; for "expected", each tie's mean in its places.

    Sums of gains, however discounted, are linear in them: so a mean gain gives the mean sum.
    """
    if ties == "stable":
        return gains[np.argsort(distances, kind="stable")]
    if ties != "expected":
        return gains[np.lexsort([-gains if ties == "optimistic" else gains, distances])]
    _, group, size = np.unique(distances, return_inverse=True, return_counts=True)
    return np.repeat(np.bincount(group, gains) / size, size)


def _expected_gained(shared: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Return, by rank, the mean of [r > 0] (sum of the r up to here) over all orders of the ties.

    In a tie of s answers with h positives and the sum R, place j (from 0) holds a positive with
    chance h / s, after the gains of all earlier ties; its own mean gain is R / s; and each of the j
    answers before it in the tie adds the mean of [r_a > 0] r_b over pairs, R (h - 1) / (s (s - 1)).
    """
    _, group, size = np.unique(distances, return_inverse=True, return_counts=True)
    total, hits = np.bincount(group, shared), np.bincount(group, shared > 0)
    before = total.cumsum() - total
    first = before * hits / size + total / size
    slope = total * np.maximum(hits - 1, 0) / (size * np.maximum(size - 1, 1))
    place = np.arange(len(shared)) - np.repeat(size.cumsum() - size, size)
    return np.repeat(first, size) + np.repeat(slope, size) * place


def _mean(
    score: Callable, query_codes, query_labels, database_codes, database_labels, k, ties: str
) -> float:
    check_options(k, ties)
    rows = _rows(query_codes, query_labels, database_codes, database_labels)
    return float(np.mean([score(*row) for row in rows]))


def _rows(
    query_codes, query_labels, database_codes, database_labels
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, query by query, the labels shared with each photo and the Hamming distances."""
    query_codes = check_codes(query_codes, name="query codes")
    database_codes = check_codes(database_codes, name="database codes")
    query_labels = _check_labels(query_labels, query_codes, "query")
    database_labels = _check_labels(database_labels, database_codes, "database")
    if query_labels.shape[1:] != database_labels.shape[1:]:
        raise ValueError(
            "queries and database must have labels of one form, got "
            f"{query_labels.shape} and {database_labels.shape}"
        )
    step = max(1, _CHUNK // len(database_codes))
    for start in range(0, len(query_codes), step):
        asked = query_labels[start : start + step]
        if asked.ndim == 1:
            shared = (asked[:, None] == database_labels).astype(float)
        else:
            shared = asked.astype(float) @ database_labels.T.astype(float)
        distances = hamming_distance(query_codes[start : start + step], database_codes)
        yield from zip(shared, distances, strict=True)


def _check_labels(labels, codes, name: str) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "iub":
        raise ValueError(
            f"{name} labels must be integers (n,) or 0 and 1 (n, classes), got "
            f"{labels.dtype} {labels.shape}"
        )
    if labels.ndim == 2 and not np.isin(labels, (0, 1)).all():
        raise ValueError(f"{name} labels of shape (n, classes) must hold 0 and 1 alone")
    if len(labels) != len(codes) or not len(labels):
        raise ValueError(
            f"labels of {len(labels)} photos for {len(codes)} {name} codes: give one row a code, "
            "and at least one"
        )
    return labels
