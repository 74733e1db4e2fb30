import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.datasets import campus
from mvs_lib.features.local import detect
from mvs_lib.queries import axis_warp, picture
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import PayloadError, pack, unpack
from mvs_lib.queries.retargeting import GRID, Retargeting, energy_map, repeatability
from mvs_lib.queries.scaled_image import ScaledImage
from mvs_lib.queries.server import BagOfWordsServer


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def server():
    return BagOfWordsServer(words=300)


@pytest.fixture(scope="module")
def system(split, server):
    return Retargeting(0.5, 60, server=server).fit(split.source)


def test_the_server_takes_the_systems_seed(split):
    small = split.source.take(slice(0, None, 2))
    centres = [
        Retargeting(random_state=seed).fit(small).server_.vocabulary_.centres_ for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(centres[0], centres[1])
    assert np.abs(centres[0] - centres[2]).max() > 0


def small_thing(photo, corner=(40, 120), side=96):
    """Set a photo small into a frame that is otherwise lawn and sky."""
    y = np.mgrid[:256, :256][0]
    frame = np.stack([90 + y // 4, 120 + y // 8, 200 - y // 3], -1).astype(np.uint8)
    at = (slice(corner[0], corner[0] + side), slice(corner[1], corner[1] + side))
    frame[at] = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
    return frame


def test_the_payload_is_a_jpeg_that_any_reader_opens(system, split):
    photo = split.query.images[3]
    file = unpack(3, system.encode(photo))
    rows, columns = system.warp(photo)
    plain = picture.write(axis_warp.shrink(photo, (128, 128), rows, columns), 60)
    assert len(file) == len(plain) + 4 + 2 * system.bands
    decoded = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(decoded, picture.read(plain))
    expected = axis_warp.restore(picture.read(plain), (256, 256), rows, columns)
    np.testing.assert_array_equal(system.receive(pack(3, file)), expected)


def test_scales_follow_the_features(system, split):
    rows, columns = system.warp(small_thing(split.source.images[16]))
    kept = rows[5:11].mean(), columns[13:19].mean()  # the bands of the small photo
    idle = rows[16:].mean(), columns[:8].mean()
    assert min(kept) > 200 and max(idle) < 150


def test_the_energy_is_the_features_strength_where_they_lie():
    photo = np.full((128, 128, 3), 128, np.uint8)
    photo[32:40, 90:98] = 255
    features = detect(photo)
    energy = energy_map(features, 16)
    assert np.unravel_index(energy.argmax(), energy.shape) == (36 // 8, 94 // 8)
    assert energy.sum() == pytest.approx(features.responses.sum(), rel=1e-4)
    assert not energy_map(detect(photo * 0), 16).any()


def repeated(system, photo, quality):
    system.quality = quality
    payload = system.encode(photo)
    if isinstance(system, Retargeting):
        received = system.receive(payload)
    else:
        small = picture.read(unpack(1, payload))
        received = cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC)
    return len(payload), repeatability(photo, received)


def test_more_features_are_found_again_than_after_even_shrinking_to_as_many_bytes(split, server):
    retargeted = Retargeting(0.4, server=server).fit(split.source)
    even, gains = ScaledImage(0.4, server=server).fit(split.source), []
    for index in (0, 6, 16):
        photo = small_thing(split.source.images[index])
        size, share = repeated(retargeted, photo, 60)
        # Of the even photos that take at least as many bytes, the smallest.
        qualities = (q for q in range(50, 101, 5) if repeated(even, photo, q)[0] >= size)
        other_size, other = repeated(even, photo, next(qualities))
        assert size <= other_size
        gains.append(share - other)
    assert np.mean(gains) > 0.1, gains


def test_repeatability_is_one_for_the_same_photo_and_low_for_another(split):
    first, second = split.source.images[[3, 16]]
    assert repeatability(first, first) == 1
    assert repeatability(first, second) < 0.5
    flat = np.zeros_like(first)
    assert repeatability(first, flat) == 0 and repeatability(flat, first) == 1


@given(st.binary(max_size=60), st.booleans())
def test_garbage_in_a_valid_envelope_is_refused(system, garbage, head):
    with pytest.raises(PayloadError):
        system.search(pack(3, b"\xff\xd8" * head + garbage))


def test_missing_or_empty_scales_are_refused(system, split):
    payload = Retargeting(0.5, 60, straighten=False).encode(split.query.images[0])
    with pytest.raises(PayloadError, match="48 scales"):
        system.search(payload)
    body = bytearray(unpack(3, system.encode(split.query.images[0])))
    start = body.index(b"\xff\xfe") + 4
    body[start] = 0
    with pytest.raises(PayloadError, match="48 scales"):
        system.search(pack(3, bytes(body)))
    whole = system.encode(split.query.images[0])
    with pytest.raises(PayloadError, match="altered"):
        system.search(whole[:200] + whole[201:])


def test_it_finds_places_straightened_or_not(split, server, system):
    bent = Retargeting(0.5, 60, straighten=False, server=server).fit(split.source)
    for each in (system, bent):
        measured = measure(each, split)
        assert measured.map > 0.5 and measured.top1 > 0.6  # chance: 0.4 and a third
        assert measured.bytes < 6000


def test_a_flat_photo_is_shrunk_evenly_and_scores_nothing(system):
    flat = np.full((256, 256, 3), 128, np.uint8)
    for scales in system.warp(flat):
        assert scales.min() == 255
    np.testing.assert_array_equal(system.search(system.encode(flat)), np.zeros(24, np.float32))


def test_settings_out_of_range_are_refused(split):
    for wrong in ({"scale": 0}, {"scale": 1}, {"quality": 0}, {"bands": 1}, {"base": 0}):
        with pytest.raises(ValueError, match="need"):
            Retargeting(**wrong).fit(split.source)
    assert 2 <= len(GRID) <= 6 and all(Retargeting(**each).quality for each in GRID)
