"""Hamming distance with a weight a bit, as bit-scalable hashing wants it. Taught in notebook 04.

Zhang et al. (2015), "Bit-scalable deep hashing", give each bit a learned weight (see
`mvs_lib.deep.methods.drsch`), and compare codes by the sum of the weights where they differ.
"""

import numpy as np

from mvs_lib.codes import check_codes

__all__ = ["weighted_hamming_distance"]


def weighted_hamming_distance(
    query: np.ndarray, database: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Add up the weights of the bits in which every query and every database code differ.

    Each byte of the difference is looked up in a table of its 256 possible sums, so that a
    distance costs as many additions as a code has bytes.

    Args:
        query: uint8 ``(q, bytes)``.
        database: uint8 ``(n, bytes)``, equally wide.
        weights: real ``(bits,)``, finite and >= 0, one a bit.

    Returns:
        float64 ``(q, n)``; with all weights 1 the Hamming distance.

    >>> from mvs_lib.codes import pack
    >>> codes = pack(np.array([[1, 0, 1], [0, 0, 0]]))
    >>> weighted_hamming_distance(codes[:1], codes, np.array([0.5, 4, 2]))
    array([[0. , 2.5]])

    Raises:
        ValueError: see `check_codes`; or weights that are not real, finite and >= 0.
    """
    weights = np.asarray(weights)
    if weights.ndim != 1 or weights.size == 0 or weights.dtype.kind not in "fiu":
        raise ValueError(
            f"weights must be real with shape (bits,), got {weights.dtype} {weights.shape}"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError("weights must be finite and >= 0")
    query = check_codes(query, len(weights), "query codes")
    database = check_codes(database, len(weights), "database codes")
    padded = np.zeros(8 * query.shape[1])
    padded[: len(weights)] = weights
    patterns = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    tables = padded.reshape(-1, 8) @ patterns.T  # (bytes, 256): the sum of each byte's pattern
    distance = np.zeros((len(query), len(database)))
    for byte, table in enumerate(tables):
        distance += table[query[:, byte, None] ^ database[None, :, byte]]
    return distance
