"""Taking one photo of a place: where the visitor stands, how the phone is held, what it measures.

A *shot* is everything about one photo before it is drawn. All of it follows from the campus's seed,
the place, and the photo's number, so that no photo depends on another.
"""

from dataclasses import dataclass

import numpy as np

from mvs_lib.datasets import capture
from mvs_lib.datasets.campus_light import Light, draw_light
from mvs_lib.datasets.campus_mesh import Builder
from mvs_lib.datasets.campus_places import random_of
from mvs_lib.datasets.campus_props import car
from mvs_lib.datasets.campus_raster import Camera, camera_axes, rasterize
from mvs_lib.datasets.campus_scene import Scene
from mvs_lib.datasets.campus_shading import shade
from mvs_lib.datasets.same_rounding import product

__all__ = ["CHANCES", "Shot", "draw", "draw_shot"]

# How often each condition occurs. Its strength is then 0.1 + 0.9 u^1.6, u drawn evenly from 0..1:
# a crowd's photos, mostly passable, now and then bad.
CHANCES = {
    "flash": 0.07,
    "occlusion": 0.16,
    "rotation": 0.25,
    "affine": 0.25,
    "defocus": 0.12,
    "motion": 0.12,
    "underexposure": 0.12,
    "overexposure": 0.10,
    "noise": 0.25,
    "jpeg": 0.45,
}


@dataclass(frozen=True)
class Shot:
    """One photo before it is drawn.

    Attributes:
        eye: ``(3,)`` metres in the place's frame.
        yaw, pitch: radians; yaw 0 looks along y, positive to the right; pitch positive upwards.
        roll: degrees, clockwise positive, of the picture (the condition ``rotation``).
        focal: in frame widths.
        light: the weather.
        strengths: of each capture condition, 0..1.
        motion_angle: direction of a smear in the picture, radians.
        crowd: what passes by: a seed for it.
        seed: of the capture conditions' own draws.
    """

    eye: np.ndarray
    yaw: float
    pitch: float
    roll: float
    focal: float
    light: Light
    strengths: dict[str, float]
    motion_angle: float
    crowd: tuple[int, ...]
    seed: tuple[int, ...]

    @property
    def camera(self) -> Camera:
        """The pinhole camera; roll and affine slant are in its lens, so borders show the truth."""
        angle = np.deg2rad(self.roll)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        slant = capture.affine_matrix(self.strengths["affine"], self.seed)
        return Camera(
            self.eye, camera_axes(self.yaw, self.pitch), product(self.focal * slant, turn)
        )


def draw_shot(scene: Scene, stream: int, number: int, seed: int = 0) -> Shot:
    """Decide how photo ``number`` of a place is taken.

    ``stream`` is 0 for source photos and 1 for queries: the two never share a draw.
    """
    random = random_of(seed, 4, scene.place.index, stream, number)
    width, depth, height = scene.extent
    focal = float(random.uniform(0.72, 1.05))
    around = float(np.clip(random.normal(0, 0.42), -1.0, 1.0))
    seen = width * np.cos(around) + depth * abs(np.sin(around))
    fills = random.uniform(0.55, 1.15)  # share of the frame that the place's larger side takes
    distance = focal * max(seen / fills, height / (fills * 1.05))
    distance = float(np.clip(distance, 5.5, 44.0))
    front = depth / 2 if width > 8 else 0.0
    eye = np.array([
        distance * np.sin(around), -front * 0.6 - distance * np.cos(around),
        random.uniform(1.35, 1.75),
    ])  # fmt: skip
    aim = np.array([
        random.normal(0, 0.09) * seen, -front * 0.4, height * random.uniform(0.32, 0.55),
    ])  # fmt: skip
    way = aim - eye
    yaw = float(np.arctan2(way[0], way[1]) + random.normal(0, 0.03))
    pitch = float(np.arctan2(way[2], np.hypot(way[0], way[1])) + random.normal(0, 0.03))
    light = draw_light(random, np.pi)  # the front looks along -y, which is heading pi here
    strengths = {
        name: float(0.1 + 0.9 * random.random() ** 1.6) if random.random() < chance else 0.0
        for name, chance in CHANCES.items()
    }
    photo = (seed, 6, scene.place.index, stream, number)
    return Shot(
        eye, yaw, pitch, capture.rotation_angle(strengths["rotation"], photo), focal, light,
        strengths, float(random.uniform(0, np.pi)), (seed, 5, *photo[2:]), photo,
    )  # fmt: skip


def _passing(scene: Scene, shot: Shot):
    """Return what happens to pass by: people and cars between the visitor and the place."""
    random = np.random.default_rng(list(shot.crowd))
    people = int(random.choice([0, 1, 2, 3, 4], p=[0.3, 0.3, 0.2, 0.12, 0.08]))
    driving = random.random() < 0.12 and scene.extent[0] > 9
    builder = Builder()
    middle = np.array([0.0, -scene.extent[1] / 2])
    for _ in range(people):
        share = random.uniform(0.35, 0.95)  # of the way to the place
        at = shot.eye[:2] + share * (middle - shot.eye[:2])
        aside = random.normal(0, 0.3) * np.hypot(*(at - shot.eye[:2]))
        x, y = at + aside * np.array([np.cos(shot.yaw), -np.sin(shot.yaw)])
        if np.hypot(x - shot.eye[0], y - shot.eye[1]) > 3.5:
            scene.props.passer(builder, int(random.integers(8)), x, y, -shot.yaw, random)
    if driving:
        at = shot.eye[:2] + random.uniform(0.5, 0.8) * (middle - shot.eye[:2])
        x = at[0] + random.normal(0, 0.25) * np.hypot(*(at - shot.eye[:2]))
        if np.hypot(x - shot.eye[0], at[1] - shot.eye[1]) > 6:
            car(builder, random, x, at[1], random.normal(0, 0.15))
    return builder.mesh()


def draw(scene: Scene, shot: Shot, size: int = 128) -> np.ndarray:
    """Draw a shot: uint8 ``(size, size, 3)``, with its capture conditions."""
    seen, camera = scene.with_more(_passing(scene, shot)), shot.camera
    hits = rasterize(seen.mesh, seen.textures, camera, size)
    heights = scene.shadows(shot.light)
    lit = shade(seen, hits, camera, shot.light, scene.lamps, heights, size)
    photo = np.clip(lit * 255 + 0.5, 0, 255).astype(np.uint8)
    done = {"rotation": 0.0, "affine": 0.0}  # in the lens already
    return capture.apply(photo, shot.strengths | done, shot.seed, shot.motion_angle)
