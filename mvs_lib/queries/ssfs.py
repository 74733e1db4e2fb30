"""Send hash bits to a server that knows each place by a fingerprint: SSFS (Wang et al., 2014).

Space-saliency fingerprint selection is what the survey calls it; the paper's text could not be had,
so all of this is our realisation from the survey's description. A crowd's photos of a place, with
what their sensors said, become one compact set of hash codes a place, its fingerprint
(`mvs_lib.queries.fingerprint`). A query's codes vote by Hamming distance for the fingerprints of
the places within a radius of where the phone says it is.

Scores are those of places: all source photos of a place share its score, so the labels of the
source photos are used, as the deep methods use them. Places beyond the radius rank behind all that
lie within it; without a position all places compete.
"""

from collections.abc import Mapping

import numpy as np
from tqdm.auto import tqdm

from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import LocalFeatures, describe_all, detect
from mvs_lib.features.saliency import SIDE, saliency
from mvs_lib.queries import fingerprint
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.hash_bits import HashBits, as_words, read_codes, write_codes
from mvs_lib.queries.payload import pack, unpack
from mvs_lib.queries.system import System

__all__ = ["GRID", "SpaceSaliencyFingerprints"]

GRID = [
    {"within": within, "radius": radius}
    for within, radius in ((8, 60.0), (10, 60.0), (12, 60.0), (10, 40.0), (12, 40.0), (12, 100.0))
]
POOL = 3  # codes that may enter a fingerprint, for each that does
METRES = 1 << 15  # positions are sent as whole metres, up to so many from the campus's middle


