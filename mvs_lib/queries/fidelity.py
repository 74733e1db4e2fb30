"""How much a reconstructed photo is like the true one: PSNR and SSIM."""

import cv2
import numpy as np

__all__ = ["psnr", "ssim"]

PEAK = 255.0


def psnr(photo: np.ndarray, other: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in decibels, 10 log10(255^2 / mean squared error).

    Args:
        photo, other: uint8 of one shape. Equal photos give infinity.

    >>> round(psnr(np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)), 1)
    0.0

    Raises:
        ValueError: other dtypes, or two shapes.
    """
    photo, other = _pair(photo, other)
    error = float(np.mean((photo - other) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(PEAK**2 / error))


def ssim(photo: np.ndarray, other: np.ndarray) -> float:
    """Return the mean structural similarity of two photos' luma, at most 1.

    Wang et al. (2004), equation 13, with their constants: Gaussian windows of 11 x 11 pixels and
    standard deviation 1.5, C1 = (0.01 * 255)^2, C2 = (0.03 * 255)^2; windows lie wholly inside.

    Args:
        photo, other: uint8 ``(h, w)`` or ``(h, w, 3)`` RGB, at least 11 pixels a side.

    Raises:
        ValueError: other dtypes, two shapes, or smaller photos.
    """
    photo, other = (_luma(each) for each in _pair(photo, other))
    if min(photo.shape) < 11:
        raise ValueError(f"SSIM needs photos of at least 11 x 11 pixels, got {photo.shape}")

    def mean(values):
        return cv2.GaussianBlur(values, (11, 11), 1.5)[5:-5, 5:-5]

    mean_x, mean_y = mean(photo), mean(other)
    variances = mean(photo**2) - mean_x**2 + mean(other**2) - mean_y**2
    covariance = mean(photo * other) - mean_x * mean_y
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    similar = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float(np.mean(similar / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))))


def _pair(photo, other) -> tuple[np.ndarray, np.ndarray]:
    photo, other = np.asarray(photo), np.asarray(other)
    if photo.dtype != np.uint8 or other.dtype != np.uint8 or photo.shape != other.shape:
        raise ValueError(
            f"need two uint8 photos of one shape, got {photo.dtype} {photo.shape} and "
            f"{other.dtype} {other.shape}"
        )
    return photo.astype(np.float64), other.astype(np.float64)


def _luma(photo: np.ndarray) -> np.ndarray:
    return photo if photo.ndim == 2 else photo @ np.array([0.299, 0.587, 0.114])
