"""The exercises of notebook 06: what a layer costs, a matrix as two, a filter as column and row."""

import numpy as np

from mvs_lib.course.exercises import Exercise

macs = Exercise(
    "6.1",
    "the multiplications of a convolution",
    minutes=10,
    hint="Every output is a sum over all input channels and all places of the kernel.",
)


@macs.reference
def convolution_macs(size, inputs, outputs, kernel, stride):
    """Return the multiply-accumulates of one photo; the output has ceil(size / stride) a side."""
    side = -(-size // stride)
    return side * side * inputs * outputs * kernel * kernel


@macs.cases
def macs_cases():
    """One pixel, a 1 x 1 kernel, strides that divide the side and that do not, then more."""
    yield 1, 1, 1, 1, 1
    yield 8, 3, 5, 1, 1
    yield 8, 3, 5, 3, 2
    yield 9, 3, 5, 3, 2
    yield from ((32, 24, 64, 3, 1), (64, 3, 32, 5, 2), (13, 256, 384, 3, 1))


@macs.mistake("The kernel has as many places as its side squared.")
def forgets_a_side_of_the_kernel(size, inputs, outputs, kernel, stride):
    """The kernel's side once."""
    return convolution_macs(size, inputs, outputs, kernel, stride) // kernel


@macs.mistake("A stride of 2 leaves half of the outputs a side, rounded up: count outputs.")
def counts_the_inputs(size, inputs, outputs, kernel, stride):
    """All pixels of the input."""
    return size * size * inputs * outputs * kernel * kernel


@macs.mistake("Half a pixel more is a pixel more: the side is rounded up.")
def rounds_down(size, inputs, outputs, kernel, stride):
    """The output's side rounded down."""
    return (size // stride) ** 2 * inputs * outputs * kernel * kernel


@macs.mistake(
    "A multiply-accumulate is one multiplication with its addition; operations are twice."
)
def counts_operations(size, inputs, outputs, kernel, stride):
    """Multiplications and additions."""
    return 2 * convolution_macs(size, inputs, outputs, kernel, stride)


split = Exercise(
    "6.2",
    "a matrix as the product of two thin ones",
    minutes=15,
    hint="np.linalg.svd gives u, s and v; keep r columns of u, r numbers of s and r rows of v.",
)


@split.reference
def two_layers(weights, rank):
    """Return the best product of that rank; real (n, m) and an int -> real (n, m)."""
    u, s, v = np.linalg.svd(weights, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ v[:rank]


@split.cases
def split_cases():
    """A number, a matrix of rank one, all of the rank, then random ones."""
    yield np.array([[3.0]]), 1
    yield np.outer([1.0, -2, 0], [4.0, 5]), 1
    generator = np.random.default_rng(6)
    yield generator.normal(size=(4, 3)), 3
    for n, m, rank in ((5, 8, 2), (9, 4, 1), (6, 6, 4)):
        yield generator.normal(size=(n, m)), rank


@split.mistake("Each direction counts as much as its singular value says: multiply by s.")
def forgets_the_values(weights, rank):
    """Only the directions."""
    u, _, v = np.linalg.svd(weights, full_matrices=False)
    return u[:, :rank] @ v[:rank]


@split.mistake("The largest singular values come first, and it is these that are kept.")
def keeps_the_smallest(weights, rank):
    """The last directions."""
    u, s, v = np.linalg.svd(weights, full_matrices=False)
    return (u[:, -rank:] * s[-rank:]) @ v[-rank:]


@split.mistake("np.linalg.svd returns v with a direction in each row: take rows, not columns.")
def takes_columns_of_v(weights, rank):
    """Columns of v, where there are as many."""
    u, s, v = np.linalg.svd(weights, full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ v[:, :rank].T


separate = Exercise(
    "6.3",
    "a filter as a column times a row",
    minutes=15,
    hint="A filter of rank one is u s v: give sqrt(s) to both.",
)


@separate.reference
def column_and_row(kernel):
    """Return the nearest column (d,) and row (d,) of equal length, the column's sum >= 0."""
    u, s, v = np.linalg.svd(kernel)
    column, row = u[:, 0] * np.sqrt(s[0]), v[0] * np.sqrt(s[0])
    sign = -1.0 if column.sum() < 0 else 1.0
    return np.stack([sign * column, sign * row])


@separate.cases
def separate_cases():
    """A blur, an edge, a filter that is no product, then random ones."""
    yield (np.outer([1.0, 2, 1], [1.0, 2, 1]) / 16,)
    yield (np.outer([1.0, 2, 1], [-1.0, 0, 1]),)
    yield (np.array([[2.0, 1, 0], [1, 2, 1], [0, 1, 2.5]]),)
    generator = np.random.default_rng(63)
    for d in (3, 5, 5):
        yield (generator.normal(size=(d, d)) + np.outer(np.ones(d), np.arange(d)),)


@separate.mistake("Both get the square root of the singular value, so that their product has all.")
def gives_it_twice(kernel):
    """Both get all of it."""
    column, row = column_and_row(kernel)
    size = np.sqrt(np.linalg.svd(kernel)[1][0])
    return np.stack([column * size, row * size])


@separate.mistake("A sign may hop from the column to the row: make the column's sum positive.")
def leaves_the_sign(kernel):
    """The other sign of both."""
    return -column_and_row(kernel)


@separate.mistake("Means over rows and columns are a filter's average, not the nearest product.")
def takes_means(kernel):
    """The mean of each row and of each column."""
    return np.stack([kernel.mean(1), kernel.mean(0)])


@separate.mistake("First the column, which goes down, then the row.")
def swaps_them(kernel):
    """Row first."""
    return column_and_row(kernel)[::-1] * (1.0 if column_and_row(kernel)[1].sum() >= 0 else -1.0)
