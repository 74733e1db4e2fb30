import io

import numpy as np
import pytest
from PIL import Image

from mvs_lib.codes import hamming_distance
from mvs_lib.datasets import photos
from mvs_lib.deep.encoding import encode
from mvs_lib.features import global_descriptor
from mvs_lib.queries.global_bits import DLBHBits, ITQBits, LSHBits, SSDHBits, shrink, square
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import OVERHEAD, PayloadError, pack, unpack


@pytest.fixture(scope="module", params=["itq", "lsh", "ssdh"])
def fitted(request, small_world):
    """A system of 12 bits, not whole bytes, on 30 source photos of 6 flat colours."""
    system = {
        "itq": lambda: ITQBits(bits=12),
        "lsh": lambda: LSHBits(bits=12, random_state=3),
        "ssdh": lambda: SSDHBits(small_world.checkpoint),
    }[request.param]()
    return system.fit(small_world.split.source)


def test_the_payload_is_the_code_and_the_scores_are_shared_bits(fitted, small_world):
    split = small_world.split
    images = split.source.images, split.query.images
    if fitted.method == "ssdh":
        codes = [encode(small_world.network, each) for each in images]
    else:
        described = [global_descriptor.describe(each) for each in images]
        hasher = type(fitted).hasher(bits=12, random_state=fitted.random_state).fit(described[0])
        codes = [hasher.encode(each) for each in described]
    for number, image in enumerate(split.query.images):
        payload = fitted.encode(image)
        assert len(payload) == 2 + OVERHEAD
        assert unpack(19, payload) == codes[1][number].tobytes()
        shared = 12 - hamming_distance(codes[1][number : number + 1], codes[0])[0]
        np.testing.assert_array_equal(fitted.search(payload), shared)
    assert fitted.index_bytes == 2 * len(split.source)


def test_it_finds_the_colours(fitted, small_world):
    found = measure(fitted, small_world.split)
    assert min(found.map, found.top1) > 2 / 6  # chance finds one in six


def test_a_flat_photo_has_a_code_too(fitted):
    scores = fitted.search(fitted.encode(np.full((20, 30, 3), 90, np.uint8)))
    assert scores.shape == (30,) and np.isfinite(scores).all()


def test_what_is_no_code_is_refused(fitted, small_world):
    payload = fitted.encode(small_world.split.query.images[0])
    altered = bytes([payload[0], payload[1] ^ 4, *payload[2:]])
    for wrong, said in (
        (altered, "altered"),
        (pack(18, b"ab"), "system 18, not by 19"),
        (pack(19, b""), "12 bits has 2 bytes, got 0"),
        (pack(19, b"abc"), "12 bits has 2 bytes, got 3"),
        (pack(19, b"\xff\xff"), "padding"),
    ):
        with pytest.raises(PayloadError, match=said):
            fitted.search(wrong)
    with pytest.raises(ValueError, match="uint8"):
        fitted.encode(np.zeros((8, 8)))


def test_what_the_phone_keeps_is_counted(fitted, small_world):
    if fitted.method == "ssdh":
        assert fitted.client_bytes == small_world.checkpoint.stat().st_size
    else:
        assert fitted.client_bytes == 4 * 544 * (12 + 1)


@pytest.mark.parametrize("shape", [(40, 40), (40, 56), (61, 40), (32, 32)])
def test_photos_shrink_as_the_phone_shrinks_a_file(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    np.testing.assert_array_equal(shrink(image[None], 32)[0], photos.read(file.getvalue(), 32))
    side = min(shape)
    assert square(image[None]).shape == (1, side, side, 3)


def test_a_large_photo_has_the_code_of_its_shrunken_self(small_world):
    system = SSDHBits(small_world.checkpoint).fit(small_world.split.source)
    large = np.random.default_rng(1).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    assert system.encode(large) == system.encode(shrink(large[None], 32)[0])


def test_the_networks_that_ship_are_the_default(small_world, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(small_world.data))
    system = SSDHBits().fit(small_world.split.source)
    assert system.bits == 12
    with pytest.raises(FileNotFoundError, match="campus_dlbh_48"):
        DLBHBits().fit(small_world.split.source)
