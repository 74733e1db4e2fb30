"""Paint a photo from a thumbnail and from near-duplicate photos (for `cloud_coding`).

The thumbnail U, enlarged, holds the photo's coarse half. A candidate photo, brought into the
query's frame, is split by the same shrinking and enlarging into a coarse half L and a fine half F.
Only F is painted, and the thumbnail says where and how strongly: in a window around each pixel,
with means taken there,

    gain = cov(L, U) / var(L),    agreement = max(0, corr(L, U)) ^ 4,

so that night is painted over by day at night's contrast, and a candidate that shows something else
paints nothing. The rule is our realisation of what Yue et al. (2013) call guided by the thumbnail.
"""

import cv2
import numpy as np

from mvs_lib.queries.homography import Verified

__all__ = ["paint"]

WINDOW = 0.12  # side of the window, as a share of the frame
PATCH = 0.1  # how far from a verified match a candidate is believed, as a share of the frame
FLOOR = 4.0  # grey levels squared, added to variances: a flat window has no say
STRONGEST = 1.5  # gain


def paint(
    thumbnail: np.ndarray,
    shape: tuple[int, int],
    candidates: list[tuple[np.ndarray, Verified, np.ndarray]],
) -> np.ndarray:
    """Return the reconstruction, uint8 ``(h, w, 3)``.

    Args:
        thumbnail: uint8 ``(a, b, 3)``.
        shape: ``(h, w)`` of the reconstruction.
        candidates: of each its photo, uint8 RGB; the homography that maps it onto the query; and
            the query's positions that it explains, ``(k, 2)``, shares of the frame. Without any,
            the enlarged thumbnail is returned.
    """
    coarse = _enlarge(thumbnail.astype(np.float32), shape)
    detail, total = np.zeros_like(coarse), np.zeros((*shape, 1), np.float32)
    for photo, verified, positions in candidates:
        warped, inside = _warp(photo, verified.matrix, shape)
        warped = np.where(inside[..., None] > 0, warped, coarse)
        low = _enlarge(_shrink(warped, thumbnail.shape[:2]), shape)
        gain, agreement = _compare(low.mean(2), coarse.mean(2))
        weight = (agreement * inside * _reach(positions, shape))[..., None]
        detail += weight * gain[..., None] * (warped - low)
        total += weight
    # Where several agree they are averaged; where all of them doubt, less is painted.
    painted = coarse + detail / np.maximum(total, 1)
    return np.clip(np.rint(painted), 0, 255).astype(np.uint8)


def _warp(photo, matrix, shape) -> tuple[np.ndarray, np.ndarray]:
    """Bring a photo into the query's frame; also 1 where it covers it, fading at its border."""
    height, width = photo.shape[:2]
    pixels = np.diag([shape[1], shape[0], 1.0]) @ matrix @ np.diag([1 / width, 1 / height, 1.0])
    middle = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])  # pixel (0, 0) has its middle there
    pixels = np.linalg.inv(middle) @ pixels @ middle
    warped = cv2.warpPerspective(photo.astype(np.float32), pixels, shape[::-1])
    ones = np.zeros((height, width), np.float32)
    edge = max(2, round(0.03 * min(height, width)))
    ones[edge:-edge, edge:-edge] = 1
    ones = cv2.blur(ones, (edge, edge))
    return warped, cv2.warpPerspective(ones, pixels, shape[::-1])


def _compare(low: np.ndarray, coarse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gain and agreement of each pixel's window, float32 ``(h, w)`` each."""
    size = max(3, round(WINDOW * min(low.shape)))

    def mean(values):
        return cv2.blur(values, (size, size))

    mean_l, mean_u = mean(low), mean(coarse)
    covariance = mean(low * coarse) - mean_l * mean_u
    variance_l = np.maximum(mean(low * low) - mean_l**2, 0) + FLOOR
    variance_u = np.maximum(mean(coarse * coarse) - mean_u**2, 0) + FLOOR
    correlation = np.clip(covariance / np.sqrt(variance_l * variance_u), 0, 1)
    return np.clip(covariance / variance_l, 0, STRONGEST), correlation**4


def _reach(positions: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return 1 near a verified match, falling to 0 away from all of them, float32 ``(h, w)``."""
    height, width = shape
    away = np.ones(shape, np.uint8)
    at = np.clip((positions * [width, height]).astype(int), 0, [width - 1, height - 1])
    away[at[:, 1], at[:, 0]] = 0
    distance = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.exp(-0.5 * (distance / (PATCH * min(shape))) ** 2).astype(np.float32)


def _shrink(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)


def _enlarge(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return cv2.resize(image, shape[::-1], interpolation=cv2.INTER_CUBIC)
