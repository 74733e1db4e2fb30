"""GIST: the spatial layout of oriented edges. Taught in notebook 02.

Oliva and Torralba 2001, "Modeling the shape of the scene". A photo is filtered with Gabor filters
(4 scales, 8 orientations); the strength of each answer is averaged over a 4 x 4 grid: 4 x 8 x 16 =
512 numbers. Computed on the grey photo: colour is `global_descriptor`'s matter.
"""

from functools import cache

import numpy as np
import scipy.fft

from mvs_lib.features.preparation import SIZE, describe_in_batches, grey

__all__ = ["DIMENSIONS", "describe", "gabor"]

SCALES, ORIENTATIONS, GRID = 4, 8, 4
DIMENSIONS = SCALES * ORIENTATIONS * GRID**2
CELLS = GRID + 2  # grid cells across the photo once a cell is mirrored on each side
PADDED = SIZE // GRID * CELLS  # its side in pixels, for photos of the usual size
NEGLIGIBLE = 0.003  # a filter's gain below this is not computed


def describe(images: np.ndarray, progress: bool = False, size: int = SIZE) -> np.ndarray:
    """Describe photos, uint8 ``(n, h, w, 3)`` RGB of any size, by GIST, float32 ``(n, 512)``.

    Element ``((scale * 8 + orientation) * 4 + row) * 4 + column`` is the mean answer, >= 0, of one
    filter in one grid cell; scales run from fine to coarse, orientation ``j`` is the direction
    ``j * 22.5`` degrees in which the brightness changes (0: along a row; 90: down a column).

    Computed in double precision and rounded once, so that every processor gives the same numbers.
    Two choices make it fast and change it by less than 1 %: a filter passes only a box of
    frequencies, so only that box is transformed back (its position is a phase, which the
    magnitude forgets; below the usual size, where the box would be tiny, all is); and the photo is
    mirrored at its border once, before the prefilter.

    Args:
        images: the photos.
        progress: show a progress bar.
        size: pixels, a multiple of four from 16 up: the side of the square that photos are resized
            to. Keep the usual one but for photos that are smaller: enlarged, they hold nothing
            that the two finest scales could answer to.

    Raises:
        ValueError: the images are not uint8 ``(n, h, w, 3)``, or the size is none of these.
    """
    if size % GRID or size < 4 * GRID:
        raise ValueError(f"size must be a multiple of {GRID} from {4 * GRID} up, got {size}")
    return describe_in_batches(_describe, images, DIMENSIONS, progress, "GIST", size)


def gabor(scale: int, orientation: int, padded: int = PADDED) -> np.ndarray:
    """Return one filter's gain at each frequency, float64 ``(padded, padded)``, zero in the centre.

    A Gabor filter is a bump in the frequency plane: here at 0.3, 0.162, 0.088 or 0.047 cycles a
    pixel, in one half-plane, with the widths of the authors' published code.
    """
    frequency = scipy.fft.fftshift(scipy.fft.fftfreq(padded))  # cycles a pixel
    radius = np.hypot(frequency[:, None], frequency)
    angle = np.arctan2(frequency[:, None], frequency) - np.pi * orientation / ORIENTATIONS
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    centre = 0.3 / 1.85**scale
    return np.exp(-3.5 * (radius / centre - 1) ** 2 - 2 * np.pi * angle**2)


def prefilter(photos: np.ndarray) -> np.ndarray:
    """Even out the light: grey, padded, float64 ``(n, h, h)`` in 0..255, same shape out.

    From the logarithm take away its blur, then divide by the local contrast. The blur is a
    Gaussian that halves the gain at 4 cycles a photo; 0.2 keeps flat areas from being amplified.
    """
    padded = photos.shape[1]
    cycles = scipy.fft.fftfreq(padded, 1 / padded) * GRID / CELLS  # cycles a photo
    half = scipy.fft.rfftfreq(padded, 1 / padded) * GRID / CELLS
    blur = np.exp(-(cycles[:, None] ** 2 + half**2) * np.log(2) / 4**2)

    def blurred(values):
        return scipy.fft.irfft2(scipy.fft.rfft2(values) * blur, s=values.shape[1:])

    detail = np.log1p(photos)
    detail -= blurred(detail)
    return detail / (0.2 + np.sqrt(np.abs(blurred(detail**2))))


@cache
def _bank(padded: int) -> list[tuple[slice, slice, np.ndarray]]:
    """Each filter cut to the box of frequencies it passes: rows, columns, complex gain."""
    bank = []
    for scale in range(SCALES):
        for orientation in range(ORIENTATIONS):
            gain = gabor(scale, orientation, padded)
            passed = gain > (NEGLIGIBLE if padded >= PADDED else -1)
            rows, columns = _box(passed.any(axis=1)), _box(passed.any(axis=0))
            phase = _centring(rows, padded)[:, None] * _centring(columns, padded)
            box = gain[rows, columns] * phase
            # the transform back is left unscaled, since its length varies with the box
            bank.append((rows, columns, box / padded**2))
    return bank


def _centring(box: slice, padded: int) -> np.ndarray:
    """The phase that moves coarse samples from the corner to the middle of the pixels they cover.

    Without it a grid cell of a coarse scale would lie several pixels off.
    """
    length = box.stop - box.start
    middle = (padded / length - 1) / 2  # pixels
    frequency = (np.arange(box.start, box.stop) - padded // 2) / padded  # cycles a pixel
    return np.exp(2j * np.pi * frequency * middle)


def _box(passed: np.ndarray) -> slice:
    """The shortest range that holds all True, with a length that ``CELLS`` divides."""
    first, last = np.flatnonzero(passed)[[0, -1]]
    length = int(np.ceil((last - first + 1) / CELLS)) * CELLS
    start = min(first, len(passed) - length)
    return slice(int(start), int(start) + length)


def _describe(images: np.ndarray) -> np.ndarray:
    margin = images.shape[1] // GRID  # mirrored pixels: a grid cell, so that cells stay aligned
    border = ((0, 0), (margin, margin), (margin, margin))
    photos = prefilter(np.pad(grey(images), border, mode="symmetric"))
    bank = _bank(photos.shape[1])
    spectrum = scipy.fft.fftshift(scipy.fft.fft2(photos), axes=(1, 2))
    gist = np.empty((len(images), len(bank), GRID, GRID), np.float32)
    for channel, (rows, columns, gain) in enumerate(bank):
        answer = np.abs(scipy.fft.ifft2(spectrum[:, rows, columns] * gain, norm="forward"))
        height, width = gain.shape
        cells = answer.reshape(-1, CELLS, height // CELLS, CELLS, width // CELLS)
        gist[:, channel] = cells.mean(axis=(2, 4))[:, 1:-1, 1:-1]
    return gist.reshape(len(images), DIMENSIONS)
