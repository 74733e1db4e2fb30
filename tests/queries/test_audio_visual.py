import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.datasets import campus, clips
from mvs_lib.datasets.clips import Clip
from mvs_lib.features.audio_landmarks import peaks
from mvs_lib.queries import measure, payload
from mvs_lib.queries.audio_visual import AudioVisual, StableAnswer
from mvs_lib.queries.measure_clips import measure_clips
from mvs_lib.queries.payload import PayloadError
from mvs_lib.queries.system import progressive


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def system(split):
    return AudioVisual(clips.references(3), places=1).fit(split.source)


@pytest.fixture(scope="module")
def clip(split):
    return clips.take(split.source.images[12], 1, seconds=4, noise=0.5, seed=2)


@settings(max_examples=40)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 500), st.integers(0, 2**32 - 1))
def test_what_is_written_is_what_is_read(heard, seen, start, seed):
    random = np.random.default_rng(seed)
    found = np.stack([start + np.sort(random.integers(0, 200, heard)),
                      random.integers(0, 256, heard)], 1)  # fmt: skip
    codes = random.integers(0, 256, (seen, 8)).astype(np.uint8)
    again = AudioVisual().read(AudioVisual().write(start, found, codes))
    np.testing.assert_array_equal(again[0], found)
    np.testing.assert_array_equal(again[1], codes)


def test_the_packets_of_a_clip_carry_what_the_whole_clip_does(system, clip):
    packets = list(system.packets(clip))
    assert len(packets) == clip.seconds
    read = [system.read(packet) for packet in packets]
    whole = system.read(system.encode(clip))
    for part in (0, 1):
        np.testing.assert_array_equal(np.concatenate([each[part] for each in read]), whole[part])
    np.testing.assert_array_equal(whole[0], peaks(clip.audio))
    np.testing.assert_array_equal(
        system.search_packets(packets), system.search(system.encode(clip))
    )
    # What a phone could not have known yet is not in the first packet.
    alone = system.read(next(iter(system.packets(clip))))[0]
    early = peaks(clip.first(1).audio)
    assert set(map(tuple, alone)) <= set(map(tuple, early))


def test_a_still_camera_sends_its_features_once(system, split):
    still = Clip(np.repeat(split.source.images[12][None], 3, axis=0), np.empty(0, np.float32))
    sizes = [len(system.read(packet)[1]) for packet in system.packets(still)]
    assert sizes[0] > 5 and sizes[1:] == [0, 0]


def test_edges_are_the_slow_sum_and_add_up(system, clip):
    _, codes = system.read(system.encode(clip))
    inside = np.array([0, 2])
    slow = np.zeros(24)
    for code in codes:
        near = set()
        for place in inside:
            index, owner = system.layers_[place]
            stored = np.stack([index.reconstruct(row) for row in range(index.ntotal)])
            apart = np.bitwise_count(stored ^ code).sum(1)
            near |= set(owner[apart <= system.radius])
        for photo in near:
            slow[photo] += np.log(1 + np.isin(system.labels_, inside).sum() / len(near))
    found = system.look(codes, inside)
    np.testing.assert_allclose(found, slow, rtol=1e-5)
    split_in_two = system.look(codes[:7], inside) + system.look(codes[7:], inside)
    np.testing.assert_allclose(found, split_in_two, rtol=1e-5)  # S_t = S_(t-1) + new edges


def test_sound_names_the_place_and_sight_looks_only_there(system, clip, split):
    found, _ = system.read(system.encode(clip))
    assert system.hear(found).argmax() == 1
    scores = system.search(system.encode(clip))
    assert scores.argmax() == 12
    assert (scores[split.source.labels != 1] <= system.hear(found)[[0, 2]].max()).all()


def test_without_sound_every_place_is_looked_at(system, clip, split):
    mute = Clip(clip.frames, np.empty(0, np.float32))
    for silent in (mute, Clip(clip.frames, np.zeros_like(clip.audio))):
        scores = system.search(system.encode(silent))
        assert scores.argmax() == 12 and (scores[split.source.labels != 1] > 0).any()
    deaf = AudioVisual(None).fit(split.source)
    np.testing.assert_allclose(deaf.search(deaf.encode(clip)), scores, rtol=1e-5)


def test_a_photo_is_a_silent_clip_of_one_frame(system, split):
    image = split.source.images[3]
    one = Clip(image[None], np.empty(0, np.float32))
    assert system.encode(image) == system.encode(one)
    assert system.search(system.encode(image)).argmax() == 3
    assert measure.measure(system, split).map > 0.42


def test_the_answer_is_refined_second_by_second(system, clip, split):
    rule = StableAnswer(split.source.labels, unchanged=2, gap=1.2)
    steps = list(progressive(system, clip, enough=rule))
    assert 2 <= len(steps) < clip.seconds
    assert [size for size, _ in steps] == sorted(size for size, _ in steps)
    reached = measure_clips(system, split, seconds=3, noise=0.5, silent=0.3)
    assert reached.top1.shape == (3,) and (np.diff(reached.bytes) > 0).all()
    assert reached.top1[2] >= 0.5 and 1 <= reached.stop_seconds <= 3
    assert reached.stop_bytes <= reached.bytes[2]


def test_the_stable_answer_counts_places_and_starts_again():
    labels = np.array([0, 0, 1])
    rule = StableAnswer(labels, unchanged=2, gap=1.5)
    answers = [
        np.array(each) for each in ([2.0, 0, 1], [0.0, 3, 1], [0.0, 1, 4], [0, 1, 2], [0, 3, 2])
    ]
    assert [rule(scores) for scores in answers] == [False, True, False, True, False]
    assert not StableAnswer(labels, unchanged=1)(np.zeros(3))


def test_damage_is_seen(system, clip):
    with pytest.raises(PayloadError, match="altered"):
        system.search(system.encode(clip)[:-1])
    for size in (0, 1, 2, 3, 40, 400):
        for body in (bytes(size), b"\x00" * size + b"\x01", b"\xff" * size):
            try:
                scores = system.search(payload.pack(system.number, body))
                assert np.isfinite(scores).all()
            except PayloadError:
                continue
    far = system.write(1 << 21, np.array([[1 << 21, 3]]), np.empty((0, 8), np.uint8))
    with pytest.raises(PayloadError, match="no clip is that long"):
        system.search(far)


def test_a_flat_silent_photo_scores_nothing(system):
    sent = system.encode(np.full((256, 256, 3), 80, np.uint8))
    assert len(sent) == payload.OVERHEAD + 1
    np.testing.assert_array_equal(system.search(sent), np.zeros(24))


def test_wrong_settings_are_refused(split):
    with pytest.raises(ValueError, match="2 recordings for 3 places"):
        AudioVisual(np.zeros((2, 8000))).fit(split.source)
    with pytest.raises(ValueError, match="multiple of 8"):
        AudioVisual(bits=20).fit(split.source)
