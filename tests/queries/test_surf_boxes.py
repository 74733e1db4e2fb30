import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from mvs_lib.queries.surf_boxes import LAYERS, Region, _hopeless, hessian, integral, maxima
from mvs_lib.queries.surf_traffic import CACHE, Traffic


def filters(size):
    """Draw the three filters of Bay et al. (2008), figure 2, weight by weight."""
    lobe, half = size // 3, size // 2
    dyy = np.zeros((size, size))
    across = slice(half - lobe + 1, half + lobe)
    for third, weight in enumerate((1, -2, 1)):
        dyy[third * lobe : (third + 1) * lobe, across] = weight
    dxy = np.zeros((size, size))
    before, behind = slice(half - lobe, half), slice(half + 1, half + lobe + 1)
    dxy[before, before] = dxy[behind, behind] = 1
    dxy[before, behind] = dxy[behind, before] = -1
    return dyy.T, dyy, dxy


def test_the_smallest_filter_is_the_one_in_the_paper():
    dxx, dyy, dxy = filters(9)
    assert dyy.any(1).all() and dyy.any(0).sum() == 5  # 9 x 5
    for each in (dxx, dyy, dxy):
        assert each.sum() == 0
    np.testing.assert_array_equal(dxx, dyy[:, ::-1].T)


@pytest.mark.parametrize(("size", "step"), [(9, 1), (15, 2), (21, 1), (27, 4), (39, 2), (51, 4)])
def test_boxes_answer_as_an_explicit_convolution(size, step):
    grey = np.random.default_rng(size).integers(0, 256, (70, 66)).astype(np.uint8)
    half = size // 2
    region = Region(half, 70 - half, half, 66 - half, step)
    for found, kernel in zip(hessian(integral(grey), size, region), filters(size), strict=True):
        expected = correlate2d(grey.astype(float), kernel, "valid")[::step, ::step] / size**2
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def blobs_as_rows(blobs):
    return np.c_[blobs.positions, blobs.scales, blobs.signs, blobs.responses]


def half_flat(seed, shape):
    """A photo of soft noise, flat on its left, as sky is."""
    noise = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    photo = cv2.GaussianBlur(noise, (0, 0), 2.5)
    photo = cv2.normalize(photo, None, 0, 255, cv2.NORM_MINMAX)
    photo[:, : shape[1] // 2] = 90
    return photo


@settings(max_examples=12)
@given(
    st.integers(0, 1000),
    st.tuples(st.integers(20, 150), st.integers(20, 150)),
    st.sampled_from([12, 32, 64, 128]),
)
def test_tiles_find_what_the_whole_photo_finds_to_the_last_bit(seed, shape, tile):
    photo = half_flat(seed, shape)
    whole, _ = maxima(photo, 20.0, tile=None)
    tiled, _ = maxima(photo, 20.0, tile=tile)
    np.testing.assert_array_equal(blobs_as_rows(tiled), blobs_as_rows(whole))


def test_flat_tiles_are_skipped_without_loss():
    photo = half_flat(0, (192, 256))
    whole, _ = maxima(photo, tile=None)
    tiled, traffic = maxima(photo, tile=32)
    assert len(whole.scales) > 20 and traffic.skipped > 10
    np.testing.assert_array_equal(blobs_as_rows(tiled), blobs_as_rows(whole))
    dim, more = maxima(photo // 8 + 100, tile=32, flat=2.0)
    assert more.skipped > traffic.skipped and len(dim.scales) <= len(whole.scales)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 60), st.floats(0.3, 4))
def test_no_answer_exceeds_what_the_early_exit_promises(seed, contrast, blur):
    noise = np.random.default_rng(seed).random((40, 44)).astype(np.float32)
    soft = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), blur), None, 0, contrast, cv2.NORM_MINMAX)
    patch = soft.astype(np.uint8)
    most = 0.0
    for size in (15, 21, 27):
        half = size // 2
        dxx, dyy, dxy = hessian(integral(patch), size, Region(half, 40 - half, half, 44 - half, 1))
        most = max(most, float((dxx * dyy - (0.9 * dxy) ** 2).max()))
    assert not _hopeless(patch, 5, 0.999 * most - 1e-6)
    assert _hopeless(patch, 5, 256.0**2)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("spread", [2.5, 5.0, 9.0])
def test_a_gaussian_blob_is_found_with_its_place_size_and_sign(sign, spread):
    y, x = np.mgrid[:160, :160]
    centre = np.array([80.3, 77.6])
    blob = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * spread**2))
    blobs, _ = maxima((128 + sign * 110 * blob).round().astype(np.uint8))
    assert np.linalg.norm(blobs.positions[0] - centre) < 0.35 * spread
    assert 0.7 < blobs.scales[0] / spread < 1.3
    assert blobs.signs[0] == (sign > 0)
    assert (np.diff(blobs.responses) <= 0).all()


def test_every_blob_is_the_highest_of_its_neighbours():
    photo = half_flat(3, (64, 60))
    blobs, _ = maxima(photo, 20.0)
    first = LAYERS[0]
    region = Region(13, 64 - 13, 13, 60 - 13, 1)
    stack = []
    for size in first:
        dxx, dyy, dxy = hessian(integral(photo), size, region)
        stack.append(dxx * dyy - np.float32(0.9) ** 2 * dxy**2)
    stack = np.array(stack)
    highest = set()
    for layer in (1, 2):
        for row in range(1, stack.shape[1] - 1):
            for column in range(1, stack.shape[2] - 1):
                around = stack[layer - 1 : layer + 2, row - 1 : row + 2, column - 1 : column + 2]
                if stack[layer, row, column] == around.max() > 20:
                    highest.add((column + 13, row + 13))
    found = {tuple(place) for place in np.rint(blobs.positions[blobs.scales < 3.2]).astype(int)}
    assert len(highest) > 3 and found <= highest
    assert len(found) >= 0.5 * len(highest)


def test_the_traffic_is_counted_by_its_model():
    traffic = Traffic(cache=1000)
    traffic.read(600)
    traffic.sum((20, 30))  # 2,400 bytes do not fit
    traffic.sweep((5, 7), size=9, step=2, width=30)  # nor do 10 rows of 120 bytes
    assert traffic.lookups == 32 * 35 and traffic.transferred == 600 + 2400 + 5 * 10 * 120
    traffic = Traffic(cache=2000)
    traffic.sum((20, 30))
    traffic.sweep((5, 7), size=9, step=2, width=30)  # 10 rows fit: each fetched once
    assert traffic.transferred == 2400 + (4 * 2 + 10) * 120
    traffic = Traffic()
    traffic.sum((20, 30))
    traffic.sweep((5, 7), size=9, step=2, width=30)
    assert traffic.transferred == 0 and CACHE > 2400


def test_tiles_move_a_fraction_of_the_bytes():
    photo = half_flat(0, (384, 384))
    (_, whole), (_, tiled) = maxima(photo, tile=None), maxima(photo, tile=128)
    assert tiled.transferred < whole.transferred / 5
    assert tiled.lookups < 1.1 * whole.lookups


def test_small_and_wrong_photos():
    for shape in ((1, 1), (26, 40), (29, 29)):
        blobs, _ = maxima(np.zeros(shape, np.uint8))
        assert blobs_as_rows(blobs).shape == (0, 5)
    with pytest.raises(ValueError, match="uint8"):
        maxima(np.zeros((40, 40)))
    for tile in (0, 10, -4):
        with pytest.raises(ValueError, match="multiple of 4"):
            maxima(np.zeros((40, 40), np.uint8), tile=tile)
