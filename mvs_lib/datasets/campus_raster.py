"""A small rasteriser in NumPy: which triangle, at which depth, does each pixel see?

All triangles are scanned at once: each is cut into rows, each row into pixels, and the nearest
triangle of every pixel wins (a depth buffer). Depth is handled as its inverse, which is linear on
the picture. `campus_shading` then gives every pixel its colour. A shadow map is the same scan from
the sun (Williams, 1978, "Casting curved shadows on curved surfaces").
"""

from dataclasses import dataclass

import numpy as np

from mvs_lib.datasets.campus_mipmaps import HOLE
from mvs_lib.datasets.same_rounding import product

__all__ = ["Camera", "Hits", "camera_axes", "rasterize", "shadow_map", "sun_axes"]

NEAR = 0.4  # metres: nothing nearer is drawn


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        eye: ``(3,)`` metres (east, north, up).
        axes: ``(3, 3)``, rows right, down, forward.
        lens: ``(2, 2)``: frame widths a unit of slope; holds focal length, roll and affine slant.
    """

    eye: np.ndarray
    axes: np.ndarray
    lens: np.ndarray

    @property
    def focal(self) -> float:
        """Focal length in frame widths."""
        return float(np.sqrt(abs(np.linalg.det(self.lens))))

    def rays(self, size: int) -> np.ndarray:
        """Return the direction of every pixel, float32 ``(size * size, 3)``, unit depth."""
        at = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
        x, y = np.meshgrid(at, at)
        inverse = np.linalg.inv(self.lens)
        turn = product(inverse.T, self.axes[:2]).astype(np.float32)
        rays = x.reshape(-1, 1) * turn[0] + y.reshape(-1, 1) * turn[1]
        return rays + self.axes[2].astype(np.float32)


def camera_axes(yaw: float, pitch: float) -> np.ndarray:
    """Return the axes of a level `Camera`, ``(3, 3)``.

    Args:
        yaw: radians; 0 looks along y, positive to the right. pitch: positive upwards.
    """
    sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    forward = np.array([sy * cp, cy * cp, sp])
    right = np.array([cy, -sy, 0.0])
    return np.array([right, np.cross(forward, right), forward])


@dataclass(frozen=True)
class Hits:
    """What `rasterize` found, one row a pixel that sees a triangle.

    Attributes:
        pixel: flat pixel numbers. triangle: which one. nearness: 1 / depth. uv: ``(n, 2)``.
        weights: ``(n, 2)``, the second and third corner's share of the point.
    """

    pixel: np.ndarray
    triangle: np.ndarray
    nearness: np.ndarray
    uv: np.ndarray
    weights: np.ndarray


def _clip(view: np.ndarray, share: np.ndarray, owner: np.ndarray):
    """Cut triangles at the near plane; ``share`` are the corners' weights in their owner."""
    ahead = view[:, :, 2] >= NEAR
    whole = ahead.all(1)
    views, shares, owners = [view[whole]], [share[whole]], [owner[whole]]
    for t in np.flatnonzero(ahead.any(1) & ~whole):
        corners = []
        for i in range(3):
            j = (i + 1) % 3
            if ahead[t, i]:
                corners.append((view[t, i], share[t, i]))
            if ahead[t, i] != ahead[t, j]:
                s = (NEAR - view[t, i, 2]) / (view[t, j, 2] - view[t, i, 2])
                both = (view[t], share[t])
                corners.append(tuple(v[i] + s * (v[j] - v[i]) for v in both))
        for k in range(1, len(corners) - 1):
            fan = (corners[0], corners[k], corners[k + 1])
            views.append(np.array([[c[0] for c in fan]]))
            shares.append(np.array([[c[1] for c in fan]]))
            owners.append(owner[t : t + 1])
    return np.concatenate(views), np.concatenate(shares), np.concatenate(owners)


