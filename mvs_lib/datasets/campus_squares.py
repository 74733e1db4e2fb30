"""Squares of the campus, with several things on each: photos with several labels. See notebook 04.

The multi-label sets of the papers (MIRFLICKR-25K, NUS-WIDE) are photos of strangers, labelled by
hand. These are drawn by the campus's own pencil: a building at the back, and before it some of ten
kinds of things, trees to passers-by, with the shadows that they cast. What is drawn is known, so no
label is wrong: a photo has a label if the thing covers at least one part in 256 of it, whatever
stands in front.

Photos of one square share its building, ground and statue, and nothing that a label speaks of;
queries are taken on squares of their own. Everything follows from the seed; a smaller set is a part
of the larger one. Drawn photos are kept in ``data/cache``, square by square.
"""

from dataclasses import dataclass, replace

import numpy as np

from mvs_lib import paths
from mvs_lib.datasets.campus_ground import ground_map
from mvs_lib.datasets.campus_light import draw_light
from mvs_lib.datasets.campus_mesh import Builder, Mesh, join
from mvs_lib.datasets.campus_mipmaps import Textures
from mvs_lib.datasets.campus_places import PLACES, place, random_of
from mvs_lib.datasets.campus_props import Props, bench, car, lamp_post
from mvs_lib.datasets.campus_raster import Camera, camera_axes, rasterize
from mvs_lib.datasets.campus_scene import (
    DENSITY,
    FAR_DENSITY,
    GROUND_DENSITY,
    GROUND_REACH,
    Scene,
    shape,
)
from mvs_lib.datasets.campus_shading import shade
from mvs_lib.datasets.campus_textures import BROAD, NEEDLES, PALM
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.datasets.drawn_files import check_whole, drawn

__all__ = ["THINGS", "load"]

THINGS = {  # how large each is, metres: the farther a thing of one size is, the larger it is
    "broad-leaved tree": 7.0,
    "conifer": 7.0,
    "palm": 7.0,
    "lamp-post": 5.0,
    "bench": 1.6,
    "car": 3.0,
    "walker": 1.9,
    "cyclist": 1.9,
    "statue": 5.0,
    "fountain": 6.0,
}
CHANCE = 0.28  # of each thing to stand there
SEEN = 1 / 256  # share of the photo that a thing must cover
PHOTOS = 40  # of one square
VERSION = 3  # raise it whenever a photo changes
STREAMS = {"source": 0, "query": 1}
BEHIND = ("academic", "dormitory", "hall")  # kinds of places that may stand at the back
TREES = {"broad-leaved tree": BROAD, "conifer": NEEDLES, "palm": PALM}


@dataclass(frozen=True)
class Square:
    """Where photos are taken: what is always there, and the statue and fountain that may be."""

    scene: Scene
    statue: Mesh
    fountain: Mesh


