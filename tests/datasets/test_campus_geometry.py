"""The campus's camera, rasteriser and shadows, against slow rays and against pencil and paper."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mvs_lib.datasets import capture
from mvs_lib.datasets.campus_light import draw_light
from mvs_lib.datasets.campus_mesh import Builder
from mvs_lib.datasets.campus_mipmaps import Textures
from mvs_lib.datasets.campus_places import place
from mvs_lib.datasets.campus_raster import NEAR, Camera, rasterize, shadow_map, sun_axes
from mvs_lib.datasets.campus_shading import shade
from mvs_lib.datasets.campus_shot import CHANCES, draw_shot

SIZE = 24
AHEAD = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])  # right, down, forward: looks along y
TEXTURES = Textures().finish()


def camera(lens=((0.9, 0.0), (0.0, 0.9)), eye=(0, 0, 0), axes=AHEAD):
    return Camera(np.array(eye, float), np.array(axes, float), np.array(lens, float))


def soup(corners, two_sided=True):
    """Return triangles ``(n, 3, 3)`` as a mesh with uv of their own."""
    builder = Builder()
    uv = np.random.default_rng(1).random((len(corners), 3, 2))
    for one, at in zip(np.asarray(corners, float), uv, strict=True):
        builder.triangles([one], np.ones((1, 3, 3)), [at], two_sided=two_sided)
    return builder.mesh()


def random_corners(seed, deep, count=24):
    """Triangles in the camera's view, a few pixels wide at least; near ones may reach behind it."""
    random = np.random.default_rng(seed)
    depth = random.uniform(*deep, (count, 1, 1))
    across = random.uniform(-0.7, 0.7, (count, 1, 2)) * depth
    middle = np.concatenate([across[..., :1], depth, across[..., 1:]], 2)
    return middle + random.normal(0, 0.35, (count, 3, 3)) * depth


def rays_through(corners, origin, ways):
    """Cut rays with triangles, slowly (Möller and Trumbore, 1997).

    Returns:
        Distance in units of ``way`` (inf where missed), the corners' weights, and how far inside
        the triangle the ray passes (its least weight; negative outside), each ``(rays, n)``.
    """
    shape = len(ways), len(corners)
    distance, weights = np.full(shape, np.inf), np.zeros((*shape, 3))
    for t, (a, b, c) in enumerate(corners):
        across = np.cross(ways, c - a)
        area = across @ (b - a)
        to = origin - a
        turned = np.cross(to, b - a)
        v = (across * to).sum(1) / area
        w = (turned * ways).sum(1) / area
        weights[:, t] = np.stack([1 - v - w, v, w], 1)
        distance[:, t] = turned @ (c - a) / area
    inside = weights.min(2)
    distance[inside < 0] = np.inf
    return distance, weights, inside


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize("deep", [(1.0, 12.0), (0.3, 1.0)], ids=["ahead", "through the near plane"])
@pytest.mark.parametrize("seed", range(3))
def test_every_pixel_sees_what_a_ray_meets_first(seed, deep, two_sided):
    corners = random_corners(seed, deep)
    lens = 0.85 * capture.affine_matrix(1.0, seed)
    view = camera(lens)
    mesh = soup(corners, two_sided)
    hits = rasterize(mesh, TEXTURES, view, SIZE)
    ways = view.rays(SIZE).astype(float)
    distance, weights, inside = rays_through(corners, np.zeros((len(ways), 3)), ways)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    seen = (distance >= NEAR) & (two_sided | (ways @ normal.T < 0))
    depth = np.where(seen, distance, np.inf)
    first, found = depth.argmin(1), np.isfinite(depth).any(1)
    # Rays within a hair of an edge or of the near plane may go either way.
    doubtful = (np.abs(inside) < 1e-3).any(1) | (np.abs(distance - NEAR) < 1e-3).any(1)
    got = np.full(SIZE * SIZE, -1)
    got[hits.pixel] = hits.triangle
    expected = np.where(found, first, -1)
    assert doubtful.mean() < 0.1 and 0.2 < found.mean()
    np.testing.assert_array_equal(got[~doubtful], expected[~doubtful])
    sure = ~doubtful[hits.pixel]
    pixel, triangle = hits.pixel[sure], hits.triangle[sure]
    share = weights[pixel, triangle]
    np.testing.assert_allclose(1 / hits.nearness[sure], depth[pixel, triangle], rtol=2e-3)
    np.testing.assert_allclose(hits.weights[sure], share[:, 1:], atol=5e-3)
    uv = np.einsum("ni,nij->nj", share, mesh.uv[triangle])
    np.testing.assert_allclose(hits.uv[sure], uv, atol=5e-3)
    if deep[0] < NEAR:  # some triangles did cross the near plane, and were seen
        crosses = (corners[..., 1] < NEAR).any(1) & (corners[..., 1] > NEAR).any(1)
        assert crosses[hits.triangle].any()


