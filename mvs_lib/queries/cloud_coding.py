"""Send a thumbnail and SIFT; the cloud paints the photo (A2 of the course: Yue et al., 2013).

"Cloud-based image coding for mobile devices - toward thousands to one compression" (IEEE
Transactions on Multimedia). The phone sends what the cloud cannot know: a thumbnail, and where
which features lie. The server finds near-duplicate photos in its base, aligns them by a homography
(RANSAC), and paints the fine half of the photo from them, guided by the thumbnail. It works where
the base holds near duplicates, and nowhere else: it is no general way to compress photos.

The codec is in `cloud_codec`, the painting in `cloud_painting`. Our realisation: WebP writes the
thumbnail; words choose a few whole photos before descriptors are compared, where the paper looks
for the nearest patch, argmin ||d_query - d_base||, over the base; and a patch is the surroundings
of a verified match.
"""

from collections.abc import Mapping

import numpy as np

from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import LocalFeatures, detect, root
from mvs_lib.queries.cloud_codec import CloudCodec
from mvs_lib.queries.cloud_painting import paint
from mvs_lib.queries.homography import Verified, match, verify
from mvs_lib.queries.payload import pack, unpack
from mvs_lib.queries.server import BagOfWordsServer
from mvs_lib.queries.system import System

__all__ = ["GRID", "CloudCoding"]

GRID = [  # what the benchmark tries on held-back source photos
    {"features": 64, "step": 32},
    {"features": 64, "step": 48},
    {"features": 128, "step": 32},
    {"features": 128, "step": 48, "verified": 60},
    {"features": 200, "step": 48, "verified": 60},
]
LEAST = 7  # agreeing matches below which a homography is chance
EXAMPLES = 500  # photos that the prediction is learned from


class CloudCoding(System):
    """A thumbnail and predicted, quantised SIFT to a server that also reconstructs.

    Args:
        features: SIFT features sent, the strongest first.
        side: height of the thumbnail in pixels. quality: of its WebP file.
        step: of the descriptors' quantiser (OpenCV's SIFT goes from 0 to 255).
        verified: source photos, best words first, whose geometry the server looks at.
        painters: how many of them `reconstruct` paints from at most.
        server: fitted together with the system; None makes one.
        random_state: of the server that is made, of the sample that the prediction learns from, and
            of RANSAC.

    Attributes:
        codec_: `CloudCodec`. photos_: the source photos, uint8 ``(n, h, w, 3)``.
    """

    number, method, kind = 2, "cloud_coding", "compressed features"
    source = "Yue et al., 2013"

    def __init__(
        self,
        features: int = 128,
        side: int = 40,
        quality: int = 40,
        step: int = 32,
        verified: int = 20,
        painters: int = 3,
        server: BagOfWordsServer | None = None,
        random_state: int = 0,
    ):
        self.features, self.side, self.quality, self.step = features, side, quality, step
        self.verified, self.painters = verified, painters
        self.server, self.random_state = server, random_state

    def fit(self, photos: Photos, progress: bool = False) -> "CloudCoding":
        """Index the source photos and learn how far to trust the prediction; return self.

        Raises:
            ValueError: a hyper-parameter out of its range.
        """
        for name, low, high in (
            ("features", 1, 1000), ("side", 4, 256), ("quality", 1, 100), ("step", 1, 255),
            ("verified", 0, 1000), ("painters", 0, 100),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie in {low}..{high}, got {getattr(self, name)}")
        # The server is asked for words alone: geometry is checked here, by homographies.
        server = self.server or BagOfWordsServer(random_state=self.random_state, shortlist=0)
        self.server_ = server.fit(photos, progress)
        self.photos_ = photos.images
        random = np.random.default_rng(self.random_state)
        count = min(EXAMPLES, len(photos))
        chosen = np.sort(random.choice(len(photos), count, replace=False))
        strongest = [self.server_.features_.of(i).strongest(self.features) for i in chosen]
        self.codec_ = CloudCodec(self.side, self.quality, self.step)
        self.codec_.fit(photos.images[chosen], strongest)
        return self

    def encode(self, image: np.ndarray, sensors: Mapping[str, float] | None = None) -> bytes:
        """Return the thumbnail and the predicted, quantised features in their envelope."""
        return pack(self.number, self.codec_.encode(image, detect(image, self.features)))

    def search(self, payload: bytes) -> np.ndarray:
        """Score by the cosine of words, plus the agreeing matches of those that verify."""
        _, features = self.codec_.decode(unpack(self.number, payload))
        scores, found = self._candidates(features)
        for photo, agreed, _ in found:
            scores[photo] += agreed.inliers.sum()
        return scores

    def reconstruct(self, payload: bytes) -> np.ndarray:
        """Paint the photo that a payload tells of, uint8 ``(h, w, 3)``, at the source photos' size.

        Raises:
            PayloadError: see `System.search`.
        """
        thumbnail, features = self.codec_.decode(unpack(self.number, payload))
        _, found = self._candidates(features)
        found.sort(key=lambda each: -each[1].inliers.sum())
        painters = [(self.photos_[i], agreed, at) for i, agreed, at in found[: self.painters]]
        return paint(thumbnail, self.codec_.shape_, painters)

    def thumbnail(self, payload: bytes) -> np.ndarray:
        """Return the enlarged thumbnail alone: what `reconstruct` has to improve on."""
        thumbnail, _ = self.codec_.decode(unpack(self.number, payload))
        return paint(thumbnail, self.codec_.shape_, [])

    @property
    def index_bytes(self) -> int:
        """The words' index, what verification reads of the features as it is stored, the tables.

        That is of each feature its SIFT (128 bytes) and its position (two numbers of 4 bytes), and
        8 bytes a photo that say where its features begin. The photos themselves, which
        `reconstruct` paints from, are not counted: a photo base keeps them anyway, and search does
        not read them.
        """
        kept = self.server_.features_
        read = kept.descriptors.nbytes + kept.positions.nbytes + kept.offsets.nbytes
        return self.server_.words_bytes + read + self.client_bytes

    @property
    def client_bytes(self) -> int:
        """Bytes of the tables that the phone holds: two means and the trust in the prediction."""
        codec = self.codec_
        return codec.mean_.nbytes + codec.blurred_.nbytes + codec.trust_.nbytes

    def _candidates(
        self, features: LocalFeatures
    ) -> tuple[np.ndarray, list[tuple[int, Verified, np.ndarray]]]:
        """Return all cosines, and of each verified photo its number, map and places explained."""
        descriptors, found = root(features.descriptors), []
        scores = self.server_.score_words(self.server_.vocabulary_.assign(descriptors))
        for photo in np.argsort(-scores, kind="stable")[: self.verified]:
            other = self.server_.features_.of(photo)
            pairs = match(descriptors, root(other.descriptors))
            at = features.positions[pairs[:, 0]]
            agreed = verify(at, other.positions[pairs[:, 1]], seed=self.random_state)
            if agreed is not None and agreed.inliers.sum() >= LEAST:
                found.append((int(photo), agreed, at[agreed.inliers]))
        return scores, found
