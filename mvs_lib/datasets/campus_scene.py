"""One place of the campus with all that stands around it: its own frame, ready to be photographed.

The frame is the place's: x to the right of a viewer before the front, y away from the viewer, z up,
metres. Neighbours stand behind and beside it where the campus has them, painted more coarsely.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from mvs_lib.datasets.campus_buildings import building
from mvs_lib.datasets.campus_ground import ground_map
from mvs_lib.datasets.campus_halls import gate, greenhouse, hall, pavilion
from mvs_lib.datasets.campus_light import Light
from mvs_lib.datasets.campus_mesh import Builder, Mesh, join
from mvs_lib.datasets.campus_mipmaps import Textures
from mvs_lib.datasets.campus_places import PLACES, Place, place, random_of
from mvs_lib.datasets.campus_props import Props, bench, car, lamp_post, tree_place
from mvs_lib.datasets.campus_raster import shadow_map
from mvs_lib.datasets.campus_shop import shop
from mvs_lib.datasets.campus_statues import fountain, statue
from mvs_lib.datasets.campus_towers import tower
from mvs_lib.datasets.same_rounding import product

__all__ = ["Scene", "build_scene", "own_frame", "shape"]

DENSITY = 13.0  # texels a metre on the place itself, for photos of 128 px
FAR_DENSITY = 4.0  # on its neighbours
GROUND_DENSITY, GROUND_REACH = 7.0, 46.0  # texels a metre, metres to either side
NEIGHBOURS = 6  # the nearest ones: farther ones hide behind them
BUILDERS = {  # what builds a place of each kind; trees are planted from props instead
    "academic": building,
    "dormitory": building,
    "shop": shop,
    "tower": tower,
    "statue": statue,
    "hall": hall,
    "fountain": fountain,
    "pavilion": pavilion,
    "greenhouse": greenhouse,
    "gate": gate,
}
SHADOW_SIZE, SHADOW_REACH = 512, 48.0  # texels, metres


@dataclass(frozen=True)
class Scene:
    """What a camera before one place can see, all of it in the place's own frame.

    Attributes:
        place: whose scene it is.
        extent: width, depth and height of the place, metres.
        mesh, textures: triangles and their pictures. normals: the mesh's, float32.
        ground: the ground's texture number; it covers ``ground_reach`` metres to either side at
            ``ground_density`` texels a metre.
        lamps: ``(k, 3)``, where lamps hang. shadow_reach: of the shadow maps, metres.
        props: pictures that passers-by of single photos use.
    """

    place: Place
    extent: tuple[float, float, float]
    mesh: Mesh
    normals: np.ndarray
    textures: Textures
    ground: int
    ground_reach: float
    ground_density: float
    lamps: np.ndarray
    props: Props
    shadow_reach: float = SHADOW_REACH
    _shadows: dict = field(default_factory=dict)

    def shadows(self, light: Light) -> np.ndarray | None:
        """Return the shadow map for the light's sun, drawn once for each direction."""
        if light.direct[0] <= 0.1:
            return None
        key = tuple(np.round(light.sun, 6))
        if key not in self._shadows:
            self._shadows[key] = shadow_map(
                self.mesh, self.textures, light.sun, SHADOW_REACH, SHADOW_SIZE
            )
        return self._shadows[key]

    def with_more(self, mesh: Mesh) -> "Scene":
        """Return the scene with things that only one photo sees (they cast no shadow)."""
        normals = np.concatenate([self.normals, mesh.normals.astype(np.float32)])
        return replace(self, mesh=join([self.mesh, mesh]), normals=normals)


def own_frame(heading: float) -> np.ndarray:
    """Return the axes of a place's frame in the campus's: ``(2, 2)``, columns x and y.

    ``heading`` is where the front looks, radians clockwise from north; the campus's axes are east
    and north. So ``east_north = position + own_frame(heading) @ xy``.
    """
    sin, cos = np.sin(heading), np.cos(heading)
    return np.array([[-cos, -sin], [sin, -cos]])


