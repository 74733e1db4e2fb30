"""Send a bag of hash bits (He et al., 2012, "Mobile product search with bag of hash bits").

The survey calls it VHB. Every local feature becomes a short code instead of a visual word; the
phone sends the codes and where they lie. The server looks each code up in several tables, every
matched feature votes for its photo, and the photos with enough votes are looked at closer: by the
ratios of distances between matched points, and, if asked for, by the outline of the salient object.

The parts make one score: votes / features sent x (1 + geometry x agreement of the length ratios)
+ boundary x similarity of the outlines. How votes and agreement go together is ours: a product
needs no weight that fits the number of votes, and on held-back source photos it ranked better than
a sum. In the agreement the histogram and its fullest bin are He et al.'s; that what chance gives is
taken away is ours (`mvs_lib.queries.length_ratios`).

He et al. look 32 bits up in each of 12 tables, for the features of hundreds of thousands of photos.
The tables of the campus hold a million and a half; with 16 bits a bucket of theirs holds a few tens
of features. In ten such tables every one of 80 bits serves twice, and on the campus's features
radius 1 then brings up more of the true matches than 32 bits at radius 3, and brings them sooner.

``GRID`` holds the settings that are worth trying on held-back source photos.
"""

from collections.abc import Mapping

import numpy as np
from tqdm.auto import tqdm

from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import describe_all, detect
from mvs_lib.queries import length_ratios, locations, shape_spectrum
from mvs_lib.queries.bit_tables import BitTables
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.hash_bits import HashBits, read_codes, write_codes
from mvs_lib.queries.payload import pack, unpack
from mvs_lib.queries.system import System

__all__ = ["GRID", "BagOfHashBits"]

GRID = [
    {"features": features, "within": within}
    for features, within in ((300, 10), (300, 12), (300, 14), (300, 17), (200, 12), (100, 12))
]


