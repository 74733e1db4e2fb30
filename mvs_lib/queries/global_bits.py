"""Send the bits of one code for the whole photo: six bytes. Taught in notebooks 01 to 03.

The shortest query there is. The phone turns the photo into one code (a global descriptor and
learned hyperplanes, or a network) and sends nothing else; the server ranks its source photos by
the Hamming distance. The hashers are those of `mvs_lib.hashing`, the networks the checkpoints that
ship with the course.
"""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from mvs_lib import paths
from mvs_lib.codes import bytes_per_code
from mvs_lib.datasets.collection import Photos
from mvs_lib.features import cached, global_descriptor
from mvs_lib.features.preparation import check_images
from mvs_lib.hashing import ITQ, LSH
from mvs_lib.hashing.base import Hasher
from mvs_lib.queries.payload import PayloadError, pack, unpack
from mvs_lib.queries.system import System
from mvs_lib.search.linear import LinearIndex

__all__ = [
    "DLBHBits",
    "DeepBits",
    "GlobalBits",
    "ITQBits",
    "LSHBits",
    "SSDHBits",
    "TraditionalBits",
    "shrink",
    "square",
]


def square(images: np.ndarray) -> np.ndarray:
    """Return the largest centred square of photos, uint8 ``(n, h, w, 3)``, as a view.

    Raises:
        ValueError: see `mvs_lib.features.preparation.check_images`.
    """
    images = check_images(images)
    side = min(images.shape[1:3])
    top, left = ((length - side) // 2 for length in images.shape[1:3])
    return images[:, top : top + side, left : left + side]


def shrink(images: np.ndarray, size: int) -> np.ndarray:
    """Return photos as squares of ``size`` pixels, as the phone's encoder reads a photo file.

    Args:
        images: uint8 ``(n, h, w, 3)``, RGB, of any size.
        size: side in pixels.

    Returns:
        uint8 ``(n, size, size, 3)``: the largest centred square, averaged over areas
        (`mvs_lib.datasets.photo_file.read` gives the same pixels).

    Raises:
        ValueError: see `square`.
    """
    images = square(images)
    if images.shape[1] == size:
        return images
    small = np.empty((len(images), size, size, 3), np.uint8)
    for photo, image in zip(small, images, strict=True):
        whole = Image.fromarray(np.ascontiguousarray(image))
        photo[:] = np.asarray(whole.resize((size, size), Image.Resampling.BOX))
    return small


class GlobalBits(System):
    """One code for the whole photo to a server that compares codes.

    A subclass says how photos become codes: ``_learn`` for the source photos, ``_code`` for one.

    Attributes:
        index_: `LinearIndex` of the source photos' codes.
    """

    number, kind = 19, "hash bits"
    GRID = ({},)  # the length of the code is given, and there is nothing else to choose

    def fit(self, photos: Photos, progress: bool = False) -> "GlobalBits":
        """Learn (or load) the hash functions and index the source photos; return self.

        Raises:
            ValueError: see the hasher's ``fit``.
        """
        codes = self._learn(photos, progress)
        self.index_ = LinearIndex(self.bits)
        self.index_.add(codes)
        return self

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the photo's code in its envelope: ``ceil(bits / 8)`` bytes and the overhead."""
        return pack(self.number, self._code(check_images(np.asarray(image)[None])).tobytes())

    def search(self, payload: bytes) -> np.ndarray:
        """Score every source photo by the number of bits that its code shares with the query's."""
        body, width = unpack(self.number, payload), bytes_per_code(self.bits)
        if len(body) != width:
            raise PayloadError(f"a code of {self.bits} bits has {width} bytes, got {len(body)}")
        code = np.frombuffer(body, np.uint8)[None]
        try:
            distances, ids = self.index_.search(code, len(self.index_))
        except ValueError as error:
            raise PayloadError(f"the payload holds no code of {self.bits} bits: {error}") from None
        scores = np.empty(len(self.index_), np.float32)
        scores[ids[0]] = self.bits - distances[0]
        return scores

    @property
    def index_bytes(self) -> int:
        """The codes: the server needs nothing else."""
        return self.index_.codes.nbytes

    @abstractmethod
    def _learn(self, photos: Photos, progress: bool) -> np.ndarray:
        """Return the codes of the source photos, uint8 ``(n, bytes)``."""

    @abstractmethod
    def _code(self, image: np.ndarray) -> np.ndarray:
        """Return the code of one photo, uint8 ``(1, h, w, 3)`` to uint8 ``(1, bytes)``."""


class TraditionalBits(GlobalBits):
    """Bits of the global descriptor by a hasher of `mvs_lib.hashing`.

    Args:
        bits: length of the code.
        random_state: of the hasher.

    Attributes:
        hasher: its class, set by a subclass. hasher_: fitted to the source photos.
    """

    hasher: type[Hasher]

    def __init__(self, bits: int = 48, random_state: int = 0):
        self.bits = bits
        self.random_state = random_state

    def _learn(self, photos, progress):
        features = cached.describe(square(photos.images), progress)
        self.hasher_ = self.hasher(bits=self.bits, random_state=self.random_state)
        return self.hasher_.fit(features, photos.labels).encode(features)

    def _code(self, image):
        return self.hasher_.encode(global_descriptor.describe(square(image)))

    @property
    def client_bytes(self) -> int:
        """The mean and the hyperplanes that the phone keeps, in single precision."""
        return 4 * (self.hasher_.mean_.size + self.hasher_.projection_.size)


class LSHBits(TraditionalBits):
    """Random hyperplanes: `mvs_lib.hashing.lsh`."""

    method, source, hasher = "lsh", "Charikar, 2002", LSH


class ITQBits(TraditionalBits):
    """Iterative quantisation: `mvs_lib.hashing.itq`."""

    method, source, hasher = "itq", "Gong and Lazebnik, 2011", ITQ


class DeepBits(GlobalBits):
    """Bits of a trained network.

    The network learns beforehand, so `fit` only encodes. The checkpoints that ship were trained on
    all source photos of the campus: a split of those photos can choose nothing for them.

    Args:
        checkpoint: a file of `mvs_lib.deep.checkpoint`; None takes the one that ships.

    Attributes:
        network_: in evaluation mode. size_: side of its photos in pixels. bits: of its code.
    """

    uses_labels = True  # in training, beforehand

    def __init__(self, checkpoint: str | Path | None = None):
        self.checkpoint = checkpoint

    def _learn(self, photos, progress):
        from mvs_lib.deep import checkpoint

        self.network_, about = checkpoint.load(self._file)
        self.size_, self.bits = about["size"], self.network_.bits
        return self._encode(photos.images, progress)

    def _code(self, image):
        return self._encode(image)

    def _encode(self, images, progress=False):
        from mvs_lib.deep.encoding import encode

        return encode(self.network_, shrink(images, self.size_), progress=progress)

    @property
    def _file(self) -> Path:
        shipped = paths.checkpoints() / f"campus_{self.method}_48.safetensors"
        return shipped if self.checkpoint is None else Path(self.checkpoint)

    @property
    def client_bytes(self) -> int:
        """The checkpoint's file, which the phone keeps."""
        return self._file.stat().st_size


class DLBHBits(DeepBits):
    """Deep learning of binary hash codes: `mvs_lib.deep.methods.dlbh`."""

    method, source = "dlbh", "Lin et al., 2015"


class SSDHBits(DeepBits):
    """Supervised semantics-preserving deep hashing: `mvs_lib.deep.methods.ssdh`."""

    method, source = "ssdh", "Yang et al., 2015"
