"""Codes that are hard on an index, and answers computed the plain way."""

import numpy as np

from mvs_lib.codes import hamming_distance, pack

FAR = np.iinfo(np.int32).max
KINDS = ("uniform", "clustered", "duplicates", "equal", "constant bits")


def make_codes(random, n, bits, kind, centres=None):
    """Return codes of one kind, and its centres, near which queries may be drawn too."""
    if centres is None:
        centres = random.integers(0, 2, (max(1, n // 20), bits))
    flip = {
        "uniform": 0.5,
        "clustered": 0.08,
        "duplicates": 0.005,
        "equal": 0,
        "constant bits": 0.3,
    }
    chosen = np.zeros(n, np.int64) if kind == "equal" else random.integers(0, len(centres), n)
    values = centres[chosen] ^ (random.random((n, bits)) < flip[kind])
    if kind == "constant bits":
        values[:, ::3] = 1
    return pack(values), centres


def case(seed, n, bits, kind, queries=6):
    """Return codes and queries, some of them codes of the index."""
    random = np.random.default_rng(seed)
    codes, centres = make_codes(random, n, bits, kind)
    asked, _ = make_codes(random, queries, bits, kind, centres)
    if n:
        asked[0] = codes[random.integers(n)]
    return codes, asked


def brute_force(queries, codes, k, ids=None):
    """Return the ``k`` first of all codes sorted by distance, then id; padded."""
    ids = np.arange(len(codes)) if ids is None else ids
    distance = hamming_distance(queries, codes)
    order = np.lexsort((np.broadcast_to(ids, distance.shape), distance), axis=1)[:, :k]
    padding = ((0, 0), (0, k - order.shape[1]))
    distances = np.take_along_axis(distance, order, 1)
    found = ids[order] if len(ids) else order
    return (
        np.pad(distances, padding, constant_values=FAR),
        np.pad(found, padding, constant_values=-1),
    )


def brute_force_within(queries, codes, radius, ids=None):
    """Return lims, distances and ids of all codes within ``radius``, sorted by distance, id."""
    ids = np.arange(len(codes)) if ids is None else ids
    lims, distances, found = [0], [], []
    for row in hamming_distance(queries, codes):
        near = np.flatnonzero(row <= radius)
        near = near[np.lexsort((ids[near], row[near]))]
        distances.append(row[near])
        found.append(ids[near])
        lims.append(lims[-1] + len(near))
    return np.array(lims), np.concatenate(distances), np.concatenate(found)


def same(found, expected):
    """Return whether two answers hold the same arrays."""
    return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
