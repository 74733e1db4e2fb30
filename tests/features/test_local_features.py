import cv2
import numpy as np
import pytest

from mvs_lib.features import local
from mvs_lib.features.local import LocalFeatures, describe_all, detect, root


def scene(size=160, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (size // 8, size // 8, 3)).astype(np.uint8)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)


def blob(x, y, width=200, height=100):
    image = np.full((height, width, 3), 20, np.uint8)
    cv2.circle(image, (x, y), 6, (230, 230, 230), -1, cv2.LINE_AA)
    return image


def test_positions_and_scales_are_shares_of_the_frame():
    found = detect(blob(150, 25), 1)
    np.testing.assert_allclose(found.positions, [[150 / 200, 25 / 100]], atol=0.005)
    wide = detect(cv2.resize(blob(150, 25), (400, 200), interpolation=cv2.INTER_CUBIC), 1)
    np.testing.assert_allclose(wide.positions, found.positions, atol=0.01)
    np.testing.assert_allclose(wide.scales, found.scales, rtol=0.1)
    assert 6 / 200 < found.scales[0] < 30 / 200
    assert found.positions.dtype == found.scales.dtype == found.angles.dtype == np.float32


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_angles_turn_clockwise_as_seen(degrees):
    # A blob on a ramp that grows brighter in one direction, from x (right) towards y (down).
    y, x = np.mgrid[:101, :101] - 50.0
    along = np.cos(np.deg2rad(degrees)) * x + np.sin(np.deg2rad(degrees)) * y
    grey = 110 + 1.2 * along + 50 * np.exp(-(x**2 + y**2) / 40)
    found = detect(np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, 2), 50)
    middle = np.abs(found.positions - 0.5).max(1) < 0.02
    off = np.angle(np.exp(1j * (found.angles[middle] - np.deg2rad(degrees))))
    assert middle.any() and np.abs(off).min() < np.deg2rad(8)


@pytest.mark.parametrize("kind, width", [("sift", 128), ("orb", 32)])
def test_the_strongest_come_first(kind, width):
    image = scene(240)
    found, few = detect(image, 60, kind), detect(image, 20, kind)
    assert 40 < len(found) <= 60 and found.descriptors.shape == (len(found), width)
    assert (np.diff(found.responses) <= 0).all()
    assert found.offsets.tolist() == [0, len(found)]
    if kind == "sift":  # ORB shares its number out among the scales
        for name in ("positions", "responses", "descriptors"):
            np.testing.assert_array_equal(getattr(found, name)[:20], getattr(few, name))


def test_descriptors_are_those_of_opencv():
    image = scene(seed=3)
    found = detect(image, 1000)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    points, rows = cv2.SIFT_create(1000).detectAndCompute(grey, None)
    expected = {(*point.pt, point.angle): row for point, row in zip(points, rows, strict=True)}
    assert len(found) == len(points)
    for x, y, angle in list(expected)[:20]:
        at = np.abs(found.positions * 160 - [x, y]).max(1) < 1e-3
        at &= np.abs(found.angles - np.deg2rad(angle)) < 1e-5
        assert (found.descriptors[at] == expected[x, y, angle]).all(1).any()


def test_many_photos_stand_one_after_another(tmp_path, monkeypatch):
    monkeypatch.setattr(local.paths, "cache", lambda: tmp_path)
    images = np.stack([scene(seed=1), np.full((160, 160, 3), 128, np.uint8), scene(seed=2)])
    every = describe_all(images, 40)
    assert every.offsets.tolist() == [0, 40, 40, 80]
    assert every.photo.tolist() == [0] * 40 + [2] * 40
    again = describe_all(images, 40)  # from the cache
    for index, image in enumerate(images):
        alone = detect(image, 40)
        for name in ("positions", "scales", "angles", "responses", "descriptors", "offsets"):
            np.testing.assert_array_equal(getattr(every.of(index), name), getattr(alone, name))
            np.testing.assert_array_equal(getattr(again, name), getattr(every, name))


def test_the_strongest_of_each_photo():
    random = np.random.default_rng(0)
    rows = [random.random((7, 2)), *random.random((3, 7)), random.random((7, 128))]
    few = LocalFeatures(*rows, np.array([0, 4, 4, 5, 7])).strongest(2)
    assert few.offsets.tolist() == [0, 2, 2, 3, 5]
    np.testing.assert_array_equal(few.positions, rows[0][[0, 1, 4, 5, 6]])


def test_root_makes_the_product_hellinger_s_kernel():
    descriptors = np.random.default_rng(0).integers(0, 256, (9, 128)).astype(np.uint8)
    descriptors[3] = 0
    rooted = root(descriptors)
    slow, lists = np.zeros((9, 9)), descriptors.tolist()
    for i, first in enumerate(lists):
        for j, second in enumerate(lists):
            total = max(sum(first) * sum(second), 1)
            slow[i, j] = sum((p * q / total) ** 0.5 for p, q in zip(first, second, strict=True))
    np.testing.assert_allclose(rooted @ rooted.T, slow, atol=1e-6)
    length = np.linalg.norm(rooted, axis=1)
    np.testing.assert_allclose(length, [1, 1, 1, 0, 1, 1, 1, 1, 1], atol=1e-6)
    assert rooted.dtype == np.float32


def test_flat_photos_and_wrong_requests():
    flat = detect(np.full((64, 64, 3), 9, np.uint8))
    assert len(flat) == 0 and flat.descriptors.shape == (0, 128) and flat.positions.shape == (0, 2)
    assert root(flat.descriptors).shape == (0, 128)
    with pytest.raises(ValueError, match="kind"):
        detect(scene(), 5, "surf")
    for limit in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="limit"):
            detect(scene(), limit)
    with pytest.raises(ValueError, match="uint8"):
        detect(np.zeros((8, 8)))
