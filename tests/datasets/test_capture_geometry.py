"""Turns, slants and blurs of the capture conditions, measured on blobs and points of light."""

import numpy as np
import pytest

from mvs_lib.datasets import capture
from mvs_lib.datasets.capture import CONDITIONS, apply

SEEDS = range(8)


def marked(x, y, size=65):
    """A grey photo with one bright blob, ``x`` to the right of the centre and ``y`` below it."""
    rows, columns = np.mgrid[:size, :size] - size // 2
    blob = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    return np.repeat(np.uint8(40 + 200 * blob)[..., None], 3, 2)


def found(image):
    weight = image[..., 0].astype(float) - 40
    weight[weight < 20] = 0
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]] - image.shape[0] // 2
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("strength", [0.2, 1])
def test_rotation_turns_by_the_stated_angle_clockwise(strength, seed):
    angle = capture.rotation_angle(strength, seed)
    assert abs(angle) == 45 * strength
    x, y = found(capture.rotation(marked(15, 0), strength, seed))
    # y points down, so a point to the right of the centre goes down when it turns clockwise
    assert np.rad2deg(np.arctan2(y, x)) == pytest.approx(angle, abs=1)
    assert np.hypot(x, y) == pytest.approx(15, abs=0.3)


def test_rotation_goes_to_both_sides_equally_often():
    right = sum(capture.rotation_angle(1, seed) > 0 for seed in range(200))
    assert 70 < right < 130


@pytest.mark.parametrize("name", ["rotation", "affine", "defocus", "motion"])
def test_borders_are_mirrored_not_black(name):
    for seed in SEEDS:
        plain = np.full((40, 64, 3), 200, np.uint8)
        assert (getattr(capture, name)(plain, 1, seed) == 200).all()


def test_affine_moves_points_as_its_matrix_says():
    for seed in SEEDS:
        matrix = capture.affine_matrix(0.8, seed)
        for point in ([14, 0], [0, 12], [-9, 9]):
            moved = found(capture.affine(marked(*point), 0.8, seed))
            np.testing.assert_allclose(moved, matrix @ point, atol=0.35)


def test_affine_stays_in_its_stated_limits_and_uses_them():
    drawn = np.array([capture.affine_matrix(1, seed) for seed in range(400)]) - np.eye(2)
    limits = np.array([[0.22, 0.35], [0.2, 0.22]])
    assert (np.abs(drawn) <= limits).all()
    assert (np.abs(drawn).max(0) > 0.95 * limits).all()
    halves = np.array([capture.affine_matrix(0.5, seed) for seed in range(20)]) - np.eye(2)
    np.testing.assert_allclose(halves, drawn[:20] / 2, atol=1e-12)


def spread(image):
    """Energy, centre and covariance (pixels) of a point of light on black."""
    light = image[..., 0].astype(float)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    points = np.stack([columns.ravel(), rows.ravel()])
    return light.sum(), np.average(points, 1, light.ravel()), np.cov(points, aweights=light.ravel())


def point(size=129):
    """A square of light, bright enough for a smear to keep grey levels."""
    image = np.zeros((size, size, 3), np.uint8)
    image[size // 2 - 4 : size // 2 + 5, size // 2 - 4 : size // 2 + 5] = 255
    return image


@pytest.mark.parametrize("angle", [0.0, 0.6, np.pi / 2, 2.4])
@pytest.mark.parametrize("strength", [0.5, 1])
def test_motion_smears_by_the_stated_length_in_the_stated_direction(angle, strength):
    before, after = point(), capture.motion(point(), strength, angle=angle)
    energy, centre, covariance = spread(before)
    new_energy, new_centre, new_covariance = spread(after)
    assert new_energy == pytest.approx(energy, rel=0.02)
    np.testing.assert_allclose(new_centre, centre, atol=0.1)
    length = capture.motion_length(strength) * 129
    assert length == pytest.approx(0.14 * strength * 129)
    # a smear of length L adds the variance L^2 / 12 along its direction, and almost none across;
    # samples at both very ends and their sharing among pixels widen it a little
    values, vectors = np.linalg.eigh(new_covariance - covariance)
    assert length**2 / 12 < values[1] < 1.15 * length**2 / 12
    assert abs(values[0]) < 0.5
    along = abs(vectors[:, 1] @ [np.cos(angle), np.sin(angle)])
    assert along == pytest.approx(1, abs=0.005)


def test_motion_takes_its_angle_from_the_seed_or_from_the_gyroscope():
    image = np.random.default_rng(0).integers(0, 256, (40, 64, 3)).astype(np.uint8)
    angle = np.random.default_rng([7, CONDITIONS.index("motion")]).uniform(0, np.pi)
    drawn = capture.motion(image, 0.8, 7)
    assert np.array_equal(drawn, capture.motion(image, 0.8, 0, angle))
    assert np.array_equal(apply(image, {"motion": 0.8}, 7), drawn)
    given = apply(image, {"motion": 0.8}, 7, motion_angle=1.2)
    assert np.array_equal(given, capture.motion(image, 0.8, angle=1.2))
    assert not np.array_equal(given, drawn)


@pytest.mark.parametrize("strength", [0.5, 0.75, 1])
def test_defocus_is_a_disc_of_the_stated_radius(strength):
    before, after = point(), capture.defocus(point(), strength)
    energy, centre, covariance = spread(before)
    new_energy, new_centre, new_covariance = spread(after)
    assert new_energy == pytest.approx(energy, rel=0.02)
    np.testing.assert_allclose(new_centre, centre, atol=0.05)
    # a disc of radius r has the variance r^2 / 4 in every direction
    radius = 0.03 * strength * 129
    np.testing.assert_allclose(
        new_covariance - covariance, np.eye(2) * radius**2 / 4, atol=0.08 * radius**2
    )