def load(
    source: int = 3000, query: int = 600, size: int = 64, seed: int = 0, progress: bool = True
) -> Split:
    """Return photos of squares, drawn now or read from the cache.

    Args:
        source, query: how many photos, at least one of each.
        size: side of the photos in pixels, 32..512.
        seed: of all of it.
        progress: show a progress bar while drawing.

    Returns:
        `Split` whose labels are int64 ``(n, 10)``, 1 where the photo shows the thing: the names
        are those of `THINGS`. Every photo shows something.

    Raises:
        ValueError: a number out of its range.
    """
    check_whole("source", source, 1, 10**5)
    check_whole("query", query, 1, 10**5)
    check_whole("size", size, 32, 512)
    check_whole("seed", seed, 0, 2**31)
    folder = paths.cache() / f"squares-v{VERSION}-{size}px-seed{seed}"
    squares = {"source": -(-source // PHOTOS), "query": -(-query // PHOTOS)}
    tasks = {
        folder / f"{stream}{k:04}.npz": (stream, k, size, seed)
        for stream in STREAMS
        for k in range(squares[stream])
    }
    parts = dict(
        zip(
            ((stream, k) for stream, k, *_ in tasks.values()),
            drawn(_draw_square, tasks, lambda *_: PHOTOS, "squares", progress),
            strict=True,
        )
    )
    photos = []
    for stream, count in (("source", source), ("query", query)):
        images, labels = (
            np.concatenate([parts[stream, k][kind] for k in range(squares[stream])])[:count]
            for kind in ("images", "labels")
        )
        photos.append(Photos(images, labels.astype(np.int64), tuple(THINGS)))
    return Split("squares", *photos)


def _draw_square(stream: str, number: int, size: int, seed: int) -> dict[str, np.ndarray]:
    """Draw the photos of one square."""
    where = (seed, 8, STREAMS[stream], number)
    square = build_square(random_of(seed, 7, *where[2:]), size)
    images, labels = zip(
        *(draw_photo(square, random_of(*where, k), size) for k in range(PHOTOS)), strict=True
    )
    return {"images": np.stack(images), "labels": np.stack(labels)}


def build_square(random: np.random.Generator, size: int) -> Square:
    """Build a square for photos of ``size`` pixels."""
    textures, detail = Textures(), float(np.clip(size / 128, 0.5, 4))
    props, campus = Props(textures), [place(index) for index in range(PLACES)]

    def drawn(kinds, density):
        """Build a place of the campus, one of some kinds."""
        one = [one for one in campus if one.kind in kinds]
        one = one[random.integers(len(one))]
        return one, *shape(one, textures, props, int(random.integers(2**31)), density * detail)

    behind, mesh, extent = drawn(BEHIND, 2 * FAR_DENSITY)
    statue, fountain = (drawn((kind,), DENSITY)[1] for kind in ("statue", "fountain"))
    density = GROUND_DENSITY * detail
    ground = textures.add(ground_map(random, extent[0], extent[1], GROUND_REACH, density))
    scene = Scene(
        behind, extent, mesh, mesh.normals.astype(np.float32), textures.finish(), ground,
        GROUND_REACH, density, np.zeros((0, 3)), props,
    )  # fmt: skip
    return Square(scene, statue, fountain)


def draw_photo(
    square: Square, random: np.random.Generator, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one photo: uint8 ``(size, size, 3)``, and its labels, uint8 ``(10,)``, not all 0."""
    scene = square.scene
    light = draw_light(random, np.pi)
    while light.weather == "night":  # a label shall be seen
        light = draw_light(random, np.pi)
    labels = np.zeros(len(THINGS), np.uint8)
    while not labels.any():
        camera, bearings = _camera(scene, random)
        things = [number for number in range(len(THINGS)) if random.random() < CHANCE]
        things = things or [int(random.integers(len(THINGS)))]
        order = random.permutation(len(things))
        slots = (order + random.uniform(0.2, 0.8, len(things))) / len(things) * 2 - 1
        meshes = [
            _thing(square, tuple(THINGS)[number], camera, slot * bearings, random)
            for number, slot in zip(things, slots, strict=True)
        ]
        seen = replace(scene.with_more(join(meshes)), _shadows={})
        hits = rasterize(seen.mesh, seen.textures, camera, size)
        ends = np.cumsum([len(scene.mesh.corners), *(len(mesh.corners) for mesh in meshes)])
        owner = np.searchsorted(ends, hits.triangle, side="right")
        covered = np.bincount(owner, minlength=len(ends))[1:]
        labels[np.array(things)[covered >= SEEN * size**2]] = 1
    lit = shade(seen, hits, camera, light, seen.lamps, seen.shadows(light), size)
    return np.clip(lit * 255 + 0.5, 0, 255).astype(np.uint8), labels


def _camera(scene: Scene, random: np.random.Generator) -> tuple[Camera, float]:
    """Return where a visitor stands before the building, and half of the angle of view, radians."""
    focal = random.uniform(0.75, 1.0)
    yaw, pitch = random.normal(0, 0.25), random.normal(0.06, 0.03)
    eye = np.array([0.0, -scene.extent[1] / 2 - random.uniform(24, 34), random.uniform(1.4, 1.75)])
    return Camera(eye, camera_axes(yaw, pitch), focal * np.eye(2)), float(np.arctan(0.42 / focal))


def _thing(square: Square, name: str, camera: Camera, bearing: float, random) -> Mesh:
    """Put a thing where it fills a quarter to a half of the frame, in a direction, radians."""
    away = float(np.clip(camera.focal * THINGS[name] / random.uniform(0.25, 0.5), 3.5, 22))
    right, _, forward = camera.axes
    flat = forward[:2] / np.linalg.norm(forward[:2])
    x, y = camera.eye[:2] + away * (flat + np.tan(bearing) * right[:2])
    turn = float(random.uniform(-0.5, 0.5))
    if name in ("statue", "fountain"):
        return getattr(square, name).placed(turn, (x, y))
    builder, props = Builder(), square.scene.props
    if name in TREES:
        props.tree(builder, random, x, y, THINGS[name] * random.uniform(0.8, 1.2), TREES[name])
    elif name == "lamp-post":
        lamp_post(builder, x, y)
    elif name == "bench":
        bench(builder, x, y, turn)
    elif name == "car":
        car(builder, random, x, y, turn)
    else:
        kind = random.integers(6, 8) if name == "cyclist" else random.integers(6)
        props.passer(builder, int(kind), x, y, turn, random)
    return builder.mesh()
