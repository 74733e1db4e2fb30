"""Send only the visual words that tell places apart *here* (A8 of the course: Ji et al., 2011).

"Towards low bit rate mobile visual search with multiple-channel coding" (ACM Multimedia). The phone
knows roughly where it is. A *channel* is a part of the campus, and inside it a few hundred of the
vocabulary's words are enough to rank what is there. By the abstract, which is all we had, a channel
learns by a robust PCA to compress so that the ranking is kept. Our realisation keeps the ranking by
choosing words, by boosting (Freund et al., 2003, "RankBoost"): for triplets of a query, a photo of
its place and a photo of another place, the word w ranks well if query and right photo share it and
query and wrong photo do not. Channels by barcode, RFID or tags are left out: the campus has GPS
alone. Each round

    err_t = 1, 1/2 or 0 for a triplet ranked wrongly, not at all, or rightly by w,
    epsilon = sum of weight_t err_t,   alpha = log((1 - epsilon) / epsilon),
    weight_t <- weight_t exp(alpha err_t), scaled to the sum 1,

takes the word with the smallest epsilon. The phone sends its channel and which of the chosen words
it sees, as run lengths in the code of Elias. A photo scores the sum of the alphas of the words that
it shares with the query, over the root of the sum for all words that it shows (ours: else the
busiest photos would win everywhere). Channel 0 is the whole campus, with a selection of its own: it
serves a phone that does not know where it is, or not well enough.
"""

from collections.abc import Mapping

import numpy as np
from sklearn.cluster import KMeans

from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import describe_all, detect, root
from mvs_lib.features.vocabulary import Vocabulary
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.payload import PayloadError, pack, unpack
from mvs_lib.queries.system import System

__all__ = ["GRID", "ChannelWords", "boost"]

GRID = [
    {"chosen": 512, "words": 4000},
    {"chosen": 1024, "words": 4000},
    {"chosen": 1024, "words": 16_000},
    {"chosen": 2048, "words": 16_000},
    {"chosen": 2048, "words": 30_000},
    {"chosen": 4096, "words": 16_000},
]


