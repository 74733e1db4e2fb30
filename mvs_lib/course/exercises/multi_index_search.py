"""The exercises of notebook 09: keys of a substring, how far each table must go, when to stop."""

import numpy as np

from mvs_lib.course.exercises import Exercise

keys = Exercise(
    "9.1",
    "the key of a code in one table",
    minutes=10,
    hint="Take the bits of the substring in their order and read them as one binary number.",
)


@keys.reference
def substring_keys(bits, part):
    """Return each code's key, the first bit of the part the highest; 0/1 (n, bits), int (w,)."""
    return bits[:, part] @ (1 << np.arange(len(part))[::-1])


@keys.cases
def key_cases():
    """One bit, all bits, a part out of order, a repeated code, then random ones."""
    yield np.array([[0, 1], [1, 0]]), np.array([1])
    yield np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1]]), np.array([0, 1, 2])
    yield np.array([[1, 0, 0, 1], [1, 0, 0, 1]]), np.array([3, 1, 0])
    generator = np.random.default_rng(9)
    for bits, width in ((16, 4), (32, 12), (64, 20)):
        values = generator.integers(0, 2, (7, bits), np.uint8)  # as `unpack` returns them
        yield values, generator.permutation(bits)[:width]


@keys.mistake("The first bit of the part is the highest: its weight is 2 to the power of w - 1.")
def reads_from_the_right(bits, part):
    """The first bit is the lowest."""
    return bits[:, part] @ (1 << np.arange(len(part)))


@keys.mistake("The part says which bits belong to it; they need not be the first ones.")
def takes_the_first_bits(bits, part):
    """The first bits of the code."""
    return substring_keys(bits, np.arange(len(part)))


@keys.mistake("The bits come as bytes: a sum of bytes starts again at 256. Take larger numbers.")
def stays_in_bytes(bits, part):
    """Each bit shifted in, in the type that it came in."""
    key = bits[:, part[0]]
    for number in part[1:]:
        key = 2 * key + bits[:, number]
    return key


@keys.mistake("A key is a number, not how many ones there are.")
def counts_the_ones(bits, part):
    """How many bits of the substring are on."""
    return bits[:, part].sum(1)


@keys.mistake("Read the bits in the order of the part, not in that of the code.")
def sorts_the_part(bits, part):
    """The bits as they stand in the code."""
    return substring_keys(bits, np.sort(part))


radii = Exercise(
    "9.2",
    "how far each table must be searched",
    minutes=15,
    hint="A search that is complete up to r bits has done r + 1 shells in all, dealt out in turn.",
)


@radii.reference
def table_radii(r, m):
    """Return the radius in each of m tables that shows all codes within r; int64 (m,), -1: none."""
    shells = (r + 1) // m + (np.arange(m) < (r + 1) % m)
    return shells - 1


@radii.cases
def radii_cases():
    """Equal codes, fewer bits than tables, all alike, one more, one table, then larger ones."""
    yield 0, 4
    yield 2, 4
    yield 3, 4
    yield 4, 4
    yield 5, 1
    yield from ((9, 4), (11, 3), (17, 6), (30, 5))


@radii.mistake("With r // m in every table you go further than you must: look at r = 0, m = 4.")
def all_alike(r, m):
    """Every table as far as the widest."""
    return np.full(m, r // m)


@radii.mistake("The whole code differs in r bits; not all of them can lie in every substring.")
def the_whole_radius(r, m):
    """Every table up to r."""
    return np.full(m, r)


@radii.mistake("One shell is missing: radius 0 is a shell, too, so r + 1 of them are needed.")
def one_shell_too_few(r, m):
    """Only r shells."""
    return r // m + (np.arange(m) < r % m) - 1


stop = Exercise(
    "9.3",
    "may the search stop?",
    minutes=10,
    hint="What was not seen differs in at least t + 1 bits of each substring; add these up.",
)


@stop.reference
def may_stop(done, kth):
    """Return whether no unseen code can be among the answers; int (m,), -1: none, and an int."""
    return bool(kth <= np.sum(np.asarray(done) + 1) - 1)


@stop.cases
def stop_cases():
    """Nothing done, the very edge on both sides, a tie beyond the reach, uneven tables."""
    yield np.array([-1, -1, -1]), 0
    yield np.array([0, 0, 0]), 2
    yield np.array([0, 0, 0]), 3
    yield np.array([1, 0, 0]), 3
    yield np.array([1, 1, 1, 0]), 7
    yield np.array([2, 0, -1]), 3
    yield np.array([0, -1, -1, -1]), 0
    yield np.array([3, 1]), 5
    yield np.array([3, 1]), 6


@stop.mistake("An unseen code at the distance of the k-th may have the smaller id: one shell more.")
def stops_at_a_tie(done, kth):
    """Stops when an unseen code could only be as near."""
    return bool(kth <= np.sum(np.asarray(done) + 1))


@stop.mistake("Shell 0 counts as well: with radius t, t + 1 shells are done.")
def adds_the_radii(done, kth):
    """The sum of the radii."""
    return bool(kth <= np.sum(np.maximum(done, 0)))


@stop.mistake("The bits of all substrings add up; the smallest radius alone promises too little.")
def the_least_table(done, kth):
    """Only the table that has done least."""
    return bool(kth <= np.min(done))


@stop.mistake("A code that is near in one substring may be far in the others: add over all tables.")
def the_best_table(done, kth):
    """Only the table that has done most."""
    return bool(kth <= np.max(done))
