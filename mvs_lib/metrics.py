"""How good a ranking is: MAP, precision, recall, and what ties do to them. Taught in notebook 02.

A code of ``bits`` bits knows only ``bits + 1`` distances, so a ranking is mostly ties, and the
order inside a tie decides the score. Every ranked measure therefore says how it breaks them:

* ``"stable"``: the smaller database id first (with ``seed``, after a seeded shuffle of the
  database, so that a database sorted by class gains nothing);
* ``"optimistic"``, ``"pessimistic"``: the best and the worst value that any order inside the ties
  can give;
* ``"expected"``: the exact mean over all orders inside the ties, in closed form (McSherry and
  Najork, 2008, "Computing information retrieval performance measures efficiently in the presence
  of tied scores").

Rules that hold for every function: a database photo is *positive* when its label equals the
query's; a query without any positive scores 0 (as in the field's scripts); ``k`` beyond the size
of the database means the whole database. Queries are worked on one after another, so memory stays
below a few hundred megabytes for 10,000 queries against 50,000 codes.
"""

from collections.abc import Iterator

import numpy as np

from mvs_lib.codes import check_codes, hamming_distance
from mvs_lib.tied_ranking import check_options, count_found, score

__all__ = [
    "average_precision",
    "mean_average_precision",
    "precision_at_k",
    "precision_recall_curve",
    "precision_within_radius",
    "recall_at_k",
    "top1",
]

DENOMINATORS = ("all", "retrieved")
_CHUNK = 16_000_000  # distances held at once: 64 MB of int32


def mean_average_precision(
    query_codes: np.ndarray,
    query_labels: np.ndarray,
    database_codes: np.ndarray,
    database_labels: np.ndarray,
    *,
    k: int | None = None,
    denominator: str = "all",
    ties: str = "stable",
    seed: int | None = None,
) -> float:
    """Return the mean of `average_precision` over the queries.

    The defaults are Eq. 1 of Liu et al. (2017): the full ranking, divided by all positives. The
    figure that Lin et al. (2015, DLBH) and their successors print as mAP@1000 is
    ``k=1000, denominator="retrieved"``; it divides by the positives found among the first ``k``
    only, and is never to be compared with Eq. 1.

    Args:
        query_codes: uint8 ``(q, bytes)``.
        query_labels: integers ``(q,)``.
        database_codes: uint8 ``(n, bytes)``.
        database_labels: integers ``(n,)``.
        k: look at the first ``k`` answers only; None looks at all.
        denominator: see `average_precision`.
        ties: see the module.
        seed: with ``ties="stable"``, shuffle the database first; None keeps its order.

    >>> codes = np.uint8([[0], [1], [3]])
    >>> mean_average_precision(codes[:1], [7], codes, [7, 0, 7])
    0.8333333333333333

    Raises:
        ValueError: codes or labels do not fit together, labels are not one integer a photo,
            nothing to rank, or an option is unknown.
    """
    _check_options(k, denominator, ties)
    pairs = _rows(query_codes, query_labels, database_codes, database_labels, seed)
    return float(np.mean([score(*row, k, denominator, ties) for row in pairs]))


def average_precision(
    relevant: np.ndarray,
    distances: np.ndarray,
    *,
    k: int | None = None,
    denominator: str = "all",
    ties: str = "stable",
) -> float | np.ndarray:
    """Return the average precision of one ranking, or of each row of many.

    The sum, over the positives among the first ``k``, of the precision at the rank of each,
    divided by the number of all positives (``denominator="all"``, Eq. 1 of Liu et al., 2017; with
    ``k`` smaller than that number the value cannot reach 1) or by the number of positives among
    the first ``k`` (``"retrieved"``). 0 if there are none.

    Args:
        relevant: bool ``(n,)`` or ``(q, n)``, which database photos are positive.
        distances: real numbers of the same shape, small is near.
        k: look at the first ``k`` answers only; None looks at all.
        denominator: ``"all"`` or ``"retrieved"``.
        ties: see the module.

    Returns:
        A float, or float64 ``(q,)``.

    >>> average_precision(np.array([True, False, True]), np.array([0, 1, 2]))
    0.8333333333333333
    >>> average_precision(np.array([True, False]), np.array([5, 5]), ties="expected")
    0.75

    Raises:
        ValueError: the shapes differ, nothing to rank, a distance is NaN, or an option is unknown.
    """
    relevant, distances = np.asarray(relevant), np.asarray(distances)
    _check_options(k, denominator, ties)
    if relevant.shape != distances.shape or relevant.ndim not in (1, 2) or not relevant.size:
        raise ValueError(
            "relevant and distances must have one shape, (n,) or (q, n), and not be empty; got "
            f"{relevant.shape} and {distances.shape}"
        )
    if relevant.dtype != bool:
        raise ValueError(f"relevant must be bool, got {relevant.dtype}: compare the labels first")
    if distances.dtype.kind not in "iuf" or np.isnan(distances).any():
        raise ValueError(f"distances must be real numbers without NaN, got {distances.dtype}")
    if relevant.ndim == 1:
        return score(relevant, distances, k, denominator, ties)
    rows = zip(relevant, distances, strict=True)
    return np.array([score(*row, k, denominator, ties) for row in rows])


def precision_at_k(
    query_codes: np.ndarray,
    query_labels: np.ndarray,
    database_codes: np.ndarray,
    database_labels: np.ndarray,
    k: int,
    *,
    ties: str = "stable",
    seed: int | None = None,
) -> float:
    """Return the share of positives among the ``k`` nearest, averaged over the queries.

    Arguments and errors as in `mean_average_precision`.

    >>> codes = np.uint8([[0], [1], [3]])
    >>> precision_at_k(codes[:1], [7], codes, [7, 0, 7], k=2)
    0.5
    """
    _check_options(k, "all", ties)
    pairs = _rows(query_codes, query_labels, database_codes, database_labels, seed)
    return float(np.mean([count_found(*row, k, ties) / min(k, len(row[0])) for row in pairs]))


