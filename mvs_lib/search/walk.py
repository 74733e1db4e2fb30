"""A search through the tables, one shell at a time and in the open. Taught in notebook 09.

The kernels of `mvs_lib.search.probe` do this in microseconds and say nothing meanwhile. Here NumPy
does it, slowly, and every step says what it looked at and what is sure after it. With shells up to
t_j done in table j, a code that was not seen differs from the query in at least t_j + 1 bits of
every substring, hence in sum(t_j + 1) bits or more: what lies within *reach* = sum(t_j + 1) - 1
bits has been seen. The search may stop when the k-th distance is within that reach.
"""

from math import comb
from typing import NamedTuple

import numpy as np

from mvs_lib.codes import check_codes, hamming_distance, unpack
from mvs_lib.search.arguments import check_k
from mvs_lib.search.planner import CANDIDATE, LOOKUP

__all__ = ["ORDERS", "Step", "Walk", "walk"]

ORDERS = ("cheapest", "in turn")


class Step(NamedTuple):
    """One shell of one table: all keys at one distance from the query's."""

    table: int
    shell: int  # how many bits of the substring differ
    buckets: int  # keys that were looked up
    candidates: int  # codes in these buckets
    fresh: int  # of them, those that no earlier step had shown
    reach: int  # every code within so many bits of the query has been seen now
    kth: int | None  # the k-th distance among all codes seen; None while there are fewer


class Walk(NamedTuple):
    """The steps of a search, and its answer: distances and ids, int64 ``(<= k,)``, ties by id."""

    steps: list[Step]
    distances: np.ndarray
    ids: np.ndarray


def walk(
    codes: np.ndarray, query: np.ndarray, bits: int, parts: np.ndarray, k: int,
    order: str = "cheapest",
) -> Walk:  # fmt: skip
    """Search for the ``k`` nearest codes of one query, and tell of each step.

    Args:
        codes: uint8 ``(n, bytes)``.
        query: uint8 ``(1, bytes)``.
        bits: length of the codes.
        parts: int ``(tables, width)``, the bits of each substring, none of them twice
            (`mvs_lib.search.multi_index.MultiIndex.substrings`).
        k: number of answers.
        order: whose shell is next: "in turn" goes through the tables round and round (Norouzi,
            Punjani and Fleet, 2014), "cheapest" takes the one that costs least.

    Raises:
        ValueError: see `mvs_lib.codes.check_codes`; not one query; ``k`` is not a whole number
            >= 1; a bit that is not there or twice; an unknown order.
    """
    codes, query = check_codes(codes, bits), check_codes(query, bits, "query codes")
    k, parts = check_k(k), np.asarray(parts)
    if len(query) != 1:
        raise ValueError(f"walk through the tables with one query, got {len(query)}")
    used = parts.ravel()
    if parts.ndim != 2 or not used.size or len(set(used.tolist())) < used.size:
        raise ValueError(f"give one row of bits a table, no bit twice, got {parts.tolist()}")
    if used.min() < 0 or used.max() >= bits:
        raise ValueError(f"a code of {bits} bits has no bit {used.max()}: {parts.tolist()}")
    if order not in ORDERS:
        raise ValueError(f"order must be one of {ORDERS}, got {order!r}")

    differ = unpack(codes, bits) != unpack(query, bits)  # (n, bits)
    apart = np.stack([differ[:, part].sum(1) for part in parts])  # (tables, n): shell of each code
    distances = hamming_distance(query, codes)[0].astype(np.int64)
    tables, width = parts.shape
    sizes = np.stack([np.bincount(row, minlength=width + 1) for row in apart])
    done = np.full(tables, -1)
    seen, steps, reach, kth = np.zeros(len(codes), bool), [], -1, None
    while not (done == width).any() and (kth is None or kth > reach):
        prices = [
            LOOKUP * comb(width, shell) + CANDIDATE * sizes[table, shell]
            for table, shell in enumerate(done + 1)
        ]
        table = int(np.argmin(prices if order == "cheapest" else done))
        done[table] += 1
        reach += 1
        shell = int(done[table])
        inside = apart[table] == shell
        fresh = int((inside & ~seen).sum())
        seen |= inside
        near = distances[seen]
        kth = int(np.partition(near, k - 1)[k - 1]) if len(near) >= k else None
        steps.append(Step(table, shell, comb(width, shell), int(inside.sum()), fresh, reach, kth))
    found = np.flatnonzero(seen)
    found = found[np.argsort(distances[found], kind="stable")[:k]]
    return Walk(steps, distances[found], found)