class BagOfHashBits(System):
    """Hash bits of local features to a server with several tables.

    Args:
        bits: a feature. features: sent by the phone, at most. limit: features a source photo.
        tables, key: how many tables, and the bits each looks at (`BitTables`).
        radius: bits in which a probed key may differ from the query's.
        within: bits in which a match may differ, of all ``bits``.
        idf: weigh the vote of a query feature by log(photos / photos it matched), so that what
            matches everywhere says nothing (ours; False gives every vote the weight 1).
        chance: take what chance gives away from the agreement (ours, `length_ratios`).
        least: photos with more matched features than this are looked at closer.
        shortlist: how many of them at most, those with the most votes.
        geometry: weight of the agreement of length ratios, 0 to leave it out.
        boundary: weight of the outlines' similarity, 0 to leave it out (and its 16 bytes).
        grid: cells a side in which positions are sent.
        random_state: of the projection and the tables.

    Attributes:
        hash_: `HashBits`. tables_: `BitTables`.
        positions_: uint8 ``(n, 2)`` (uint16 above 256), the source features' columns and rows in
            the grid: as fine as what a phone sends.
        shapes_: uint8 ``(photos, 16)``, outlines; empty without ``boundary``.
    """

    number, method, kind = 11, "bag_of_hash_bits", "hash bits"
    source = "He et al., 2012"

    def __init__(
        self, bits: int = 80, features: int = 300, limit: int = 300, tables: int = 10,
        key: int = 16, radius: int = 1, within: int = 14, idf: bool = True, chance: bool = True,
        least: int = 3, shortlist: int = 200, geometry: float = 10.0, boundary: float = 0.0,
        grid: int = 128, random_state: int = 0,
    ):  # fmt: skip
        self.bits, self.features, self.limit = bits, features, limit
        self.tables, self.key, self.radius, self.within = tables, key, radius, within
        self.idf, self.chance, self.least, self.shortlist = idf, chance, least, shortlist
        self.geometry, self.boundary, self.grid = geometry, boundary, grid
        self.random_state = random_state

    def fit(self, photos: Photos, progress: bool = False) -> "BagOfHashBits":
        """Learn the bits, and put those of the source photos into the tables; return self.

        Raises:
            ValueError: a setting out of its range, or too few features to learn from.
        """
        if not 1 <= self.features <= locations.MOST or self.radius < 0 or self.within < 0:
            raise ValueError(
                f"need 1 <= features <= {locations.MOST}, radius >= 0 and within >= 0, got "
                f"{self.features}, {self.radius}, {self.within}"
            )
        tables = BitTables(self.bits, self.tables, self.key, self.random_state)
        found = describe_all(photos.images, self.limit, progress=progress)
        self.hash_ = HashBits(self.bits, self.random_state).fit(found.descriptors)
        self.tables_ = tables.fit(self.hash_.encode(found.descriptors), found.offsets)
        cells = np.clip(np.floor(found.positions * self.grid), 0, self.grid - 1)
        self.positions_ = cells.astype(np.uint8 if self.grid <= 256 else np.uint16)
        self.shapes_ = np.empty((0, shape_spectrum.COEFFICIENTS), np.uint8)
        if self.boundary:
            images = tqdm(photos.images, "outlines", disable=not progress)
            self.shapes_ = np.array([shape_spectrum.spectrum_of(image) for image in images])
        return self

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return positions and codes of the strongest features in their envelope."""
        features = detect(image, self.features)
        writer = BitWriter()
        order = locations.encode(writer, features.positions, self.grid)
        write_codes(writer, self.hash_.encode(features.descriptors)[order], self.bits)
        if self.boundary:
            for wave in shape_spectrum.spectrum_of(image):
                writer.write(wave, 8)
        return pack(self.number, writer.getvalue())

    def decode(self, payload: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the phone sent: positions ``(n, 2)``, codes ``(n, bytes)``, outline.

        Raises:
            PayloadError: see `System.search`.
        """
        reader = BitReader(unpack(self.number, payload))
        positions = locations.centres(locations.decode(reader, self.grid), self.grid)
        codes = read_codes(reader, len(positions), self.bits)
        waves = shape_spectrum.COEFFICIENTS if self.boundary else 0
        shape = np.array([reader.read(8) for _ in range(waves)], np.uint8)
        reader.finish()
        return positions, codes, shape

    def search(self, payload: bytes) -> np.ndarray:
        """Score by votes, then look closer at the photos that have enough of them."""
        positions, codes, shape = self.decode(payload)
        which, _ = self.tables_.match(codes, self.radius, self.within)
        matched = which >= 0
        scores = self.votes(matched)
        close = np.flatnonzero(matched.sum(axis=0) > self.least)
        close = close[np.argsort(-scores[close], kind="stable")][: self.shortlist]
        if self.geometry and len(close):
            cells = positions * self.grid  # the unit of `positions_`
            agreed = length_ratios.agreement(
                cells, self.positions_, which[:, close], chance=self.chance
            )
            scores[close] *= 1 + self.geometry * agreed
        if self.boundary and len(close):
            alike = shape_spectrum.similarity(shape, self.shapes_[close])
            scores[close] += self.boundary * alike
        return scores

    def votes(self, matched: np.ndarray) -> np.ndarray:
        """Return the votes for each photo over the features sent, float64 ``(photos,)``.

        Args:
            matched: bool ``(features, photos)``; a feature votes once for a photo, however many of
                the photo's features it matches.
        """
        if not len(matched):
            return np.zeros(matched.shape[1])
        weights = np.ones(len(matched))
        if self.idf:
            weights = np.log(matched.shape[1] / np.maximum(matched.sum(axis=1), 1))
        return weights @ matched / len(matched)

    @property
    def index_bytes(self) -> int:
        """Bytes of the tables, codes, positions and outlines."""
        return self.tables_.nbytes + self.positions_.nbytes + self.shapes_.nbytes

    @property
    def client_bytes(self) -> int:
        """Bytes of the projection on the phone."""
        return self.hash_.nbytes
