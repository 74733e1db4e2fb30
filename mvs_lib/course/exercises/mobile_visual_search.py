"""The exercises of notebook 01."""

import numpy as np

from mvs_lib.course.exercises import Exercise
from mvs_lib.queries import type_coding

coding = Exercise(
    "1.1",
    "The nearest type of a histogram",
    minutes=15,
    hint="Round n p to whole numbers. If their sum is too large by D, take 1 from the D of them "
    "that were rounded up furthest; if it is too small, give 1 to those rounded down furthest.",
)


@coding.reference
def nearest_type(histogram, n):
    """Return the whole numbers k >= 0 with the sum n for which k / n is nearest to a histogram.

    Args:
        histogram: real (m,), >= 0, with the sum 1.
        n: the denominator.

    Returns:
        integers (m,).
    """
    return type_coding.quantise(histogram, n)


@coding.cases
def coding_cases():
    """Nothing to mend, a sum too large, one too small, all in one bin; then random ones."""
    yield np.array([0.5, 0.3, 0.2]), 10
    yield np.array([0.36, 0.22, 0.20, 0.13, 0.09]), 7
    yield np.array([0.45, 0.23, 0.17, 0.15]), 5
    yield np.array([0.0, 1.0, 0.0]), 4
    yield np.array([0.21, 0.2, 0.2, 0.2, 0.19]), 2
    generator = np.random.default_rng(2)
    for m, n in ((3, 4), (5, 7), (7, 7), (9, 5)):
        yield generator.dirichlet(np.ones(m)), n


@coding.mistake("Rounded numbers need not add up to n: mend the sum, or it is no type.")
def only_rounds(histogram, n):
    """Leave the sum as it comes."""
    return np.floor(n * histogram + 0.5).astype(int)


@coding.mistake("Rounding everything down leaves the sum short of n: give what is missing back.")
def only_floors(histogram, n):
    """Round down."""
    return np.floor(n * histogram).astype(int)


@coding.mistake("Do not mend the largest bin but the one that was rounded furthest: k - n p tells.")
def mends_the_largest(histogram, n):
    """Let the largest bin pay for all."""
    k = np.floor(n * histogram + 0.5).astype(int)
    k[histogram.argmax()] += n - k.sum()
    return k


@coding.mistake("The rest belongs to the bins that lost most, n p - floor(n p), not to the first.")
def mends_the_first(histogram, n):
    """Round down, and give the rest to the first bins."""
    k = np.floor(n * histogram).astype(int)
    k[: n - k.sum()] += 1
    return k


@coding.mistake("You mend the wrong end: when the sum is too large, take from those rounded up.")
def mends_the_wrong_end(histogram, n):
    """Take from those rounded down furthest, give to those rounded up furthest."""
    k = np.floor(n * histogram + 0.5).astype(int)
    surplus, order = k.sum() - n, np.argsort(k - n * histogram)
    if surplus > 0:
        k[order[:surplus]] -= 1
    elif surplus < 0:
        k[order[surplus:]] += 1
    return k


@coding.mistake("Return the whole numbers k, not the shares k / n: it is k that gets a number.")
def shares(histogram, n):
    """Divide already."""
    return type_coding.quantise(histogram, n) / n


road = Exercise(
    "1.2",
    "Seconds until the answer is there",
    minutes=10,
    hint="One round trip, and the bits of body and headers over the bandwidth: 8 bits a byte, one "
    "header a packet, and packets = size / packet, rounded up.",
)