def shape(one: Place, textures: Textures, props: Props, seed: int, density: float):
    """Build a place in its own frame: its mesh and its width, depth and height in metres."""
    builder, random = Builder(), random_of(seed, 2, one.index)
    if one.kind == "tree":
        extent = tree_place(builder, props, random, one.number)
    else:
        extent = BUILDERS[one.kind](builder, textures, random, density, one)
    return builder.mesh(), tuple(float(metres) for metres in extent)


def _surroundings(builder: Builder, props: Props, random, extent) -> np.ndarray:
    """Plant trees, set lamps, benches and parked cars around a place; return where lamps hang."""
    width, depth, height = extent
    small = height < 9 and width < 12
    for side in (-1, 1):  # trees beside, and sometimes one before it
        for _ in range(int(random.integers(0, 3))):
            x = side * (width / 2 + random.uniform(3, 12))
            props.tree(builder, random, x, random.uniform(-6, 10), random.uniform(4.5, 9.5))
    for _ in range(int(random.integers(2, 5))):  # and behind, seen above it or past it
        x, y = random.uniform(-1.2, 1.2) * (width / 2 + 14), depth / 2 + random.uniform(5, 20)
        props.tree(builder, random, x, y, random.uniform(6, 12))
    if not small and random.random() < 0.4:
        x = random.choice([-1, 1]) * random.uniform(0.3, 0.5) * width
        props.tree(builder, random, x, -depth / 2 - random.uniform(4, 8), random.uniform(4, 6.5))
    lamps = []
    for side in (-1, 1):
        x, y = side * random.uniform(0.25, 0.6) * width, -depth / 2 - random.uniform(3, 9)
        if random.random() < 0.7:
            lamp_post(builder, x, y)
            lamps.append((x, y, 4.7))
        if random.random() < 0.6:
            at = (side * random.uniform(2, 0.5 * width + 4), -depth / 2 - random.uniform(2, 7))
            bench(builder, *at, random.normal(0, 0.3))
    if not small:
        lamps.append((random.uniform(-2, 2), -depth / 2 - 1.5, 3.0))  # over the door
        for _ in range(int(random.integers(0, 3))):
            x = random.choice([-1, 1]) * (width / 2 + random.uniform(2, 8))
            car(builder, random, x, -depth / 2 - random.uniform(4, 14), random.normal(0, 0.25))
    return np.array(lamps or [(0.0, -depth / 2 - 3.0, 4.0)])


def build_scene(index: int, seed: int = 0, size: int = 128) -> Scene:
    """Build the scene of a place; ``size``, of its photos in pixels, sets its detail.

    Raises:
        ValueError: there is no place ``index``.
    """
    one, textures = place(index, seed), Textures()
    detail = float(np.clip(size / 128, 0.5, 4))
    props = Props(textures)
    mesh, extent = shape(one, textures, props, seed, DENSITY * detail)
    meshes = [mesh]
    others = [place(k, seed) for k in range(PLACES) if k != index]
    away = np.array([other.position for other in others]) - one.position
    near = np.argsort(np.hypot(*away.T), kind="stable")[:NEIGHBOURS]
    turn = own_frame(one.heading)
    for k in near:
        other = others[k]
        mesh, _ = shape(other, textures, props, seed, FAR_DENSITY * detail)
        meshes.append(mesh.placed(one.heading - other.heading, product(away[k : k + 1], turn)[0]))
    builder, random = Builder(), random_of(seed, 3, index)
    lamps = _surroundings(builder, props, random, extent)
    meshes.append(builder.mesh())
    density = GROUND_DENSITY * detail
    ground = textures.add(ground_map(random, extent[0], extent[1], GROUND_REACH, density))
    mesh = join(meshes)
    return Scene(
        one, extent, mesh, mesh.normals.astype(np.float32), textures.finish(), ground,
        GROUND_REACH, density, lamps, props,
    )  # fmt: skip