class ChannelWords(System):
    """Selected visual words, a selection a channel.

    Args:
        words: of the vocabulary, which the phone holds.
        chosen: words that a channel keeps at most.
        photos_each: source photos in a channel, roughly: sets how many channels there are.
        margin: metres beyond the nearest channel's centre up to which a photo joins another one.
        trust: a phone whose stated accuracy is worse than this (metres) uses channel 0.
        triplets: a channel, for boosting.
        limit: SIFT features a photo.
        random_state: of vocabulary, channels and triplets.

    Attributes:
        centres_: float64 ``(channels, 2)``, metres east and north; channel c + 1 lies at row c.
        chosen_: by channel, int64 ``(k,)``, the chosen words, rising.
        alphas_: by channel, float32 ``(k,)``, their weights.
        members_: bool ``(channels + 1, n)``, which source photos belong to which channel.
    """

    number, method, kind = 8, "channel_words", "compressed features"
    source = "Ji et al., 2011"  # multiple-channel coding; not their paper at IJCAI of that year
    uses_labels = uses_position = True

    def __init__(
        self, words: int = 2000, chosen: int = 512, photos_each: int = 300, margin: float = 60.0,
        trust: float = 60.0, triplets: int = 4000, limit: int = 300, random_state: int = 0,
    ):  # fmt: skip
        self.words, self.chosen, self.photos_each = words, chosen, photos_each
        self.margin, self.trust, self.triplets = margin, trust, triplets
        self.limit, self.random_state = limit, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "ChannelWords":
        """Learn vocabulary, channels and selections from the source photos; return self.

        Raises:
            ValueError: fewer than two places: there is nothing to tell apart.
        """
        if len(np.unique(photos.labels)) < 2:
            raise ValueError("channel words tell places apart: give photos of two or more")
        features = describe_all(photos.images, self.limit, progress=progress)
        descriptors = root(features.descriptors)
        self.vocabulary_ = Vocabulary(self.words, self.random_state)
        self.vocabulary_.fit(descriptors, features.offsets)
        rows = self.vocabulary_.bag(features, descriptors)
        self.seen_ = np.zeros(rows.shape, bool)
        self.seen_[rows.nonzero()] = True
        self._lay_channels(photos)
        self.chosen_, self.alphas_, self.hits_ = [], [], []
        for channel, members in enumerate(self.members_):
            random = np.random.default_rng([self.random_state, channel])
            inside = np.flatnonzero(members)
            triplets = draw_triplets(photos.labels[inside], self.triplets, random)
            words, alphas = boost(self.seen_[inside], triplets, self.chosen)
            order = np.argsort(words)
            self.chosen_.append(words[order])
            self.alphas_.append(alphas[order])
            self.hits_.append(self.seen_[:, words[order]])
        return self

    def channel(self, sensors: Mapping[str, float] | None) -> int:
        """Return the channel of a phone with these readings: 0 if it does not know its place."""
        readings = [(sensors or {}).get(name, np.nan) for name in ("east", "north", "accuracy")]
        unsure = not np.isfinite(readings[:2]).all() or readings[2] > self.trust
        if unsure or not len(self.centres_):
            return 0
        return 1 + int(((self.centres_ - readings[:2]) ** 2).sum(1).argmin())

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the channel and the runs between its words that the photo shows."""
        found = np.unique(self.vocabulary_.assign(root(detect(image, self.limit).descriptors)))
        channel = self.channel(sensors)
        return self.write(channel, np.isin(self.chosen_[channel], found))

    def write(self, channel: int, hits: np.ndarray) -> bytes:
        """Return a channel's number and its hits, bool ``(k,)``, as a payload."""
        writer = BitWriter()
        writer.elias_gamma(channel + 1)
        places = np.flatnonzero(hits)
        writer.elias_gamma(len(places) + 1)
        for gap in np.diff(places, prepend=-1):
            writer.elias_gamma(int(gap))
        return pack(self.number, writer.getvalue())

    def read(self, payload: bytes) -> tuple[int, np.ndarray]:
        """Return what `write` wrote.

        Raises:
            PayloadError: damaged, or a channel or word that there is not.
        """
        reader = BitReader(unpack(self.number, payload))
        channel = reader.elias_gamma() - 1
        if channel >= len(self.chosen_):
            raise PayloadError(f"the payload names channel {channel}, which there is not")
        hits = np.zeros(len(self.chosen_[channel]), bool)
        count = reader.elias_gamma() - 1
        if count > len(hits):
            raise PayloadError(f"the payload counts {count} of {len(hits)} words")
        place = -1
        for _ in range(count):
            place += reader.elias_gamma()
            if place >= len(hits):
                raise PayloadError(f"the payload names word {place} of {len(hits)}")
            hits[place] = True
        reader.finish()
        return channel, hits

    def search(self, payload: bytes) -> np.ndarray:
        """Score by the alphas of shared words; whoever is outside the channel comes after all."""
        channel, hits = self.read(payload)
        if not hits.any():
            return np.zeros(self.members_.shape[1], np.float32)
        alphas = self.alphas_[channel]
        shared = self.hits_[channel][:, hits] @ alphas[hits]
        length = np.sqrt(np.maximum(self.hits_[channel] @ alphas, 1e-9))
        scores = (shared / length).astype(np.float32)
        outside = ~self.members_[channel]
        scores[outside] -= scores.max() + 1
        return scores

    @property
    def index_bytes(self) -> int:
        """Bytes of the vocabulary, the selections, and one bit a photo and chosen word."""
        hits = sum(members.sum() * len(words) for members, words in self._pairs()) // 8
        return int(hits) + self.client_bytes

    @property
    def client_bytes(self) -> int:
        """Bytes that the phone holds: vocabulary, channels' centres, 2 + 4 bytes a chosen word."""
        words = sum(len(words) for words in self.chosen_)
        return self.vocabulary_.centres_.nbytes + self.centres_.nbytes + 6 * words

    def _pairs(self):
        return zip(self.members_, self.chosen_, strict=True)

    def _lay_channels(self, photos: Photos) -> None:
        """Cluster the photos' positions; a photo without one stands at its place's median."""
        empty = np.full(len(photos), np.nan)
        at = np.stack([photos.sensors.get(name, empty) for name in ("east", "north")], 1)
        at = np.array(at, np.float64)
        for label in np.unique(photos.labels):
            rows = photos.labels == label
            known = rows & np.isfinite(at).all(1)
            if known.any():
                at[rows & ~known] = np.median(at[known], axis=0)
        known = np.isfinite(at).all(1)
        count = min(round(known.sum() / self.photos_each), len(np.unique(at[known], axis=0)))
        self.centres_ = np.empty((0, 2))
        self.members_ = np.ones((1, len(photos)), bool)
        if count < 2:
            return
        clusters = KMeans(count, n_init=4, random_state=self.random_state).fit(at[known])
        apart = np.linalg.norm(at[None] - clusters.cluster_centers_[:, None], axis=2)
        near = np.nan_to_num(apart, nan=np.inf)
        inside = near <= np.minimum(near.min(0), 1e12) + self.margin
        for members, away in zip(inside, near, strict=True):
            if len(np.unique(photos.labels[members])) == 1:  # nothing to tell apart: reach out
                others = away[photos.labels != photos.labels[members][0]]
                members |= away <= others.min()
        self.centres_ = clusters.cluster_centers_
        self.members_ = np.concatenate([self.members_, inside])


