import cv2
import numpy as np
import pytest

from mvs_lib.queries.surf_boxes import Blobs, integral, maxima
from mvs_lib.queries.surf_descriptor import describe, gradients, orientations


def one(x, y, scale):
    floats = (np.float32([[x, y]]), np.float32([scale]))
    return Blobs(*floats, np.array([True]), np.float32([1]))


def photo(seed=0, shape=(120, 120), blur=2.0):
    noise = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), blur), None, 0, 255, cv2.NORM_MINMAX)


def wavelet(grey, x, y, radius):
    """Sum one half, then the other, pixel by pixel; nothing beyond the photo."""
    across = down = 0
    for row in range(max(0, y - radius), min(grey.shape[0], y + radius)):
        for column in range(max(0, x - radius), min(grey.shape[1], x + radius)):
            across += int(grey[row, column]) * (1 if column >= x else -1)
            down += int(grey[row, column]) * (1 if row >= y else -1)
    return across, down


def test_wavelets_are_sums_of_halves_even_at_the_border():
    grey = photo(shape=(20, 17))
    random = np.random.default_rng(0)
    x, y = random.integers(0, 18, 40), random.integers(0, 21, 40)
    radius = random.integers(1, 7, 40)
    across, down = gradients(integral(grey), x, y, radius)
    expected = [wavelet(grey, *each) for each in zip(x, y, radius, strict=True)]
    np.testing.assert_array_equal(np.stack([across, down], 1), expected)


@pytest.mark.parametrize("degrees", range(0, 360, 40))
def test_a_ramp_points_uphill(degrees):
    y, x = np.mgrid[-60:60, -60:60]
    angle = np.deg2rad(degrees)
    ramp = (128 + 1.2 * (np.cos(angle) * x + np.sin(angle) * y)).round().astype(np.uint8)
    theta = orientations(integral(ramp), one(60, 60, 2.0))[0]
    assert abs(np.angle(np.exp(1j * (theta - angle)))) < np.deg2rad(2)


def sliding_window(across, down, weight):
    """Find SURF's own orientation: the longest sum within any window of 60 degrees."""
    angles, best = np.arctan2(down, across), (0.0, 0.0)
    for start in np.arange(-np.pi, np.pi, 0.05):
        inside = (angles - start) % (2 * np.pi) < np.pi / 3
        total = (weight * across)[inside].sum(), (weight * down)[inside].sum()
        best = max(best, (np.hypot(*total), np.arctan2(*total[::-1])))
    return best[1]


def test_the_moment_agrees_with_the_sliding_window():
    grey = photo(1, (200, 200), 8.0)
    places = np.random.default_rng(0).uniform(40, 160, (60, 2)).astype(np.float32)
    blobs = Blobs(places, np.full(60, 2, np.float32), np.ones(60, bool), np.ones(60, np.float32))
    moments, sums, apart, clear = orientations(integral(grey), blobs), integral(grey), [], []
    reach = [(i, j) for j in range(-5, 6) for i in range(-5, 6) if i * i + j * j < 36]
    weight = np.array([np.exp(-(i * i + j * j) / 12.5) for i, j in reach])
    for (x, y), scale, moment in zip(blobs.positions, blobs.scales, moments, strict=True):
        at = np.array([(x + scale * i + 1, y + scale * j + 1) for i, j in reach]).astype(int)
        across, down = gradients(sums, *at.T, max(1, round(2 * float(scale))))
        window = sliding_window(across.astype(float), down, weight)
        apart.append(abs(np.angle(np.exp(1j * (window - moment)))))
        clear.append(np.hypot(weight @ across, weight @ down) / (weight @ np.hypot(across, down)))
    apart, clear = np.array(apart), np.array(clear) > 0.7
    assert clear.sum() > 12  # elsewhere gradients point everywhere, and no direction is right
    assert np.median(apart[clear]) < np.deg2rad(12)


def test_the_descriptor_is_its_definition_sample_by_sample():
    grey, blob = photo(2), one(58.3, 61.9, 1.8)
    theta = orientations(integral(grey), blob)[0]
    cells = np.zeros((4, 4, 4))
    for row in range(20):
        for column in range(20):
            u, v = column - 9.5, row - 9.5
            x = 58.3 + 1.8 * (np.cos(theta) * u - np.sin(theta) * v)
            y = 61.9 + 1.8 * (np.sin(theta) * u + np.cos(theta) * v)
            across, down = wavelet(grey, int(np.floor(x + 1)), int(np.floor(y + 1)), 2)
            weight = np.exp(-(u * u + v * v) / (2 * 3.3**2))
            dx = weight * (np.cos(theta) * across + np.sin(theta) * down)
            dy = weight * (np.cos(theta) * down - np.sin(theta) * across)
            cells[row // 5, column // 5] += dx, abs(dx), dy, abs(dy)
    expected = cells.ravel() / np.linalg.norm(cells)
    np.testing.assert_allclose(describe(grey, blob)[0], expected, atol=2e-3)


def test_a_turned_and_brighter_photo_has_nearly_the_same_descriptors():
    grey = photo(5, (160, 160), 3.0)
    blobs, _ = maxima(grey)
    inner = (np.abs(blobs.positions - 79.5) < 45).all(1) & (blobs.scales < 4)
    blobs = Blobs(*(each[inner][:30] for each in blobs))
    turned = np.rot90(grey) // 2 + 60  # x, y become y, 159 - x
    positions = np.stack([blobs.positions[:, 1], 159 - blobs.positions[:, 0]], 1)
    others = describe(turned, Blobs(positions, *blobs[1:]))
    rows = describe(grey, blobs)
    same = (rows * others).sum(1)
    different = (rows * np.roll(others, 1, axis=0)).sum(1)
    assert len(rows) > 8 and np.median(same) > 0.97 > 0.9 > np.median(different)


def test_flat_photos_give_zeros_and_no_blobs_none():
    grey = np.full((60, 60), 80, np.uint8)
    np.testing.assert_array_equal(describe(grey, one(30, 30, 1.2)), np.zeros((1, 64)))
    assert describe(grey, maxima(grey)[0]).shape == (0, 64)
