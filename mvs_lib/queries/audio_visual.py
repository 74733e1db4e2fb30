"""Listen and look, second by second (A17: Liu et al., 2014, "Listen, look, and gotcha: instant
video search with mobile phones by layered audio-video indexing").

A clip is a frame and a second of sound, again and again. Of each second the phone sends the peaks
of the spectrogram, and hash bits of those features of the frame that earlier frames did not show.
The server's index has two layers. The first is a table of audio landmarks, which the server pairs
from the peaks itself; it names the few places that sound like it. The second holds the hash bits of
the source photos, place by place, and is searched inside those places only; if there is no sound,
or none that is known, inside all of them.

Query features and source photos form a bipartite graph: an edge joins a feature to each photo that
has one within ``radius`` bits, and weighs the less, the more photos it joins. A photo's score is
the sum of its edges, S_t = S_(t-1) + new edges, plus ``audio_weight`` for each landmark of its
place. The answer is refined every second; when the best place has been the same for some seconds
and leads clearly, that is enough (`StableAnswer`).

Our realisation: SIFT in place of SURF, ITQ for the bits, and the edges' weight.
"""

from collections.abc import Iterator, Mapping

import faiss
import numpy as np

from mvs_lib.datasets.clips import RATE, Clip
from mvs_lib.datasets.collection import Photos
from mvs_lib.features.audio_landmarks import BINS, LandmarkTable, peaks, settled
from mvs_lib.features.local import describe_all, detect, root
from mvs_lib.hashing.itq import ITQ
from mvs_lib.queries.bitstream import BitReader, BitWriter, rice_shift
from mvs_lib.queries.payload import PayloadError, pack, unpack
from mvs_lib.queries.system import System

__all__ = ["GRID", "AudioVisual", "StableAnswer"]

GRID = [
    {"radius": 8},
    {"radius": 10},
    {"radius": 12},
    {"radius": 10, "frame_features": 60},
    {"radius": 10, "audio_weight": 2.0},
]
GAP = rice_shift(3.0)  # columns between peaks
MOST_COLUMNS = 1 << 20  # nine hours: beyond it a payload is nonsense


