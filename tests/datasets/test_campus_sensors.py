"""What the sensors say is true of the photo, and errs as much as is stated."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from mvs_lib.datasets import capture
from mvs_lib.datasets.campus_places import PLACES, place
from mvs_lib.datasets.campus_scene import build_scene
from mvs_lib.datasets.campus_sensors import EXPOSURE, GRAVITY, SENSORS, canyon, read_sensors
from mvs_lib.datasets.campus_shot import draw_shot

LAWN, HOUSE, TOWER = (2.0, 2.0, 0.1), (24.0, 12.0, 16.0), (8.0, 8.0, 28.0)


def scene_of(extent, index=0):
    """Return all that shots and sensors want to know of a place: where it is and how large."""
    return SimpleNamespace(place=place(index), extent=extent)


def readings(extent, count=2500, index=0, **changes):
    """Photograph a place: its scene, the shots, and the readings by sensor, arrays ``(count,)``."""
    scene = scene_of(extent, index)
    shots = [replace(draw_shot(scene, 0, k), **changes) for k in range(count)]
    rows = np.array([read_sensors(scene, shot, 0, k) for k, shot in enumerate(shots)])
    return scene, shots, dict(zip(SENSORS, rows.T, strict=True))


def standing(scene, shots):
    """Return where the visitors stand, east and north: in front is where the place looks."""
    heading = scene.place.heading
    front, right = (np.sin(heading), np.cos(heading)), (-np.cos(heading), np.sin(heading))
    eyes = np.array([shot.eye for shot in shots])
    return scene.place.position - eyes[:, 1:2] * front + eyes[:, :1] * right


def turn(a, b):
    """Return a - b, degrees, in -180..180."""
    return (a - b + 180) % 360 - 180


@pytest.fixture(scope="module", params=[LAWN, HOUSE, TOWER], ids=["lawn", "house", "tower"])
def photographed(request):
    return readings(request.param)


def test_a_reading_is_a_row_of_numbers_that_its_photo_alone_decides():
    scene = scene_of(HOUSE)
    shots = [draw_shot(scene, 0, k) for k in range(3)]
    rows = [read_sensors(scene, shot, 0, k) for k, shot in enumerate(shots)]
    assert all(row.dtype == np.float64 and row.shape == (len(SENSORS),) for row in rows)
    np.testing.assert_array_equal(read_sensors(scene, shots[1], 0, 1), rows[1])
    assert not np.array_equal(read_sensors(scene, shots[1], 1, 1), rows[1])
    assert not np.array_equal(read_sensors(scene, shots[1], 0, 1, seed=1), rows[1])


def test_the_canyon_is_deeper_before_what_is_taller_nearer_and_wider():
    eye = np.array([3.0, -15.0, 1.6])
    depths = [canyon(scene_of((20, 10, height)), eye) for height in (0, 5, 10, 20, 40)]
    assert depths[0] == 0 and (np.diff(depths) > 0).all() and depths[-1] < 1
    assert canyon(scene_of(HOUSE), eye) > canyon(scene_of(HOUSE), eye * 2)
    assert canyon(scene_of((25, 10, 16)), eye) > canyon(scene_of((8, 10, 16)), eye)
    assert canyon(scene_of((25, 10, 16)), np.array([0.0, 0, 1.6])) == 1


def test_position_errors_grow_with_the_canyon(photographed):
    scene, shots, read = photographed
    sigma = 12 + 24 * np.array([canyon(scene, shot.eye) for shot in shots])
    error = np.stack([read["east"], read["north"]], 1) - standing(scene, shots)
    known = np.isfinite(read["east"])
    for axis in (0, 1):  # Student's t of four degrees has deviation sqrt(2): its tails are heavy
        scaled = error[known, axis] / sigma[known] * np.sqrt(2)
        assert stats.kstest(scaled, stats.t(4).cdf).pvalue > 1e-3
    deviation = error[known].std()
    assert abs(deviation / np.sqrt((sigma**2).mean()) - 1) < 0.06
    if scene.extent == LAWN:
        assert 11 < deviation < 13.5
    else:
        assert 16 < deviation < 24


def test_the_phone_s_own_guess_is_right_on_average(photographed):
    scene, shots, read = photographed
    sigma = 12 + 24 * np.array([canyon(scene, shot.eye) for shot in shots])
    known = np.isfinite(read["accuracy"])
    logarithm = np.log(read["accuracy"][known] / sigma[known]) / 0.3
    assert stats.kstest(logarithm, "norm").pvalue > 1e-3


def test_positions_are_absent_more_often_in_a_canyon(photographed):
    scene, shots, read = photographed
    absent = np.isnan(read["east"])
    for sensor in ("north", "accuracy"):
        np.testing.assert_array_equal(np.isnan(read[sensor]), absent)
    chance = 0.04 + 0.3 * np.array([canyon(scene, shot.eye) for shot in shots])
    spread = np.sqrt((chance * (1 - chance)).sum())
    assert abs(absent.sum() - chance.sum()) < 4 * spread
    assert 0.03 < absent.mean() < 0.2


def test_the_campus_s_own_places_lie_within_the_stated_range():
    deep = []
    for index in (0, 1, 3, 4):  # of four kinds
        scene = build_scene(index, 0, 32)
        deep += [canyon(scene, draw_shot(scene, 0, k).eye) for k in range(50)]
    sigma, absent = 12 + 24 * np.array(deep), 0.04 + 0.3 * np.array(deep)
    assert 12 < sigma.min() and 15 < sigma.mean() < 22 and 0.04 < absent.min() < absent.max() < 0.3


def test_the_compass_errs_by_nine_degrees_and_sometimes_by_forty(photographed):
    scene, shots, read = photographed
    compass = read["compass"]
    known = np.isfinite(compass)
    assert abs((~known).mean() - 0.02) < 4 * np.sqrt(0.02 * 0.98 / len(compass))
    assert compass[known].min() >= 0 and compass[known].max() < 360
    # Before the front one looks against its heading; yaw is to the right, so clockwise.
    true = np.rad2deg(scene.place.heading + np.pi + np.array([shot.yaw for shot in shots]))
    error = turn(compass, true)[known]
    expected = 11 / 12 * stats.norm(0, 9).cdf(error) + 1 / 12 * stats.norm(0, 40).cdf(error)
    assert stats.kstest(expected, "uniform").pvalue > 1e-3
    assert abs(error.mean()) < 1.5


def test_the_compass_wraps_around_at_north():
    headings = np.array([place(index).heading for index in range(PLACES)])
    towards_north = int(np.abs(turn(np.rad2deg(headings), 180)).argmin())
    _, _, read = readings(HOUSE, 400, towards_north, yaw=0.0)
    compass = read["compass"][np.isfinite(read["compass"])]
    assert (compass < 30).any() and (compass > 330).any()
    assert np.median(np.abs(turn(compass, 0))) < 15


def test_the_accelerometer_feels_gravity_and_the_roll(photographed):
    _, shots, read = photographed
    x, y, z = (read[f"acceleration_{axis}"] for axis in "xyz")
    norm = np.sqrt(x**2 + y**2 + z**2)
    assert abs(norm.mean() - GRAVITY) < 0.02 and np.abs(norm - GRAVITY).max() < 5 * 0.15
    roll = np.array([shot.roll for shot in shots])
    assert np.ptp(roll) > 60  # to both sides
    error = np.rad2deg(np.arctan2(x, y)) - roll
    assert np.abs(error).max() < 6 and error.std() < 1.2
    pitch = np.array([shot.pitch for shot in shots])
    assert np.abs(np.arcsin(np.clip(-z / norm, -1, 1)) - pitch).max() < 0.1


def test_the_recorded_roll_is_the_condition_s(photographed):
    _, shots, _ = photographed
    for shot in shots[:200]:
        strength = shot.strengths["rotation"]
        assert shot.roll == capture.rotation_angle(strength, shot.seed)
        assert abs(shot.roll) == pytest.approx(capture.LARGEST_ROTATION * strength)


def test_the_gyroscope_feels_the_turn_that_smears(photographed):
    _, shots, read = photographed
    x, y, z = (read[f"gyroscope_{axis}"] for axis in "xyz")
    strength = np.array([shot.strengths["motion"] for shot in shots])
    focal = np.array([shot.focal for shot in shots])
    still = strength == 0
    for noise in (x[still], y[still], z):
        assert abs(noise.std() - 0.03) < 0.003 and abs(noise.mean()) < 0.004
    # During the exposure the middle of the picture wanders by focal length times tan(angle).
    wander = focal * np.tan(np.hypot(x, y) * EXPOSURE)
    stated = np.array([capture.motion_length(value) for value in strength])
    assert (~still).sum() > 100
    assert np.abs(wander - stated)[~still].max() < 5 * 0.03 * EXPOSURE * 1.2
    strong = strength > 0.3
    along = np.array([[np.cos(s.motion_angle), np.sin(s.motion_angle)] for s in shots])
    cosine = (np.stack([y, x], 1) * along).sum(1) / np.hypot(x, y)
    assert np.abs(cosine[strong]).min() > 0.98  # to and fro are one smear
    assert (cosine[strong] > 0).any() and (cosine[strong] < 0).any()


def test_turning_the_camera_as_the_gyroscope_says_moves_the_picture_along_the_smear():
    _, shots, read = readings(HOUSE, 300)
    tried = 0
    for k, shot in enumerate(shots):
        if shot.strengths["motion"] < 0.4:
            continue
        plain = replace(shot, strengths={**shot.strengths, "affine": 0.0})
        view = plain.camera
        # The phone's axes: right and top are those of the picture, the third points to the visitor.
        roll = np.deg2rad(shot.roll)
        right, down, forward = view.axes
        picture_right = right * np.cos(roll) - down * np.sin(roll)
        phone = np.array([picture_right, np.cross(-forward, picture_right), -forward])
        spin = np.array([read[f"gyroscope_{axis}"][k] for axis in "xyz"]) @ phone * EXPOSURE
        # What lay ahead stays where it is; the camera turns, so in its frame it goes the other way.
        gone = forward - np.cross(spin, forward)
        x, y, z = view.axes @ gone
        moved = view.lens @ (np.array([x, y]) / z)
        along = np.array([np.cos(shot.motion_angle), np.sin(shot.motion_angle)])
        length = capture.motion_length(shot.strengths["motion"])
        assert abs(abs(moved @ along) - length) < 0.012
        assert abs(moved[0] * along[1] - moved[1] * along[0]) < 0.012
        tried += 1
    assert tried > 10
