"""Which bits go into which substring? Any answer is exact; a good one is quicker.

Multi-index hashing looks up m substrings. If the bits of a substring say the same thing, its
buckets are uneven: most are empty and a few are crowded, and a query lands in a crowded one. So
bits that are correlated should be in *different* substrings.

The survey (section 1.4) credits this to Wan et al., "Data driven multi-index hashing" (ICIP 2013),
whose text we could not get, and the public code of HDIdx does not hold it. `AdaptivePartition` is
therefore our realisation of that sentence. Beside it stand the orders it has to beat.
"""

import numpy as np

from mvs_lib.codes import unpack

__all__ = ["PARTITIONS", "AdaptivePartition", "correlation", "objective", "substrings"]

SAMPLE = 20_000  # codes that correlations are estimated from
STARTS = 24  # orders that exchanges start from, if their number times bits squared stays below
EFFORT = 1 << 14
EXACT = 1 << 24  # so far float32 counts one by one


def correlation(codes: np.ndarray, bits: int) -> np.ndarray:
    """Return |correlation| of all pairs of bits, float64 ``(bits, bits)``, zero on the diagonal.

    A bit that never changes is correlated with none.

    Raises:
        ValueError: see `mvs_lib.codes.check_codes`.
    """
    values = unpack(codes, bits)
    # Counts are whole numbers, the same on every machine: a product of centred values is summed in
    # whichever order suits the processor, and an order of bits may hang on the last digit.
    both = np.zeros((bits, bits), np.int64)
    for first in range(0, len(values), EXACT):
        part = values[first : first + EXACT].astype(np.float32)
        both += (part.T @ part).astype(np.int64)
    ones = np.diag(both)
    covariance = len(values) * both - np.outer(ones, ones)
    variance = np.diag(covariance).astype(np.float64)
    scale = np.sqrt(np.outer(variance, variance))
    found = np.abs(np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0))
    np.fill_diagonal(found, 0)
    return found


def objective(correlations: np.ndarray, parts: np.ndarray) -> float:
    """Return the sum of ``correlations`` over all pairs of bits that share a substring.

    >>> objective(np.array([[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]]), np.array([[0, 1]]))
    0.5
    """
    return float(sum(correlations[np.ix_(part, part)].sum() for part in parts) / 2)


