import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.datasets import campus
from mvs_lib.queries import picture
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import OVERHEAD, PayloadError, pack, unpack
from mvs_lib.queries.scaled_image import GRID, ScaledImage
from mvs_lib.queries.server import BagOfWordsServer


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def system(split):
    return ScaledImage(0.5, 60, BagOfWordsServer(words=300)).fit(split.source)


@pytest.mark.parametrize("kind", [".jpg", ".webp"])
def test_a_picture_comes_back_as_any_decoder_reads_it(split, kind):
    file = picture.write(split.query.images[0], 80, kind)
    peer = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(picture.read(file), peer)
    near = np.abs(picture.read(file) - split.query.images[0].astype(float)).mean()
    assert near < 12 and len(file) < len(picture.write(split.query.images[0], 95, kind))


def test_a_thumbnail_is_smaller_as_webp(split):
    thumbnail = cv2.resize(split.query.images[0], (32, 32), interpolation=cv2.INTER_AREA)
    assert 2 * len(picture.write(thumbnail, 40, ".webp")) < len(picture.write(thumbnail, 40))


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match="uint8"):
        picture.write(np.zeros((4, 4), np.uint8), 50)
    for quality, kind in ((0, ".jpg"), (101, ".jpg"), (50, ".bmp")):
        with pytest.raises(ValueError, match="quality"):
            picture.write(np.zeros((4, 4, 3), np.uint8), quality, kind)


def claiming(kind, width, height):
    """Return the file of a small photo whose header claims another size."""
    file = bytearray(picture.write(np.full((16, 16, 3), 90, np.uint8), 50, kind))
    if kind == ".webp":
        file[26:30] = struct.pack("<HH", width, height)
    else:
        at = file.index(b"\xff\xc0") + 5  # marker, length, depth
        file[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(file)


@pytest.mark.parametrize(
    ("kind", "width", "height"),
    [
        (".jpg", 60_000, 60_000), (".jpg", 16, 4097), (".jpg", 10_000, 9_000),
        (".webp", 16_383, 16_383), (".webp", 4097, 16), (".jpg", 0, 16), (".webp", 16, 0),
    ],
)  # fmt: skip
def test_a_photo_that_claims_too_much_is_refused_before_it_is_decoded(
    system, monkeypatch, kind, width, height
):
    hostile = claiming(kind, width, height)
    assert len(hostile) < 1000
    decoded = []
    monkeypatch.setattr(picture.cv2, "imdecode", lambda *given: decoded.append(given))
    with pytest.raises(PayloadError, match=r"pixels|too large|damaged"):
        picture.read(hostile)
    with pytest.raises(PayloadError):
        system.search(pack(1, hostile))
    assert not decoded


@pytest.mark.parametrize("kind", [".jpg", ".webp"])
def test_photos_up_to_the_largest_are_read(kind):
    for width, height in ((4096, 3), (7, 4096), (1, 1)):
        file = picture.write(np.zeros((height, width, 3), np.uint8), 30, kind)
        assert picture.read(file).shape == (height, width, 3)


def test_another_kind_of_webp_is_refused():
    _, lossless = cv2.imencode(".webp", np.zeros((8, 8, 3), np.uint8), [64, 101])
    assert lossless.tobytes()[12:16] == b"VP8L"
    with pytest.raises(PayloadError, match="no JPEG or WebP"):
        picture.read(lossless.tobytes())


def test_the_server_takes_the_systems_seed(split):
    small = split.source.take(slice(0, None, 2))
    centres = [
        ScaledImage(random_state=seed).fit(small).server_.vocabulary_.centres_ for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(centres[0], centres[1])
    assert np.abs(centres[0] - centres[2]).max() > 0
    given = BagOfWordsServer(words=50, random_state=7)
    assert ScaledImage(server=given, random_state=3).fit(small).server_.random_state == 7


def test_the_payload_is_the_file_of_the_shrunk_photo(system, split):
    photo = split.query.images[1]
    payload = system.encode(photo)
    body = unpack(1, payload)
    shrunk = cv2.resize(photo, (128, 128), interpolation=cv2.INTER_AREA)
    assert body == picture.write(shrunk, 60) and len(payload) == len(body) + OVERHEAD
    assert picture.read(body).shape == (128, 128, 3)


def test_the_server_scores_the_decoded_photo(system, split):
    payload = system.encode(split.query.images[1])
    decoded = picture.read(unpack(1, payload))
    large = cv2.resize(decoded, (256, 256), interpolation=cv2.INTER_CUBIC)
    expected = system.server_.score_image(large)
    np.testing.assert_array_equal(system.search(payload), expected)
    assert np.abs(expected - system.server_.score_image(split.query.images[1])).max() > 0


@given(st.binary(max_size=60), st.sampled_from([b"", b"\xff\xd8", b"RIFF\0\0\0\0WEBP"]))
def test_garbage_in_a_valid_envelope_is_refused(system, garbage, head):
    with pytest.raises(PayloadError):
        system.search(pack(1, head + garbage))


def test_an_altered_payload_is_refused(system, split):
    payload = bytearray(system.encode(split.query.images[0]))
    payload[len(payload) // 2] ^= 1
    with pytest.raises(PayloadError, match="altered"):
        system.search(bytes(payload))


def test_it_finds_places_with_fewer_bytes_at_a_lower_quality(split):
    server = BagOfWordsServer(words=300)
    whole = measure(ScaledImage(1.0, 90, server).fit(split.source), split)
    small = measure(ScaledImage(0.5, 60, server).fit(split.source), split)
    assert whole.map > 0.52 and whole.top1 > 0.6  # chance: 0.4 and a third
    assert small.bytes < 0.3 * whole.bytes and small.map > 0.5


def test_a_flat_photo_scores_nothing(system):
    flat = np.full((256, 256, 3), 128, np.uint8)
    np.testing.assert_array_equal(system.search(system.encode(flat)), np.zeros(24, np.float32))


def test_settings_out_of_range_are_refused(split):
    for scale, quality in ((0, 50), (1.5, 50), (0.5, 0), (0.5, 101)):
        with pytest.raises(ValueError, match="scale"):
            ScaledImage(scale, quality).fit(split.source)
    assert all(ScaledImage(**settings).quality for settings in GRID) and 2 <= len(GRID) <= 6
