"""VLAD: where a photo's descriptors lie around a few centres, in one vector. See notebook 01.

Jegou et al. (2010): to each of ``k`` centres c_j belongs the sum of x - c_j over the descriptors x
nearest to it; the k sums stand one after another. Arandjelovic and Zisserman (2013) scale each sum
to length 1 before the whole is scaled ("intra-normalisation"), so that a repeated pattern, a wall
of windows, does not drown the rest.
"""

import numpy as np

__all__ = ["residuals", "vlad"]


def residuals(
    descriptors: np.ndarray, words: np.ndarray, offsets: np.ndarray, centres: np.ndarray
) -> np.ndarray:
    """Return the sum of x - c_j for every photo and centre, float32 ``(photos, k, d)``.

    Args:
        descriptors: real ``(n, d)``.
        words: int ``(n,)``, the centre nearest to each.
        offsets: which rows belong to which photo, as in `mvs_lib.features.local.LocalFeatures`.
        centres: real ``(k, d)``.
    """
    photos, (k, d) = len(offsets) - 1, centres.shape
    out = np.zeros((photos * k, d), np.float32)
    photo = np.repeat(np.arange(photos), np.diff(offsets))
    np.add.at(out, photo * k + words, np.asarray(descriptors, np.float32) - centres[words])
    return out.reshape(photos, k, d)


def vlad(
    descriptors: np.ndarray, words: np.ndarray, offsets: np.ndarray, centres: np.ndarray
) -> np.ndarray:
    """Return VLAD vectors of length 1, float32 ``(photos, k * d)``; arguments as in `residuals`.

    A photo without descriptors has a vector of zeros.
    """
    sums = residuals(descriptors, words, offsets, centres)
    sums /= np.maximum(np.linalg.norm(sums, axis=2, keepdims=True), 1e-9)
    flat = sums.reshape(len(sums), -1)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
