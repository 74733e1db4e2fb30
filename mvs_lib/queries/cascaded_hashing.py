"""Send hash keys of local features, without any vocabulary (Zhou et al., 2013).

"Scalable cascaded hashing": the principal components of a feature that vary most are cut into
cells, floor(z_i / step_i), and the cells of one component after another are the levels of a
cascade. A query follows its own cell at each level, and the neighbouring cell too where it lies
within a tolerance of the border, so that a feature which noise has pushed across is not lost. What
is reached at the end is verified by a binary signature, the signs of the next components against
their medians, and votes with an idf-like weight of its cell. The paper's details are not all to be
had: step, tolerance and weight are our realisation.

The phone sends where in its cell a component lies, in quarters, for only it knows; the server
decides on the tolerance. More levels on weak components make more probes, not better ones.
"""

from collections.abc import Mapping

import numba
import numpy as np

from mvs_lib import codes
from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import describe_all, detect, root
from mvs_lib.hashing.pcah import principal_directions
from mvs_lib.queries.bit_tables import popcount
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.hash_bits import as_words, read_codes, write_codes
from mvs_lib.queries.payload import pack, unpack
from mvs_lib.queries.system import System

__all__ = ["GRID", "CascadedHashing", "probe"]

GRID = [
    {"levels": levels, "step": step, "within": within}
    for levels, step, within in ((8, 2.0, 17), (10, 2.0, 17), (12, 2.0, 17), (10, 2.0, 20))
]
CELL, QUARTER = 3, 2  # bits: 8 cells a component, each in 4 quarters
HALF = 1 << (CELL - 1)  # cells on either side of the mean
SAMPLE = 50_000  # features that the components are learned from