def test_a_floor_underfoot_is_cut_at_the_near_plane():
    ground = [[[-50, -50, -1], [50, -50, -1], [0, 50, -1]]]
    hits = rasterize(soup(ground), TEXTURES, camera(), SIZE)
    below = np.arange(SIZE * SIZE) // SIZE >= SIZE / 2
    horizon = 0.9 * SIZE * 1 / 50  # the far corner ends a little below it
    rows = hits.pixel // SIZE
    assert below[hits.pixel].all() and rows.max() == SIZE - 1
    middle = hits.pixel[hits.pixel % SIZE == SIZE // 2] // SIZE
    assert sorted(middle) == list(range(int(SIZE / 2 + horizon + 0.5), SIZE))
    slope = ((rows + 0.5) / SIZE - 0.5) / 0.9
    np.testing.assert_allclose(hits.nearness, slope, rtol=1e-4)  # one metre below the eye


@pytest.mark.parametrize("swap", [False, True])
def test_the_nearer_of_two_walls_is_seen_whatever_their_order(swap):
    def wall(y, half):
        return [[[-half, y, -half], [half, y, -half], [0, y, half]]]

    walls = wall(9.0, 9.0) + wall(5.0, 1.0)
    hits = rasterize(soup(walls[::-1] if swap else walls), TEXTURES, camera(), SIZE)
    near = hits.triangle == (0 if swap else 1)
    np.testing.assert_allclose(1 / hits.nearness[near], 5, rtol=1e-5)
    np.testing.assert_allclose(1 / hits.nearness[~near], 9, rtol=1e-5)
    area = (2 * 0.9 * SIZE / 5) ** 2 / 2  # of the nearer triangle, in pixels
    assert abs(near.sum() - area) < 0.2 * area and (~near).sum() > near.sum()


def test_of_two_equal_walls_one_is_seen_everywhere():
    wall = [[[-9, 5, -9], [9, 5, -9], [0, 5, 9]]]
    hits = rasterize(soup(wall + wall), TEXTURES, camera(), SIZE)
    assert len(hits.pixel) and (hits.triangle == hits.triangle[0]).all()


def test_holes_of_a_cutout_let_through():
    textures = Textures()
    picture = np.full((32, 32, 4), 200, np.uint8)
    picture[:, :16, 3] = 0
    number = textures.add(picture, cutout=True)
    builder = Builder()
    leaf, wall = ([[-h, y, -h], [h, y, -h], [h, y, h], [-h, y, h]] for h, y in ((1, 4), (9, 8)))
    builder.quad(leaf, number, density=16, cutout=True)
    builder.quad(wall)
    hits = rasterize(builder.mesh(), textures.finish(), camera(), 64)
    depth, column = 1 / hits.nearness, (hits.pixel % 64 + 0.5) / 64 - 0.5
    row = (hits.pixel // 64 + 0.5) / 64 - 0.5
    within = (np.abs(column) < 0.9 / 4) & (np.abs(row) < 0.9 / 4)  # where the leaf's square lies
    leaf = within & (column > 0.01)
    assert len(hits.pixel) == 64 * 64 and 300 < leaf.sum() < 500
    np.testing.assert_allclose(depth[leaf], 4, rtol=1e-5)
    np.testing.assert_allclose(depth[~within | (column < -0.01)], 8, rtol=1e-5)


# The camera of a shot


def a_shot(**strengths):
    """Return a shot of a place as wide as a house, with these conditions only."""
    scene = SimpleNamespace(place=place(0), extent=(20.0, 10.0, 12.0))
    shot = draw_shot(scene, 0, 5)
    strengths = dict.fromkeys(CHANCES, 0.0) | strengths
    roll = capture.rotation_angle(strengths["rotation"], shot.seed)
    return replace(shot, strengths=strengths, roll=roll)


@pytest.mark.parametrize("rotation", [0.0, 0.7])
@pytest.mark.parametrize("affine", [0.0, 1.0])
def test_a_known_point_lands_on_the_predicted_pixel(rotation, affine):
    shot, size, tried = a_shot(rotation=rotation, affine=affine), 128, 0
    for point in np.random.default_rng(3).uniform([-3, -2, 2], [3, 2, 7], (8, 3)):
        x, y, z = point - shot.eye
        # By hand: turn right by yaw, up by pitch, divide by depth, roll clockwise, slant.
        right = x * np.cos(shot.yaw) - y * np.sin(shot.yaw)
        ahead = x * np.sin(shot.yaw) + y * np.cos(shot.yaw)
        depth = ahead * np.cos(shot.pitch) + z * np.sin(shot.pitch)
        up = z * np.cos(shot.pitch) - ahead * np.sin(shot.pitch)
        across, down = right / depth, -up / depth
        angle = np.deg2rad(shot.roll)
        rolled = [
            across * np.cos(angle) - down * np.sin(angle),
            across * np.sin(angle) + down * np.cos(angle),
        ]
        slant = capture.affine_matrix(affine, shot.seed)
        column, row = size / 2 + size * shot.focal * (slant @ rolled)
        if not (8 < column < size - 8 and 8 < row < size - 8):
            continue
        tried += 1
        builder = Builder()
        builder.ball(point, 4 * depth / size)
        hits = rasterize(builder.mesh(), TEXTURES, shot.camera, size)
        seen = hits.pixel % size + 0.5, hits.pixel // size + 0.5
        assert np.hypot(seen[0].mean() - column, seen[1].mean() - row) < 0.5
        # and back: that pixel's ray leads to the point
        ray = shot.camera.rays(size)[int(row) * size + int(column)].astype(float)
        assert np.linalg.norm(np.cross(ray / np.linalg.norm(ray), point - shot.eye)) < depth / size
    assert tried > 4
    assert abs(shot.camera.focal / shot.focal - np.sqrt(np.linalg.det(slant))) < 1e-9


def test_the_lens_rolls_as_the_condition_does():
    builder = Builder()
    for k, (x, z) in enumerate(np.random.default_rng(0).uniform([-9, 0], [9, 9], (40, 2))):
        builder.ball((x, 0, z), 0.7, tint=((k % 5) / 4, (k % 3) / 2, (k % 2)))
    mesh, size = builder.mesh(), 160

    def picture(shot):
        hits = rasterize(mesh, TEXTURES, shot.camera, size)
        out = np.zeros((size * size, 3), np.uint8)
        out[hits.pixel] = mesh.tint[hits.triangle] * 255
        return out.reshape(size, size, 3)

    upright = picture(a_shot())
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    disc = np.hypot(x, y) < 0.45  # the corners are mirrored there, and true here
    for condition in ("rotation", "affine"):
        shot = a_shot(**{condition: 1.0})
        lens = picture(shot)[disc].astype(float)
        warped = getattr(capture, condition)(upright, 1.0, shot.seed)[disc]
        other_way = np.linalg.inv(shot.camera.lens / shot.focal)
        wrong = capture._warp(upright, other_way)[disc]
        assert np.abs(lens - warped).mean() < 0.4 * np.abs(lens - upright[disc]).mean()
        assert np.abs(lens - warped).mean() < 0.4 * np.abs(lens - wrong).mean()


# Shadows


@pytest.mark.parametrize("seed", range(3))
def test_shadow_map_against_rays_to_the_sun(seed):
    random = np.random.default_rng(seed)
    corners = random.uniform(-20, 20, (16, 1, 3)) + random.normal(0, 8, (16, 3, 3))
    sun = random.normal((0, 0, 2))
    sun /= np.linalg.norm(sun)
    reach, size = 24.0, 20
    got = shadow_map(soup(corners), TEXTURES, sun, reach, size)
    axes = sun_axes(sun)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(axes[2], sun, atol=1e-12)
    at = ((np.arange(size) + 0.5) / size * 2 - 1) * reach
    across, along = np.meshgrid(at, at)  # columns along the first axis, rows along the second
    feet = across.reshape(-1, 1) * axes[0] + along.reshape(-1, 1) * axes[1]
    distance, _, inside = rays_through(corners, feet, np.broadcast_to(sun, feet.shape))
    height = np.where(np.isfinite(distance), distance, -1e9).max(1)
    clear = ~(np.abs(inside) < 2e-3).any(1)
    np.testing.assert_allclose(got.ravel()[clear], height[clear], atol=2e-2)
    assert clear.mean() > 0.9 and 0.1 < (height > -1e9).mean() < 0.9
    assert got.dtype == np.float32


def test_a_board_in_the_sun_throws_its_shadow_where_geometry_says():
    builder = Builder()
    low, high = 4.0, 4.2
    for z in (low, high):
        builder.quad([[-2, -2, z], [2, -2, z], [2, 2, z], [-2, 2, z]], two_sided=True)
    mesh, textures = builder.mesh(), Textures()
    scene = SimpleNamespace(
        mesh=mesh,
        normals=mesh.normals.astype(np.float32),
        ground=textures.add(np.full((8, 8, 4), 150, np.uint8)),
        textures=textures.finish(),
        ground_reach=30.0,
        ground_density=0.1,
        shadow_reach=30.0,
    )
    sun = np.array([0.6, 0.0, 0.8])
    light = replace(draw_light(np.random.default_rng(0), 0.0), weather="sun", sun=sun, density=0.0)
    light = replace(light, direct=(0.7, 0.7, 0.6), lamp=0.0, wet=0.0, lit=0.0)
    above = camera(((1.0, 0.0), (0.0, 1.0)), (0, 0, 3.5), [[1, 0, 0], [0, -1, 0], [0, 0, -1]])
    hits = rasterize(mesh, scene.textures, above, 96)
    heights = shadow_map(mesh, scene.textures, sun, 30.0, 512)
    assert len(hits.pixel) == 0  # seen from under the board: nothing but the ground
    lit = shade(scene, hits, above, light, np.zeros((0, 3)), None, 96).mean(2)
    shaded = shade(scene, hits, above, light, np.zeros((0, 3)), heights, 96).mean(2)
    dark = shaded < 0.8 * lit
    row, column = np.nonzero(dark)
    x = (column + 0.5 - 48) * 3.5 / 96
    y = -(row + 0.5 - 48) * 3.5 / 96
    shift = -sun[0] / sun[2] * low  # away from the sun, by height over tangent of its elevation
    assert x.min() < -1.7 and abs(x.max() - (2 + shift)) < 0.2
    assert y.min() < -1.6 and y.max() > 1.6
    np.testing.assert_allclose(shaded[:, 70:], lit[:, 70:])
    # From above one sees the upper board, which no shadow of its own darkens.
    above = replace(above, eye=np.array([0, 0, 9.0]))
    hits = rasterize(mesh, scene.textures, above, 96)
    lit, shaded = (
        shade(scene, hits, above, light, np.zeros((0, 3)), shadow, 96).reshape(-1, 3)[hits.pixel]
        for shadow in (None, heights)
    )
    x = np.abs(hits.pixel % 96 + 0.5 - 48) * 4.8 / 96  # the map is soft at the board's very edge
    assert (x < 1.7).sum() > 1000
    np.testing.assert_allclose(shaded[x < 1.7], lit[x < 1.7])
