"""A few hash bits for every local feature, instead of its 128 numbers.

The bits should say much and cost little: similar features should share most of them (so the
projection keeps distances: it is orthogonal), each should be on for half of the features, and no
two should say the same. He et al. (2012) reach that with independent components that are weighted
by similarity. We put the rotation of ITQ (Gong and Lazebnik, 2011) over the principal directions of
RootSIFT in its place, a substitution of ours, and threshold every bit at its median, so that it is
balanced exactly on what it was learned from.
"""

import numpy as np

from mvs_lib.codes import bytes_per_code, pack
from mvs_lib.features.local import root
from mvs_lib.hashing import ITQ
from mvs_lib.queries.bitstream import BitReader, BitWriter

__all__ = ["HashBits", "as_words", "read_codes", "write_codes"]


class HashBits:
    """Learned hash bits of SIFT features.

    Args:
        bits: a feature, 1..128.
        random_state: of the sample and of ITQ's first rotation.
        sample: features that the projection is learned from, at most.

    Attributes:
        mean_: float32 ``(128,)``. projection_: float32 ``(128, bits)``, orthonormal columns.
        threshold_: float32 ``(bits,)``, the median of each projection.
    """

    def __init__(self, bits: int = 80, random_state: int = 0, sample: int = 30_000):
        self.bits = bits
        self.random_state = random_state
        self.sample = sample

    def fit(self, descriptors: np.ndarray) -> "HashBits":
        """Learn from SIFT descriptors, uint8 ``(n, 128)``; return self.

        Raises:
            ValueError: no more descriptors than bits.
        """
        if len(descriptors) <= self.bits:
            raise ValueError(
                f"{self.bits} hash bits need more than {self.bits} features to learn from, got "
                f"{len(descriptors)}: give more photos, or photos with texture"
            )
        random = np.random.default_rng(self.random_state)
        size = min(len(descriptors), self.sample)
        rows = root(descriptors[np.sort(random.choice(len(descriptors), size, replace=False))])
        hasher = ITQ(self.bits, 30, self.random_state).fit(rows)
        self.mean_ = hasher.mean_.astype(np.float32)
        self.projection_ = hasher.projection_.astype(np.float32)
        self.threshold_ = np.median((rows - self.mean_) @ self.projection_, axis=0)
        return self

    def encode(self, descriptors: np.ndarray) -> np.ndarray:
        """Return the codes of SIFT descriptors, uint8 ``(n, ceil(bits / 8))``."""
        codes = np.empty((len(descriptors), bytes_per_code(self.bits)), np.uint8)
        for start in range(0, len(codes), 65536):  # keeps a million features out of memory
            rows = slice(start, start + 65536)
            values = (root(descriptors[rows]) - self.mean_) @ self.projection_
            codes[rows] = pack(values >= self.threshold_)
        return codes

    @property
    def nbytes(self) -> int:
        """Bytes of the tables that the phone holds."""
        return self.mean_.nbytes + self.projection_.nbytes + self.threshold_.nbytes


def as_words(codes: np.ndarray) -> np.ndarray:
    """Return codes as uint64 ``(n, words)`` with zeros behind, for counting differing bits."""
    width = -(-codes.shape[1] // 8) * 8
    padded = np.zeros((len(codes), width), np.uint8)
    padded[:, : codes.shape[1]] = codes
    return padded.view(np.uint64)


def write_codes(writer: BitWriter, codes: np.ndarray, bits: int) -> None:
    """Write codes one after another, ``bits`` bits each, their padding left out."""
    spare = 8 * codes.shape[1] - bits
    for code in codes:
        writer.write(int.from_bytes(code.tobytes(), "big") >> spare, bits)


def read_codes(reader: BitReader, count: int, bits: int) -> np.ndarray:
    """Read ``count`` codes that `write_codes` wrote, uint8 ``(count, ceil(bits / 8))``.

    Raises:
        PayloadError: the bits end too early.
    """
    size = bytes_per_code(bits)
    values = [reader.read(bits) << (8 * size - bits) for _ in range(count)]
    data = b"".join(value.to_bytes(size, "big") for value in values)
    return np.frombuffer(data, np.uint8).reshape(count, size)