class AdaptivePartition:
    """Put correlated bits into different substrings (our realisation, see above).

    Minimise the sum, over substrings, of |correlation| between the bits within. Bits are dealt out
    in the order of their total correlation, each to the substring with room where it adds least;
    then each bit changes places with the one where that helps most, until no exchange helps. Short
    codes also start from some shuffled orders, and the best end counts. That is a local optimum;
    with 8 bits it is hardly ever another than the global one (tests/search/test_partition.py goes
    through all of them).

    Args:
        segments: number of substrings.
        width: bits of each; ``bits // segments`` if None. If bits are left over, those that are
            nearest to constant are left out: they tell codes apart least.

    Attributes:
        substrings_: int64 ``(segments, width)``, numbers of bits, rising in each row.
        objective_: what is left of the objective.
    """

    def __init__(self, segments: int, width: int | None = None):
        self.segments, self.width = segments, width

    def fit(self, codes: np.ndarray, bits: int) -> "AdaptivePartition":
        """Choose the substrings from codes, uint8 ``(n, bytes)``; return self.

        Raises:
            ValueError: see `mvs_lib.codes.check_codes`; or the substrings need more bits than
                there are.
        """
        width = _width(bits, self.segments, self.width)
        correlations = correlation(codes, bits)
        chosen = _balanced(codes, bits, self.segments * width)
        inner = correlations[np.ix_(chosen, chosen)]
        starts, random = [_deal(inner, self.segments, width)], np.random.default_rng(0)
        for _ in range(min(STARTS, EFFORT // len(chosen) ** 2) - 1):
            starts.append(random.permutation(starts[0]))
        ends = [_exchange(inner, start, self.segments) for start in starts]
        member = min(ends, key=lambda end: _cost(inner, end))
        rows = [np.sort(chosen[member == part]) for part in range(self.segments)]
        self.substrings_ = np.array(rows, np.int64).reshape(self.segments, width)
        self.objective_ = objective(correlations, self.substrings_)
        return self


def _width(bits: int, segments: int, width: int | None) -> int:
    width = bits // segments if width is None and 1 <= segments <= bits else width
    if segments < 1 or width is None or width < 1 or segments * width > bits:
        raise ValueError(
            f"{segments} substrings of {width or 'at least 1'} bits do not fit into {bits} bits"
        )
    return width


def _balanced(codes: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Return the ``count`` bits that are nearest to half ones, rising."""
    share = unpack(codes, bits).mean(axis=0) if len(codes) else np.full(bits, 0.5)
    return np.sort(np.argsort(np.abs(share - 0.5), kind="stable")[:count])


def _deal(correlations: np.ndarray, segments: int, width: int) -> np.ndarray:
    """Return the substring of each bit: the most correlated first, each where it adds least."""
    member = np.full(len(correlations), -1)
    for bit in np.argsort(-correlations.sum(axis=0), kind="stable"):
        added = [correlations[bit, member == part].sum() for part in range(segments)]
        full = np.bincount(member[member >= 0], minlength=segments) >= width
        member[bit] = np.argmin(np.where(full, np.inf, added))
    return member


def _cost(correlations: np.ndarray, member: np.ndarray) -> float:
    return float(correlations[member[:, None] == member].sum())


def _exchange(correlations: np.ndarray, member: np.ndarray, segments: int) -> np.ndarray:
    """Give each bit in turn the exchange that helps it most, until no exchange helps."""
    member, everyone = member.copy(), np.arange(len(member))
    parts = [correlations[:, member == part] for part in range(segments)]
    shared = np.stack([part.sum(axis=1) for part in parts], axis=1)  # of a bit with a substring
    exchanged = True
    while exchanged:
        exchanged = False
        for i, a in enumerate(member):
            gain = shared[i, member] - shared[i, a]  # i goes where j is, while j is still there
            change = gain + shared[:, a] - shared[everyone, member] - 2 * correlations[i]
            change[member == a] = 0
            j = np.argmin(change)
            if change[j] < -1e-9:
                b = member[j]
                member[i], member[j] = b, a
                moved = correlations[:, i] - correlations[:, j]
                shared[:, a] -= moved
                shared[:, b] += moved
                exchanged = True
    return member


def _adaptive(codes, bits, segments, width, seed):
    return AdaptivePartition(segments, width).fit(codes, bits).substrings_


def _contiguous(codes, bits, segments, width, seed):
    """Take the bits as they come: the order of the paper of Norouzi et al."""
    return np.arange(segments * width).reshape(segments, width)


def _random(codes, bits, segments, width, seed):
    order = np.random.default_rng(seed).permutation(bits)[: segments * width]
    return np.sort(order.reshape(segments, width), axis=1)


def _greedy(codes, bits, segments, width, seed):
    """Let the substrings choose in turn the bit whose largest |correlation| within is smallest.

    Our realisation of the idea behind the reordering in the public code of Norouzi et al.
    """
    correlations = correlation(codes, bits)
    first = np.argsort(-correlations.sum(axis=0), kind="stable")[:segments]
    rows, free = [[bit] for bit in first], np.ones(bits, bool)
    free[first] = False
    for _ in range(width - 1):
        for row in rows:
            worst = correlations[row].max(axis=0)
            row.append(np.argmin(np.where(free, worst, np.inf)))
            free[row[-1]] = False
    return np.sort(np.array(rows), axis=1)


PARTITIONS = {
    "adaptive": _adaptive,
    "contiguous": _contiguous,
    "greedy": _greedy,
    "random": _random,
}


def substrings(
    name: str, codes: np.ndarray, bits: int, segments: int, width: int, seed: int = 0
) -> np.ndarray:
    """Return the substrings that the partition ``name`` makes, int64 ``(segments, width)``.

    Args:
        name: one of `PARTITIONS`.
        codes: what correlations are taken from, uint8 ``(n, bytes)``; at most 20,000 are looked at,
            evenly spread.
        bits, segments, width: of the codes, and of the substrings.
        seed: of the random order.

    Raises:
        ValueError: an unknown name, or more bits are asked for than there are.
    """
    if name not in PARTITIONS:
        raise ValueError(f"partition must be one of {sorted(PARTITIONS)}, got {name!r}")
    width = _width(bits, segments, width)
    sample = codes[:: max(1, len(codes) // SAMPLE)][:SAMPLE]
    return np.asarray(PARTITIONS[name](sample, bits, segments, width, seed), np.int64)
