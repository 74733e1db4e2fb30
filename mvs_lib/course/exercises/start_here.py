"""The exercises of notebook 00."""

import numpy as np

from mvs_lib.codes import binarize, hamming_distance
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


packing = Exercise(
    "0.2",
    "From real numbers to packed bytes",
    minutes=5,
    hint="A bit is 1 where the number is >= 0; np.packbits puts eight bits of a row in a byte.",
)


@packing.reference
def to_bytes(projection):
    """Return codes, uint8 (n, ceil(bits / 8)), for real numbers (n, bits): bit 1 where >= 0."""
    return binarize(projection)


@packing.cases
def packing_cases():
    """A number that is exactly zero, bits that do not fill a byte, then random rows."""
    yield (np.array([[0.0, -1.0, 2.0, -0.5, -3.0, -1.0, -2.0, 1.0]]),)
    yield (np.array([[1.5, -0.25, 3.0], [-1.0, 0.5, -2.0]]),)
    generator = np.random.default_rng(2)
    for rows, bits in ((2, 16), (3, 48), (4, 20)):
        yield (generator.normal(0, 3, (rows, bits)).astype(np.float32),)


@packing.mistake("Zero counts as a one in this course: the bit is 1 where the number is >= 0.")
def strictly_positive(projection):
    """Use > for >=."""
    return np.packbits(projection > 0, axis=1)


@packing.mistake("Pack each row by itself: without axis=1 all rows flow into one string of bits.")
def one_string(projection):
    """Forget the axis."""
    return np.packbits(projection >= 0)


@packing.mistake("These are bits, one a byte; np.packbits puts eight of them into each byte.")
def not_packed(projection):
    """Stop before packing."""
    return (projection >= 0).astype(np.uint8)


@packing.mistake(
    "The first bit of a row is the most significant of its byte, np.packbits' default."
)
def turned_round(projection):
    """Pack the least significant bit first."""
    return np.packbits(projection >= 0, axis=1, bitorder="little")


@packing.mistake("Only the sign survives in a code: compare with zero before you pack.")
def packs_numbers(projection):
    """Pack the truth of the numbers themselves: all but zero become ones."""
    return np.packbits(projection.astype(bool), axis=1)
