"""How long a clip must last: accuracy and bytes, second by second. Taught in notebook 11."""

from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from mvs_lib.datasets import clips
from mvs_lib.datasets.collection import Split
from mvs_lib.metrics import average_precision
from mvs_lib.queries.audio_visual import AudioVisual, StableAnswer
from mvs_lib.queries.measure import TIES
from mvs_lib.queries.system import progressive

__all__ = ["MeasuredClips", "measure_clips"]


class MeasuredClips(NamedTuple):
    """What clips of 1, 2, ... seconds reached, and where the stable answer stopped.

    Attributes:
        map, top1, bytes: float64 ``(seconds,)``: Eq. 1, share of right best photos, mean bytes sent
            so far, after each second.
        stop_seconds, stop_top1, stop_bytes: means over the queries when `StableAnswer` may stop.
    """

    map: np.ndarray
    top1: np.ndarray
    bytes: np.ndarray
    stop_seconds: float
    stop_top1: float
    stop_bytes: float


def measure_clips(
    system: AudioVisual,
    split: Split,
    seconds: int = 5,
    noise: float = 1.0,
    silent: float = 0.0,
    unchanged: int = 2,
    gap: float = 1.5,
    seed: int = 0,
    progress: bool = False,
) -> MeasuredClips:
    """Take a clip where each query photo was taken, and send it second by second.

    Args:
        system: fitted to ``split.source``.
        split: whose queries become clips.
        seconds: of each clip.
        noise: as in `mvs_lib.datasets.clips.take`.
        silent: share of clips whose microphone was off, 0..1.
        unchanged, gap: of `StableAnswer`.
        seed: of the clips and of the shuffle that breaks ties.
        progress: show a progress bar.
    """  # fmt: skip
    order = np.random.default_rng(seed).permutation(len(split.source))
    mute = np.random.default_rng([seed, 20]).random(len(split.query)) < silent
    labels, count = split.source.labels[order], len(split.query)
    precision, first, sent = (np.zeros((count, seconds)) for _ in range(3))
    stopped = np.full(count, seconds)
    for index in tqdm(range(count), desc=system.method, disable=not progress):
        label = int(split.query.labels[index])
        clip = clips.take(
            split.query.images[index], label, seconds, noise, bool(mute[index]), [seed, index]
        )
        rule, relevant = StableAnswer(labels, unchanged, gap), labels == label
        for second, (size, scores) in enumerate(progressive(system, clip)):
            scores = scores[order]
            precision[index, second] = average_precision(relevant, -scores, **TIES)
            first[index, second], sent[index, second] = relevant[np.argmax(scores)], size
            if rule(scores):
                stopped[index] = min(stopped[index], second + 1)
    at = np.arange(count), stopped - 1
    return MeasuredClips(
        precision.mean(0), first.mean(0), sent.mean(0),
        float(stopped.mean()), float(first[at].mean()), float(sent[at].mean()),
    )  # fmt: skip
