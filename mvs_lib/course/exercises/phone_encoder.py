"""The exercises of notebook 08: memory, one chunk at a time, a device in three numbers, the air."""

import numpy as np

from mvs_lib.course.exercises import Exercise

peak = Exercise(
    "8.1",
    "the least memory of a network",
    minutes=15,
    hint="At each layer, add the bytes of all tensors whose life holds it: first <= layer <= last.",
)


@peak.reference
def least_memory(sizes, first, last):
    """Return the largest sum of bytes alive at one layer; whole numbers (n,), (n,), (n,)."""
    layers = np.arange(last.max() + 1)[:, None]
    alive = (first <= layers) & (layers <= last)
    return int((alive * sizes).sum(1).max())


@peak.cases
def peak_cases():
    """One tensor, a chain, a branch that waits, then random lives."""
    yield np.array([7]), np.array([0]), np.array([0])
    yield np.array([4, 3, 4, 2]), np.array([0, 1, 2, 3]), np.array([1, 2, 3, 4])
    yield np.array([5, 3, 6, 2]), np.array([0, 1, 2, 4]), np.array([4, 2, 3, 4])
    generator = np.random.default_rng(83)
    for n in (5, 12, 30):
        first = np.sort(generator.integers(0, n, n))
        last = first + generator.integers(0, 5, n)
        yield generator.integers(1, 100, n), first, last


@peak.mistake(
    "A tensor that is still needed while the next is written counts with it: last as well."
)
def frees_too_early(sizes, first, last):
    """A tensor is gone in the layer that reads it last."""
    layers = np.arange(last.max() + 1)[:, None]
    alive = (first <= layers) & ((layers < last) | (first == last) & (layers == last))
    return int((alive * sizes).sum(1).max())


@peak.mistake("That is the memory if nothing is ever freed.")
def never_frees(sizes, first, last):
    """All of them."""
    return int(sizes.sum())


@peak.mistake("The largest tensor is seldom alone: add what else is alive at its layer.")
def takes_the_largest(sizes, first, last):
    """The largest tensor."""
    return int(sizes.max())


chunks = Exercise(
    "8.2",
    "a layer that is larger than the memory",
    minutes=15,
    hint="For start in range(0, n, step): weights[start : start + step] @ x are the outputs from "
    "start on.",
)


@chunks.reference
def in_chunks(weights, x, step):
    """Return weights @ x, of which never more than `step` rows are looked at together."""
    parts = [weights[start : start + step] @ x for start in range(0, len(weights), step)]
    return np.concatenate(parts)


@chunks.cases
def chunks_cases():
    """A row at a time, steps that divide the rows and that do not, one that holds all."""
    generator = np.random.default_rng(84)
    weights, x = generator.normal(size=(7, 5)), generator.normal(size=5)
    for step in (1, 2, 3, 7, 50):
        yield weights, x, step
    yield generator.normal(size=(12, 3)), generator.normal(size=3), 4


@chunks.mistake("The last chunk may be shorter, and is not to be forgotten.")
def drops_the_rest(weights, x, step):
    """Whole chunks only."""
    whole = len(weights) // step * step
    return weights[:whole] @ x


@chunks.mistake("Rows make outputs of their own: put the parts one after another, do not add them.")
def adds_the_parts(weights, x, step):
    """The parts added, the last one filled up with zeros."""
    out = np.zeros(min(step, len(weights)))
    for start in range(0, len(weights), step):
        part = weights[start : start + step] @ x
        out[: len(part)] += part
    return out


@chunks.mistake("Cut rows, not columns: a chunk of columns gives a part of every output.")
def cuts_columns(weights, x, step):
    """The first chunk of columns alone."""
    return weights[:, :step] @ x[:step]


device = Exercise(
    "8.3",
    "a device in three numbers",
    minutes=20,
    hint="Divide each row of costs by its time: then every network should come to 1, and "
    "np.linalg.lstsq finds the three numbers.",
)


@device.reference
def milliseconds_a_unit(costs, milliseconds):
    """Return what a unit of each cost takes, (3,): least squares of the *relative* errors."""
    return np.linalg.lstsq(costs / milliseconds[:, None], np.ones(len(costs)), rcond=None)[0]


@device.cases
def device_cases():
    """A device without error, three networks, then real errors and networks of all sizes."""
    generator = np.random.default_rng(8)
    costs = np.diag([2.0, 5.0, 0.5])
    yield costs, costs @ [1.0, 2.0, 3.0]
    for n in (4, 6, 10):
        costs = generator.uniform(0.1, 1, (n, 3)) * 10 ** generator.uniform(0, 2, (n, 1))
        exact = costs @ generator.uniform(0.2, 2, 3)
        yield costs, exact
        yield costs, exact * generator.uniform(0.7, 1.4, n)


@device.mistake("Squares of milliseconds see the largest network alone: make the errors relative.")
def fits_milliseconds(costs, milliseconds):
    """Least squares of the milliseconds."""
    return np.linalg.lstsq(costs, milliseconds, rcond=None)[0]


@device.mistake("That is what the device does in a millisecond: give what a unit takes.")
def gives_speeds(costs, milliseconds):
    """Units a millisecond."""
    return 1 / milliseconds_a_unit(costs, milliseconds)


@device.mistake(
    "The times are divided by themselves as well: the right side is 1 for each network."
)
def forgets_the_right_side(costs, milliseconds):
    """Relative costs, but plain times."""
    return np.linalg.lstsq(costs / milliseconds[:, None], milliseconds, rcond=None)[0]


air = Exercise(
    "8.4",
    "the milliseconds of a payload",
    minutes=10,
    hint="A round trip, and 8 bits a byte at the uplink's rate; a kilobit is 1000 bits.",
)


@air.reference
def send_milliseconds(size, up_kbit_per_s, round_trip_ms):
    """Return the milliseconds until a payload is sent and the answer is back."""
    return round_trip_ms + 8.0 * size / up_kbit_per_s


@air.cases
def air_cases():
    """Nothing, one byte a millisecond, a code and a photo on several networks."""
    yield 0, 8.0, 100.0
    yield 250, 8.0, 0.0
    for size in (6, 60_000):
        for up, trip in ((50.0, 300.0), (768.0, 300.0), (12_000.0, 70.0)):
            yield size, up, trip


@air.mistake("A byte is 8 bits, and networks are rated in bits.")
def takes_bytes_for_bits(size, up_kbit_per_s, round_trip_ms):
    """One bit a byte."""
    return round_trip_ms + size / up_kbit_per_s


@air.mistake("Bits divided by kilobits a second are milliseconds already.")
def multiplies_by_a_thousand(size, up_kbit_per_s, round_trip_ms):
    """Seconds turned into milliseconds once more."""
    return round_trip_ms + 8000.0 * size / up_kbit_per_s


@air.mistake("Even a single byte must go there and its answer come back: add the round trip.")
def forgets_the_round_trip(size, up_kbit_per_s, round_trip_ms):
    """The air alone."""
    return 8.0 * size / up_kbit_per_s


@air.mistake("A round trip is the way there and back: it counts whole.")
def counts_one_way(size, up_kbit_per_s, round_trip_ms):
    """Half of the round trip."""
    return round_trip_ms / 2 + 8.0 * size / up_kbit_per_s
