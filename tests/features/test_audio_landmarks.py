from collections import Counter

import numpy as np
import pytest

from mvs_lib.features.audio_landmarks import (
    FAN,
    FRAME,
    REACH,
    ZONE,
    LandmarkTable,
    landmarks,
    peaks,
    settled,
    spectrogram,
)

RATE = 8000


def tones(seconds, seed):
    random = np.random.default_rng(seed)
    out = random.normal(0, 1e-3, seconds * RATE)
    for _ in range(6 * seconds):
        start, pitch = random.integers(len(out) - 1000), random.uniform(300, 3500)
        t = np.arange(1000) / RATE
        out[start : start + 1000] += np.exp(-20 * t) * np.sin(2 * np.pi * pitch * t)
    return out


def test_a_pure_tone_lies_in_its_row():
    audio = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    levels = spectrogram(audio)
    assert levels.shape == ((RATE - 512) // FRAME + 1, 256)
    assert (levels.argmax(1) == 1000 * 512 // RATE).all()


def test_peaks_are_the_slow_ones():
    audio = tones(2, 0)
    levels, found = spectrogram(audio), peaks(audio)
    slow = []
    for column in range(len(levels)):
        for row in range(4, 256):
            around = levels[
                max(0, column - REACH) : column + REACH + 1, max(0, row - REACH) : row + REACH + 1
            ]
            level = levels[column, row]
            if level > np.median(levels[column]) + 25 and level == around.max():
                slow.append((column, row))
    assert len(slow) > 8
    np.testing.assert_array_equal(found, slow)


def test_settled_peaks_do_not_change_while_the_sound_goes_on():
    audio = tones(4, 1)
    whole = peaks(audio)
    for samples in (0, 400, 9000, 16000, 30001):
        early = peaks(audio[:samples])
        end = settled(samples)
        np.testing.assert_array_equal(early[early[:, 0] < end], whole[whole[:, 0] < end])


def test_landmarks_are_the_slow_pairs():
    found = peaks(tones(3, 2))
    names, times = landmarks(found)
    slow = []
    for index, (time, row) in enumerate(found):
        for later, other in found[index + 1 : index + 1 + FAN]:
            if 1 <= later - time <= ZONE:
                slow.append(((row * 256 + other) * 32 + later - time, time))
    assert sorted(zip(names, times, strict=True)) == sorted(slow) and len(slow) > 10
    assert len(landmarks(np.empty((0, 2), int))[0]) == 0


def test_the_score_is_the_tallest_bin_of_the_offset_histogram():
    recordings = [tones(6, seed) for seed in (3, 4, 5)]
    table = LandmarkTable(recordings)
    query = peaks(recordings[1][2 * RATE + 77 : 5 * RATE])
    scores = table.score(query)
    for place, recording in enumerate(recordings):
        there, here = (
            list(zip(*landmarks(each), strict=True)) for each in (peaks(recording), query)
        )
        offsets = Counter(b - d for a, b in there for c, d in here if abs(a - c) <= 1)
        slow = max((offsets[o] + offsets[o - 1] for o in [*offsets, *(o + 1 for o in offsets)]),
                   default=0)  # fmt: skip
        assert scores[place] == slow
    assert scores.argmax() == 1 and scores[1] >= 4 * max(scores[0], scores[2], 1)


def test_the_number_of_hits_misleads_where_the_offsets_do_not():
    query = np.array([[0, 10], [5, 60], [10, 90], [20, 30]])
    table = LandmarkTable([])
    names, times = landmarks(query)
    order = np.argsort(np.concatenate([names, np.repeat(names, 3)]), kind="stable")
    table.count = 2
    table.names = np.concatenate([names, np.repeat(names, 3)])[order]
    scattered = np.arange(3 * len(names)) * 50
    table.times = np.concatenate([times + 100, scattered])[order]
    table.owners = np.repeat([0, 1], [len(names), 3 * len(names)])[order]
    np.testing.assert_array_equal(table.score(query), [len(names), 1])
    assert table.nbytes == 7 * 4 * len(names)


@pytest.mark.parametrize("samples", [0, 100, 511, 512])
def test_short_and_silent_sounds_have_no_peaks(samples):
    assert peaks(np.zeros(samples)).shape == (0, 2)
    assert settled(samples) == 0
    assert LandmarkTable([np.zeros(samples)]).score(np.empty((0, 2), int)).tolist() == [0]
