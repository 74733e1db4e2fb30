"""Codes whose inner products are the similarities: the first stage of CNNH. Taught in notebook 04.

Xia, Pan, Lai, Liu, Yan (2014), "Supervised hashing for image retrieval via image representation
learning", AAAI. Relaxed to real values, the codes H of n photos are found by

    min over H in [-1, 1]^(n x K) of  f(H) = ||S - (1/K) H H'||_F^2,

S_ij = 1 for two photos of one place and -1 for two of different places, one entry of H after
another. Let h be column j, R = K S - (sum over the other columns c of H_c H_c'). Then
K^2 f = ||h h' - R||_F^2, and along the entry h_i its derivatives are (our derivation)

    g = 4 (h_i h'h - (R h)_i),        q = 4 (h'h + 2 h_i^2 - R_ii),        24 h_i,        24,

so that a step d changes K^2 f by exactly g d + q d^2 / 2 + 4 h_i d^3 + d^4. As in the paper, d is
the Newton step -g / q, cut to the box. Where q <= 0 that would climb: we go to the better end of
the box. And where the quartic bends away within the step we halve it until f falls, so that f
never rises. At the end the signs are the codes.

Labels make S = 2 Y Y' - 1 1' with Y the photos' classes. (S h)_i is then twice the sum of h over
the class of i, less the sum of all: a step costs K products, whatever n is, and S is never formed.
"""

from typing import NamedTuple

import numba
import numpy as np

from mvs_lib.codes import bytes_per_code

__all__ = ["SimilarityCodes", "fit_codes", "objective"]


class SimilarityCodes(NamedTuple):
    """What the coordinate descent found."""

    codes: np.ndarray  # float64 (n, bits) in {-1, +1}: the signs, sgn(0) = +1
    relaxed: np.ndarray  # float64 (n, bits) in [-1, 1]: H
    objective: np.ndarray  # float64 (sweeps + 1,): f of H after 0, 1, ... sweeps


def fit_codes(similarity: np.ndarray, bits: int, sweeps: int = 5, random_state=0):
    """Find codes whose inner products over K come near to S.

    Args:
        similarity: labels, int ``(n,)``; or S itself, real, symmetric ``(n, n)``, kept as
            float32 (100 MB at n = 5,000).
        bits: K, the length of the codes.
        sweeps: over all the entries, each in a fresh random order.
        random_state: seed (int) or `numpy.random.Generator`: of the start, uniform in the box,
            and of the orders.

    Returns:
        `SimilarityCodes`.

    Raises:
        ValueError: neither labels nor a finite symmetric matrix, fewer than two rows, or ``bits``
            or ``sweeps`` out of range.

    >>> fit_codes(np.array([0, 0, 1]), bits=1).codes.ravel().tolist() in ([1, 1, -1], [-1, -1, 1])
    True
    """
    bytes_per_code(bits)  # raises if bits is not a positive whole number
    if isinstance(sweeps, bool) or not isinstance(sweeps, int | np.integer) or sweeps < 1:
        raise ValueError(f"sweeps must be a whole number >= 1, got {sweeps!r}")
    similarity, classes = _check(similarity)
    random = np.random.default_rng(random_state)
    values = random.uniform(-1, 1, (len(similarity), int(bits)))
    history = [objective(similarity, values)]
    given = similarity if similarity.ndim == 2 else np.empty((0, 0), np.float32)
    for _ in range(sweeps):
        for bit in random.permutation(int(bits)):
            order = random.permutation(len(values))
            _descend(values, bit, order, given, classes)
        history.append(objective(similarity, values))
    return SimilarityCodes(np.where(values >= 0, 1.0, -1.0), values, np.array(history))


