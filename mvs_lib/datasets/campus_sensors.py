"""What the phone's sensors say while a photo of the campus is taken.

Satellite positions are those of a town: 12 to 20 m of standard deviation, worse between tall
buildings, sometimes none at all. The compass is turned by iron nearby. The accelerometer feels
gravity and the hand, so it tells how the phone is held; the gyroscope feels the turn that smears a
photo. An absent reading is NaN.
"""

import numpy as np

from mvs_lib.datasets.campus_places import random_of
from mvs_lib.datasets.campus_scene import Scene, own_frame
from mvs_lib.datasets.campus_shot import Shot
from mvs_lib.datasets.capture import motion_length

__all__ = ["GRAVITY", "SENSORS", "read_sensors"]

GRAVITY = 9.81  # m/s^2
EXPOSURE = 1 / 30  # seconds: the time in which a smear happens
SENSORS = {
    "east": "satellite position, metres east of the campus's middle",
    "north": "satellite position, metres north of the campus's middle",
    "accuracy": "the phone's own guess of the position's standard deviation, metres",
    "compass": "where the phone looks, degrees clockwise from north, 0..360",
    "acceleration_x": "accelerometer along the phone's right, m/s^2",
    "acceleration_y": "accelerometer along the phone's top, m/s^2",
    "acceleration_z": "accelerometer out of the screen, towards the visitor, m/s^2",
    "gyroscope_x": "turn about the phone's right, rad/s",
    "gyroscope_y": "turn about the phone's top, rad/s",
    "gyroscope_z": "turn about the axis out of the screen, rad/s",
}


def canyon(scene: Scene, eye: np.ndarray) -> float:
    """Return how much of the sky the place hides from a visitor: 0 (open lawn) to 1 (its foot)."""
    width, _, height = scene.extent
    elevation = np.arctan2(height, np.hypot(*eye[:2]))
    return float(np.clip(elevation / (np.pi / 2) * (0.5 + 0.5 * min(width / 25, 1)), 0, 1))


def read_sensors(scene: Scene, shot: Shot, stream: int, number: int, seed: int = 0) -> np.ndarray:
    """Return the readings of one shot in the order of `SENSORS`: float64 ``(10,)``.

    The position's error has standard deviation 12 m on open ground and grows with `canyon` (about
    20 m before a tall front, more at its foot); in 4 to 20 % of the photos, again by `canyon`,
    there is no position. The compass errs by 9 degrees, and in one photo of twelve by 40.
    """
    random = random_of(seed, 6, scene.place.index, stream, number)
    axes, hidden = own_frame(scene.place.heading), canyon(scene, shot.eye)
    true = np.asarray(scene.place.position) + axes @ shot.eye[:2]
    sigma = 12 + 24 * hidden
    drift = random.standard_t(4, 2) / np.sqrt(2) * sigma  # heavy tails: reflected signals
    east, north = true + drift
    accuracy = sigma * float(np.exp(random.normal(0, 0.3)))
    if random.random() < 0.04 + 0.3 * hidden:
        east = north = accuracy = np.nan
    look = axes @ [np.sin(shot.yaw), np.cos(shot.yaw)]
    heading = np.rad2deg(np.arctan2(look[0], look[1]))
    iron = random.random() < 1 / 12
    compass = (heading + random.normal(0, 40 if iron else 9)) % 360
    if random.random() < 0.02:
        compass = np.nan
    # At rest an accelerometer shows the push against gravity: upright (0, g, 0). The picture
    # turns clockwise when the phone rolls the other way; looking up tips the top backwards.
    roll = np.deg2rad(shot.roll)
    hand = random.normal(0, 0.15, 3)
    acceleration = GRAVITY * np.array([
        np.sin(roll) * np.cos(shot.pitch), np.cos(roll) * np.cos(shot.pitch), -np.sin(shot.pitch),
    ]) + hand  # fmt: skip
    smear = np.arctan(motion_length(shot.strengths["motion"]) / shot.focal) / EXPOSURE
    sign = random.choice([-1, 1])
    turning = sign * smear * np.array([np.sin(shot.motion_angle), np.cos(shot.motion_angle), 0.0])
    gyroscope = turning + random.normal(0, 0.03, 3)
    return np.array([east, north, accuracy, compass, *acceleration, *gyroscope])
