"""The exercises of notebook 05: recall of neighbours, even bits, the addresses near a code."""

from itertools import combinations

import numpy as np

from mvs_lib.course.exercises import Exercise

recall = Exercise(
    "5.1",
    "what share of the true neighbours was found",
    minutes=10,
    hint="For each query count the true neighbours among those found, and divide by how many there "
    "are; then average.",
)


@recall.reference
def neighbour_recall(true, found):
    """Return the mean share of true neighbours found; ids int (q, k) and (q, m) -> a number."""
    return (true[:, :, None] == found[:, None, :]).any(2).mean()


@recall.cases
def recall_cases():
    """All of them in another order, none, half of them, more found than wanted, then random."""
    yield np.array([[1, 2, 3]]), np.array([[3, 1, 2]])
    yield np.array([[1, 2]]), np.array([[3, 4]])
    yield np.array([[1, 2], [7, 8]]), np.array([[5, 1], [8, 6]])
    yield np.array([[4, 9]]), np.array([[9, 0, 1, 2, 3, 5, 4, 8]])
    generator = np.random.default_rng(5)
    for k, m in ((3, 6), (4, 8), (5, 10)):
        drawn = [(generator.permutation(20)[:k], generator.permutation(20)[:m]) for _ in range(6)]
        yield np.stack([true for true, _ in drawn]), np.stack([found for _, found in drawn])


@recall.mistake("Divide by the number of true neighbours; by those found it is the precision.")
def divides_by_the_found(true, found):
    """The precision."""
    return neighbour_recall(true, found) * true.shape[1] / found.shape[1]


@recall.mistake("A true neighbour may stand at any place of the answer: compare it with all.")
def compares_place_by_place(true, found):
    """Only the same place counts."""
    return (true == found[:, : true.shape[1]]).mean()


@recall.mistake("It is a share: divide by the number of true neighbours.")
def counts(true, found):
    """How many were found, on average."""
    return neighbour_recall(true, found) * true.shape[1]


@recall.mistake("Compare each query with its own answer, not with the answers of all.")
def pools_the_queries(true, found):
    """Any query's answer counts."""
    return np.isin(true, found).mean()


even = Exercise(
    "5.2",
    "how uneven the bits are, DeepBit's second term",
    minutes=10,
    hint="The mean of each bit over the photos, less one half, squared; then the mean over bits.",
)


@even.reference
def evenness(bits):
    """Return L2 of DeepBit, the mean of (mean of a bit - 1/2)^2; 0/1 (n, bits) -> a number."""
    return ((bits.mean(0) - 0.5) ** 2).mean()


@even.cases
def even_cases():
    """One code for all, halves on in each photo but dead bits, even bits, then random ones."""
    yield (np.ones((4, 3)),)
    yield (np.array([[0.0, 1, 0, 1]] * 6),)
    yield (np.array([[0.0, 0, 0], [1, 1, 1]]),)
    generator = np.random.default_rng(25)
    for n, bits in ((5, 8), (12, 3)):
        yield ((generator.random((n, bits)) < 0.7).astype(float),)


@even.mistake("Average over the photos, axis 0: a bit shall be even, not a photo.")
def averages_over_the_bits(bits):
    """SSDH's third term."""
    return evenness(bits.T)


@even.mistake("Subtract one half first: an even bit costs nothing.")
def forgets_the_half(bits):
    """The squared means."""
    return (bits.mean(0) ** 2).mean()


@even.mistake("Average over the bits; a sum would grow with the length of the code.")
def sums(bits):
    """The sum over the bits."""
    return ((bits.mean(0) - 0.5) ** 2).sum()


@even.mistake("Square after averaging: before, every bit of every photo is one half off.")
def squares_first(bits):
    """The mean of the squares, 1/4 whatever the bits."""
    return ((bits - 0.5) ** 2).mean()


near = Exercise(
    "5.3",
    "all the addresses near a code",
    minutes=15,
    hint="Flip every choice of 0, 1, ... radius bits: code ^ (1 << bit) flips one.",
)


@near.reference
def addresses(code, bits, radius):
    """Return all integers of that many bits within the radius of code, sorted, int64 (m,)."""
    found = [
        code ^ sum(1 << bit for bit in chosen)
        for flips in range(min(radius, bits) + 1)
        for chosen in combinations(range(bits), flips)
    ]
    return np.array(sorted(found), np.int64)


@near.cases
def near_cases():
    """The code itself, its neighbours, two flips, all there are, then larger ones."""
    yield 5, 4, 0
    yield 5, 4, 1
    yield 0, 3, 2
    yield 6, 3, 3
    yield 300, 12, 2
    yield 77, 8, 3


@near.mistake("Within the radius means nearer ones, too, and the code itself.")
def only_at_the_radius(code, bits, radius):
    """The outermost shell."""
    every = addresses(code, bits, radius)
    return every[np.bitwise_count(every ^ code) == radius]


@near.mistake("The code's own address is within every radius: begin with no flip at all.")
def forgets_the_code(code, bits, radius):
    """Without the code itself."""
    every = addresses(code, bits, radius)
    return every[every != code]


@near.mistake("Flip any bits, not only one at a time.")
def flips_one_bit(code, bits, radius):
    """Radius 1 at most."""
    return addresses(code, bits, min(radius, 1))


@near.mistake("Near is meant in bits, not in numbers: 7 and 8 differ in four bits.")
def counts_up(code, bits, radius):
    """The neighbours on the number line."""
    low, high = max(0, code - radius), min(2**bits - 1, code + radius)
    return np.arange(low, high + 1, dtype=np.int64)
