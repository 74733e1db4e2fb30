"""How much memory SURF's detector touches: a model of a phone's cache (for `tiled_surf`).

The time that a Python program takes says nothing about a phone's cache, so accesses are counted
instead. A sweep of one filter over an integral image reads 32 numbers a sample, in ten rows. If the
cache holds as many rows as the filter is high, each row comes from memory once; if it does not,
each sample row fetches its ten rows anew. An integral image that fits the cache whole costs
nothing after it was made. The model is ours; Yang and Cheng (2012) measured a phone.
"""

from dataclasses import dataclass

__all__ = ["CACHE", "Traffic"]

CACHE = 256 * 1024  # bytes: the second-level cache of a phone processor of those years
NUMBER = 4  # bytes, of an integral image
LOOKUPS = 32  # of Dxx (8), Dyy (8) and Dxy (16)
EDGES = 10  # distinct rows in which they lie


@dataclass
class Traffic:
    """Counts of one photo.

    Attributes:
        lookups: numbers read from integral images, in cache or not.
        transferred: bytes that come from memory behind the cache.
        skipped: tiles not looked at, counted once an octave.
        cache: bytes.
    """

    lookups: int = 0
    transferred: int = 0
    skipped: int = 0
    cache: int = CACHE
    _resident: bool = False

    def read(self, pixels: int) -> None:
        """Count the reading of pixels, a byte each."""
        self.transferred += pixels

    def sum(self, shape: tuple[int, int]) -> None:
        """Count the making of an integral image of this shape."""
        size = NUMBER * shape[0] * shape[1]
        self._resident = size <= self.cache
        self.transferred += 0 if self._resident else size

    def sweep(self, samples: tuple[int, int], size: int, step: int, width: int) -> None:
        """Count one filter over the integral image that was made last.

        Args:
            samples: rows and columns of samples.
            size: the filter's side. step: of the samples, in pixels.
            width: numbers in a row of the integral image.
        """
        rows, columns = samples
        self.lookups += LOOKUPS * rows * columns
        if self._resident:
            return
        row = NUMBER * width
        fits = (size + 1) * row <= self.cache
        fetched = (rows - 1) * step + size + 1 if fits else EDGES * rows
        self.transferred += fetched * row