def _planes(points: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Write values at the corners ``(n, 3, m)`` as a x + b y + c: ``(n, m, 3)`` float32."""
    p0, d1, d2 = points[:, 0], points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    area = (d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0])[:, None]
    v0, e1, e2 = values[:, 0], values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    a = (e1 * d2[:, 1:] - e2 * d1[:, 1:]) / area
    b = (e2 * d1[:, :1] - e1 * d2[:, :1]) / area
    c = v0 - a * p0[:, :1] - b * p0[:, 1:]
    return np.stack([a, b, c], 2).astype(np.float32)


def _scan(points: np.ndarray, size: int):
    """Cover triangles ``(n, 3, 2)``, in pixels, with pixels: triangle, column and row of each."""
    low, high = points[:, :, 1].min(1), points[:, :, 1].max(1)
    first = np.clip(np.ceil(low - 0.5), 0, size).astype(np.int64)
    last = np.clip(np.floor(high - 0.5), -1, size - 1).astype(np.int64)
    rows = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(points)), rows)
    row = np.arange(len(owner)) - np.repeat(np.cumsum(rows) - rows - first, rows)
    y = row + 0.5
    left, right = np.full(len(owner), 1e9), np.full(len(owner), -1e9)
    for i in range(3):
        a, b = points[:, i], points[:, (i + 1) % 3]
        rise = b[:, 1] - a[:, 1]
        slope = (b[:, 0] - a[:, 0]) / np.where(np.abs(rise) < 1e-9, 1e-9, rise)
        lowest, highest = np.minimum(a[:, 1], b[:, 1])[owner], np.maximum(a[:, 1], b[:, 1])[owner]
        x = a[owner, 0] + (y - a[owner, 1]) * slope[owner]
        crosses = (lowest <= y) & (y <= highest)
        np.minimum(left, x, out=left, where=crosses)
        np.maximum(right, x, out=right, where=crosses)
    start = np.clip(np.ceil(left - 0.5), 0, size).astype(np.int64)
    stop = np.clip(np.ceil(right - 0.5), 0, size).astype(np.int64)
    wide = np.maximum(stop - start, 0)
    index = np.repeat(np.arange(len(owner), dtype=np.int32), wide)
    shift = (start - (np.cumsum(wide) - wide)).astype(np.int32)
    column = np.arange(len(index), dtype=np.int32) + shift[index]
    return owner.astype(np.int32)[index], column, row.astype(np.int32)[index]


def _value(planes: np.ndarray, triangle, x, y) -> np.ndarray:
    return planes[triangle, 0] * x + planes[triangle, 1] * y + planes[triangle, 2]


def _nearest(pixel, nearness, triangle, count: int):
    """Resolve the depth buffer: flat pixels that are covered, and the winning triangle of each.

    Depth and triangle share one 64-bit key, so equal depths have one answer whatever the order.
    """
    key = (nearness.astype(np.float32).view(np.int32).astype(np.int64) << 32) | triangle
    best = np.zeros(count, np.int64)
    np.maximum.at(best, pixel, key)
    covered = np.flatnonzero(best)
    return covered, (best[covered] & 0xFFFFFFFF).astype(np.int32)


def rasterize(mesh, textures, camera: Camera, size: int) -> Hits:
    """Return what every pixel of a ``size`` by ``size`` frame sees of a mesh.

    Args:
        mesh: a `campus_mesh.Mesh`; triangles seen from behind are skipped unless two-sided.
        textures: a `campus_mipmaps.Textures` whose alpha cuts holes into cut-outs.
        size: side of the frame in pixels.
    """
    view = product(mesh.corners - camera.eye, camera.axes.T)
    reach = np.abs(np.linalg.inv(camera.lens)).sum(1).max() * 0.5 * 1.02
    depth = view[:, :, 2]
    inside = depth.max(1) > NEAR
    for k in (0, 1):
        inside &= (view[:, :, k] <= reach * depth).any(1) & (view[:, :, k] >= -reach * depth).any(1)
    d1, d2 = view[:, 1] - view[:, 0], view[:, 2] - view[:, 0]
    inside &= mesh.two_sided | (np.einsum("ni,ni->n", np.cross(d1, d2), view[:, 0]) < 0)
    owner = np.flatnonzero(inside)
    share = np.broadcast_to(np.eye(3), (len(owner), 3, 3))
    view, share, owner = _clip(view[owner], share, owner)
    q = 1 / view[:, :, 2]
    points = product(view[:, :, :2] * q[:, :, None], camera.lens.T) * size + size / 2
    d1, d2 = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    solid = np.abs(d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0]) > 1e-3
    points, q, share, owner = points[solid], q[solid], share[solid], owner[solid]
    uv = product(share, mesh.uv[owner])
    packed = np.concatenate([q[:, :, None], uv * q[:, :, None], share[:, :, 1:] * q[:, :, None]], 2)
    planes = _planes(points, packed)
    low, high = q.min(1).astype(np.float32), q.max(1).astype(np.float32)
    triangle, column, row = _scan(points, size)
    x, y = column + np.float32(0.5), row + np.float32(0.5)
    nearness = np.clip(_value(planes[:, 0], triangle, x, y), low[triangle], high[triangle])
    cut = np.flatnonzero(mesh.cutout[owner][triangle])
    if len(cut):
        t, cx, cy = triangle[cut], x[cut], y[cut]
        u, v = (_value(planes[:, k], t, cx, cy) / nearness[cut] for k in (1, 2))
        texels = mesh.density[owner][t] / (nearness[cut] * np.float32(camera.focal * size))
        level = textures.level(texels)
        keep = np.ones(len(triangle), bool)
        keep[cut] = textures.alpha(mesh.texture[owner][t], level, u, v) >= HOLE
        triangle, nearness = triangle[keep], nearness[keep]
        column, row = column[keep], row[keep]
    pixel, winner = _nearest(row * size + column, nearness, triangle, size * size)
    x, y = pixel % size + np.float32(0.5), pixel // size + np.float32(0.5)
    nearness = np.clip(_value(planes[winner, 0], slice(None), x, y), low[winner], high[winner])
    values = [_value(planes[winner, k], slice(None), x, y) / nearness for k in (1, 2, 3, 4)]
    return Hits(pixel, owner[winner], nearness, np.stack(values[:2], 1), np.stack(values[2:], 1))


def sun_axes(sun: np.ndarray) -> np.ndarray:
    """Return two unit vectors across the sun's direction, then the direction: ``(3, 3)``."""
    flat = np.hypot(sun[0], sun[1]) + 1e-12
    first = [-sun[1] / flat, sun[0] / flat, 0]
    second = [-sun[2] * sun[0] / flat, -sun[2] * sun[1] / flat, flat]
    return np.array([first, second, sun])


def shadow_map(mesh, textures, sun: np.ndarray, reach: float, size: int) -> np.ndarray:
    """Return how near the sun the first thing lies that it sees: float32 ``(size, size)`` metres.

    The map is ``2 * reach`` metres wide around the origin; -1e9 where nothing stands.
    """
    turned = product(mesh.corners, sun_axes(sun).T)
    points = turned[:, :, :2] * (size / (2 * reach)) + size / 2
    d1, d2 = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    solid = np.flatnonzero(np.abs(d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0]) > 1e-3)
    points, height, uv = points[solid], turned[solid, :, 2:], mesh.uv[solid]
    planes = _planes(points, np.concatenate([height + 1000, uv], 2))
    triangle, column, row = _scan(points, size)
    x, y = column + np.float32(0.5), row + np.float32(0.5)
    value = np.maximum(_value(planes[:, 0], triangle, x, y), 1)
    keep = np.ones(len(triangle), bool)
    cut = np.flatnonzero(mesh.cutout[solid][triangle])
    t = triangle[cut]
    u, v = (_value(planes[:, k], t, x[cut], y[cut]) for k in (1, 2))
    level = np.full(len(cut), 2)
    keep[cut] = textures.alpha(mesh.texture[solid][t], level, u, v) >= HOLE
    key = (row * size + column)[keep]
    best = np.zeros(size * size, np.float32)
    np.maximum.at(best, key, value[keep])
    return np.where(best > 0, best - 1000, np.float32(-1e9)).reshape(size, size)
