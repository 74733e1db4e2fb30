"""The exercises of notebook 02: hyperplanes, ITQ's rotation, average precision, slowest waves."""

import numpy as np

from mvs_lib.course.exercises import Exercise

bits = Exercise(
    "2.1",
    "the side of each hyperplane, as bits",
    minutes=10,
    hint="Take the mean away from every row, multiply by the normals, ask which values are >= 0.",
)


@bits.reference
def sides(features, mean, normals):
    """Say on which side features lie: (n, d), (d,), (d, bits) -> bool (n, bits)."""
    return (features - mean) @ normals >= 0


@bits.cases
def sides_cases():
    """A point on each side, one on the plane, a mean that matters, then whole random numbers."""
    yield np.array([[3.0, 0.0], [1.0, 5.0]]), np.array([2.0, 0.0]), np.array([[1.0], [0.0]])
    yield np.array([[2.0, 7.0], [2.5, 7.0]]), np.array([2.0, 0.0]), np.array([[1.0], [0.0]])
    yield np.array([[0.0, 0.0]]), np.zeros(2), np.array([[1.0, -1.0, 2.0], [1.0, 1.0, -3.0]])
    generator = np.random.default_rng(0)
    for rows, dimensions, width in ((6, 3, 4), (20, 8, 5)):
        # Whole numbers: their products are exact, so that a point on a plane is on it everywhere.
        features = generator.integers(0, 9, (rows, dimensions)).astype(float)
        mean = generator.integers(2, 6, dimensions).astype(float)
        yield features, mean, generator.integers(-4, 5, (dimensions, width)).astype(float)


@bits.mistake("Take the mean away first: the planes go through it, not through the origin.")
def forgets_to_centre(features, mean, normals):
    """Let the planes go through the origin."""
    return features @ normals >= 0


@bits.mistake("A point on the plane gets a 1: use >= where you have >.")
def leaves_the_plane_out(features, mean, normals):
    """Use > for >=."""
    return (features - mean) @ normals > 0


@bits.mistake("You give the sign, -1, 0 or 1; a bit answers a question: is the value >= 0?")
def gives_signs(features, mean, normals):
    """Return np.sign."""
    return np.sign((features - mean) @ normals)


@bits.mistake("That is the value behind each bit; the bit is True where the value is >= 0.")
def gives_values(features, mean, normals):
    """Stop before the threshold."""
    return (features - mean) @ normals


@bits.mistake("The sides are swapped: bit 1 lies where the normal points, at values >= 0.")
def swaps_the_sides(features, mean, normals):
    """Set the bit on the other side."""
    return (features - mean) @ normals < 0


@bits.mistake(
    "Use the mean you are given: with the mean of the rows at hand, a photo's bits would depend on "
    "which photos it comes with."
)
def centres_on_the_rows(features, mean, normals):
    """Centre on the mean of the features to be encoded."""
    return (features - features.mean(axis=0)) @ normals >= 0


procrustes = Exercise(
    "2.2",
    "the rotation that brings features nearest to their codes",
    minutes=10,
    hint="np.linalg.svd(projected.T @ codes) gives U, the singular values, and Z'.",
)


@procrustes.reference
def best_rotation(projected, codes):
    """Return the orthogonal R with the smallest ||B - V R||: (n, k) twice -> (k, k)."""
    left, _, right = np.linalg.svd(projected.T @ codes)
    return left @ right


@procrustes.cases
def procrustes_cases():
    """One direction, a quarter turn, then planted and random rotations."""
    signs = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, 1.0]])
    yield np.array([[1.0], [2.0]]), np.array([[-1.0], [-1.0]])
    yield signs @ np.array([[0.0, -1.0], [1.0, 0.0]]) * [2.0, 1.0], signs
    generator = np.random.default_rng(0)
    for rows, width in ((30, 3), (200, 6)):
        codes = np.where(generator.random((rows, width)) < 0.5, -1.0, 1.0)
        planted = np.linalg.qr(generator.standard_normal((width, width)))[0]
        stretched = codes @ planted.T * np.arange(1, width + 1)
        yield stretched + 0.3 * generator.standard_normal((rows, width)), codes


@procrustes.mistake("This rotates the codes to the features: decompose V'B, not B'V.")
def turns_the_other_way(projected, codes):
    """Decompose B'V."""
    left, _, right = np.linalg.svd(codes.T @ projected)
    return left @ right


@procrustes.mistake("NumPy's third result is Z transposed already; do not transpose it again.")
def transposes_twice(projected, codes):
    """Use Z for Z'."""
    left, _, right = np.linalg.svd(projected.T @ codes)
    return left @ right.T


@procrustes.mistake("Leave the singular values out: with them R stretches, and is no rotation.")
def keeps_the_singular_values(projected, codes):
    """Return V'B itself."""
    left, values, right = np.linalg.svd(projected.T @ codes)
    return left * values @ right


@procrustes.mistake(
    "Least squares finds the best matrix of any kind; it changes distances, a rotation may not."
)
def solves_least_squares(projected, codes):
    """Drop the constraint."""
    return np.linalg.lstsq(projected, codes)[0]


precision = Exercise(
    "2.3",
    "average precision of one ranked list",
    minutes=10,
    hint="At each positive: positives so far over rank; add up, divide by all positives.",
)


