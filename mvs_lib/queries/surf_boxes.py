"""SURF's blobs: box filters on an integral image, whole or tile by tile (for `tiled_surf`).

Bay et al. (2008): second derivatives of a Gaussian, cut from boxes of constant weight, so that any
size costs the same few look-ups in an integral image; a blob is a maximum of

    det = Dxx Dyy - (0.9 Dxy)^2

over place and size. Yang and Cheng (2012, "Accelerating SURF detector on mobile devices"): the
integral image of a photo is larger than a phone's cache and each of the twelve sizes sweeps it
anew; a tile with its margin fits, and a flat tile need not be looked at. Sums of whole numbers are
exact, so tiles find what the whole photo finds, to the last bit.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from mvs_lib.queries.surf_traffic import Traffic

__all__ = ["LAYERS", "Blobs", "Region", "hessian", "integral", "maxima"]

# Octaves: the sides of four filters each, in pixels; the grid is 1, 2, 4 pixels wide.
LAYERS = ((9, 15, 21, 27), (15, 27, 39, 51), (27, 51, 75, 99))
STEPS = (1, 2, 4)


class Blobs(NamedTuple):
    """Maxima of the determinant.

    Attributes:
        positions: float32 ``(n, 2)``, x right and y down, pixels; (0, 0) is a pixel's middle.
        scales: float32 ``(n,)``, s: the Gaussian's standard deviation, pixels.
        signs: bool ``(n,)``: bright on dark (a negative trace of the Hessian).
        responses: float32 ``(n,)``, the determinant.
    """

    positions: np.ndarray
    scales: np.ndarray
    signs: np.ndarray
    responses: np.ndarray


@dataclass(frozen=True)
class Region:
    """Samples of one octave: rows ``top``, ``top + step``, ... below ``bottom``, and so columns."""

    top: int
    bottom: int
    left: int
    right: int
    step: int

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns of samples; 0 where there is no room."""
        rows = max(0, -(-(self.bottom - self.top) // self.step))
        return rows, max(0, -(-(self.right - self.left) // self.step))

    def widened(self, margin: int) -> "Region":
        """Return the region with ``margin`` pixels more on each side."""
        sides = (self.top - margin, self.bottom + margin, self.left - margin, self.right + margin)
        return Region(*sides, self.step)

    def of(self, image: np.ndarray) -> np.ndarray:
        """Return the region's pixels, those in the image."""
        return image[max(0, self.top) : self.bottom, max(0, self.left) : self.right]

    def cut(self, other: "Region") -> "Region":
        """Return the samples that lie in both; the grids must be the same."""
        return Region(
            max(self.top, other.top), min(self.bottom, other.bottom),
            max(self.left, other.left), min(self.right, other.right), self.step,
        )  # fmt: skip


def integral(grey: np.ndarray) -> np.ndarray:
    """Return sums over all pixels above and to the left, int32 ``(h + 1, w + 1)``.

    Args:
        grey: uint8 ``(h, w)``, of at most 8 million pixels (then no sum overflows).
    """
    return cv2.integral(grey, sdepth=cv2.CV_32S)


def hessian(
    sums: np.ndarray, size: int, region: Region, origin: tuple[int, int] = (0, 0)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Dxx, Dyy and Dxy of one filter, float32, each divided by the filter's area.

    Args:
        sums: `integral` of a photo or of a part of it.
        size: side of the filter, three lobes of an odd width.
        region: the filter's middles, in the photo's pixels; all filters lie inside ``sums``.
        origin: the row and column of the photo at which ``sums`` begins.
    """
    rows, columns = region.shape
    lobe, half, step = size // 3, size // 2, region.step
    top, left = region.top - origin[0], region.left - origin[1]

    def corner(down, across):
        start, begin = top + down, left + across
        stop, end = start + (rows - 1) * step + 1, begin + (columns - 1) * step + 1
        return sums[start:stop:step, begin:end:step]

    def box(up, left_of, down, right_of):  # from row y + up to y + down, both included
        wide = corner(down + 1, right_of + 1) - corner(up, right_of + 1)
        return wide - corner(down + 1, left_of) + corner(up, left_of)

    side, middle = lobe - 1, lobe // 2
    dxx = box(-side, -half, side, half) - 3 * box(-side, -middle, side, middle)
    dyy = box(-half, -side, half, side) - 3 * box(-middle, -side, middle, side)
    dxy = box(-lobe, -lobe, -1, -1) + box(1, 1, lobe, lobe)
    dxy -= box(-lobe, 1, -1, lobe) + box(1, -lobe, lobe, -1)
    area = np.float32(size * size)
    return tuple(each.astype(np.float32) / area for each in (dxx, dyy, dxy))


def maxima(
    grey: np.ndarray, threshold: float = 20.0, tile: int | None = 128, flat: float = 0.0
) -> tuple[Blobs, Traffic]:
    """Find all blobs of a photo, strongest first.

    Args:
        grey: uint8 ``(h, w)``.
        threshold: of the determinant, for grey levels 0..255.
        tile: side of the tiles in pixels, a multiple of 4; None for the whole photo at once.
        flat: tiles with a mean gradient below this, in grey levels a pixel, are not looked at.
            With 0 a tile is skipped only if no blob can be in it.

    Returns:
        `Blobs`, and the `Traffic` that finding them took.

    Raises:
        ValueError: not a photo, or a tile of another side.
    """
    grey = np.asarray(grey)
    if grey.dtype != np.uint8 or grey.ndim != 2:
        raise ValueError(f"grey must be uint8 (h, w), got {grey.dtype} {grey.shape}")
    if tile is not None and (tile < 4 or tile % 4):
        raise ValueError(f"tile must be a multiple of 4 pixels, or None, got {tile}")
    traffic, found = Traffic(), []
    whole = integral(grey) if tile is None else None
    if whole is not None:
        traffic.read(grey.size)
        traffic.sum(whole.shape)
    for sizes, step in zip(LAYERS, STEPS, strict=True):
        half = sizes[-1] // 2
        start = -(-half // step) * step  # the first sample with room for all filters
        domain = Region(start, grey.shape[0] - half, start, grey.shape[1] - half, step)
        if whole is not None:
            found.append(_octave(whole, (0, 0), domain, sizes, threshold, traffic))
            continue
        for own in _tiles(grey.shape, tile, step):
            part = own.widened(step).cut(domain)  # neighbours decide whether a sample is highest
            if min(part.shape) < 3:
                continue
            patch, core = part.widened(half).of(grey), own.of(grey)
            traffic.read(core.size)
            if flat and _gradient(core) < flat:
                traffic.skipped += 1
                continue
            traffic.read(max(0, patch.size - core.size))  # the margin
            if _hopeless(patch, sizes[1] // 3, threshold):
                traffic.skipped += 1
                continue
            sums = integral(np.ascontiguousarray(patch))
            traffic.sum(sums.shape)
            origin = (part.top - half, part.left - half)
            found.append(_octave(sums, origin, part, sizes, threshold, traffic))
    joined = Blobs(*map(np.concatenate, zip(*found, strict=True))) if found else _empty()
    x, y = joined.positions.T
    order = np.lexsort((joined.scales, y, x, -joined.responses))
    return Blobs(*(each[order] for each in joined)), traffic


def _octave(sums, origin, region: Region, sizes, threshold, traffic: Traffic) -> Blobs:
    """Find the maxima of one octave's two middle layers inside a region's border."""
    if min(region.shape) < 3:
        return _empty()
    stack, traces = [], []
    for size in sizes:
        dxx, dyy, dxy = hessian(sums, size, region, origin)
        stack.append(dxx * dyy - (np.float32(0.9) * dxy) ** 2)
        traces.append(dxx + dyy)
        traffic.sweep(region.shape, size, region.step, sums.shape[1])
    stack = np.stack(stack)
    around = np.stack([cv2.dilate(layer, np.ones((3, 3), np.uint8)) for layer in stack])
    found = []
    for layer in (1, 2):
        highest = around[layer - 1 : layer + 2].max(0)
        here = (stack[layer] == highest) & (stack[layer] > threshold)
        here[[0, -1]], here[:, [0, -1]] = False, False
        row, column = np.nonzero(here)
        found.append(_refine(stack, traces, layer, row, column, region, sizes))
    return Blobs(*map(np.concatenate, zip(*found, strict=True)))


def _refine(stack, traces, layer, row, column, region: Region, sizes) -> Blobs:
    """Move each maximum to that of a parabola through its neighbours (Brown and Lowe, 2002)."""
    cube = np.stack([
        stack[layer + i, row + j, column + k].astype(np.float64)
        for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)
    ], -1).reshape(-1, 3, 3, 3)  # fmt: skip
    slope = np.empty((len(row), 3))
    bend = np.empty((len(row), 3, 3))
    for a in range(3):
        line = np.moveaxis(cube, a + 1, 1)[..., 1, 1]
        slope[:, a] = (line[:, 2] - line[:, 0]) / 2
        bend[:, a, a] = line[:, 2] - 2 * line[:, 1] + line[:, 0]
        for b in range(a):
            plane = np.moveaxis(cube, (a + 1, b + 1), (1, 2))[..., 1]
            mixed = plane[:, 2, 2] + plane[:, 0, 0] - plane[:, 2, 0] - plane[:, 0, 2]
            bend[:, a, b] = bend[:, b, a] = mixed / 4
    regular = np.abs(np.linalg.det(bend)) > 1e-9
    bend[~regular] = np.eye(3)
    move = -np.linalg.solve(bend, slope[..., None])[..., 0]
    kept = regular & (np.abs(move) < 0.5).all(1)
    place = np.stack([column, row], 1)[kept] + move[kept][:, [2, 1]]
    size = sizes[layer] + move[kept, 0] * (
        sizes[1] - sizes[0] if layer == 1 else sizes[2] - sizes[1]
    )
    return Blobs(
        (place * region.step + [region.left, region.top]).astype(np.float32),
        (1.2 / 9 * size).astype(np.float32),
        traces[layer][row, column][kept] < 0,
        stack[layer][row, column][kept],
    )


def _tiles(shape: tuple[int, int], tile: int, step: int) -> list[Region]:
    rows, columns = (range(0, side, tile) for side in shape)
    return [Region(y, y + tile, x, x + tile, step) for y in rows for x in columns]


def _hopeless(patch: np.ndarray, lobe: int, threshold: float) -> bool:
    """Tell whether no filter of this lobe or a wider one can answer above the threshold.

    Two bounds of det <= Dxx Dyy. By the range R of grey levels, |Dxx| <= 4/9 R. By the gradients,
    |Dxx| <= Gx / (9 lobe), Gx the sum of |I(x + 1) - I(x)|: a lobe against its neighbour is a sum
    of such steps, none of them counted more than ``lobe`` times, over an area of 9 lobe^2.
    """
    least, most = int(patch.min()), int(patch.max())
    if (4 / 9 * (most - least)) ** 2 <= threshold:
        return True
    across, down = (cv2.norm(patch[a], patch[b], cv2.NORM_L1) for a, b in _NEIGHBOURS)
    return across * down <= threshold * (9 * lobe) ** 2


_NEIGHBOURS = (
    ((slice(None), slice(1, None)), (slice(None), slice(-1))),
    ((slice(1, None), slice(None)), (slice(-1), slice(None))),
)


def _gradient(patch: np.ndarray) -> float:
    across, down = (cv2.norm(patch[a], patch[b], cv2.NORM_L1) for a, b in _NEIGHBOURS)
    return (across + down) / (2 * patch.size)


def _empty() -> Blobs:
    none = np.empty(0, np.float32)
    return Blobs(np.empty((0, 2), np.float32), none, np.empty(0, bool), none)
