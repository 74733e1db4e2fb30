"""The exercises of notebook 04: the loss of a pair, the triplets of a batch, bits worth keeping."""

import numpy as np

from mvs_lib.course.exercises import Exercise

pair = Exercise(
    "4.1",
    "the loss of pairs, DPSH's first term",
    minutes=15,
    hint="Theta is half the inner product; the loss of a pair is log(1 + exp(Theta)) - s Theta.",
)


@pair.reference
def pair_loss(u, alike):
    """Return the mean loss of all pairs i != j; u real (n, bits), alike bool (n, n)."""
    theta = u @ u.T / 2
    losses = np.logaddexp(0, theta) - alike * theta
    return losses[~np.eye(len(u), dtype=bool)].mean()


@pair.cases
def pair_cases():
    """Zeros, equal photos, opposite ones, two that are far too sure, then random ones."""
    yield np.zeros((3, 4)), np.eye(3, dtype=bool)
    yield np.ones((2, 6)), np.ones((2, 2), bool)
    yield np.array([[1.0, 1.0], [-1.0, -1.0]]), np.eye(2, dtype=bool)
    yield np.full((2, 64), 5.0), np.eye(2, dtype=bool)  # exp(800) is no number of 64 bits
    generator = np.random.default_rng(4)
    for n, bits, size in ((4, 8, 1.0), (6, 3, 2.0), (3, 64, 12.0)):
        labels = generator.integers(0, 2, n)
        yield generator.normal(0, size, (n, bits)), labels[:, None] == labels


@pair.mistake("Theta is half of the inner product.")
def forgets_the_half(u, alike):
    """The whole inner product."""
    return pair_loss(np.sqrt(2) * u, alike)


@pair.mistake("A photo with itself is no pair: leave the diagonal out.")
def keeps_the_diagonal(u, alike):
    """The mean of the whole matrix."""
    theta = u @ u.T / 2
    return (np.logaddexp(0, theta) - (alike | np.eye(len(u), dtype=bool)) * theta).mean()


@pair.mistake("A loss is to be made small: it is the likelihood with a minus sign.")
def forgets_the_minus(u, alike):
    """The log likelihood itself."""
    return -pair_loss(u, alike)


@pair.mistake("Average over the pairs; a sum would grow with the batch.")
def sums(u, alike):
    """The sum over all pairs."""
    return pair_loss(u, alike) * len(u) * (len(u) - 1)


@pair.mistake("exp(Theta) overflows for long codes: np.logaddexp(0, Theta) is log(1 + exp(Theta)).")
def overflows(u, alike):
    """The formula as it stands."""
    theta = u @ u.T / 2
    with np.errstate(all="ignore"):
        losses = np.log(1 + np.exp(theta)) - alike * theta
    return losses[~np.eye(len(u), dtype=bool)].mean()


triplet = Exercise(
    "4.2",
    "the hinge of all triplets",
    minutes=15,
    hint="max(0, margin + d(anchor, like) - d(anchor, unlike)), over all triplets of the batch.",
)


@triplet.reference
def triplet_loss(distances, labels, margin):
    """Return the mean hinge of all triplets (anchor, like, unlike); 0 if there are none."""
    alike = labels[:, None] == labels
    like = alike & ~np.eye(len(labels), dtype=bool)
    hinge = np.maximum(0, margin + distances[:, :, None] - distances[:, None, :])
    chosen = like[:, :, None] & ~alike[:, None, :]
    return hinge[chosen].mean() if chosen.any() else 0.0


@triplet.cases
def triplet_cases():
    """No triplet at all, a satisfied one, a violated one, then random ones."""
    far = np.array([[0.0, 1, 9], [1, 0, 9], [9, 9, 0]])
    yield far, np.array([0, 1, 2]), 1.0
    yield far, np.array([0, 0, 1]), 1.0
    yield far, np.array([0, 1, 0]), 1.0
    generator = np.random.default_rng(24)
    for n in (5, 7):
        codes = generator.integers(0, 2, (n, 12))
        distances = (codes[:, None] != codes).sum(2).astype(float)
        yield distances, generator.integers(0, 3, n), 2.0


@triplet.mistake(
    "The like photo should be nearer: it comes with a plus, the unlike one with a minus."
)
def swaps_the_two(distances, labels, margin):
    """The wrong way round."""
    return triplet_loss(-distances, labels, margin)


@triplet.mistake("The anchor is no photo like itself: leave it out.")
def keeps_the_anchor(distances, labels, margin):
    """The anchor counted among its like photos."""
    alike = labels[:, None] == labels
    hinge = np.maximum(0, margin + distances[:, :, None] - distances[:, None, :])
    chosen = alike[:, :, None] & ~alike[:, None, :]
    return hinge[chosen].mean() if chosen.any() else 0.0


@triplet.mistake("A satisfied triplet costs nothing, not less than nothing: cut at 0.")
def forgets_the_hinge(distances, labels, margin):
    """The mean gap."""
    alike = labels[:, None] == labels
    like = alike & ~np.eye(len(labels), dtype=bool)
    gap = margin + distances[:, :, None] - distances[:, None, :]
    chosen = like[:, :, None] & ~alike[:, None, :]
    return gap[chosen].mean() if chosen.any() else 0.0


@triplet.mistake("The margin belongs inside the hinge.")
def forgets_the_margin(distances, labels, margin):
    """Without a margin."""
    return triplet_loss(distances, labels, 0.0)


kept = Exercise(
    "4.3",
    "shorter codes from longer ones",
    minutes=10,
    hint="The heaviest bits by the size of their weights, in the order in which they stand.",
)


@kept.reference
def shorten(codes, weights, bits):
    """Return the columns of codes with the largest |weights|, in their order; ties: first ones."""
    heaviest = np.sort(np.argsort(-np.abs(weights), kind="stable")[:bits])
    return codes[:, heaviest]


@kept.cases
def kept_cases():
    """One bit, a negative weight, a tie, all bits, then random ones."""
    codes = np.arange(12).reshape(3, 4) % 3
    yield codes, np.array([0.1, 0.2, 0.9, 0.3]), 1
    yield codes, np.array([0.5, -2.0, 1.0, 0.1]), 2
    yield codes, np.array([1.0, 1.0, 1.0, 1.0]), 2
    yield codes, np.array([4.0, 3.0, 2.0, 1.0]), 4
    generator = np.random.default_rng(34)
    yield generator.integers(0, 2, (5, 16)), generator.normal(0, 1, 16), 7


@kept.mistake("A large negative weight is as heavy as a positive one: sort by the absolute value.")
def forgets_the_size(codes, weights, bits):
    """Signed weights."""
    return codes[:, np.sort(np.argsort(-weights, kind="stable")[:bits])]


@kept.mistake("The bits must keep their order, or the query's bits and the server's will not meet.")
def leaves_them_sorted_by_weight(codes, weights, bits):
    """Heaviest first."""
    return codes[:, np.argsort(-np.abs(weights), kind="stable")[:bits]]


@kept.mistake("You kept the lightest bits.")
def keeps_the_lightest(codes, weights, bits):
    """The wrong end."""
    return codes[:, np.sort(np.argsort(np.abs(weights), kind="stable")[:bits])]