class AudioVisual(System):
    """Audio landmarks first, visual hash bits inside what they name.

    A photo, as `System.encode` gets it, is a clip of one frame without sound. Clips come from
    `mvs_lib.datasets.clips.take`; hand them over in the photo's place.

    Args:
        sounds: float ``(places, samples)`` at 8 kHz, the server's recordings by label
            (`mvs_lib.datasets.clips.references`); None for a server without ears.
        bits: of a feature's hash, a multiple of 8.
        frame_features: sent of one frame at most.
        radius: Hamming distance up to which two features are the same.
        places: that the first layer names at most.
        landmarks: that must agree before a place is named.
        audio_weight: of a landmark beside an edge.
        unchanged, gap: of `StableAnswer`, by which the server ends a clip; with None for
            ``unchanged`` it never asks, and a whole clip is one payload.
        limit: SIFT features a source photo.
        random_state: of the hash.
    """

    number, method, kind = 17, "audio_visual", "hash bits"
    source = "Liu et al., 2014"
    uses_labels = True
    SAMPLE = 100_000  # descriptors from which the hash is learned

    def __init__(
        self, sounds: np.ndarray | None = None, bits: int = 64, frame_features: int = 40,
        radius: int = 10, places: int = 5, landmarks: int = 4, audio_weight: float = 1.0,
        unchanged: int | None = 2, gap: float = 1.5, limit: int = 300, random_state: int = 0,
    ):  # fmt: skip
        self.sounds, self.bits, self.frame_features = sounds, bits, frame_features
        self.radius, self.places, self.landmarks = radius, places, landmarks
        self.audio_weight, self.unchanged, self.gap = audio_weight, unchanged, gap
        self.limit, self.random_state = limit, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "AudioVisual":
        """Learn the hash, index sounds and photos; return self.

        Raises:
            ValueError: not one recording a place, or bits that are no whole bytes.
        """
        if self.sounds is not None and len(self.sounds) != len(photos.names):
            raise ValueError(f"{len(self.sounds)} recordings for {len(photos.names)} places")
        if self.bits % 8 or not 8 <= self.bits <= 128:
            raise ValueError(f"bits must be a multiple of 8 in 8..128, got {self.bits}")
        features = describe_all(photos.images, self.limit, progress=progress)
        random = np.random.default_rng(self.random_state)
        rows = np.sort(random.permutation(len(features))[: self.SAMPLE])
        self.hash_ = ITQ(self.bits, random_state=self.random_state)
        self.hash_.fit(root(features.descriptors[rows]))
        self.labels_ = photos.labels
        self.sounds_ = LandmarkTable([] if self.sounds is None else self.sounds)
        owner, codes = features.photo, self._hash(features.descriptors)
        self.layers_ = []
        for label in range(len(photos.names)):
            inside = np.flatnonzero(photos.labels[owner] == label)
            index = faiss.IndexBinaryFlat(self.bits)
            index.add(np.ascontiguousarray(codes[inside]))
            self.layers_.append((index, owner[inside]))
        return self

    def encode(self, image: np.ndarray | Clip, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return a whole clip, or a photo, as one payload."""
        clip = _clip(image)
        found = peaks(clip.audio)
        return self.write(0, found, np.concatenate(list(self._new_features(clip))))

    def packets(
        self, image: np.ndarray | Clip, sensors: Mapping[str, float] | None = None
    ) -> Iterator[bytes]:
        """Yield a packet a second, each with what could be known when the second was over."""
        clip = _clip(image)
        found, start = peaks(clip.audio), 0
        for second, codes in enumerate(self._new_features(clip), start=1):
            end = settled(second * RATE) if second < clip.seconds else MOST_COLUMNS
            new = found[(found[:, 0] >= start) & (found[:, 0] < end)]
            yield self.write(start, new, codes)
            start = end

    def write(self, start: int, found: np.ndarray, codes: np.ndarray) -> bytes:
        """Return peaks from column ``start`` on, and codes uint8 ``(n, bits / 8)``, as payload."""
        writer = BitWriter()
        writer.elias_gamma(start + 1)
        writer.elias_gamma(len(found) + 1)
        for gap, (_, row) in zip(np.diff(found[:, 0], prepend=start), found, strict=True):
            writer.rice(int(gap), GAP)
            writer.write(row, (BINS - 1).bit_length())
        writer.elias_gamma(len(codes) + 1)
        for code in codes:
            writer.write(int.from_bytes(code.tobytes(), "big"), self.bits)
        return pack(self.number, writer.getvalue())

    def read(self, payload: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Return the peaks, int64 ``(m, 2)``, and the codes, uint8 ``(n, bits / 8)``.

        Raises:
            PayloadError: damaged, or it speaks of hours.
        """
        reader = BitReader(unpack(self.number, payload))
        column, found = reader.elias_gamma() - 1, []
        for _ in range(reader.elias_gamma() - 1):
            column += reader.rice(GAP)
            found.append((column, reader.read((BINS - 1).bit_length())))
        if column > MOST_COLUMNS:
            raise PayloadError(f"the payload has a peak at column {column}: no clip is that long")
        count = reader.elias_gamma() - 1
        codes = [reader.read(self.bits).to_bytes(self.bits // 8, "big") for _ in range(count)]
        reader.finish()
        codes = np.frombuffer(b"".join(codes), np.uint8).reshape(-1, self.bits // 8)
        return np.array(found, np.int64).reshape(-1, 2), codes

    def search(self, payload: bytes) -> np.ndarray:
        """Score by one payload."""
        return self.search_packets([payload])

    def search_packets(self, packets: list[bytes]) -> np.ndarray:
        """Score by what was heard and seen so far, float32 ``(n,)``."""
        read = [self.read(packet) for packet in packets]
        found, codes = (np.concatenate(each) for each in zip(*read, strict=True))
        heard = self.hear(found)
        named = np.argsort(-heard, kind="stable")[: self.places]
        named = named[heard[named] >= self.landmarks]
        inside = named if len(named) else np.arange(len(self.layers_))
        return self.look(codes, inside) + np.float32(self.audio_weight) * heard[self.labels_]

    def stopping_rule(self) -> "StableAnswer | None":
        """Return a new `StableAnswer`, or None if a whole clip is to be one payload."""
        if self.unchanged is None:
            return None
        return StableAnswer(self.labels_, self.unchanged, self.gap)

    def hear(self, found: np.ndarray) -> np.ndarray:
        """Layer 1: the landmarks that agree with each place's sound, float32 ``(places,)``."""
        heard = np.zeros(len(self.layers_), np.float32)
        heard[: self.sounds_.count] = self.sounds_.score(found)
        return np.where(heard >= self.landmarks, heard, 0).astype(np.float32)

    def look(self, codes: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Layer 2: the sum of each photo's edges to the features, float32 ``(n,)``.

        Args:
            codes: uint8 ``(m, bits / 8)``.
            inside: int ``(k,)``, the places that are searched.
        """
        scores = np.zeros(len(self.labels_))
        edges, codes = [], np.ascontiguousarray(codes)
        for place in inside if len(codes) else ():
            index, owner = self.layers_[place]
            limits, _, rows = index.range_search(codes, self.radius + 1)  # faiss: strictly below
            feature = np.repeat(np.arange(len(codes)), np.diff(limits.astype(np.int64)))
            edges.append(feature * len(scores) + owner[rows])
        if edges:
            feature, photo = np.divmod(np.unique(np.concatenate(edges)), len(scores))
            joined = np.bincount(feature, minlength=len(codes))
            weight = np.log(1 + np.isin(self.labels_, inside).sum() / np.maximum(joined, 1))
            np.add.at(scores, photo, weight[feature])
        return scores.astype(np.float32)

    @property
    def index_bytes(self) -> int:
        """Bytes of codes, their owners (4 bytes each), landmarks and the hash."""
        features = sum(index.ntotal for index, _ in self.layers_)
        return features * (self.bits // 8 + 4) + self.sounds_.nbytes + self.client_bytes

    @property
    def client_bytes(self) -> int:
        """Bytes of the hash, as float32, which the phone holds."""
        return 4 * (self.hash_.mean_.size + self.hash_.projection_.size)

    def _hash(self, descriptors: np.ndarray) -> np.ndarray:
        if not len(descriptors):
            return np.empty((0, self.bits // 8), np.uint8)
        parts = np.array_split(descriptors, -(-len(descriptors) // 65536))
        return np.concatenate([self.hash_.encode(root(part)) for part in parts])

    def _new_features(self, clip: Clip) -> Iterator[np.ndarray]:
        """Yield for each frame the codes that no earlier frame of the clip had, nearly."""
        sent = faiss.IndexBinaryFlat(self.bits)
        for frame in clip.frames:
            codes = self._hash(detect(frame, self.frame_features).descriptors)
            if sent.ntotal and len(codes):
                nearest, _ = sent.search(codes, 1)
                codes = codes[nearest[:, 0] > self.radius // 2]
            if len(codes):
                sent.add(np.ascontiguousarray(codes))
            yield codes


class StableAnswer:
    """A rule that stops once the best place stayed the same and leads clearly; for one query.

    Args:
        labels: int ``(n,)``, the place of every source photo.
        unchanged: answers in a row that must name the same place, >= 1.
        gap: the best place's score over the second best place's, at least.

    >>> rule = StableAnswer(np.array([0, 1]), unchanged=2, gap=1.5)
    >>> [rule(np.array(scores)) for scores in ([1.0, 3.0], [2.0, 3.5], [2.0, 4.0])]
    [False, True, True]
    """

    def __init__(self, labels: np.ndarray, unchanged: int = 2, gap: float = 1.5):
        self.labels, self.unchanged, self.gap = np.asarray(labels), unchanged, gap
        self._best, self._since = None, 0

    def __call__(self, scores: np.ndarray) -> bool:
        """Return whether the answer is good enough, given the scores of one more second."""
        best = np.zeros(self.labels.max() + 1)
        np.maximum.at(best, self.labels, scores)
        place = int(best.argmax())
        self._since = self._since + 1 if place == self._best else 1
        self._best = place
        second = np.partition(best, -2)[-2] if len(best) > 1 else 0.0
        leads = best[place] > 0 and best[place] >= self.gap * second
        return bool(leads and self._since >= self.unchanged)


def _clip(image: np.ndarray | Clip) -> Clip:
    """Take a photo for a clip of one silent frame."""
    if isinstance(image, Clip):
        return image
    return Clip(np.asarray(image)[None], np.empty(0, np.float32))
