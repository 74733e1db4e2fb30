"""The exercises of notebook 07: who stays, who learns for many, how many bits, looking up."""

import heapq

import numpy as np

from mvs_lib.course.exercises import Exercise

prune = Exercise(
    "7.1",
    "the weights that stay",
    minutes=10,
    hint="Sort the places by size, the largest first and equal ones in their order: np.argsort of "
    "minus the sizes, kind='stable'. Keep what stands at the first `kept` of them.",
)


@prune.reference
def pruned(weights, kept):
    """Return the weights, all but the ``kept`` largest set to 0; ties: the first ones stay."""
    order = np.argsort(-np.abs(weights).ravel(), kind="stable")[:kept]
    out = np.zeros(weights.size)
    out[order] = weights.ravel()[order]
    return out.reshape(weights.shape)


@prune.cases
def prune_cases():
    """All of them, one, a large negative weight, ties, then random ones."""
    yield np.array([[1.0, -2.0], [3.0, 0.5]]), 4
    yield np.array([[1.0, -5.0], [3.0, 0.5]]), 1
    yield np.array([0.1, -0.9, 0.8, -0.2]), 2
    yield np.array([[1.0, -1.0, 1.0], [1.0, 2.0, 1.0]]), 3
    generator = np.random.default_rng(7)
    for shape, kept in (((4, 5), 6), ((3, 2, 3, 3), 10), ((30,), 3)):
        yield generator.normal(size=shape), kept


@prune.mistake("A large negative weight matters as much as a positive one: compare sizes.")
def keeps_the_positive(weights, kept):
    """The largest, sign included."""
    order = np.argsort(-weights.ravel(), kind="stable")[:kept]
    out = np.zeros(weights.size)
    out[order] = weights.ravel()[order]
    return out.reshape(weights.shape)


@prune.mistake("What stays keeps its sign and its size; only the others become 0.")
def returns_a_mask(weights, kept):
    """1 where a weight stays."""
    return (pruned(weights, kept) != 0).astype(float)


@prune.mistake("Of equal weights the first ones stay, and no more than `kept` in all.")
def keeps_all_that_are_equal(weights, kept):
    """All that are as large as the smallest one that stays."""
    least = np.sort(np.abs(weights).ravel())[-kept]
    return np.where(np.abs(weights) >= least, weights, 0)


@prune.mistake("`kept` says how many stay, not how many go.")
def prunes_as_many(weights, kept):
    """The complement's number."""
    return pruned(weights, weights.size - kept)


@prune.mistake("The largest stay, and the smallest go.")
def keeps_the_smallest(weights, kept):
    """The smallest ones."""
    return weights - pruned(weights, weights.size - kept)


share = Exercise(
    "7.2",
    "the gradient of a shared value",
    minutes=10,
    hint="Add up the gradients of all weights that have the label; np.bincount can add weights up.",
)


@share.reference
def codebook_gradient(gradient, labels, k):
    """Return what each value's gradient is; real and ints of one shape, and k -> real (k,)."""
    return np.bincount(labels.ravel(), gradient.ravel(), minlength=k)


@share.cases
def share_cases():
    """A weight each, one value for all, a value nobody has, then random ones."""
    yield np.array([1.0, 2.0, -3.0]), np.array([0, 1, 2]), 3
    yield np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2), int), 1
    yield np.array([1.0, -1.0]), np.array([2, 2]), 4
    generator = np.random.default_rng(72)
    for shape, k in (((5, 6), 4), ((40,), 7), ((3, 4, 3, 3), 16)):
        yield generator.normal(size=shape), generator.integers(0, k, shape), k


@share.mistake(
    "A small step of the value moves all its weights: add the gradients, do not average."
)
def averages(gradient, labels, k):
    """The mean over the members."""
    return codebook_gradient(gradient, labels, k) / np.maximum(
        np.bincount(labels.ravel(), minlength=k), 1
    )


@share.mistake("Values without members get 0; the answer has k numbers.")
def leaves_out_the_empty(gradient, labels, k):
    """Only values that occur."""
    return codebook_gradient(gradient, labels, k)[np.unique(labels)]


@share.mistake("Every member counts, not only the last one: `out[labels] += ...` adds just once.")
def adds_only_once(gradient, labels, k):
    """What fancy indexing does."""
    out = np.zeros(k)
    out[labels.ravel()] += gradient.ravel()
    return out


huffman = Exercise(
    "7.3",
    "the bits of a Huffman code",
    minutes=20,
    hint="Put the two rarest groups together, again and again; each time, their symbols get a bit.",
)