def recall_at_k(
    query_codes: np.ndarray,
    query_labels: np.ndarray,
    database_codes: np.ndarray,
    database_labels: np.ndarray,
    k: int,
    *,
    ties: str = "stable",
    seed: int | None = None,
) -> float:
    """Return the share of all positives that the ``k`` nearest hold, averaged over the queries.

    Arguments and errors as in `mean_average_precision`.

    >>> codes = np.uint8([[0], [1], [3]])
    >>> recall_at_k(codes[:1], [7], codes, [7, 0, 7], k=2)
    0.5
    """
    _check_options(k, "all", ties)
    pairs = _rows(query_codes, query_labels, database_codes, database_labels, seed)
    return float(np.mean([count_found(*row, k, ties) / max(1, row[0].sum()) for row in pairs]))


def top1(
    query_codes: np.ndarray,
    query_labels: np.ndarray,
    database_codes: np.ndarray,
    database_labels: np.ndarray,
    *,
    ties: str = "stable",
    seed: int | None = None,
) -> float:
    """Return the share of queries whose nearest database code has their label (`precision_at_k`).

    >>> top1(np.uint8([[0], [3]]), [7, 7], np.uint8([[0], [1]]), [7, 0])
    0.5
    """
    labels = (query_codes, query_labels, database_codes, database_labels)
    return precision_at_k(*labels, 1, ties=ties, seed=seed)


def precision_within_radius(
    query_codes: np.ndarray,
    query_labels: np.ndarray,
    database_codes: np.ndarray,
    database_labels: np.ndarray,
    radius: int = 2,
) -> float:
    """Return the share of positives at a distance <= ``radius`` bits, averaged over the queries.

    A query whose Hamming ball is empty scores 0: long codes fail by finding nothing. There are no
    ties to break. Arguments and errors as in `mean_average_precision`.

    >>> codes = np.uint8([[0], [1], [3]])
    >>> precision_within_radius(codes[:1], [7], codes, [7, 0, 7], radius=1)
    0.5
    """
    if not _whole(radius) or radius < 0:
        raise ValueError(f"radius must be a whole number >= 0, in bits, got {radius!r}")
    scores = []
    for relevant, distances in _rows(query_codes, query_labels, database_codes, database_labels):
        inside = distances <= radius
        scores.append((relevant & inside).sum() / max(1, inside.sum()))
    return float(np.mean(scores))


def precision_recall_curve(
    query_codes: np.ndarray,
    query_labels: np.ndarray,
    database_codes: np.ndarray,
    database_labels: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return precision and recall of the answers within radius 0, 1, 2, …

    Pairs are pooled over the queries: of all (query, answer) pairs within the radius, how many
    share a label (precision, NaN where there is no pair), and how many of all pairs that share a
    label that is (recall, 0 where no pair shares one). Arguments and errors as in
    `mean_average_precision`.

    Returns:
        precision, recall: float64 ``(8 * bytes + 1,)`` each, by radius.

    >>> codes = np.uint8([[0], [1], [3]])
    >>> precision, recall = precision_recall_curve(codes[:1], [7], codes, [7, 0, 7])
    >>> precision[:3].round(2), recall[:3]
    (array([1.  , 0.5 , 0.67]), array([0.5, 0.5, 1. ]))
    """
    database_codes = check_codes(database_codes, name="database codes")
    levels = 8 * database_codes.shape[1] + 1
    pairs, positive = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    for relevant, distances in _rows(query_codes, query_labels, database_codes, database_labels):
        pairs += np.bincount(distances, minlength=levels)
        positive += np.bincount(distances[relevant], minlength=levels)
    pairs, positive = pairs.cumsum(), positive.cumsum()
    precision = np.divide(positive, pairs, out=np.full(levels, np.nan), where=pairs > 0)
    return precision, positive / max(1, positive[-1])


def _rows(
    query_codes, query_labels, database_codes, database_labels, seed=None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, query by query, which database photos are positive and their Hamming distances."""
    query_codes = check_codes(query_codes, name="query codes")
    database_codes = check_codes(database_codes, name="database codes")
    query_labels = _check_labels(query_labels, query_codes, "query")
    database_labels = _check_labels(database_labels, database_codes, "database")
    if seed is not None:
        order = np.random.default_rng(seed).permutation(len(database_codes))
        database_codes, database_labels = database_codes[order], database_labels[order]
    narrow = np.uint8 if database_codes.shape[1] < 32 else np.uint16  # radix sort
    step = max(1, _CHUNK // len(database_codes))
    for start in range(0, len(query_codes), step):
        distances = hamming_distance(query_codes[start : start + step], database_codes)
        for label, row in zip(query_labels[start : start + step], distances, strict=True):
            yield database_labels == label, row.astype(narrow)


def _check_labels(labels, codes, name: str) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{name} labels must be one integer a photo, got {labels.dtype} {labels.shape}; "
            "several labels a photo are not supported"
        )
    if len(labels) != len(codes) or not len(labels):
        raise ValueError(
            f"{len(labels)} {name} labels for {len(codes)} {name} codes: "
            "give one label a code, and at least one"
        )
    return labels


def _whole(value) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_options(k, denominator: str, ties: str) -> None:
    check_options(k, ties)
    if denominator not in DENOMINATORS:
        raise ValueError(f"denominator must be one of {DENOMINATORS}, got {denominator!r}")