class SpaceSaliencyFingerprints(System):
    """Hash bits and a position to a server of fingerprints.

    Args:
        bits: a feature. features: sent by the phone, at most. limit: features a source photo.
        most: codes in a fingerprint. within: bits in which matching codes may differ.
        sectors: directions of the compass that a fingerprint covers.
        coverage: codes that each sector contributes at least.
        salient: exponent of the saliency in a code's value; 0 leaves it out.
        penalty: of redundancy; values are scaled to at most 1.
        radius: metres around the phone's position; None never looks at the position.
        idf: weigh a query feature's vote by log(places / places it matched),
            of the places that the source photos show.
        random_state: of the projection, and of the sample behind the fingerprints' idf.

    Attributes:
        hash_: `HashBits`. codes_: uint8 ``(m, bytes)``, all fingerprints one after another.
        offsets_: int32 ``(places + 1,)``, which codes are whose.
        labels_: of the source photos, in the smallest whole numbers that hold them.
        known_: how many places the source photos show; a name without photos counts nowhere.
        positions_: float32 ``(places, 2)``, metres east and north, NaN where never read.
    """

    number, method, kind = 18, "ssfs", "hash bits"
    source = "Wang et al., 2014 (our realisation)"
    uses_labels = uses_position = True

    def __init__(
        self, bits: int = 80, features: int = 300, limit: int = 300, most: int = 600,
        within: int = 15, sectors: int = 8, coverage: int = 20, salient: float = 0.5,
        penalty: float = 0.1, radius: float | None = 60.0, idf: bool = True,
        random_state: int = 0,
    ):  # fmt: skip
        self.bits, self.features, self.limit = bits, features, limit
        self.most, self.within = most, within
        self.sectors, self.coverage, self.salient = sectors, coverage, salient
        self.penalty, self.radius, self.idf = penalty, radius, idf
        self.random_state = random_state

    def fit(self, photos: Photos, progress: bool = False) -> "SpaceSaliencyFingerprints":
        """Choose the fingerprint of each place from the source photos; return self.

        Raises:
            ValueError: a setting out of its range, or too few features to learn from.
        """
        wrong = [n for n in ("features", "most", "sectors") if getattr(self, n) < 1]
        if wrong or self.features > 4095 or (self.radius is not None and not self.radius > 0):
            raise ValueError(
                "need features in 1..4095, most >= 1, sectors >= 1 and radius > 0 or None, got "
                f"{self.features}, {self.most}, {self.sectors}, {self.radius}"
            )
        features = describe_all(photos.images, self.limit, progress=progress)
        self.hash_ = HashBits(self.bits, self.random_state).fit(features.descriptors)
        codes = self.hash_.encode(features.descriptors)
        salient = self._saliency(photos.images, features, progress)
        absent = np.full(len(photos), np.nan)
        sectors = fingerprint.sectors_of(photos.sensors.get("compass", absent), self.sectors)
        self.labels_ = photos.labels.astype(np.min_scalar_type(len(photos.names)))
        self.known_ = len(np.unique(photos.labels))
        self.positions_ = self._places(photos)
        rows, values = self._pool(as_words(codes), features, sectors, salient, progress)
        self._choose(codes, rows, values, sectors[features.photo])
        return self

    def _pool(self, words, features: LocalFeatures, sectors, salient, progress):
        """Return for each place the rows with the largest values, and the values, before idf."""
        rows, values = [], []
        places = tqdm(range(len(self.positions_)), "fingerprints", disable=not progress)
        for place in places:
            members = np.flatnonzero(self.labels_ == place)
            spans = [np.arange(*features.offsets[[m, m + 1]]) for m in members]
            own = np.concatenate([np.empty(0, np.int64), *spans])
            offsets = np.concatenate([[0], np.cumsum([len(span) for span in spans])]).astype(int)
            support = fingerprint.supports(
                words[own], offsets, sectors[members], self.sectors, self.within
            )
            value = support * salient[own]
            best = np.argsort(-value, kind="stable")[: POOL * self.most]
            best = best[value[best] > 0]
            rows.append(own[best])
            values.append(value[best])
        return rows, values

    def _choose(self, codes, rows, values, sectors) -> None:
        """Weigh the pools by idf, and choose from each."""
        random = np.random.default_rng(self.random_state)
        sample = [random.permutation(each)[:150] for each in rows]
        base = as_words(codes[np.concatenate(sample)])
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in sample])])
        fingerprints = []
        for place, (own, value) in enumerate(zip(rows, values, strict=True)):
            words = as_words(codes[own])
            held = fingerprint.holders(words, np.full(len(own), place), base, offsets, self.within)
            if self.known_ > 1:
                value = value * np.log(self.known_ / (1 + held))
            value = np.maximum(value, 0) / max(value.max(initial=0), 1e-9)
            chosen = fingerprint.select(
                value, words, sectors[own], self.most, self.coverage, self.penalty, self.within
            )
            fingerprints.append(own[chosen])
        self.codes_ = codes[np.concatenate(fingerprints)]
        counts = [len(each) for each in fingerprints]
        self.offsets_ = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    def _saliency(self, images, features: LocalFeatures, progress) -> np.ndarray:
        """Return the saliency at each feature to the power asked for, float32 ``(n,)``."""
        if not self.salient:
            return np.ones(len(features), np.float32)
        at = np.minimum((features.positions * SIDE).astype(np.int64), SIDE - 1)
        found = np.empty(len(features), np.float32)
        for photo, image in enumerate(tqdm(images, "saliency", disable=not progress)):
            own = slice(features.offsets[photo], features.offsets[photo + 1])
            found[own] = saliency(image)[at[own, 1], at[own, 0]]
        return found**self.salient

    def _places(self, photos: Photos) -> np.ndarray:
        """Return each place's position: the median of its photos' readings."""
        absent = np.full(len(photos), np.nan)
        read = np.stack([photos.sensors.get(name, absent) for name in ("east", "north")], axis=1)
        known = np.isfinite(read).all(axis=1)
        positions = np.full((len(photos.names), 2), np.nan, np.float32)
        for place in range(len(positions)):
            own = read[known & (photos.labels == place)]
            if len(own):
                positions[place] = np.median(own, axis=0)
        return positions

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the position, where there is one, and the codes in their envelope."""
        read = np.array([(sensors or {}).get(name, np.nan) for name in ("east", "north")], float)
        known = bool(np.isfinite(read).all())
        writer = BitWriter()
        writer.write(known, 1)
        for metres in np.clip(np.round(read), -METRES, METRES - 1) if known else ():
            writer.write(int(metres) + METRES, 16)
        codes = self.hash_.encode(detect(image, self.features).descriptors)
        writer.write(len(codes), 12)
        write_codes(writer, codes, self.bits)
        return pack(self.number, writer.getvalue())

    def decode(self, payload: bytes) -> tuple[np.ndarray | None, np.ndarray]:
        """Return what the phone sent: metres east and north or None, and codes ``(n, bytes)``.

        Raises:
            PayloadError: see `System.search`.
        """
        reader = BitReader(unpack(self.number, payload))
        known = reader.read(1)
        position = np.array([reader.read(16) - METRES for _ in range(2)]) if known else None
        codes = read_codes(reader, reader.read(12), self.bits)
        reader.finish()
        return position, codes

    def search(self, payload: bytes) -> np.ndarray:
        """Score by votes for fingerprints, the places within the radius before all others."""
        position, codes = self.decode(payload)
        if not len(codes):
            return np.zeros(len(self.labels_))
        words, base = as_words(codes), as_words(self.codes_)
        matched = fingerprint.nearest(words, base, self.offsets_) <= self.within
        weights = np.ones(len(matched))
        if self.idf:
            weights = np.log(self.known_ / np.maximum(matched.sum(axis=1), 1))
        scores = weights @ matched / len(matched)  # below `far`, since no weight exceeds it
        if position is not None and self.radius is not None:
            far = np.linalg.norm(self.positions_ - position, axis=1) > self.radius
            if not far.all():
                scores -= (1 + np.log(self.known_)) * far
        return scores[self.labels_]

    @property
    def index_bytes(self) -> int:
        """Bytes of the codes, whose they are, the places' positions and the photos' labels."""
        kept = (self.codes_, self.offsets_, self.positions_, self.labels_)
        return sum(array.nbytes for array in kept)

    @property
    def client_bytes(self) -> int:
        """Bytes of the projection on the phone."""
        return self.hash_.nbytes
