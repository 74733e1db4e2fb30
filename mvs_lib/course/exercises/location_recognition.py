"""The exercises of notebook 10."""

from itertools import pairwise

import numpy as np

from mvs_lib.course.exercises import Exercise

votes = Exercise(
    "10.1",
    "From the nearest photos to a ranking of places",
    minutes=15,
    hint="Give every photo the weight max(bits / 2 - distance, 0), add the weights of each place, "
    "and sort the places by their sums, largest first.",
)


@votes.reference
def rank_places(distances, labels, bits):
    """Return the places among the nearest photos, best first, a list of integers.

    Args:
        distances: integers (k,), Hamming distances, rising.
        labels: integers (k,), the place that each of these source photos shows.
        bits: length of the code.

    A photo votes with ``max(bits / 2 - distance, 0)``. Equal sums go to the place with the nearer
    photo, then to the smaller label.
    """
    weights = np.maximum(bits / 2 - distances, 0)

    def merit(place):
        mine = labels == place
        return -weights[mine].sum(), distances[mine].min(), place

    return sorted(np.unique(labels).tolist(), key=merit)


@votes.cases
def votes_cases():
    """Few far photos against one near, equal sums, photos beyond half the bits; then random."""
    yield np.array([1, 10, 11]), np.array([4, 2, 2]), 48
    yield np.array([1, 20, 20, 20]), np.array([4, 2, 2, 2]), 48
    yield np.array([3, 5, 7, 8, 12]), np.array([9, 9, 1, 1, 9]), 16
    yield np.array([4, 5, 6, 7]), np.array([7, 3, 3, 7]), 24
    yield np.array([2, 2]), np.array([5, 8]), 16
    yield np.array([2, 5, 20]), np.array([3, 6, 3]), 16
    generator = np.random.default_rng(10)
    for places in (3, 6):
        distances, labels = generator.integers(0, 30, 10), generator.integers(0, places, 10)
        order = np.lexsort((labels, distances))  # as an index of photos sorted by place gives them
        yield distances[order], labels[order], 48


@votes.mistake("A near photo must count for more than a far one: weigh each vote by its distance.")
def counts_heads(distances, labels, bits):
    """One photo, one vote."""
    places = list(dict.fromkeys(labels.tolist()))
    return sorted(places, key=lambda place: -np.sum(labels == place))


@votes.mistake("Beyond half of the bits a photo says nothing: its weight is 0, never below 0.")
def votes_against(distances, labels, bits):
    """Let far photos take votes away."""
    places = list(dict.fromkeys(labels.tolist()))
    weights = bits / 2 - distances
    return sorted(places, key=lambda place: -weights[labels == place].sum())


@votes.mistake("The best place comes first: sort by the sums from large to small.")
def worst_first(distances, labels, bits):
    """Sort the wrong way round."""
    weights = np.maximum(bits / 2 - distances, 0)
    places = list(dict.fromkeys(labels.tolist()))
    return sorted(places, key=lambda place: weights[labels == place].sum())


@votes.mistake("Sums of distances grow with every photo that a place has: turn near into much.")
def adds_distances(distances, labels, bits):
    """Rank by the sum of distances, small first."""
    places = list(dict.fromkeys(labels.tolist()))
    return sorted(places, key=lambda place: distances[labels == place].sum())


@votes.mistake(
    "Between equal sums the nearer photo decides, not the smaller label (np.unique sorts)."
)
def smaller_label(distances, labels, bits):
    """Break ties by label."""
    weights = np.maximum(bits / 2 - distances, 0)
    return sorted(np.unique(labels).tolist(), key=lambda place: -weights[labels == place].sum())


@votes.mistake(
    "That lists photos, so a place stands there once a photo; each place belongs in once."
)
def lists_photos(distances, labels, bits):
    """Return the labels of the nearest photos as they come."""
    return labels.tolist()


strengths = Exercise(
    "10.2",
    "Right answers by the strength of a condition",
    minutes=10,
    hint="For each pair of neighbouring edges: which photos have low < strength <= high, and how "
    "many of them are right?",
)


@strengths.reference
def by_strength(right, strength, edges):
    """Count photos and right answers in each band of strength.

    Args:
        right: bool (n,), whether the answer to each photo is right.
        strength: real (n,), the strength of one condition in each photo, 0 where it is absent.
        edges: real (b + 1,), rising; band i holds the photos with
            ``edges[i] < strength <= edges[i + 1]``.

    Returns:
        photos, found: two integer arrays (b,), how many photos a band holds and how many of
        these are right.
    """
    bands = [(strength > low) & (strength <= high) for low, high in pairwise(edges)]
    return (
        np.array([band.sum() for band in bands]),
        np.array([(band & right).sum() for band in bands]),
    )