@road.reference
def seconds(size, bandwidth, round_trip, packet=1460, header=40):
    """Return how long a query takes on a link that loses nothing, in seconds.

    Args:
        size: bytes of the payload; even an empty one needs a packet.
        bandwidth: bits a second.
        round_trip: seconds, paid once.
        packet, header: bytes of payload in a packet, and bytes around each packet.
    """
    packets = max(1, -(-size // packet))
    return round_trip + 8 * (size + header * packets) / bandwidth


@road.cases
def road_cases():
    """One small packet, none filled, one filled exactly, one byte more, then random ones."""
    yield 9, 20e3, 0.7
    yield 0, 1e6, 0.1
    yield 1460, 1e6, 0.1
    yield 1461, 1e6, 0.1
    yield 100, 8000.0, 0.0, 10, 5
    generator = np.random.default_rng(1)
    for size in generator.integers(2000, 90_000, 3):
        yield int(size), float(generator.integers(1, 50)) * 1e5, 0.05


@road.mistake("The bandwidth counts bits and the size counts bytes: a byte has 8 bits.")
def forgets_the_bits(size, bandwidth, round_trip, packet=1460, header=40):
    """Divide bytes by bits a second."""
    return round_trip + (size + header * max(1, -(-size // packet))) / bandwidth


@road.mistake("Each packet carries a header, and the headers travel too: add them to the size.")
def forgets_the_headers(size, bandwidth, round_trip, packet=1460, header=40):
    """Send the body alone."""
    return round_trip + 8 * size / bandwidth


@road.mistake("A last packet that is only partly filled is a packet too: round up, not down.")
def rounds_down(size, bandwidth, round_trip, packet=1460, header=40):
    """Lose the last packet's header."""
    return round_trip + 8 * (size + header * max(1, size // packet)) / bandwidth


@road.mistake("A payload that fills its packets exactly needs no further one: round up, not + 1.")
def always_one_more(size, bandwidth, round_trip, packet=1460, header=40):
    """Add one to the quotient."""
    return round_trip + 8 * (size + header * (size // packet + 1)) / bandwidth


@road.mistake("Even an empty payload is sent, in one packet: there is no query without a packet.")
def sends_nothing(size, bandwidth, round_trip, packet=1460, header=40):
    """Let nothing cost nothing."""
    return round_trip + 8 * (size + header * -(-size // packet)) / bandwidth


@road.mistake("Packets follow each other without waiting: the round trip is paid once.")
def waits_for_each(size, bandwidth, round_trip, packet=1460, header=40):
    """Wait for an answer after every packet."""
    packets = max(1, -(-size // packet))
    return round_trip * packets + 8 * (size + header * packets) / bandwidth


@road.mistake("The answer has to come back as well: add the round trip.")
def never_returns(size, bandwidth, round_trip, packet=1460, header=40):
    """Count the way there only."""
    return 8 * (size + header * max(1, -(-size // packet))) / bandwidth


budget = Exercise(
    "1.3",
    "The best system within a budget of bytes",
    minutes=10,
    hint="Among the systems with at most so many bytes, find the highest score; of equal scores "
    "take the one with fewer bytes; and return None if nothing fits.",
)


@budget.reference
def best_within(sizes, scores, budget):
    """Return which system scores best with at most ``budget`` bytes, or None if none is so small.

    Args:
        sizes, scores: lists of numbers, one each a system: bytes a query, and MAP.
        budget: bytes.

    Returns:
        Its place in the lists. Of equal scores the smaller size wins, then the first.
    """
    fitting = [i for i, size in enumerate(sizes) if size <= budget]
    return max(fitting, key=lambda i: (scores[i], -sizes[i]), default=None)


@budget.cases
def budget_cases():
    """The smallest is best, a budget met exactly, equal scores, nothing fits; then random ones."""
    yield [9.0, 900.0, 40_000.0], [0.4, 0.6, 0.9], 1000
    yield [9.0, 900.0, 40_000.0], [0.4, 0.6, 0.9], 900
    yield [900.0, 2000.0, 300.0], [0.7, 0.9, 0.7], 1000
    yield [900.0, 2000.0], [0.7, 0.9], 100
    yield [5000.0, 9.0, 700.0], [0.9, 0.8, 0.3], 1000
    generator = np.random.default_rng(3)
    for limit in (50, 500):
        sizes = generator.integers(5, 1000, 8).astype(float)
        yield sizes.tolist(), generator.random(8).round(2).tolist(), limit


@budget.mistake("Some systems cost more than the budget: leave those out before you compare.")
def spends_all(sizes, scores, budget):
    """Ignore the budget."""
    return max(range(len(sizes)), key=lambda i: scores[i])


@budget.mistake("A query of exactly so many bytes is within the budget: use <=, not <.")
def strictly_below(sizes, scores, budget):
    """Use < in place of <=."""
    fitting = [i for i, size in enumerate(sizes) if size < budget]
    return max(fitting, key=lambda i: (scores[i], -sizes[i]), default=None)


@budget.mistake("Among those that fit the score decides, not the bytes: unspent bytes win nothing.")
def cheapest(sizes, scores, budget):
    """Take the smallest."""
    fitting = [i for i, size in enumerate(sizes) if size <= budget]
    return min(fitting, key=lambda i: sizes[i], default=None)


@budget.mistake("More bytes are not always better: compare scores, not sizes.")
def dearest(sizes, scores, budget):
    """Take the largest that fits."""
    fitting = [i for i, size in enumerate(sizes) if size <= budget]
    return max(fitting, key=lambda i: sizes[i], default=None)


@budget.mistake("Return the place in the lists that were given, not in the shorter list you made.")
def counts_anew(sizes, scores, budget):
    """Return the place among those that fit."""
    fitting = [i for i, size in enumerate(sizes) if size <= budget]
    best = best_within(sizes, scores, budget)
    return None if best is None else fitting.index(best)


@budget.mistake("Of two with the same score the one with fewer bytes is the better bargain.")
def first_of_equals(sizes, scores, budget):
    """Break ties by place."""
    fitting = [i for i, size in enumerate(sizes) if size <= budget]
    return max(fitting, key=lambda i: scores[i], default=None)
