"""Light on the campus: sun and shadow, sky and clouds, fog, wet roads, windows at night.

Colours are 0..1 float32 as the camera shows them (no gamma is undone: cheap, and it looks right).
"""

import cv2
import numpy as np

from mvs_lib.datasets.campus_canvas import soft_noise
from mvs_lib.datasets.campus_light import Light
from mvs_lib.datasets.campus_raster import Camera, sun_axes
from mvs_lib.datasets.same_rounding import exponential, product, whole_power

__all__ = ["shade"]

FAR_LAWN = (0.38, 0.47, 0.27)  # the ground beyond the painted one


def _noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    tile = soft_noise()
    n = np.float32(len(tile))
    where = (np.mod(x, 1) * n).astype(np.float32), (np.mod(y, 1) * n).astype(np.float32)
    wide = len(where[0])
    rows = max(1, -(-wide // 4096))  # remap takes pictures, so fold the list
    folded = [np.resize(a, rows * 4096).reshape(rows, 4096) for a in where]
    return cv2.remap(tile, *folded, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP).ravel()[:wide]


def _colour(values) -> np.ndarray:
    return np.float32(values)


def _sky(light: Light, way: np.ndarray) -> np.ndarray:
    """Return the colour of the sky in directions ``(n, 3)``: a gradient, the sun's halo, clouds."""
    up = np.maximum(way[:, 2], 0)
    mix = np.sqrt(up)[:, None]
    out = _colour(light.horizon) * (1 - mix) + _colour(light.zenith) * mix
    if light.glow:
        near = np.maximum(product(way, light.sun.astype(np.float32)), 0)
        halo = 0.3 * whole_power(near, 8) + 0.9 * whole_power(near, 160)
        out += (light.glow * halo)[:, None] * _colour(light.direct)
    if light.cover:
        x, y = (way[:, k] / (up + np.float32(0.16)) * np.float32(0.085) for k in (0, 1))
        x, y = x + np.float32(light.shift[0]), y + np.float32(light.shift[1])
        value = _noise(x, y) + np.float32(light.cover - 1)
        thick = np.clip(value * 4.5, 0, 1) * np.clip(up * 10, 0, 1)
        dark = np.clip((_noise(x + 0.015, y + 0.015) + np.float32(light.cover - 1.12)) * 2, 0, 1)
        cloud = _colour(light.cloud) + (_colour(light.shade) - _colour(light.cloud)) * dark[:, None]
        out += (cloud - out) * thick[:, None]
    return out


def _sunshine(light: Light, heights: np.ndarray, reach: float, points: np.ndarray) -> np.ndarray:
    """Share of the sun that reaches points, 0..1, from the (already softened) shadow map."""
    axes = sun_axes(light.sun).astype(np.float32)
    size = len(heights)
    at = product(points, axes.T)
    column = at[:, 0] * (size / (2 * reach)) + size / 2 - 0.5
    row = at[:, 1] * (size / (2 * reach)) + size / 2 - 0.5
    inside = (column > 1) & (column < size - 2) & (row > 1) & (row < size - 2)
    column, row = np.clip(column, 1, size - 2), np.clip(row, 1, size - 2)
    c, r = column.astype(np.int32), row.astype(np.int32)
    fx, fy = column - c, row - r
    limit = at[:, 2] + np.float32(0.4)
    flat, base = heights.ravel(), r * size + c
    light_at = [(flat[base + step] <= limit).astype(np.float32) for step in (0, 1, size, size + 1)]
    top = light_at[0] * (1 - fx) + light_at[1] * fx
    bottom = light_at[2] * (1 - fx) + light_at[3] * fx
    return np.where(inside, top * (1 - fy) + bottom * fy, 1)


def shade(scene, hits, camera: Camera, light: Light, lamps, heights, size: int) -> np.ndarray:
    """Colour every pixel: float32 ``(size, size, 3)``, 1 is white (more is possible).

    Args:
        scene: has ``mesh``, ``normals``, ``textures``, ``ground`` (a texture's number), its
            ``ground_reach`` and ``ground_density``, and ``shadow_reach``.
        hits: from `campus_raster.rasterize`; where nothing is hit, ground or sky is seen.
        lamps: ``(k, 3)`` metres. heights: shadow map over ``scene.shadow_reach``, or None.
    """
    rays = camera.rays(size)
    long = np.sqrt(np.einsum("ni,ni->n", rays, rays))[:, None]
    ways = rays / long
    haze = _colour(light.haze)
    free = np.ones(size * size, bool)
    free[hits.pixel] = False
    out = np.empty((size * size, 3), np.float32)

    above = np.flatnonzero(free & (rays[:, 2] >= -1e-3))
    sky = _sky(light, ways[above])
    thickness = 60 * exponential(-6 * np.maximum(ways[above, 2], 0))  # metres of fog
    veil = 1 - exponential(-light.density * thickness)[:, None]
    out[above] = sky + (haze - sky) * veil

    # What is solid: the n pixels that see the mesh, then those that see the ground.
    floor = np.flatnonzero(free & (rays[:, 2] < -1e-3))
    depth = np.concatenate([1 / hits.nearness, -np.float32(camera.eye[2]) / rays[floor, 2]])
    pixels = np.concatenate([hits.pixel, floor])
    way, n = ways[pixels], len(hits.pixel)
    points = rays[pixels] * depth[:, None] + camera.eye.astype(np.float32)
    normal, facing = _normals(scene, hits, way)
    slant = np.sqrt(np.maximum(np.abs(facing), 0.04))
    footprint = depth / np.float32(camera.focal * size) / slant  # of a pixel, metres

    colour = np.concatenate([
        _mesh_colour(scene, hits, footprint[:n]),
        _ground_colour(scene, points[n:], depth[n:], footprint[n:]),
    ])  # fmt: skip
    colour *= _received(scene, hits, light, lamps, heights, points, normal)
    _glass(scene, hits, light, footprint, way, normal, facing, colour)
    if light.wet:
        turned = way[n:] * _colour((1, 1, -1))
        shine = light.wet * (0.12 + 0.5 * whole_power(1 - turned[:, 2:], 5))
        colour[n:] += (0.85 * _sky(light, turned) - colour[n:]) * np.minimum(shine, 0.65)
    veil = 1 - exponential(-light.density * depth * long[pixels, 0])[:, None]
    out[pixels] = colour + (haze - colour) * veil
    return out.reshape(size, size, 3)


def _normals(scene, hits, way):
    """Return unit normals and their cosine with the ray; the ground's normals point up."""
    n, mesh, triangle = len(hits.pixel), scene.mesh, hits.triangle
    w1, w2 = hits.weights[:, :1], hits.weights[:, 1:]
    a, b, c = scene.normals[triangle].transpose(1, 0, 2)
    normal = np.empty((len(way), 3), np.float32)
    normal[:n] = a + (b - a) * w1 + (c - a) * w2
    normal[:n] /= np.sqrt(np.einsum("ni,ni->n", normal[:n], normal[:n]))[:, None] + 1e-9
    normal[n:] = (0, 0, 1)
    facing = np.einsum("ni,ni->n", normal, way)
    behind = mesh.two_sided[triangle] & ~mesh.cutout[triangle] & (facing[:n] > 0)
    normal[:n][behind] *= -1
    return normal, facing


def _mesh_colour(scene, hits, footprint):
    mesh, textures, triangle = scene.mesh, scene.textures, hits.triangle
    level = textures.level(mesh.density[triangle] * footprint)
    colour = textures.colour(mesh.texture[triangle], level, *hits.uv.T) * mesh.tint[triangle]
    return colour.astype(np.float32)


def _ground_colour(scene, points, depth, footprint):
    x, y, wide = points[:, 0], points[:, 1], 2 * scene.ground_reach
    u, v = 0.5 + x / wide, 0.5 - y / wide
    level = scene.textures.level(scene.ground_density * footprint)
    known = (np.abs(u - 0.5) < 0.5) & (np.abs(v - 0.5) < 0.5)
    ground = scene.textures.colour(np.full(len(points), scene.ground), level, u, v)
    # Towards its border the painted ground gives way to a lawn, so that no edge is seen.
    painted = np.clip((0.5 - np.maximum(np.abs(u - 0.5), np.abs(v - 0.5))) * 8, 0, 1)[:, None]
    ground = _colour(FAR_LAWN) + (ground - _colour(FAR_LAWN)) * (painted * known[:, None])
    grain = 0.8 + 0.4 * _noise(x * 0.21, y * 0.21)
    return (ground * np.where(depth < 50, grain, 1)[:, None]).astype(np.float32)


def _received(scene, hits, light, lamps, heights, points, normal):
    """Return the light that falls on every point: sky, ground, sun and lamps."""
    n, leaf = len(hits.pixel), scene.mesh.cutout[hits.triangle]
    cosine = product(normal, light.sun.astype(np.float32))
    cosine[:n][leaf] = 0.45 + 0.55 * np.maximum(cosine[:n][leaf], -0.2)  # leaves let light through
    direct = np.maximum(cosine, 0)
    if heights is not None and light.direct[0] > 0.1:
        lit = direct > 0
        beside = points[lit] + 0.1 * normal[lit]  # off the surface, or it would shade itself
        direct[lit] *= _sunshine(light, heights, scene.shadow_reach, beside)
    side = (0.5 + 0.5 * normal[:, 2:]).astype(np.float32)
    below = _colour(light.below)
    received = below + (_colour(light.above) - below) * side
    foot = 1 - 0.32 * exponential(-points[:n, 2:] / 0.8)  # near the ground little sky is seen
    received[:n] *= foot.astype(np.float32)
    received += direct[:, None] * _colour(light.direct)
    if light.lamp:
        warm = _colour((1.0, 0.8, 0.5)) * light.lamp
        for lamp in lamps:
            way_to = _colour(lamp) - points
            square = np.einsum("ni,ni->n", way_to, way_to) + 1
            angle = np.einsum("ni,ni->n", normal, way_to) / np.sqrt(square) + 0.25
            received += (np.maximum(angle, 0) / square)[:, None] * warm
    return received


def _glass(scene, hits, light, footprint, way, normal, facing, colour):
    """Let glass mirror the sky and lit windows and signs shine; changes ``colour``."""
    mesh, textures, triangle = scene.mesh, scene.textures, hits.triangle
    glass, texture = np.zeros(len(triangle), np.int32), mesh.texture[triangle]
    panes = np.flatnonzero(~mesh.cutout[triangle] & (texture > 0))
    level = textures.level(mesh.density[triangle[panes]] * footprint[panes])
    glass[panes] = textures.alpha(texture[panes], level, *hits.uv[panes].T)
    panes = np.flatnonzero((glass > 0) & (glass < 255))
    if len(panes):
        turned = way[panes] - 2 * facing[panes, None] * normal[panes]
        turned[:, 2] = np.abs(turned[:, 2])
        slant = 1 - np.minimum(np.abs(facing[panes, None]), 1)
        mirror = 0.28 + 0.5 * whole_power(slant, 3)
        colour[panes] += (0.8 * _sky(light, turned) - colour[panes]) * mirror
    if light.lit:
        shining = np.flatnonzero((glass == 255) | (glass > 255 - 250 * light.lit))
        kind = glass[shining]
        power = np.where(kind == 255, 0.9, 0.6 + 0.05 * (kind % 7))[:, None]
        cold, warm = _colour((0.85, 0.88, 0.8)), _colour((1, 0.8, 0.46))
        tone = np.where((kind % 4 == 0)[:, None], cold, warm)
        dark = np.float32(1 if light.weather == "night" else 0.7)
        colour[shining] += tone * power * dark * (0.55 + 0.45 * (colour[shining] > 0.12))
