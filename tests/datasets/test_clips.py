import numpy as np
import pytest

from mvs_lib.datasets import clips
from mvs_lib.datasets.clips import LOOP, RATE, Clip

PHOTO = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def test_a_clip_is_the_same_for_the_same_seed_and_another_for_another():
    one, two = (clips.take(PHOTO, 3, 2, seed=7) for _ in range(2))
    np.testing.assert_array_equal(one.frames, two.frames)
    np.testing.assert_array_equal(one.audio, two.audio)
    other = clips.take(PHOTO, 3, 2, seed=[7, 1])
    assert not np.array_equal(one.audio, other.audio)
    assert not np.array_equal(one.frames, other.frames)


def test_shapes_and_beginnings():
    clip = clips.take(PHOTO, 0, 3, seed=1)
    assert clip.frames.shape == (3, 48, 64, 3) and clip.frames.dtype == np.uint8
    assert clip.audio.shape == (3 * RATE,) and clip.audio.dtype == np.float32
    assert np.abs(clip.audio).max() <= 1 and clip.seconds == 3
    start = clip.first(2)
    np.testing.assert_array_equal(start.audio, clip.audio[: 2 * RATE])
    np.testing.assert_array_equal(start.frames, clip.frames[:2])
    assert not np.array_equal(clip.frames[0], clip.frames[1])  # the hand moves


def test_the_place_decides_the_sound_and_nothing_else():
    quiet = [clips.take(PHOTO, 5, LOOP, noise=0.0, seed=seed).audio for seed in (1, 2)]
    sound = clips.soundscape(5)
    for heard in quiet:  # a clip of the whole loop is the loop, at the visitor's volume
        assert np.corrcoef(heard, sound)[0, 1] > 0.999
    other = clips.soundscape(6)
    assert abs(np.corrcoef(sound, other)[0, 1]) < 0.1
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(0.1, rel=1e-3)
    assert not np.array_equal(sound, clips.soundscape(5, seed=1))


def test_noise_is_as_loud_as_it_says():
    quiet = clips.take(PHOTO, 2, 20, noise=0.0, seed=3).audio.astype(float)
    loud = clips.take(PHOTO, 2, 20, noise=1.0, seed=3).audio.astype(float)
    same = (loud @ quiet) / np.sqrt((loud @ loud) * (quiet @ quiet))
    assert same == pytest.approx(np.sqrt(0.5), abs=0.08)  # half of the power is the place's


def test_a_silent_clip_and_what_is_refused():
    assert clips.take(PHOTO, 1, 2, silent=True).audio.shape == (0,)
    assert clips.references(2).shape == (2, LOOP * RATE)
    for seconds, noise in ((0, 1.0), (LOOP + 1, 1.0), (2, -1.0), (2, np.nan)):
        with pytest.raises(ValueError, match=r"need 1\.\.30 seconds"):
            clips.take(PHOTO, 1, seconds, noise)
    with pytest.raises(ValueError, match="frames must be"):
        Clip(PHOTO, np.empty(0, np.float32))
    with pytest.raises(ValueError, match="8000 samples"):
        Clip(PHOTO[None], np.zeros(7, np.float32))