@strengths.cases
def strengths_cases():
    """Absent and full strength, an empty band, a strength on an edge; then random ones."""
    edges = np.array([0.0, 0.5, 1.0])
    yield np.array([True, True, False, True]), np.array([0.0, 0.3, 0.4, 1.0]), edges
    yield np.array([True, False, True]), np.array([0.9, 0.5, 0.8]), edges
    yield np.array([False, True]), np.array([0.1, 0.2]), np.array([0.0, 0.25, 0.5, 1.0])
    generator = np.random.default_rng(11)
    strength = np.where(generator.random(60) < 0.5, 0, generator.random(60).round(1))
    yield generator.random(60) < 0.8, strength, np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])


@strengths.mistake("Strength 0 means that the condition is absent: such photos belong to no band.")
def counts_absent(right, strength, edges):
    """Let the first band hold its lower edge too."""
    low, high = edges[:-1].copy(), edges[1:]
    low[0] = -1
    bands = (strength > low[:, None]) & (strength <= high[:, None])
    return bands.sum(1), (bands & right).sum(1)


@strengths.mistake("A band holds its upper edge and not its lower one; yours does the opposite.")
def other_edges(right, strength, edges):
    """Use low <= strength < high."""
    bands = (strength >= edges[:-1, None]) & (strength < edges[1:, None])
    return bands.sum(1), (bands & right).sum(1)


@strengths.mistake("np.histogram's bands hold their lower edge: 0 (absent) slips into the first.")
def histogram(right, strength, edges):
    """Use np.histogram as it is."""
    return np.histogram(strength, edges)[0], np.histogram(strength[right], edges)[0]


@strengths.mistake("Return the number of photos first, then how many of them are right.")
def exchanged(right, strength, edges):
    """Return the two counts in the other order."""
    photos, found = by_strength(right, strength, edges)
    return found, photos


@strengths.mistake("Return two counts, not a share: a share of three photos should look like it.")
def shares(right, strength, edges):
    """Divide already."""
    photos, found = by_strength(right, strength, edges)
    return photos, found / np.maximum(photos, 1)


@strengths.mistake("Each band starts where the last one ended; yours all start at the first edge.")
def cumulative(right, strength, edges):
    """Count everything up to the upper edge."""
    bands = (strength > edges[0]) & (strength <= edges[1:, None])
    return bands.sum(1), (bands & right).sum(1)


fusion = Exercise(
    "10.3",
    "Fuse the code with the satellite position",
    minutes=10,
    hint="score = distance + bits_per_metre * metres, and the distance alone where metres is NaN.",
)


@fusion.reference
def fuse(distances, metres, bits_per_metre):
    """Return a score for every source photo, small is near.

    Args:
        distances: integers (n,), Hamming distances between the codes.
        metres: real (n,), how far apart the two positions are; NaN where one is not known.
        bits_per_metre: what a metre counts.

    Returns:
        real (n,): the distance plus ``bits_per_metre`` for each metre; where the metres are not
        known, the distance alone.
    """
    return distances + bits_per_metre * np.nan_to_num(metres)


@fusion.cases
def fusion_cases():
    """All known, one absent, all absent, weight zero; then random ones."""
    yield np.array([3, 5]), np.array([40.0, 10.0]), 0.1
    yield np.array([3, 5, 4]), np.array([40.0, np.nan, 12.0]), 0.25
    yield np.array([7, 2]), np.array([np.nan, np.nan]), 0.1
    yield np.array([7, 2]), np.array([30.0, 80.0]), 0.0
    generator = np.random.default_rng(12)
    metres = np.where(generator.random(8) < 0.3, np.nan, generator.uniform(0, 500, 8))
    yield generator.integers(0, 30, 8), metres, 0.05


@fusion.mistake("A number plus NaN is NaN: a photo without a position loses its code as well.")
def spreads_nan(distances, metres, bits_per_metre):
    """Forget that a reading may be absent."""
    return distances + bits_per_metre * metres


@fusion.mistake("Not known is not far: without a position, let the code decide alone.")
def absent_is_far(distances, metres, bits_per_metre):
    """Put photos without a position out of the race."""
    return np.where(np.isnan(metres), np.inf, distances + bits_per_metre * metres)


@fusion.mistake("Multiply the metres by the rate: bits a metre, times metres, gives bits.")
def divides(distances, metres, bits_per_metre):
    """Divide by the rate."""
    return distances + np.nan_to_num(metres) / max(bits_per_metre, 1e-3)


@fusion.mistake("Both speak for every photo: add the two, do not choose one of them.")
def chooses(distances, metres, bits_per_metre):
    """Use the position where there is one, else the code."""
    return np.where(np.isnan(metres), distances, bits_per_metre * metres)


@fusion.mistake("The metres must count against a photo: far is a larger score, so add them.")
def subtracts(distances, metres, bits_per_metre):
    """Let far places gain."""
    return distances - bits_per_metre * np.nan_to_num(metres)