def objective(similarity: np.ndarray, values: np.ndarray) -> float:
    """Return f = ||S - (1/K) H H'||_F^2 without forming H H'.

    Args:
        similarity: labels ``(n,)`` or S ``(n, n)``, as in `fit_codes`.
        values: H, real ``(n, bits)``; codes of -1 and +1 too.
    """
    bits = values.shape[1]
    square = ((values.T @ values) ** 2).sum() / bits**2
    if similarity.ndim == 2:
        within = (values * (similarity @ values)).sum()
        norm = np.square(similarity, dtype=np.float64).sum()
    else:
        _, classes = np.unique(similarity, return_inverse=True)
        sums = np.zeros((classes.max() + 1, bits))
        np.add.at(sums, classes, values)
        within = 2 * (sums**2).sum() - (sums.sum(0) ** 2).sum()
        norm = float(len(values)) ** 2
    return float(norm - 2 / bits * within + square)


def _check(similarity) -> tuple[np.ndarray, np.ndarray]:
    """Return S as float32, or the labels; and the number of each row's class."""
    similarity = np.asarray(similarity)
    if similarity.ndim == 1 and similarity.dtype.kind in "iu" and len(similarity) > 1:
        return similarity, np.unique(similarity, return_inverse=True)[1].astype(np.int64)
    square = similarity.ndim == 2 and similarity.shape[0] == similarity.shape[1] > 1
    if not square or similarity.dtype.kind not in "fiu":
        raise ValueError(
            "similarity must be integer labels (n,) or a real symmetric matrix (n, n) with n >= 2, "
            f"got {similarity.dtype} {similarity.shape}"
        )
    similarity = np.ascontiguousarray(similarity, np.float32)
    if not np.isfinite(similarity).all() or not np.array_equal(similarity, similarity.T):
        raise ValueError("similarity must be finite and symmetric: S_ij = S_ji for all pairs")
    return similarity, np.zeros(len(similarity), np.int64)


@numba.njit(nogil=True)
def _descend(values, bit, order, similarity, classes):
    """Take one step in each entry of a column, in place. An empty ``similarity`` means labels."""
    n, bits = values.shape
    dense = len(similarity) > 0
    inner = np.zeros(bits)  # H'h, kept up to date with every step
    sums = np.zeros(classes.max() + 1)  # of h over each class, likewise
    total = 0.0
    for i in range(n):
        for c in range(bits):
            inner[c] += values[i, c] * values[i, bit]
        sums[classes[i]] += values[i, bit]
        total += values[i, bit]
    for i in order:
        h = values[i, bit]
        if dense:
            product = 0.0
            for k in range(n):
                product += similarity[i, k] * values[k, bit]
            diagonal = bits * similarity[i, i]
        else:
            product = 2 * sums[classes[i]] - total
            diagonal = float(bits)
        product *= bits
        for c in range(bits):
            if c != bit:
                product -= values[i, c] * inner[c]  # (R h)_i at the end
                diagonal -= values[i, c] * values[i, c]  # R_ii at the end
        step = _step(h, inner[bit], product, diagonal)
        if step != 0:
            values[i, bit] = h + step
            for c in range(bits):
                if c != bit:
                    inner[c] += values[i, c] * step
            inner[bit] += step * (2 * h + step)
            sums[classes[i]] += step
            total += step


@numba.njit(nogil=True)
def _step(h, square, product, diagonal):
    """Return the step of an entry h, given h'h, (R h)_i and R_ii; 0 where none lowers f."""
    gradient = 4 * (h * square - product)
    curvature = 4 * (square + 2 * h * h - diagonal)
    low, high = -1 - h, 1 - h
    if curvature > 0:
        step = min(max(-gradient / curvature, low), high)
    elif _change(low, h, gradient, curvature) < _change(high, h, gradient, curvature):
        step = low
    else:
        step = high
    for _ in range(30):
        if _change(step, h, gradient, curvature) < 0:
            return step
        step /= 2
    return 0.0


@numba.njit(nogil=True)
def _change(d, h, gradient, curvature):
    """Return by how much a step d of an entry h changes ||h h' - R||^2."""
    return d * (gradient + d * (curvature / 2 + d * (4 * h + d)))
