"""Audio fingerprints: peaks of a spectrogram, and pairs of them as hashes. See notebook 11.

Wang (2003), "An industrial-strength audio search algorithm": noise moves most of a spectrogram and
leaves its peaks where they are. A pair of near peaks is a landmark, named by the two frequencies
and the time between them; the name does not depend on when it is heard. Two recordings of one
sound share landmarks whose times differ *by one and the same offset*, and that, not their number,
is what tells them: chance hits scatter over all offsets.
"""

import numpy as np
from scipy import ndimage

__all__ = ["FRAME", "REACH", "LandmarkTable", "landmarks", "peaks", "settled", "spectrogram"]

WINDOW, HOP = 512, 256  # samples: 64 and 32 ms at 8 kHz
FRAME = HOP  # samples from one column of the spectrogram to the next
REACH = 6  # columns and rows around a peak in which it must be the largest
BINS = 256  # rows
LOWEST = 4  # row of the lowest peak, 62 Hz: below there is wind
FAN = 8  # later peaks that a peak is paired with
ZONE = 31  # columns within which they lie
_DT = 5  # bits of the time between


def spectrogram(audio: np.ndarray) -> np.ndarray:
    """Return the level in decibels, float32 ``(columns, 256)``, columns 256 samples apart.

    Args:
        audio: real ``(n,)``; shorter than 512 samples gives no column.
    """
    audio = np.asarray(audio, np.float64)
    if len(audio) < WINDOW:
        return np.empty((0, BINS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::HOP]
    spectrum = np.abs(np.fft.rfft(windows * np.hanning(WINDOW), axis=1))[:, :BINS]
    return (20 * np.log10(spectrum + 1e-6)).astype(np.float32)


def peaks(audio: np.ndarray, above: float = 25.0) -> np.ndarray:
    """Return the peaks of a spectrogram, int64 ``(n, 2)``: column and row, in this order.

    A peak is the largest level within `REACH` columns and rows, ``above`` decibels louder than the
    median of its column, and not below 62 Hz. Nothing further away than `REACH` columns matters,
    so that peaks may be found while the sound goes on.
    """
    levels = spectrogram(audio)
    if not levels.size:
        return np.empty((0, 2), np.int64)
    largest = ndimage.maximum_filter(levels, 2 * REACH + 1, mode="constant", cval=-np.inf)
    loud = levels > np.median(levels, axis=1, keepdims=True) + above
    loud[:, :LOWEST] = False
    return np.argwhere((levels == largest) & loud).astype(np.int64)


def settled(samples: int) -> int:
    """Return how many columns can no longer change their peaks, once ``samples`` were heard."""
    columns = max(0, (samples - WINDOW) // HOP + 1)
    return max(0, columns - REACH)


def landmarks(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair each peak with the next few in its zone.

    Args:
        found: int ``(n, 2)``, column and row, sorted.

    Returns:
        The names, int64 ``(m,)``: first row, second row, columns between, in 8 + 8 + 5 bits; and
        the column of the first peak, int64 ``(m,)``.
    """
    time, row = np.asarray(found, np.int64).reshape(-1, 2).T
    names, times = [], []
    for later in range(1, FAN + 1):
        apart = time[later:] - time[:-later]
        near = (apart >= 1) & (apart <= ZONE)
        name = (row[:-later] << 8 | row[later:]) << _DT | apart
        names.append(name[near])
        times.append(time[:-later][near])
    return np.concatenate(names), np.concatenate(times)


class LandmarkTable:
    """The landmarks of many recordings, to be looked up by name.

    Args:
        recordings: real ``(n, samples)``, or a list of ``n`` arrays.
    """

    def __init__(self, recordings):
        parts = [landmarks(peaks(audio)) for audio in recordings]
        names = np.concatenate([np.empty(0, np.int64)] + [part[0] for part in parts])
        order = np.argsort(names, kind="stable")
        self.count = len(parts)
        self.names = names[order]
        self.times = np.concatenate([np.empty(0, np.int64)] + [part[1] for part in parts])[order]
        self.owners = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])[order]

    def score(self, found: np.ndarray) -> np.ndarray:
        """Return for each recording how many landmarks agree on one offset, int64 ``(n,)``.

        A query's columns begin between those of the recording. Therefore two offsets that differ by
        one column are one, and so are two names whose times between differ by one column.

        Args:
            found: peaks of the query, int ``(m, 2)``.
        """
        names, times = landmarks(found)
        names, times = np.concatenate([names - 1, names, names + 1]), np.tile(times, 3)
        start = np.searchsorted(self.names, names)
        hits = np.searchsorted(self.names, names, side="right") - start
        query = np.repeat(np.arange(len(names)), hits)
        rank = np.arange(len(query)) - np.repeat(np.cumsum(hits) - hits, hits)
        row = np.repeat(start, hits) + rank
        scores = np.zeros(self.count, np.int64)
        if len(row):
            offset = self.times[row] - times[query]
            offset -= offset.min()
            width = int(offset.max()) + 2
            cells = self.owners[row] * width + offset
            bins, counts = np.unique(np.concatenate([cells, cells + 1]), return_counts=True)
            np.maximum.at(scores, bins // width, counts)
        return scores

    @property
    def nbytes(self) -> int:
        """Bytes of a packed table: name 3, time 2, recording 2."""
        return 7 * len(self.names)