@huffman.reference
def huffman_bits(counts):
    """Return how many bits all symbols take together, coded by their counts; ints (n,) -> int."""
    heap, total = [int(count) for count in counts if count], 0
    if len(heap) == 1:
        return heap[0]
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both  # every symbol of the two groups becomes a bit longer
        heapq.heappush(heap, both)
    return total


@huffman.cases
def huffman_cases():
    """Two symbols, four equal ones, one alone, absent ones, powers of two, random ones."""
    yield (np.array([3, 1]),)
    yield (np.array([5, 5, 5, 5]),)
    yield (np.array([0, 9, 0]),)
    yield (np.array([4, 0, 2, 1, 0, 1]),)
    yield (np.array([1, 2, 4, 8, 16, 32]),)
    generator = np.random.default_rng(73)
    for n in (6, 16, 40):
        yield (generator.geometric(0.05, n),)


@huffman.mistake("A symbol that is alone still takes a bit each time it occurs.")
def forgets_the_lonely(counts):
    """Nothing to join, nothing to pay."""
    return 0 if np.count_nonzero(counts) == 1 else huffman_bits(counts)


@huffman.mistake("That is what labels of one length take; frequent symbols shall be shorter.")
def all_of_one_length(counts):
    """Enough bits for the number of symbols, each."""
    used = np.count_nonzero(counts)
    return int(counts.sum() * max(1, int(np.ceil(np.log2(used)))))


@huffman.mistake("The entropy is a bound that whole numbers of bits seldom reach; count the bits.")
def takes_the_entropy(counts):
    """The entropy, rounded up."""
    there = counts[counts > 0]
    return int(np.ceil(-(there * np.log2(there / there.sum())).sum()))


@huffman.mistake("Add up over all that is coded: a symbol that occurs often takes its bits often.")
def adds_the_lengths(counts):
    """The sum of the codes' lengths, each once."""
    heap = [(int(c), i, [i]) for i, c in enumerate(counts) if c]
    lengths = dict.fromkeys((i for _, i, _ in heap), 0 if len(heap) > 1 else 1)
    heapq.heapify(heap)
    while len(heap) > 1:
        (a, i, one), (b, _, two) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in one + two:
            lengths[symbol] += 1
        heapq.heappush(heap, (a + b, i, one + two))
    return sum(lengths.values())


@huffman.mistake("Put the two rarest together, not neighbours in the list.")
def merges_neighbours(counts):
    """From left to right."""
    left = [int(count) for count in counts if count]
    total, group = 0, left[0]
    for count in left[1:]:
        group += count
        total += group
    return total or group


look_up = Exercise(
    "7.4",
    "a product by looking up",
    minutes=15,
    hint="First a table of all pieces times all codewords, then for each output one entry a piece.",
)


@look_up.reference
def looked_up(x, codebooks, labels):
    """Return the outputs; real (M, C'), real (M, K, C') and ints (M, T) -> real (T,)."""
    table = np.einsum("mc,mkc->mk", x, codebooks)
    return np.take_along_axis(table, labels, axis=1).sum(axis=0)


@look_up.cases
def look_up_cases():
    """One piece, one codeword for all, a codeword each, then random ones."""
    yield np.array([[1.0, 2.0]]), np.array([[[1.0, 0.0], [0.0, 1.0]]]), np.array([[0, 1, 1]])
    yield np.array([[1.0], [2.0]]), np.array([[[3.0]], [[5.0]]]), np.zeros((2, 4), int)
    generator = np.random.default_rng(74)
    for pieces, length, k, outputs in ((2, 3, 4, 5), (4, 2, 8, 3), (3, 4, 2, 7)):
        yield (
            generator.normal(size=(pieces, length)),
            generator.normal(size=(pieces, k, length)),
            generator.integers(0, k, (pieces, outputs)),
        )


@look_up.mistake("Every piece has codewords of its own: use table m for piece m.")
def uses_the_first_table(x, codebooks, labels):
    """The first piece's codewords for all."""
    return looked_up(x, np.repeat(codebooks[:1], len(x), 0), labels)


@look_up.mistake("An output is the sum over the pieces, not their mean.")
def averages_the_pieces(x, codebooks, labels):
    """The mean over pieces."""
    return looked_up(x, codebooks, labels) / len(x)


@look_up.mistake("Only the last piece was added: add up over all of them.")
def takes_the_last_piece(x, codebooks, labels):
    """The last piece alone."""
    return looked_up(x[-1:], codebooks[-1:], labels[-1:])
