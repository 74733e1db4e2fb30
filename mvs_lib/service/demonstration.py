"""The whole road, shown: a server that knows the campus, a phone that sends bits. See notebook 10.

    recognizer, encoder = prepare(split.source, checkpoint)
    with PhoneEncoder(encoder) as phone:
        for found in recognise(recognizer, phone, split.query, draw(split.query.labels)):
            print(found.place, found.answers[0].place, found.right)

The server's half, a `Recognizer`, is kept in ``data/cache``, by what it was made from.
"""

import hashlib
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mvs_lib import __version__, metrics, paths
from mvs_lib.codes import check_codes
from mvs_lib.datasets.collection import Photos
from mvs_lib.phone.process import PhoneEncoder
from mvs_lib.service.recognizer import Answer, Recognizer

__all__ = ["Recognition", "Scores", "draw", "jpeg", "prepare", "recognise", "score", "send"]

TIES = {"ties": "stable", "seed": 0}  # the house's rule: the smaller id, after a seeded shuffle
QUALITY = 90  # of the JPEG file that the phone's camera would have written


class Recognition(NamedTuple):
    """One photo that a phone took, and what came of it."""

    query: int  # position among the query photos, -1 for a photo from elsewhere
    place: str  # what it truly shows, "" if nobody knows
    photo_bytes: int  # the image file
    sent_bytes: int  # the code: all that leaves the phone
    encode_ms: float  # on the phone: image file to code
    search_ms: float  # on the server: code to places
    answers: list[Answer]  # best first
    distances: np.ndarray  # int32 (k,): of the nearest source photos, rising
    nearest: np.ndarray  # int64 (k,): which source photos these are

    @property
    def right(self) -> bool:
        """Whether the first answer is the true place."""
        return bool(self.answers) and self.answers[0].place == self.place


class Scores(NamedTuple):
    """How well a set of query photos was answered."""

    top1: float  # share whose nearest source photo shows their place
    map: float  # mean average precision, Eq. 1 of Liu et al. (2017): the whole ranking
    recognised: float  # share for which the k nearest voted for their place
    distance: float  # median distance, in bits, of the nearest source photo
    queries: int


def prepare(
    photos: Photos, checkpoint: str | Path, progress: bool = True
) -> tuple[Recognizer, Path]:
    """Return a recogniser of the photos' places, and the file its phones run.

    The network of the checkpoint only encodes; nothing is trained. What is made is kept in
    ``data/cache`` under a name that follows from the checkpoint's and the photos' bytes, and is
    read from there the next time.

    Args:
        photos: the source photos, square.
        checkpoint: a network written by `mvs_lib.deep.checkpoint.save`.
        progress: show progress bars.

    Raises:
        FileNotFoundError: no such checkpoint.
        ValueError: the checkpoint is damaged, or was trained on photos of another size.
    """
    checkpoint = Path(checkpoint)
    if not checkpoint.is_file():
        raise FileNotFoundError(
            f"no trained network {checkpoint}: it ships with the course, so get the course's "
            "files again (in a clone: git checkout -- data/checkpoints)"
        )
    folder = paths.cache() / f"recognizer-{_identity(photos, checkpoint)}"
    try:
        return Recognizer.load(folder), folder / "encoder.onnx"
    except (FileNotFoundError, ValueError):  # not made yet, or damaged: a cache is made again
        shutil.rmtree(folder, ignore_errors=True)
    from mvs_lib.deep import checkpoint as checkpoints  # torch: needed to make it, not to load it

    network, about = checkpoints.load(checkpoint)
    size = photos.images.shape[1]
    if about.get("size", size) != size:
        raise ValueError(
            f"{checkpoint.name} was trained on photos of {about['size']} pixels, these have {size}"
        )
    made = Recognizer(network.bits, str(about.get("method"))).fit(photos, network, progress)
    made.save(folder)
    return made, folder / "encoder.onnx"


def draw(labels: np.ndarray, count: int = 24, seed: int = 0) -> np.ndarray:
    """Draw queries by lot, each of another place: int64 ``(min(count, places),)``, by place."""
    random = np.random.default_rng(seed)
    places = np.unique(labels)
    chosen = np.sort(random.choice(places, min(count, len(places)), replace=False))
    return np.array([random.choice(np.flatnonzero(labels == place)) for place in chosen], np.int64)


def jpeg(image: np.ndarray, quality: int = QUALITY) -> bytes:
    """Return a photo, uint8 ``(h, w, 3)`` RGB, as the bytes of a JPEG file."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def send(
    recognizer: Recognizer,
    phone: PhoneEncoder,
    photo: bytes,
    k: int = 10,
    query: int = -1,
    place: str = "",
) -> Recognition:
    """Send one image file through the phone and ask the recogniser.

    Args:
        recognizer: the server.
        phone: it runs the encoder of this recogniser.
        photo: the bytes of an image file.
        k: how many nearest source photos vote.
        query: where the photo comes from, see `Recognition`.
        place: what it shows, if that is known.

    Raises:
        ValueError: the phone could not read the photo, and why.
    """
    start = time.perf_counter()
    code = phone.encode(photo).code
    sent = time.perf_counter()
    answers = recognizer.recognize_code(code, k)
    end = time.perf_counter()
    row = check_codes(np.frombuffer(code, np.uint8)[None], recognizer.bits)
    distances, nearest = (found[0] for found in recognizer.index_.search(row, k))
    times = 1000 * (sent - start), 1000 * (end - sent)
    known = nearest >= 0  # fewer than k photos may be indexed
    return Recognition(
        query, place, len(photo), len(code), *times, answers, distances[known], nearest[known]
    )


def recognise(
    recognizer: Recognizer, phone: PhoneEncoder, photos: Photos, which: Iterable[int], k: int = 10
) -> Iterator[Recognition]:
    """Send the photos at the positions ``which`` through the phone, as JPEG files, one by one."""
    # The first photo of a process pays for what is set up once; it is not a phone's usual photo.
    send(recognizer, phone, jpeg(np.zeros_like(photos.images[0])), k)
    for query in which:
        photo = jpeg(photos.images[query])
        place = photos.names[photos.labels[query]]
        yield send(recognizer, phone, photo, k, int(query), place)


def score(recognizer: Recognizer, photos: Photos, k: int = 10, progress: bool = True) -> Scores:
    """Encode all query photos and measure the answers, ties by the house's rule (`TIES`).

    The photos are encoded from their pixels: no JPEG of ours lies between. `Scores.recognised` is
    what `Recognizer.recognize_code` answers; the other measures look at the ranking itself.
    """
    codes = recognizer.encoder_.encode_pixels(photos.images, progress=progress)
    database = (recognizer.index_.codes, recognizer.labels_)
    answers = [recognizer.recognize_code(code.tobytes(), k) for code in codes]
    pairs = zip(answers, photos.labels, strict=True)
    found = [bool(places) and places[0].label == label for places, label in pairs]
    return Scores(
        metrics.top1(codes, photos.labels, *database, **TIES),
        metrics.mean_average_precision(codes, photos.labels, *database, **TIES),
        float(np.mean(found)),
        float(np.median(recognizer.index_.search(codes, k=1)[0])),
        len(photos),
    )


def _identity(photos: Photos, checkpoint: Path) -> str:
    """Name what a recogniser is made from: this version, the network, the photos, their places."""
    digest = hashlib.sha256(f"{__version__} {photos.names} {photos.images.shape}".encode())
    digest.update(checkpoint.read_bytes())
    digest.update(np.ascontiguousarray(photos.labels))
    digest.update(np.ascontiguousarray(photos.images))
    return digest.hexdigest()[:16]
