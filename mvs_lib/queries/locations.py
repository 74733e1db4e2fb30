"""Where the features of a query lie, in few bits: a grid, sorted, and the gaps between cells.

A bag of features has no order, so it may be sent in the order of its cells, and then only the
gaps need coding: about log2(n!) bits are saved against a list in any order (the idea of location
histogram coding: Tsai et al., 2009, "Location coding for mobile image retrieval"; the gap code is
our realisation). Duplicate cells are allowed; a gap of zero says so.
"""

import numpy as np

from mvs_lib.queries.bitstream import BitReader, BitWriter, rice_shift
from mvs_lib.queries.payload import PayloadError

__all__ = ["cells", "centres", "decode", "encode"]

MOST = 4095  # features in one payload


def cells(positions: np.ndarray, grid: int) -> np.ndarray:
    """Return the cell of each position: int64 ``(n,)`` in ``0..grid * grid - 1``, row by row.

    Args:
        positions: ``(n, 2)``, x right and y down as shares of the frame, 0..1.
        grid: cells a side.
    """
    at = np.clip((np.asarray(positions) * grid).astype(np.int64), 0, grid - 1)
    return at[:, 1] * grid + at[:, 0]


def centres(numbers: np.ndarray, grid: int) -> np.ndarray:
    """Return the middle of each cell, float32 ``(n, 2)``, as shares of the frame."""
    numbers = np.asarray(numbers)
    return ((np.stack([numbers % grid, numbers // grid], 1) + 0.5) / grid).astype(np.float32)


def encode(writer: BitWriter, positions: np.ndarray, grid: int) -> np.ndarray:
    """Write the cells of the positions; return the order in which features are to follow.

    Returns:
        int64 ``(n,)``: sorts features by cell; write the descriptors in this order.

    Raises:
        ValueError: more than 4,095 features.
    """
    where = cells(positions, grid) if len(positions) else np.empty(0, np.int64)
    if len(where) > MOST:
        raise ValueError(f"at most {MOST} features fit a payload, got {len(where)}")
    order = np.argsort(where, kind="stable")
    shift = rice_shift(grid * grid / (len(where) + 1))
    writer.write(len(where), 12)
    for gap in np.diff(where[order], prepend=0):
        writer.rice(int(gap), shift)
    return order


def decode(reader: BitReader, grid: int) -> np.ndarray:
    """Read what `encode` wrote: the cells' numbers, int64 ``(n,)``, rising.

    Raises:
        PayloadError: the bits end too early, or a cell lies outside the frame.
    """
    count = reader.read(12)
    shift = rice_shift(grid * grid / (count + 1))
    where = np.cumsum([reader.rice(shift) for _ in range(count)], dtype=np.int64)
    if count and where[-1] >= grid * grid:
        raise PayloadError(f"cell {where[-1]} lies outside a grid of {grid} x {grid}")
    return where
