"""Light on the campus: sun and shadow, sky and clouds, fog, wet roads, windows at night.

Colours are 0..1 float32 as the camera shows them (no gamma is undone: cheap, and it looks right).
"""

import cv2
import numpy as np

from mvs_lib.datasets.campus_canvas import soft_noise
from mvs_lib.datasets.campus_light import Light
from mvs_lib.datasets.campus_raster import Camera, sun_axes

__all__ = ["shade"]


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
    up = np.maximum(way[:, 2], 0)
    mix = np.sqrt(up)[:, None]
    out = _colour(light.horizon) * (1 - mix) + _colour(light.zenith) * mix
    if light.glow:
        near = np.maximum(way @ light.sun.astype(np.float32), 0)
        halo = 0.3 * near**8 + 0.9 * near**160
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
    at = points @ axes.T
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
        scene: has ``mesh``, ``textures``, ``ground`` (a texture's number) and ``ground_reach`` metres.
        hits: from `campus_raster.rasterize`.
        lamps: ``(k, 3)`` metres. heights: shadow map over ``scene.shadow_reach``, or None.
    """
    mesh, textures = scene.mesh, scene.textures
    rays = camera.rays(size)
    long = np.sqrt(np.einsum("ni,ni->n", rays, rays))[:, None]
    ways = rays / long
    haze_colour = _colour(light.haze)
    free = np.ones(size * size, bool)
    free[hits.pixel] = False
    out = np.empty((size * size, 3), np.float32)

    above = np.flatnonzero(free & (rays[:, 2] >= -1e-3))
    sky = _sky(light, ways[above])
    veil = 1 - np.exp(-light.density * 60 * np.exp(-6 * np.maximum(ways[above, 2], 0)))[:, None]
    out[above] = sky + (haze_colour - sky) * veil

    floor = np.flatnonzero(free & (rays[:, 2] < -1e-3))
    depth = np.concatenate([1 / hits.nearness, -np.float32(camera.eye[2]) / rays[floor, 2]])
    pixels = np.concatenate([hits.pixel, floor])
    way, n = ways[pixels], len(hits.pixel)
    points = rays[pixels] * depth[:, None] + camera.eye.astype(np.float32)
    tri = hits.triangle
    w1, w2 = hits.weights[:, :1], hits.weights[:, 1:]
    corner = scene.normals[tri]
    normal = np.empty((len(pixels), 3), np.float32)
    normal[:n] = (
        corner[:, 0] + (corner[:, 1] - corner[:, 0]) * w1 + (corner[:, 2] - corner[:, 0]) * w2
    )
    normal[:n] /= np.sqrt(np.einsum("ni,ni->n", normal[:n], normal[:n]))[:, None] + 1e-9
    normal[n:] = (0, 0, 1)
    facing = np.einsum("ni,ni->n", normal, way)
    sided = mesh.two_sided[tri] & ~mesh.cutout[tri] & (facing[:n] > 0)
    normal[:n][sided] *= -1
    slant = np.sqrt(np.maximum(np.abs(facing), 0.04))
    footprint = depth / np.float32(camera.focal * size) / slant

    leaf = mesh.cutout[tri]
    level = textures.level(mesh.density[tri] * footprint[:n])
    texture = mesh.texture[tri]
    albedo = np.empty((len(pixels), 3), np.float32)
    albedo[:n] = textures.colour(texture, level, hits.uv[:, 0], hits.uv[:, 1]) * mesh.tint[tri]
    x, y = points[n:, 0], points[n:, 1]
    wide = 2 * scene.ground_reach
    gx, gy = 0.5 + x / wide, 0.5 - y / wide
    level = textures.level(scene.ground_density * footprint[n:])
    known = (np.abs(gx - 0.5) < 0.5) & (np.abs(gy - 0.5) < 0.5)
    ground = textures.colour(np.full(len(floor), scene.ground), level, gx, gy)
    ground = np.where(known[:, None], ground, _colour((0.38, 0.47, 0.27)))
    grain = 0.8 + 0.4 * _noise(x * 0.21, y * 0.21)
    albedo[n:] = ground * np.where(depth[n:] < 50, grain, 1)[:, None]

    cosine = normal @ light.sun.astype(np.float32)
    cosine[:n][leaf] = 0.3 + 0.7 * np.maximum(cosine[:n][leaf], -0.2)  # leaves let light through
    direct = np.maximum(cosine, 0)
    if heights is not None and light.direct[0] > 0.1:
        lit = direct > 0
        direct[lit] *= _sunshine(
            light, heights, scene.shadow_reach, points[lit] + 0.1 * normal[lit]
        )
    side = (0.5 + 0.5 * normal[:, 2:]).astype(np.float32)
    below = _colour(light.below)
    received = below + (_colour(light.above) - below) * side
    received[:n] *= (1 - 0.32 * np.exp(-points[:n, 2:] / 0.8)).astype(
        np.float32
    )  # the foot is dark
    received += direct[:, None] * _colour(light.direct)
    if light.lamp:
        warm = _colour((1.0, 0.8, 0.5)) * light.lamp
        for lamp in lamps:
            way_to = _colour(lamp) - points
            square = np.einsum("ni,ni->n", way_to, way_to) + 1
            angle = np.einsum("ni,ni->n", normal, way_to) / np.sqrt(square) + 0.25
            received += (np.maximum(angle, 0) / square)[:, None] * warm
    albedo *= received

    glass = np.zeros(n, np.int32)
    panes = np.flatnonzero(~leaf & (texture > 0))
    level = textures.level(mesh.density[tri[panes]] * footprint[panes])
    glass[panes] = textures.alpha(texture[panes], level, *hits.uv[panes].T)
    panes = np.flatnonzero((glass > 0) & (glass < 255))
    if len(panes):
        turned = way[panes] - 2 * facing[panes, None] * normal[panes]
        turned[:, 2] = np.abs(turned[:, 2])
        mirror = 0.28 + 0.5 * (1 - np.minimum(np.abs(facing[panes, None]), 1)) ** 3
        albedo[panes] += (0.8 * _sky(light, turned) - albedo[panes]) * mirror
    if light.lit:
        shining = np.flatnonzero((glass == 255) | (glass > 255 - 250 * light.lit))
        kind = glass[shining]
        power = np.where(kind == 255, 0.9, 0.6 + 0.05 * (kind % 7))[:, None]
        tone = np.where(
            (kind % 4 == 0)[:, None], _colour((0.85, 0.88, 0.8)), _colour((1, 0.8, 0.46))
        )
        dark = np.float32(1 if light.weather == "night" else 0.7)
        albedo[shining] += tone * power * dark * (0.55 + 0.45 * (albedo[shining] > 0.12))
    if light.wet:
        turned = way[n:] * _colour((1, 1, -1))
        shine = light.wet * (0.12 + 0.5 * (1 - turned[:, 2:]) ** 5)
        albedo[n:] += (0.85 * _sky(light, turned) - albedo[n:]) * np.minimum(shine, 0.65)
    veil = (1 - np.exp(-light.density * depth * long[pixels, 0]))[:, None].astype(np.float32)
    out[pixels] = albedo + (haze_colour - albedo) * veil
    return out.reshape(size, size, 3)
