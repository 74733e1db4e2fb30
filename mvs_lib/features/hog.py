"""HOG: histograms of oriented gradients. Taught in notebook 02.

Dalal and Triggs 2005, "Histograms of oriented gradients for human detection". Every pixel votes
with the strength of its gradient for the gradient's direction; votes are counted in cells, and
cells are normalised in overlapping blocks, so that the light on a wall cancels.

(Our own, over a whole batch at once: OpenCV 5 no longer has ``HOGDescriptor``.)
"""

import numpy as np

from mvs_lib.features.preparation import SIZE, describe_in_batches

__all__ = ["DIMENSIONS", "cell_histograms", "describe"]

CELL = 16  # pixels; 8, as for pedestrians, would give 8,100 numbers for a whole photo
CELLS = SIZE // CELL
BINS = 9  # directions over 180 degrees: a step from dark to light counts as one from light to dark
BLOCK = 2  # cells; blocks overlap by one cell
CLIP = 0.2  # no direction may make up more of a block than this (Lowe's clipping, "L2-Hys")
DIMENSIONS = (CELLS - BLOCK + 1) ** 2 * BLOCK**2 * BINS
TINY = 0.25  # total votes in a block that count as no texture: keeps an empty block at zero


def describe(images: np.ndarray, progress: bool = False) -> np.ndarray:
    """Describe photos, uint8 ``(n, h, w, 3)`` RGB of any size, by HOG, float32 ``(n, 1764)``.

    Laid out as (block row 7, block column 7, cell row 2, cell column 2, direction 9). As in the
    paper: the colour channel with the strongest gradient counts, votes are shared between
    neighbouring directions and cells, blocks are L2-normalised, clipped at 0.2 and normalised
    again. Left out: the Gaussian window over a block, worth a percent in the paper.

    Raises:
        ValueError: the images are not uint8 ``(n, h, w, 3)``.
    """
    return describe_in_batches(_describe, images, DIMENSIONS, progress, "HOG")


def cell_histograms(images: np.ndarray) -> np.ndarray:
    """Count the votes in each cell: uint8 ``(n, 128, 128, 3)`` to float32 ``(n, 8, 8, 9)``.

    Direction bin ``k`` is centred on ``(k + 0.5) * 20`` degrees, in which the brightness changes
    (0: along a row; 90: down a column).
    """
    strength, degrees = _gradient(images)
    position = degrees / (180 / BINS) - 0.5  # in bins, from the first bin's centre
    # a pixel between two cell (or bin) centres votes for both, by nearness
    nearness = np.abs((np.arange(SIZE) + 0.5) / CELL - 0.5 - np.arange(CELLS)[:, None])
    share = np.maximum(0, 1 - nearness).astype(np.float32)
    histograms = np.empty((len(images), CELLS, CELLS, BINS), np.float32)
    for bin_ in range(BINS):
        distance = np.abs(position - bin_)
        distance = np.minimum(distance, BINS - distance)  # directions form a circle
        votes = strength * np.maximum(0, 1 - distance)
        histograms[..., bin_] = share @ votes @ share.T
    return histograms


def _gradient(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the strength and direction (degrees in 0..180) of each pixel's gradient."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge").astype(np.int16)
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    squared = across.astype(np.int32) ** 2 + down.astype(np.int32) ** 2
    strongest = squared.argmax(axis=3)[..., None]  # channel
    across, down, squared = (
        np.take_along_axis(values, strongest, 3)[..., 0].astype(np.float32)
        for values in (across, down, squared)
    )
    return np.sqrt(squared), np.degrees(np.arctan2(down, across)) % 180


def _describe(images: np.ndarray) -> np.ndarray:
    cells = cell_histograms(images)
    windows = np.lib.stride_tricks.sliding_window_view(cells, (BLOCK, BLOCK), axis=(1, 2))
    blocks = windows.transpose(0, 1, 2, 4, 5, 3).reshape(len(images), -1, BLOCK**2 * BINS)
    blocks = np.minimum(_normalized(blocks, TINY), CLIP)
    return _normalized(blocks, 1e-3).reshape(len(images), DIMENSIONS)


def _normalized(blocks: np.ndarray, tiny: float) -> np.ndarray:
    return blocks / np.sqrt((blocks**2).sum(axis=2, keepdims=True) + tiny**2)
