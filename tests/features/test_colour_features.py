import cv2
import numpy as np
import pytest

from mvs_lib.features import local
from mvs_lib.features.colour_features import (
    DESCRIPTORS,
    DETECTORS,
    describe,
    detect,
    hues,
    opponent,
)


def scene(seed=0, size=160):
    small = np.random.default_rng(seed).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("descriptor", DESCRIPTORS)
def test_every_pair_describes_what_it_finds(detector, descriptor):
    image = scene()
    keypoints = detect(image, detector, 40)
    rows = describe(image, keypoints, descriptor)
    assert keypoints.shape[1] == 4 and 10 < len(keypoints) <= 40
    assert rows.shape == (len(keypoints), DESCRIPTORS[descriptor]) and rows.dtype == np.float32
    length = 1.5 if descriptor == "hue" else 1.0  # SIFT 1, hues half of that
    np.testing.assert_allclose((rows**2).sum(1), length, rtol=1e-4)
    np.testing.assert_array_equal(rows, describe(image, keypoints, descriptor))


def test_grey_sift_at_sift_s_own_keypoints_is_nearly_opencv_s():
    image = scene(1)
    own = local.detect(image, 60)
    keypoints = detect(image, "sift", 60)
    np.testing.assert_allclose(keypoints[:, :2] / 160, own.positions, atol=1e-6)
    alike = (describe(image, keypoints, "grey") * local.root(own.descriptors)).sum(1)
    assert np.median(alike) > 0.9  # the layer inside the octave is not known, the patch is


def test_a_repainted_photo_differs_in_colour_and_not_in_grey():
    image = scene(2)
    # Take red from where there is much and give it back to green and blue, luma unchanged.
    shift = np.rint(np.array([40.0, -40 * 0.299 / 0.587, 0])).astype(int)
    base = np.clip(image, 60, 195).astype(int)
    painted = np.clip(base + shift, 0, 255).astype(np.uint8)
    base = base.astype(np.uint8)
    keypoints = detect(base, "sift", 40)
    grey = [describe(each, keypoints, "grey") for each in (base, painted)]
    colour = [describe(each, keypoints, "hue") for each in (base, painted)]
    assert np.abs(grey[0] - grey[1]).max() < 0.08
    assert np.linalg.norm(colour[0] - colour[1], axis=1).min() > 0.2


def test_opponent_colours_are_the_slow_sums():
    image = scene(3)[:5, :7]
    red, green, blue = np.moveaxis(image.astype(float), 2, 0)
    first, second = (red - green) / np.sqrt(2), (red + green - 2 * blue) / np.sqrt(6)
    found = opponent(image).astype(float)
    np.testing.assert_allclose(found[..., 0], (first * np.sqrt(2) + 255) / 2, atol=0.51)
    np.testing.assert_allclose(found[..., 1], (second * np.sqrt(6) + 510) / 4, atol=0.51)
    np.testing.assert_allclose(found[..., 2], image.mean(2), atol=0.51)


def test_a_patch_of_one_hue_fills_one_bin_and_grey_fills_none():
    keypoints = np.array([[20.0, 20, 6, 0], [100, 20, 6, 0]])
    image = np.full((40, 120, 3), 128, np.uint8)
    image[:, :60] = [200, 60, 30]
    found = hues(image, keypoints)
    assert found[0].max() == pytest.approx(1) and (found[0] > 0).sum() == 1
    turn = np.arctan2((200 - 60) / np.sqrt(2), (200 + 60 - 60) / np.sqrt(6)) / (2 * np.pi)
    assert found[0].argmax() == int(36 * turn)
    np.testing.assert_array_equal(found[1], 0)


def test_flat_photos_and_unknown_names():
    flat = np.full((64, 64, 3), 70, np.uint8)
    for detector in DETECTORS:
        keypoints = detect(flat, detector, 10)
        assert keypoints.shape == (0, 4)
        assert describe(flat, keypoints, "opponent").shape == (0, 384)
    with pytest.raises(ValueError, match="detector"):
        detect(flat, "surf", 10)
    with pytest.raises(ValueError, match="limit"):
        detect(flat, "orb", 0)
    with pytest.raises(ValueError, match="descriptor"):
        describe(flat, np.zeros((0, 4)), "rgb")
