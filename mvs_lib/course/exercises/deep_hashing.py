"""The exercises of notebook 03: SSDH's two constraints, the entropy of each bit, bits that flip."""

import numpy as np

from mvs_lib.codes import pack, unpack
from mvs_lib.course.exercises import Exercise

constraints = Exercise(
    "3.1",
    "SSDH's E2 and E3 from latent values",
    minutes=10,
    hint="E2 averages a square over all units and photos; E3 takes the mean of each photo first.",
)


@constraints.reference
def ssdh_constraints(latent):
    """Return E2 and E3 of latent values, real (n, bits) in 0..1: two real numbers."""
    e2 = -((latent - 0.5) ** 2).mean()
    e3 = ((latent.mean(1) - 0.5) ** 2).mean()
    return e2, e3


@constraints.cases
def constraints_cases():
    """Undecided units, a balanced photo, an unbalanced one, then random ones."""
    yield (np.full((2, 4), 0.5),)
    yield (np.array([[1.0, 0.0, 1.0, 0.0]]),)
    yield (np.array([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]),)
    generator = np.random.default_rng(3)
    for n, bits in ((3, 8), (5, 12)):
        yield (generator.random((n, bits)),)


@constraints.mistake("E2 carries a minus sign: the loss falls as the units leave one half.")
def forgets_the_minus(latent):
    """E2 without its sign."""
    e2, e3 = ssdh_constraints(latent)
    return -e2, e3


@constraints.mistake("E3 takes the mean over the units of one photo, axis 1; you took each bit's.")
def balances_the_bits(latent):
    """E3', the per-bit variant."""
    return ssdh_constraints(latent)[0], ((latent.mean(0) - 0.5) ** 2).mean()


@constraints.mistake("In E3 the mean over the units comes first, and then one half and the square.")
def squares_before_the_mean(latent):
    """E3 as the square of each unit's own deviation."""
    return ssdh_constraints(latent)[0], ((latent - 0.5) ** 2).mean()


@constraints.mistake(
    "Average over units and photos, so that the weights mean the same at any size."
)
def adds_up(latent):
    """Sums for means."""
    return -((latent - 0.5) ** 2).sum(), ((latent.mean(1) - 0.5) ** 2).sum()


@constraints.mistake("Use the real latent values: thresholded ones have no slope to learn from.")
def thresholds_first(latent):
    """E2 and E3 of the bits."""
    return ssdh_constraints((latent >= 0.5).astype(float))


@constraints.mistake("Each photo is to be at one half: square its deviation before you average.")
def lets_photos_cancel(latent):
    """E3 of the mean over everything."""
    return ssdh_constraints(latent)[0], (latent.mean() - 0.5) ** 2


entropy = Exercise(
    "3.2",
    "the entropy of each bit",
    minutes=10,
    hint="With p the share of photos that have the bit on: -p log2 p - (1 - p) log2 (1 - p).",
)


@entropy.reference
def bit_entropy(bits):
    """Return the entropy of each column of 0/1 values (n, bits), in bits: real (bits,)."""
    on = bits.mean(0)
    total = np.zeros(len(on))
    for share in (on, 1 - on):
        positive = share > 0
        total[positive] -= share[positive] * np.log2(share[positive])
    return total


@entropy.cases
def entropy_cases():
    """A dead bit on and off beside a perfect one, then shares of every kind."""
    yield (np.uint8([[1, 0, 1], [1, 0, 0]]),)
    yield (np.uint8([[0, 1, 1, 1], [0, 0, 1, 1], [1, 0, 1, 1], [0, 0, 1, 0]]),)
    generator = np.random.default_rng(32)
    for n, bits in ((20, 6), (50, 9)):
        yield ((generator.random((n, bits)) < np.linspace(0, 1, bits)).astype(np.uint8),)


@entropy.mistake("Measure in bits: np.log2, not np.log.")
def measures_in_nats(bits):
    """The natural logarithm."""
    return bit_entropy(bits) * np.log(2)


@entropy.mistake("A dead bit has entropy 0, but 0 * log2(0) is NaN: treat shares of 0 apart.")
def stumbles_on_dead_bits(bits):
    """No guard at p = 0 and p = 1."""
    p = bits.mean(0)
    return -p * np.log2(p) - (1 - p) * np.log2(1 - p)


@entropy.mistake("Off carries surprise too: add the term of 1 - p to that of p.")
def forgets_the_zeros(bits):
    """Only -p log2 p."""
    p = bits.mean(0)
    return -p * np.log2(np.where(p > 0, p, 1))


@entropy.mistake(
    "One value for each bit: the share of photos that have it on is a mean over axis 0."
)
def looks_at_each_photo(bits):
    """The entropy of each row."""
    return bit_entropy(bits.T)


@entropy.mistake("Return one entropy for each bit; you gave a single figure for all of them.")
def averages_the_bits(bits):
    """The mean over the bits."""
    return bit_entropy(bits).mean()


flips = Exercise(
    "3.3",
    "how often each bit flips",
    minutes=10,
    hint="Unpack both to 0/1 values, compare them, and average over the photos.",
)


@flips.reference
def flip_rate(clean, noisy, bits):
    """Return how often each bit differs: codes uint8 (n, bytes) twice, bits -> real (bits,)."""
    return (unpack(clean, bits) != unpack(noisy, bits)).mean(0)


@flips.cases
def flips_cases():
    """No flip, one flip each way, padding bits, then random codes."""
    yield pack(np.uint8([[1, 0, 1, 0, 0, 0, 0, 1]])), pack(np.uint8([[1, 0, 1, 0, 0, 0, 0, 1]])), 8
    yield pack(np.eye(2, 8, dtype=np.uint8)), pack(np.eye(2, 8, 1, dtype=np.uint8)), 8
    generator = np.random.default_rng(33)
    for n, bits in ((3, 12), (5, 24)):
        clean = generator.integers(0, 2, (n, bits))
        yield pack(clean), pack(clean ^ (generator.random((n, bits)) < 0.3)), bits


@flips.mistake("You counted bytes that differ; unpack the codes first, eight bits to a byte.")
def compares_bytes(clean, noisy, bits):
    """The bytes instead of the bits."""
    return (clean != noisy).mean(0)


@flips.mistake("Average over the photos, axis 0: one value for each bit, not for each photo.")
def averages_over_bits(clean, noisy, bits):
    """One value for each photo."""
    return (unpack(clean, bits) != unpack(noisy, bits)).mean(1)


@flips.mistake("The last bits of a code may be padding: ask unpack for exactly `bits` of them.")
def counts_padding(clean, noisy, bits):
    """All bits of the bytes."""
    return np.unpackbits(clean ^ noisy, axis=1).mean(0)


@flips.mistake("A bit may flip either way; uint8 cannot go below zero, so compare with !=.")
def subtracts_bytes(clean, noisy, bits):
    """1 for off to on, 255 for on to off."""
    return (unpack(noisy, bits) - unpack(clean, bits)).mean(0)


@flips.mistake("Flips from on to off count too: compare with !=.")
def counts_one_way(clean, noisy, bits):
    """Only off to on."""
    return (unpack(noisy, bits) > unpack(clean, bits)).mean(0)


@flips.mistake("Divide by the number of photos: a rate, not a count.")
def counts_flips(clean, noisy, bits):
    """The number of flips."""
    return (unpack(clean, bits) != unpack(noisy, bits)).sum(0)