def draw_triplets(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Draw triplets (query, relevant, irrelevant) of photos, int64 ``(<= count, 3)``.

    Args:
        labels: int ``(n,)``, of at least two places.
        count: how many are drawn; those whose query has no other photo of its place are dropped.
        random: the generator.
    """
    query, other = random.integers(0, len(labels), (2, count))
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[query])
    sizes = np.searchsorted(labels[order], labels[query], side="right") - starts
    relevant = order[starts + (random.random(count) * sizes).astype(np.int64)]
    kept = (labels[other] != labels[query]) & (relevant != query)
    return np.stack([query, relevant, other], 1)[kept]


def boost(seen: np.ndarray, triplets: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose words by boosting; see the module.

    Args:
        seen: bool ``(n, words)``, which photo shows which word.
        triplets: int ``(t, 3)``, rows of ``seen``: query, relevant, irrelevant.
        most: words to choose at most; fewer when no further word ranks better than chance.

    Returns:
        The words, int64 ``(k,)``, in the order chosen, and their alphas, float32 ``(k,)``.
    """
    query, relevant, irrelevant = (seen[column] for column in triplets.T)
    sign = (query & relevant).astype(np.int8) - (query & irrelevant).astype(np.int8)
    error = ((1 - sign) / 2).astype(np.float32)  # 0, 1/2 or 1
    weights = np.full(len(triplets), 1 / max(len(triplets), 1))
    left = np.ones(seen.shape[1], bool)
    words, alphas = [], []
    while len(words) < min(most, seen.shape[1]):
        epsilon = np.where(left, weights.astype(np.float32) @ error, 1.0)
        best = int(np.argmin(epsilon))
        if not len(triplets) or epsilon[best] >= 0.5 - 1e-6:
            break
        low = np.clip(weights @ error[:, best], 1e-6, 1)
        alpha = np.log((1 - low) / low)
        weights = weights * np.exp(alpha * error[:, best])
        weights /= weights.sum()
        words.append(best)
        alphas.append(alpha)
        left[best] = False
    return np.array(words, np.int64), np.array(alphas, np.float32)
