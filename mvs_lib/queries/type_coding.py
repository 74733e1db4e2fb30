"""Type coding: a distribution in a few bits, as the nearest one with a given denominator.

A *type* is a distribution whose m probabilities are k_i / n with whole k_i >= 0 that sum to n.
There are C(n + m - 1, m - 1) of them, so that one costs ceil(log2 C(n + m - 1, m - 1)) bits once
all of them are numbered. Chandrasekhar et al. (2012, CHoG) code the gradient histograms of a patch
in this way; the numbering is the combinatorial number system of Lehmer.
"""

from math import comb

import numpy as np

__all__ = ["bits", "count", "quantise", "rank", "smooth", "unrank"]

MOST = 1 << 16  # types: their numbers are kept in 16 bits


def count(m: int, n: int) -> int:
    """Return how many types have ``m`` parts and the denominator ``n``: C(n + m - 1, m - 1).

    >>> count(5, 7), bits(5, 7)
    (330, 9)

    Raises:
        ValueError: fewer than 2 parts, a denominator below 1, or more than 65,536 types.
    """
    if m < 2 or n < 1 or comb(n + m - 1, m - 1) > MOST:
        raise ValueError(f"need m >= 2, n >= 1 and at most {MOST} types, got m={m}, n={n}")
    return comb(n + m - 1, m - 1)


def bits(m: int, n: int) -> int:
    """Return the width of a type's number, ceil(log2 count)."""
    return (count(m, n) - 1).bit_length()


def quantise(histograms: np.ndarray, n: int) -> np.ndarray:
    """Return the type nearest to each distribution.

    Round each n p_i to k_i = floor(n p_i + 1/2). If their sum is too large by D, take 1 from the D
    of them that were rounded up furthest; if it is too small, give 1 to those that were rounded
    down furthest. No other type lies nearer, in the Euclidean sense.

    Args:
        histograms: real ``(..., m)``, not negative, each with the sum 1.
        n: the denominator.

    Returns:
        int64 ``(..., m)``, each with the sum ``n``.

    >>> quantise(np.array([0.5, 0.3, 0.2]), 4)
    array([2, 1, 1])

    Raises:
        ValueError: something is no distribution.
    """
    p = np.asarray(histograms, np.float64)
    if (p < 0).any() or not np.allclose(p.sum(-1), 1, atol=1e-4):  # NaN fails as well
        raise ValueError("every histogram must be >= 0 and sum to 1: divide it by its sum")
    p = p / p.sum(-1, keepdims=True)
    k = np.floor(n * p + 0.5).astype(np.int64)
    surplus = k.sum(-1, keepdims=True) - n  # D
    error = k - n * p
    place = np.argsort(np.argsort(error, axis=-1, kind="stable"), axis=-1)  # 0 for the smallest
    k -= place >= p.shape[-1] - surplus
    k += place < -surplus
    return k


def rank(types: np.ndarray) -> np.ndarray:
    """Return the number of each type among all of its kind, in lexicographic order.

    With N left to share and r parts still to come, C(N + r, r) - C(N - k + r, r) types have a
    smaller value than k at this part; the sum of these over the parts is the number.

    Args:
        types: whole numbers ``(..., m)``, each with the same sum n.

    Returns:
        int64 ``(...)``, 0..count - 1.
    """
    k = np.asarray(types, np.int64)
    n, m = int(k[..., :].sum(-1).flat[0]) if k.size else 1, k.shape[-1]
    table, left = _table(m, n), np.full(k.shape[:-1], n)
    number = np.zeros(k.shape[:-1], np.int64)
    for part in range(m - 1):
        r = m - 1 - part
        number += table[left, r] - table[left - k[..., part], r]
        left = left - k[..., part]
    return number


def unrank(numbers: np.ndarray, m: int, n: int) -> np.ndarray:
    """Return the types of these numbers, int64 ``(..., m)``: the inverse of `rank`.

    Raises:
        ValueError: a number outside 0..count - 1.
    """
    rest = np.array(numbers, np.int64)
    if rest.size and not 0 <= rest.min() <= rest.max() < count(m, n):
        raise ValueError(f"numbers must lie in 0..{count(m, n) - 1}: that many types there are")
    table, left = _table(m, n), np.full(rest.shape, n)
    types = np.zeros((*rest.shape, m), np.int64)
    for part in range(m - 1):
        r = m - 1 - part
        below = np.zeros(rest.shape, np.int64)  # types with a smaller value at this part
        for k in range(1, n + 1):
            smaller = table[left, r] - table[np.maximum(left - k, 0), r]
            fits = (k <= left) & (smaller <= rest)
            types[fits, part] = k
            below[fits] = smaller[fits]
        rest = rest - below
        left = left - types[..., part]
    types[..., -1] = left
    return types


def smooth(types: np.ndarray, prior: float = 0.5) -> np.ndarray:
    """Return the distributions that types stand for, none of whose parts is zero.

    (k_i + prior) / (n + m prior): the estimate of Krichevsky and Trofimov (1981) for the prior
    1/2, without which a Kullback-Leibler divergence would be infinite.

    Args:
        types: whole numbers ``(..., m)``.
        prior: > 0.
    """
    k = np.asarray(types, np.float64) + prior
    return k / k.sum(-1, keepdims=True)


def _table(m: int, n: int) -> np.ndarray:
    """C(left + r, r) by ``[left, r]``."""
    return np.array([[comb(left + r, r) for r in range(m)] for left in range(n + 1)])