@precision.reference
def average_precision(relevant):
    """Return Eq. 1's inner sum for one query: bool (n,), nearest first -> float in 0..1."""
    ranks = np.flatnonzero(relevant) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / max(1, len(ranks)))


@precision.cases
def precision_cases():
    """Seven lists that can be worked by hand, then random ones."""
    yield (np.array([True, False, True, False, False, True]),)
    yield (np.array([True, True, False]),)
    yield (np.array([False, False, True]),)
    yield (np.array([False, True, True, False]),)
    yield (np.array([True, True]),)
    yield (np.array([True]),)
    yield (np.array([False, False, False]),)
    generator = np.random.default_rng(0)
    for count, share in ((12, 0.3), (60, 0.1)):
        yield (generator.random(count) < share,)


@precision.mistake("Ranks count from 1: the nearest photo has rank 1, not 0.")
def counts_ranks_from_zero(relevant):
    """Divide by the index."""
    ranks = np.flatnonzero(relevant)
    found = np.arange(1, len(ranks) + 1)
    return float((found / np.maximum(ranks, 1)).sum() / max(1, len(ranks)))


@precision.mistake("Divide by the number of positives, m in Eq. 1, not by the length of the list.")
def divides_by_the_length(relevant):
    """Divide the sum by n."""
    ranks = np.flatnonzero(relevant) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / len(relevant))


@precision.mistake("Take the precision at the ranks of positives only, not at every rank.")
def averages_over_every_rank(relevant):
    """Average the precision at all ranks."""
    return float((np.cumsum(relevant) / np.arange(1, len(relevant) + 1)).mean())


@precision.mistake("You stop at the first positive; every positive adds the precision at its rank.")
def stops_at_the_first(relevant):
    """Return one over the rank of the first positive."""
    ranks = np.flatnonzero(relevant) + 1
    return float(1 / ranks[0]) if len(ranks) else 0.0


@precision.mistake("1 / rank counts each positive as if it were the first; count those before it.")
def forgets_those_before(relevant):
    """Average 1 / rank."""
    ranks = np.flatnonzero(relevant) + 1
    return float((1 / ranks).sum() / max(1, len(ranks)))


@precision.mistake("A query without any positive scores 0: do not divide by none.")
def divides_by_nothing(relevant):
    """Let an empty mean be NaN."""
    ranks = np.flatnonzero(relevant) + 1
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


waves = Exercise(
    "2.4",
    "the slowest waves over a box",
    minutes=15,
    hint="Make all pairs (side, m) with their (m pi / length)^2, sort them, keep the first ones.",
)


@waves.reference
def slowest_waves(lengths, count):
    """Return (side, m) of the slowest waves: (sides,) and a number -> integers (count, 2)."""
    half_waves = np.arange(1, count + 1)
    speed = (half_waves * np.pi / np.asarray(lengths)[:, None]) ** 2
    side, wave = np.unravel_index(np.argsort(speed, axis=None)[:count], speed.shape)
    return np.column_stack([side, half_waves[wave]])


@waves.cases
def waves_cases():
    """One side, a long one beside a short one, a short one first, then random boxes."""
    yield np.array([2.0]), 3
    yield np.array([4.0, 1.5]), 4
    yield np.array([1.0, 3.1]), 2
    yield np.array([2.0, 1.9, 1.7]), 3
    generator = np.random.default_rng(0)
    for sides, count in ((5, 8), (3, 20)):
        yield generator.uniform(0.3, 4, sides).round(3), count


@waves.mistake("A long side gives several waves before a short one gives its first: let m go on.")
def takes_one_wave_a_side(lengths, count):
    """Let m be 1, and begin anew when the sides are used up: PCA hashing, and then again."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    number = np.arange(count)
    return np.column_stack([order[number % len(order)], number // len(order) + 1])


@waves.mistake("A short side gives its first wave before the longest gives a very fast one.")
def stays_on_the_longest_side(lengths, count):
    """Take all waves from one side."""
    longest = np.full(count, np.argmax(lengths))
    return np.column_stack([longest, np.arange(1, count + 1)])


@waves.mistake("Count half-waves from 1: m = 0 is constant, a bit that is the same for all photos.")
def counts_from_zero(lengths, count):
    """Let m start at 0."""
    half_waves = np.arange(count)
    speed = (half_waves * np.pi / np.asarray(lengths)[:, None]) ** 2
    side, wave = np.unravel_index(np.argsort(speed, axis=None, kind="stable")[:count], speed.shape)
    return np.column_stack([side, half_waves[wave]])


@waves.mistake("The *slowest* waves have the smallest eigenvalues; you took large ones.")
def takes_the_fastest(lengths, count):
    """Sort the other way."""
    half_waves = np.arange(1, count + 1)
    speed = (half_waves * np.pi / np.asarray(lengths)[:, None]) ** 2
    side, wave = np.unravel_index(np.argsort(-speed, axis=None)[:count], speed.shape)
    return np.column_stack([side, half_waves[wave]])


@waves.mistake("Divide by the length: over a long side, the same number of half-waves is slower.")
def multiplies_by_the_length(lengths, count):
    """Use m pi times the length."""
    half_waves = np.arange(1, count + 1)
    speed = (half_waves * np.pi * np.asarray(lengths)[:, None]) ** 2
    side, wave = np.unravel_index(np.argsort(speed, axis=None)[:count], speed.shape)
    return np.column_stack([side, half_waves[wave]])
