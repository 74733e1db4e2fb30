"""Gradient histograms of a normalised patch, in soft cells that overlap. See notebook 01.

The patch is taken at a keypoint's position, scale and angle, so that it looks the same when the
camera moves, comes near or turns. CHoG (Chandrasekhar et al., 2012) describes it by the
distribution of its gradients in each of a few cells laid out as in DAISY (Tola et al., 2010): one
in the middle, two rings around it. A distribution lives in the plane of (dx, dy), split among m
points: one at zero for flat ground, the others on a circle.
"""

from functools import lru_cache

import cv2
import numpy as np

from mvs_lib.features.local import LocalFeatures

__all__ = ["bins", "cells", "describe", "patches"]

SIDE = 24  # pixels of a normalised patch
REACH = 6.0  # side of the patch over the keypoint's diameter: the ground that SIFT looks at
EDGE = 1  # pixels around the patch, for the central difference


def patches(image: np.ndarray, features: LocalFeatures) -> np.ndarray:
    """Cut the patch of each feature out of a photo, turned upright and brought to one size.

    Each comes from the level of a Gaussian pyramid that is nearest to its own resolution, so that
    large patches are not undersampled. What lies outside the photo repeats its border.

    Args:
        image: uint8 ``(h, w, 3)``, RGB.
        features: of this photo.

    Returns:
        float32 ``(n, 26, 26)``, grey, 0..255: 24 x 24 and an edge of one pixel.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    size = SIDE + 2 * EDGE
    out = np.zeros((len(features), size, size), np.float32)
    step = features.scales * width * REACH / SIDE  # photo pixels a patch pixel
    level = np.clip(np.floor(np.log2(np.maximum(step, 1e-9))), 0, 5).astype(int)
    offset = np.arange(size, dtype=np.float32) - (size - 1) / 2
    cos, sin = np.cos(features.angles) * step, np.sin(features.angles) * step
    middle = features.positions * [width, height]
    cos, sin, right, down = cos[:, None, None], sin[:, None, None], offset, offset[:, None]
    x = middle[:, 0, None, None] + cos * right - sin * down
    y = middle[:, 1, None, None] + sin * right + cos * down
    for depth in range(int(level.max(initial=0)) + 1):
        rows = np.flatnonzero(level == depth)
        for some in np.array_split(rows, -(-len(rows) // 1000)) if len(rows) else ():
            maps = [(at[some].reshape(-1, size) / 2**depth).astype(np.float32) for at in (x, y)]
            cut = cv2.remap(grey, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            out[some] = cut.reshape(-1, size, size)
        if min(grey.shape) > 1:
            grey = cv2.pyrDown(grey)
    return out


@lru_cache
def cells(number: int) -> np.ndarray:
    """Return how much each pixel counts in each cell, float32 ``(number, 576)``, rows sum to 1.

    One Gaussian stands in the middle and two rings of (number - 1) / 2 around it, wider further
    out, the outer ring turned by half a step. Neighbours overlap: a small shift of the patch
    changes every cell a little and none abruptly.

    Args:
        number: 9 (rings of 4), 13 (of 6) or 17 (of 8).

    Raises:
        ValueError: another number.
    """
    if number not in (9, 13, 17):
        raise ValueError(f"there are layouts of 9, 13 and 17 cells, got {number!r}")
    ring = (number - 1) // 2
    turn = np.arange(ring) * 2 * np.pi / ring
    radii = np.repeat([0.0, 0.4, 0.75], [1, ring, ring])
    angles = np.concatenate([[0.0], turn, turn + np.pi / ring])
    sigmas = np.repeat([0.17, 0.19, 0.25], [1, ring, ring])
    axis = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    x, y = (each.ravel() for each in np.meshgrid(axis, axis))
    square = (x - (radii * np.cos(angles))[:, None]) ** 2
    square = square + (y - (radii * np.sin(angles))[:, None]) ** 2
    weights = np.exp(-square / (2 * sigmas[:, None] ** 2))
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def bins(m: int, radius: float = 1.0) -> np.ndarray:
    """Return the points of the gradient plane, float32 ``(m, 2)``: zero, then m - 1 on a circle.

    Raises:
        ValueError: fewer than 3 points, or a radius that is not positive.
    """
    if m < 3 or not radius > 0:
        raise ValueError(f"need m >= 3 points and a radius > 0, got {m}, {radius}")
    turn = np.arange(m - 1) * 2 * np.pi / (m - 1)
    circle = radius * np.stack([np.cos(turn), np.sin(turn)], 1)
    return np.concatenate([[[0, 0]], circle]).astype(np.float32)


def describe(
    image: np.ndarray, features: LocalFeatures, number: int = 9, m: int = 5, radius: float = 1.5
) -> np.ndarray:
    """Return the gradient distributions of each feature's patch.

    Gradients are measured in units of the patch's own root mean square, so contrast cancels out.
    Each pixel goes to the nearest of the m points and counts in every cell by the cell's weight.

    Args:
        image: uint8 ``(h, w, 3)``, RGB.
        features: of this photo, ``n`` of them.
        number: of cells, see `cells`.
        m, radius: see `bins`.

    Returns:
        float32 ``(n, number, m)``, each distribution sums to 1.

    Raises:
        ValueError: see `cells` and `bins`.
    """
    layout, points = cells(number), bins(m, radius)
    cut = patches(image, features)
    dx = (cut[:, 1:-1, 2:] - cut[:, 1:-1, :-2]).reshape(len(cut), SIDE * SIDE)
    dy = (cut[:, 2:, 1:-1] - cut[:, :-2, 1:-1]).reshape(len(cut), SIDE * SIDE)
    size = np.sqrt(np.mean(dx * dx + dy * dy, axis=1, keepdims=True))
    dx, dy = dx / np.maximum(size, 1e-6), dy / np.maximum(size, 1e-6)
    # |g - c|^2 = |g|^2 - 2 (g.c - |c|^2 / 2), and |g|^2 is the same for every point c.
    best, nearest = np.zeros_like(dx), np.zeros(dx.shape, np.uint8)
    for index, (cx, cy) in enumerate(points[1:], start=1):
        near = cx * dx + cy * dy - np.float32(0.5 * radius**2)
        better = near > best
        best[better], nearest[better] = near[better], index
    shares = [(nearest == index).astype(np.float32) @ layout.T for index in range(m)]
    histograms = np.stack(shares, 2)
    return histograms / np.maximum(histograms.sum(2, keepdims=True), 1e-9)
