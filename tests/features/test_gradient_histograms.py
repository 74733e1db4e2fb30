import cv2
import numpy as np
import pytest

from mvs_lib.features.gradient_histograms import bins, cells, describe, patches
from mvs_lib.features.local import LocalFeatures, detect


def scene(size=200, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (size // 8, size // 8, 3)).astype(np.uint8)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)


def feature(x, y, scale, angle):
    one = np.ones(1, np.float32)
    descriptors = np.zeros((1, 128), np.uint8)
    place = np.float32([[x, y]])
    return LocalFeatures(place, scale * one, angle * one, one, descriptors, np.array([0, 1]))


def test_an_upright_patch_of_the_photo_s_own_scale_is_a_piece_of_the_photo():
    image = scene()
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    # 24 pixels a side are 4 pixels of diameter; the middle lies between pixels 99 and 100.
    (cut,) = patches(image, feature(99.5 / 200, 99.5 / 200, 4 / 200, 0.0))
    np.testing.assert_allclose(cut, grey[87:113, 87:113], atol=1)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_patch_turns_with_the_photo(quarter):
    image = scene()
    places = detect(image, 40)
    turned = np.ascontiguousarray(np.rot90(image, -quarter))  # clockwise
    again = detect(turned, 40)
    x, y = (places.positions * 200).T
    for _ in range(quarter):
        x, y = 199 - y, x
    apart = np.hypot(
        *((again.positions * 200)[None] - np.stack([x, y], 1)[:, None]).transpose(2, 0, 1)
    )
    turn = places.angles[:, None] + quarter * np.pi / 2 - again.angles[None]
    same = (apart < 1.5) & (np.cos(turn) > 0.99)
    same &= np.abs(places.scales[:, None] / again.scales[None] - 1) < 0.05
    old, new = np.nonzero(same)
    assert len(old) > 10
    first, second = describe(image, places)[old], describe(turned, again)[new]
    matched = np.abs(first - second).sum((1, 2)).mean()
    others = np.abs(first - np.roll(second, 7, axis=0)).sum((1, 2)).mean()
    assert matched < 0.35 * others


def test_contrast_and_brightness_cancel_out():
    image = scene() // 2 + 40
    places = detect(image, 30)
    darker = (image // 2).astype(np.uint8)
    apart = np.abs(describe(image, places) - describe(darker, places)).sum(2).mean()
    assert apart < 0.06
    brighter = (image + 60).astype(np.uint8)  # up to 227: nothing is clipped
    np.testing.assert_array_equal(describe(image, places), describe(brighter, places))


@pytest.mark.parametrize("number", [9, 13, 17])
def test_histograms_are_the_slow_sums(number):
    image = scene(seed=1)
    places = detect(image, 5)
    found = describe(image, places, number, m=7, radius=1.2)
    assert found.shape == (len(places), number, 7)
    np.testing.assert_allclose(found.sum(2), 1, rtol=1e-5)
    cut = patches(image, places)[0]
    dx, dy = cut[1:-1, 2:] - cut[1:-1, :-2], cut[2:, 1:-1] - cut[:-2, 1:-1]
    gradients = np.stack([dx.ravel(), dy.ravel()], 1)
    gradients = gradients / np.sqrt((gradients**2).sum(1).mean())
    slow = np.zeros((number, 7))
    for pixel, gradient in enumerate(gradients):
        nearest = ((bins(7, 1.2) - gradient) ** 2).sum(1).argmin()
        slow[:, nearest] += cells(number)[:, pixel]
    np.testing.assert_allclose(found[0], slow, atol=2e-3)


def test_the_cells_overlap_and_lie_where_they_should():
    layout = cells(9).reshape(9, 24, 24)
    axis = (np.arange(24) + 0.5) / 12 - 1
    x, y = (layout.sum(1) * axis).sum(1), (layout.sum(2) * axis).sum(1)
    assert np.hypot(x[0], y[0]) < 1e-6
    inner, outer = np.hypot(x[1:5], y[1:5]), np.hypot(x[5:], y[5:])
    assert np.ptp(inner) < 1e-5 and np.ptp(outer) < 1e-5 and inner.max() < outer.min()
    assert (layout[0] * layout[1]).sum() > 0.1 * (layout[0] ** 2).sum()


def test_a_flat_photo_and_wrong_layouts():
    flat = np.full((64, 64, 3), 90, np.uint8)
    assert describe(flat, detect(flat)).shape == (0, 9, 5)
    lone = describe(flat, feature(0.5, 0.5, 0.1, 1.0))
    np.testing.assert_allclose(lone[..., 0], 1)  # all of it is flat
    with pytest.raises(ValueError, match="9, 13 and 17"):
        cells(10)
    for m, radius in ((2, 1.0), (5, 0.0), (5, np.nan)):
        with pytest.raises(ValueError, match="m >= 3"):
            bins(m, radius)
