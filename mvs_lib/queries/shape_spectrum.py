"""The outline of the object in a photo, as a few bytes that no shift, size or turn changes.

He et al. (2012): cut out the salient object, measure the distance from its centre to its boundary
in M directions of travel along the boundary, and keep the magnitudes of the Fourier transform of
that curve. A shift is taken away by the centre, the size by the division through the mean, and a
turn of the photo only shifts the curve, which magnitudes do not see.
"""

import numpy as np

from mvs_lib.features.saliency import outline

__all__ = ["COEFFICIENTS", "quantise", "similarity", "spectrum", "spectrum_of"]

SAMPLES = 128  # M, points on the boundary
COEFFICIENTS = 16  # the slowest waves: one byte each


def spectrum(points: np.ndarray) -> np.ndarray:
    """Return |FFT| of a closed outline's distance curve, waves 1..16, float64 ``(16,)``.

    Args:
        points: ``(m, 2)``, along the outline. Zeros are returned for fewer than 3.
    """
    points = np.asarray(points, np.float64)
    if len(points) < 3:
        return np.zeros(COEFFICIENTS)
    closed = np.vstack([points, points[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    if length[-1] == 0:
        return np.zeros(COEFFICIENTS)
    at = np.arange(SAMPLES) / SAMPLES * length[-1]  # equally far along the outline
    sampled = np.stack([np.interp(at, length, closed[:, axis]) for axis in (0, 1)], axis=1)
    distance = np.linalg.norm(sampled - sampled.mean(axis=0), axis=1)
    waves = np.abs(np.fft.rfft(distance / distance.mean())) / SAMPLES
    return waves[1 : COEFFICIENTS + 1]


def spectrum_of(image: np.ndarray) -> np.ndarray:
    """Return the spectrum of the salient object of a photo, uint8 ``(16,)``.

    Raises:
        ValueError: not a photo.
    """
    return quantise(spectrum(outline(image)))


def quantise(waves: np.ndarray) -> np.ndarray:
    """Return waves as bytes: steps of 1/512, since no wave of a curve of mean 1 is often above."""
    return np.clip(np.round(np.asarray(waves) * 512), 0, 255).astype(np.uint8)


def similarity(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Compare spectra, uint8 ``(16,)`` and ``(n, 16)``: exp(-distance), float64 ``(n,)``, 0..1."""
    far = np.linalg.norm((many.astype(np.float64) - one) / 256, axis=1)
    return np.exp(-far)
