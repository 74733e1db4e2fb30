"""The exercise of notebook 00."""

import numpy as np

from mvs_lib.codes import hamming_distance
from mvs_lib.course.exercises import Exercise

exercise = Exercise(
    "0.1",
    "Hamming distance of two packed codes",
    minutes=5,
    hint="XOR leaves a 1 wherever two bits differ; what remains is to count the ones of each row.",
)


@exercise.reference
def distance(a, b):
    """Return the Hamming distances of the rows of ``a`` and ``b``: uint8 (n, bytes) -> int (n,)."""
    return np.array([hamming_distance(x[None], y[None])[0, 0] for x, y in zip(a, b, strict=True)])


@exercise.cases
def cases():
    """One byte, equal codes, more than 255 differing bits, then random ones."""
    yield np.uint8([[0b00000011]]), np.uint8([[0b00000001]])
    yield np.uint8([[7, 7]]), np.uint8([[7, 7]])
    yield np.zeros((1, 40), np.uint8), np.full((1, 40), 255, np.uint8)
    generator = np.random.default_rng(0)
    for rows, width in ((3, 1), (5, 6), (2, 16)):
        a, b = generator.integers(0, 256, (2, rows, width), dtype=np.uint8)
        yield a, b


@exercise.mistake("You counted differing bytes; a byte holds eight bits (see np.bitwise_count).")
def counts_bytes(a, b):
    """Compare whole bytes."""
    return (a != b).sum(1)


@exercise.mistake("a ^ b is a number whose bits differ, not how many: count its ones.")
def forgets_to_count(a, b):
    """Add the XOR's values."""
    return (a ^ b).sum(1)


@exercise.mistake("Give one distance for each row: add along the last axis only.")
def adds_everything(a, b):
    """Add over the rows too."""
    return np.bitwise_count(a ^ b).sum()


@exercise.mistake("uint8 holds at most 255; let the sum be a wider integer.")
def overflows(a, b):
    """Add in uint8."""
    return np.bitwise_count(a ^ b).sum(1, dtype=np.uint8)


@exercise.mistake("AND marks the bits set in both codes; you want those that differ: XOR, ^.")
def counts_common_bits(a, b):
    """Use & for ^."""
    return np.bitwise_count(a & b).sum(1)