class CascadedHashing(System):
    """Quantised principal components and signatures to a server with a cascade.

    Args:
        levels: components that are cut into cells, 1..12.
        step: width of a cell, in standard deviations of its component.
        tolerance: neighbouring cells are probed within so much of a cell's border, 0..0.5 cells;
            what counts is the middle of the quarter that was sent.
        bits: of the signature, from the components after the levels; levels + bits <= 128.
        within: bits in which a match's signature may differ.
        features: sent by the phone, at most. limit: features a source photo.
        random_state: of the sample that the components are learned from.

    Attributes:
        mean_: float32 ``(128,)``. projection_: float32 ``(128, levels + bits)``.
        steps_: float32 ``(levels,)``. medians_: float32 ``(bits,)``.
    """

    number, method, kind = 14, "cascaded_hashing", "compressed features"
    source = "Zhou et al., 2013"

    def __init__(
        self, levels: int = 10, step: float = 2.0, tolerance: float = 0.25, bits: int = 64,
        within: int = 17, features: int = 300, limit: int = 300, random_state: int = 0,
    ):  # fmt: skip
        self.levels, self.step, self.tolerance = levels, step, tolerance
        self.bits, self.within = bits, within
        self.features, self.limit = features, limit
        self.random_state = random_state

    def fit(self, photos: Photos, progress: bool = False) -> "CascadedHashing":
        """Learn the components and sort the source photos' features into cells; return self.

        Raises:
            ValueError: a setting out of its range, or too few features to learn from.
        """
        if not (1 <= self.levels <= 12 and self.bits >= 1 and self.levels + self.bits <= 128):
            raise ValueError(
                "need 1 <= levels <= 12, bits >= 1 and levels + bits <= 128, got "
                f"{self.levels}, {self.bits}"
            )
        if not (self.step > 0 and 0 <= self.tolerance <= 0.5 and 1 <= self.features <= 4095):
            raise ValueError(
                "need step > 0, tolerance in 0..0.5 and features in 1..4095, got "
                f"{self.step}, {self.tolerance}, {self.features}"
            )
        features = describe_all(photos.images, self.limit, progress=progress)
        random = np.random.default_rng(self.random_state)
        size = min(len(features), SAMPLE)
        sample = root(features.descriptors[np.sort(random.choice(len(features), size, False))])
        self.mean_ = sample.mean(axis=0) if size else np.zeros(128, np.float32)
        centred = (sample - self.mean_).astype(np.float64)
        variance, directions = principal_directions(centred, self.levels + self.bits)
        self.projection_ = directions.astype(np.float32)
        self.steps_ = (self.step * np.sqrt(variance[: self.levels])).astype(np.float32)
        self.medians_ = np.median(centred @ directions[:, self.levels :], 0).astype(np.float32)
        places, signatures = self.describe(features.descriptors)
        keys = join(places >> QUARTER)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._photo = features.photo.astype(np.int32)[self._order]
        self._words = as_words(signatures[self._order])
        self._photos = len(photos)
        first = np.concatenate([[True], self._keys[1:] != self._keys[:-1]])[: len(keys)]
        cell = np.cumsum(first) - 1
        held = np.unique(cell * self._photos + self._photo) // self._photos
        counts = np.bincount(held, minlength=int(first.sum()))
        self._weights = np.log(self._photos / counts).astype(np.float32)[cell]
        return self

    def describe(self, descriptors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where features lie, and their signatures.

        Args:
            descriptors: SIFT, uint8 ``(n, 128)``.

        Returns:
            places: int64 ``(n, levels)``, the quarter of a cell on each component, 0..31.
            signatures: uint8 ``(n, ceil(bits / 8))``.
        """
        places = np.empty((len(descriptors), self.levels), np.int64)
        signatures = np.empty((len(descriptors), codes.bytes_per_code(self.bits)), np.uint8)
        for start in range(0, len(descriptors), 65536):
            rows = slice(start, start + 65536)
            z = (root(descriptors[rows]) - self.mean_) @ self.projection_
            quarters = np.floor(z[:, : self.levels] / self.steps_ * (1 << QUARTER)).astype(int)
            top = HALF << QUARTER
            places[rows] = np.clip(quarters, -top, top - 1) + top
            signatures[rows] = codes.pack(z[:, self.levels :] >= self.medians_)
        return places, signatures

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return places and signatures of the strongest features in their envelope."""
        places, signatures = self.describe(detect(image, self.features).descriptors)
        width = CELL + QUARTER
        bits = (places[..., None] >> np.arange(width)[::-1]) & 1
        writer = BitWriter()
        writer.write(len(places), 12)
        if len(places):
            write_codes(writer, codes.pack(bits.reshape(len(places), -1)), width * self.levels)
            write_codes(writer, signatures, self.bits)
        return pack(self.number, writer.getvalue())

    def decode(self, payload: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Return what the phone sent: places ``(n, levels)`` and signatures ``(n, bytes)``.

        Raises:
            PayloadError: see `System.search`.
        """
        reader = BitReader(unpack(self.number, payload))
        count, width = reader.read(12), CELL + QUARTER
        packed = read_codes(reader, count, width * self.levels)
        bits = codes.unpack(packed, width * self.levels).reshape(count, self.levels, width)
        signatures = read_codes(reader, count, self.bits)
        reader.finish()
        return bits @ (1 << np.arange(width)[::-1]), signatures

    def search(self, payload: bytes) -> np.ndarray:
        """Score by verified votes, the weight of the rarest cell once a feature and photo."""
        places, signatures = self.decode(payload)
        scores = np.zeros(self._photos)
        if len(places):
            inside = (places % (1 << QUARTER) + 0.5) / (1 << QUARTER)
            turns = (inside > 1 - self.tolerance).astype(np.int64) - (inside < self.tolerance)
            _vote(
                places >> QUARTER, turns, as_words(signatures), self.within, CELL,
                self._keys, self._weights, self._words, self._photo, scores,
            )  # fmt: skip
            scores /= len(places)
        return scores

    @property
    def index_bytes(self) -> int:
        """Bytes of keys, weights, photos and signatures."""
        arrays = (self._keys, self._weights, self._photo)
        signatures = len(self._keys) * codes.bytes_per_code(self.bits)
        return sum(array.nbytes for array in arrays) + signatures

    @property
    def client_bytes(self) -> int:
        """Bytes of the components, steps and medians on the phone."""
        tables = (self.mean_, self.projection_, self.steps_, self.medians_)
        return sum(table.nbytes for table in tables)


def join(cells: np.ndarray) -> np.ndarray:
    """Return the cells ``(n, levels)`` of a feature as one number, the first level on top."""
    keys = np.zeros(len(cells), np.int64)
    for level in cells.T:
        keys = (keys << CELL) | level
    return keys


@numba.njit(nogil=True)
def _first(keys, value, low, high):
    """Return the first place in ``low..high`` whose key is not below ``value``."""
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(nogil=True)
def probe(cells, turns, width, keys):
    """Follow the cascade; return where the cells that it reaches lie in ``keys``.

    Args:
        cells: int64 ``(levels,)``, the query's own cell at each level.
        turns: int64 ``(levels,)``, -1 or 1 to probe that neighbour too, 0 for none.
        width: bits of a cell.
        keys: int64 ``(n,)``, rising.

    Returns:
        int64 ``(cells reached, 2)``, ranges of ``keys``; empty cells are left out at once.
    """
    levels = len(cells)
    ranges = np.zeros((1, 3), np.int64)  # from, to, and the cells so far as one number
    ranges[0, 1] = len(keys)
    for level in range(levels):
        rest = width * (levels - 1 - level)
        following = np.empty((2 * len(ranges), 3), np.int64)
        count = 0
        for low, high, prefix in ranges:
            for neighbour in range(1 + abs(turns[level])):
                cell = cells[level] + neighbour * turns[level]
                if 0 <= cell < (1 << width):
                    value = (prefix << width) | cell
                    start = _first(keys, value << rest, low, high)
                    end = _first(keys, (value + 1) << rest, start, high)
                    if start < end:
                        following[count, 0] = start
                        following[count, 1] = end
                        following[count, 2] = value
                        count += 1
        ranges = following[:count]
    return ranges[:, :2]


@numba.njit(nogil=True)
def _vote(cells, turns, signatures, within, width, keys, weights, words, photo, scores):
    best = np.zeros(len(scores), np.float64)
    for feature in range(len(cells)):
        best[:] = 0
        for start, end in probe(cells[feature], turns[feature], width, keys):
            for at in range(start, end):
                bits = 0
                for word in range(words.shape[1]):
                    bits += popcount(words[at, word] ^ signatures[feature, word])
                if bits <= within:
                    best[photo[at]] = max(best[photo[at]], weights[at])
        scores += best
