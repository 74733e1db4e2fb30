"""What does it cost that the photos are a lossy copy? Beside `mvs_lib.benchmarks.cifar10_p2`.

Where CIFAR-10 is at hand as its JPEG copy alone (quality 75, colours at half the resolution), the
photos have lost detail that no training brings back, and the published figures stand on the photos
as they were. What was lost cannot be measured without those. But the loss can be inflicted once
more: each photo is compressed again at the same quality, with the grid of 8 x 8 blocks moved by
four pixels, since on its own grid a second compression changes next to nothing. A trunk half as
wide learns each version for a few epochs, and a head of 48 bits on it; trained on and asked for are
photos of the same version. The first loss is the larger one: it falls on more detail.
"""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from tqdm.auto import tqdm

from mvs_lib.benchmarks.cifar10_p2 import HEAD, PRETRAINING, SMOOTHING, measures
from mvs_lib.benchmarks.trunk_file import trunk_file
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep import recipe
from mvs_lib.deep.encoding import describe
from mvs_lib.deep.head import learn_head
from mvs_lib.deep.methods import SSDH

__all__ = ["compressed", "rows"]

BITS, EPOCHS, QUALITY, MOVE = 48, 6, 75, 4
TRUNK = {"trunk": "airbench", "width": 32}
TIMES = (0, 1, 2)  # more compressions, the grid moved back and forth


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield a row a number of further compressions and seed.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    small = {"source_per_class": 60, "queries": 20} if quick else {}
    split = cifar.load(protocol="P2", **small)
    protocol = f"P2: {len(split.query)} queries, {len(split.source)} trained on and in the database"
    settings = replace(PRETRAINING, epochs=EPOCHS)
    config = {**TRUNK, "width": 4} if quick else TRUNK
    if quick:
        settings = replace(settings, epochs=1, batch_size=50)
    for times in TIMES:
        part = split
        for turn in range(times):
            part = Split(part.name, *(compressed(each, turn) for each in (part.source, part.query)))
        for seed in range(seeds):
            state = None
            if not quick:
                name = "cifar10_p2_reasons"
                state = trunk_file(name, seed, SMOOTHING, config, settings, times)
            network, history = recipe.pretrain(
                part.source, BITS, seed, settings, state, smoothing=SMOOTHING, **config
            )
            if history.interrupted:
                raise KeyboardInterrupt
            query, source = (
                describe(network, each.images, 500, progress=True)
                for each in (part.query, part.source)
            )
            learned, _ = learn_head(network, SSDH(), source, part.source.labels, seed, HEAD)
            yield {
                "method": "ssdh", "data": split.name, "bits": BITS, "protocol": protocol,
                "seed": seed, "compressed_again": times, "epochs": settings.epochs,
                "noise_db": round(_noise(split.query, part.query), 1) if times else None,
                **measures(learned, query, source, part),
            }  # fmt: skip


def compressed(photos: Photos, turn: int = 0) -> Photos:
    """Return photos after one more JPEG compression, its blocks moved by half of their side.

    Args:
        photos: images uint8 ``(n, h, w, 3)``.
        turn: an even one moves the blocks, an odd one leaves them on the photo's own grid.
    """
    move = MOVE if turn % 2 == 0 else 0
    quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    images = np.empty_like(photos.images)
    for place, image in enumerate(tqdm(photos.images, "compress", leave=False)):
        height, width = image.shape[:2]
        padded = cv2.copyMakeBorder(image, move, 0, move, 0, cv2.BORDER_REFLECT_101)
        _, coded = cv2.imencode(".jpg", np.ascontiguousarray(padded[:, :, ::-1]), quality)
        images[place] = cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB)[move:, move:][:height, :width]
    return Photos(images, photos.labels, photos.names)


def _noise(before: Photos, after: Photos) -> float:
    """Return the peak signal-to-noise ratio of the later photos, in decibels."""
    error = np.mean((before.images.astype(np.float32) - after.images) ** 2)
    return float(10 * np.log10(255**2 / error))
