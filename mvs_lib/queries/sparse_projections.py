"""Send the bits of a global descriptor under a sparse projection (Wu et al., 2012).

The phone computes one descriptor of the whole photo and a few dozen bits of it; each bit reads only
some of the descriptor's numbers (`mvs_lib.hashing.sparse_projections`). What belongs together is
mined from the source photos' positions and looks, without labels (`pseudo_pairs`). The server
compares codes by Hamming distance.
"""

from collections.abc import Mapping

import numpy as np

from mvs_lib.codes import bytes_per_code, hamming_distance
from mvs_lib.datasets.collection import Photos
from mvs_lib.features import cached, global_descriptor
from mvs_lib.hashing.sparse_projections import SparseProjections
from mvs_lib.queries.bitstream import BitReader
from mvs_lib.queries.hash_bits import read_codes
from mvs_lib.queries.payload import pack, unpack
from mvs_lib.queries.pseudo_pairs import pseudo_pairs
from mvs_lib.queries.system import System

__all__ = ["GRID", "SparseProjectionBits"]

GRID = [
    {"nonzeros": nonzeros, "spread": spread}
    for nonzeros, spread in ((16, 1.0), (64, 1.0), (64, 0.2), (544, 0.2))
]


class SparseProjectionBits(System):
    """Bits of the course's global descriptor to a server that compares codes.

    Args:
        bits: of the code.
        nonzeros: numbers of the descriptor that a bit reads, of 544.
        spread: weight of the descriptors' variance beside the pairs'.
        near, far, neighbours: which pairs are mined (`pseudo_pairs`).

    Attributes:
        hasher_: `SparseProjections`. codes_: uint8 ``(n, ceil(bits / 8))``, of the source photos.
        pairs_: how many pairs were mined, each counted twice.
    """

    number, method, kind = 12, "sparse_projections", "hash bits"
    source = "Wu et al., 2012"

    def __init__(
        self, bits: int = 64, nonzeros: int = 64, spread: float = 0.2, near: float = 30.0,
        far: float = 120.0, neighbours: int = 10,
    ):  # fmt: skip
        self.bits, self.nonzeros, self.spread = bits, nonzeros, spread
        self.near, self.far, self.neighbours = near, far, neighbours

    def fit(self, photos: Photos, progress: bool = False) -> "SparseProjectionBits":
        """Mine pairs among the source photos, learn the projection, encode them; return self.

        Without positions the projection is learned from the descriptors' variance alone.

        Raises:
            ValueError: a setting out of its range, or too few photos to learn from.
        """
        descriptors = cached.describe(photos.images, progress)
        absent = np.full(len(photos), np.nan)
        read = [photos.sensors.get(name, absent) for name in ("east", "north")]
        pairs = pseudo_pairs(
            descriptors, np.stack(read, axis=1), self.near, self.far, self.neighbours
        )
        self.pairs_ = pairs.nnz
        self.hasher_ = SparseProjections(self.bits, self.nonzeros, self.spread)
        self.hasher_.fit(descriptors, pairs if pairs.nnz else None)
        self.codes_ = self.hasher_.encode(descriptors)
        return self

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the photo's code in its envelope."""
        descriptor = global_descriptor.describe(np.asarray(image)[None])
        return pack(self.number, self.hasher_.encode(descriptor)[0].tobytes())

    def search(self, payload: bytes) -> np.ndarray:
        """Score by the number of equal bits."""
        reader = BitReader(unpack(self.number, payload))
        code = read_codes(reader, 1, self.bits)
        reader.finish()
        return self.bits - hamming_distance(code, self.codes_)[0].astype(np.float64)

    @property
    def index_bytes(self) -> int:
        """Bytes of the codes."""
        return len(self.codes_) * bytes_per_code(self.bits)

    @property
    def client_bytes(self) -> int:
        """Bytes on the phone: a number and its place (4 + 2) a nonzero, and a threshold a bit."""
        return 6 * self.hasher_.nonzeros_ + 4 * self.bits

    @property
    def multiplications(self) -> int:
        """Multiplications of the phone's projection for one photo."""
        return self.hasher_.nonzeros_
