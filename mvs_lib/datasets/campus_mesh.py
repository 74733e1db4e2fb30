"""Triangles: how the campus's things are put together.

A `Builder` collects shapes in a place's own frame (metres; x to the right of a viewer before the
front, y away from the viewer, z up) and turns them into one `Mesh` in the campus's frame.
"""

from dataclasses import dataclass

import numpy as np

from mvs_lib.datasets.same_rounding import product

__all__ = ["Builder", "Mesh", "join", "walls"]


@dataclass(frozen=True)
class Mesh:
    """Triangles, one a row.

    Attributes:
        corners, normals: float64 ``(n, 3, 3)``, metres, anti-clockwise as seen from outside.
        uv: float64 ``(n, 3, 2)``, where the corners lie on the texture, 0..1 from its top left.
        texture: int32 ``(n,)``, a number of `mvs_lib.datasets.campus_mipmaps.Textures`.
        tint: float32 ``(n, 3)``, multiplies the texture's colour.
        density: float32 ``(n,)``, texels a metre.
        cutout: bool ``(n,)``, the texture's alpha cuts holes. two_sided: bool ``(n,)``.
    """

    corners: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    texture: np.ndarray
    tint: np.ndarray
    density: np.ndarray
    cutout: np.ndarray
    two_sided: np.ndarray

    def placed(self, angle: float, offset) -> "Mesh":
        """Turn by ``angle`` radians (anti-clockwise from above), then shift by (x, y) metres."""
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        shift = np.array([offset[0], offset[1], 0])
        return Mesh(
            product(self.corners, turn) + shift,
            product(self.normals, turn),
            self.uv,
            self.texture,
            self.tint,
            self.density,
            self.cutout,
            self.two_sided,
        )


def walls(front, side) -> dict:
    """Return the ``faces`` of a box: ``front`` at front and back, ``side`` at left and right."""
    return {"front": front, "back": front, "left": side, "right": side}


def join(meshes: list[Mesh]) -> Mesh:
    """Put meshes together."""
    fields = Mesh.__dataclass_fields__
    return Mesh(*(np.concatenate([getattr(mesh, name) for mesh in meshes]) for name in fields))


class Builder:
    """Collects shapes. ``tint`` multiplies the texture's colour; colours are 0..1."""

    def __init__(self):
        self._parts = []

    def triangles(
        self, corners, normals, uv, texture=0, tint=(1, 1, 1), density=0.0,
        cutout=False, two_sided=False,
    ):  # fmt: skip
        """Add triangles ``(n, 3, 3)``; ``tint`` may be one colour or one a triangle."""
        corners = np.asarray(corners, float)
        n = len(corners)
        self._parts.append(
            (
                corners,
                np.asarray(normals, float),
                np.asarray(uv, float),
                np.full(n, texture),
                np.broadcast_to(np.asarray(tint, float), (n, 3)),
                np.full(n, float(density)),
                np.full(n, cutout),
                np.full(n, two_sided),
            )
        )

    def mesh(self) -> Mesh:
        """Return all shapes as one mesh, an empty one if there is none."""
        if not self._parts:
            self.triangles(np.zeros((0, 3, 3)), np.zeros((0, 3, 3)), np.zeros((0, 3, 2)))
        joined = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        joined[4], joined[5] = joined[4].astype(np.float32), joined[5].astype(np.float32)
        joined[3] = joined[3].astype(np.int32)
        return Mesh(*joined)

    def quad(self, corners, texture=0, tint=(1, 1, 1), density=0.0, normals=None, **kind):
        """Add a quadrilateral: bottom left, bottom right, top right, top left as seen from outside.

        Without ``normals`` ``(4, 3)`` it is plane.
        """
        p = np.asarray(corners, float)
        if normals is None:
            (a, b, c), (d, e, f) = (p[1] - p[0]).tolist(), (p[3] - p[0]).tolist()
            normal = np.array([b * f - c * e, c * d - a * f, a * e - b * d])  # np.cross is slow
            normal = normal / (np.linalg.norm(normal) + 1e-12)
            normals = np.broadcast_to(normal, (4, 3))
        uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
        order = [[0, 1, 2], [0, 2, 3]]
        self.triangles(
            p[order], np.asarray(normals)[order], uv[order], texture, tint, density, **kind
        )

    def flat(self, corners, normal, tint):
        """Add plain triangles ``(n, 3, 3)`` of one normal, seen from both sides."""
        normals = np.broadcast_to(np.asarray(normal, float), (len(corners), 3, 3))
        self.triangles(corners, normals, np.zeros((len(corners), 3, 2)), tint=tint, two_sided=True)

    def upright(self, x, y, half, bottom, top, texture, density):
        """Hang a picture upright at depth ``y``, ``half`` metres to either side of ``x``.

        It faces the front; a negative ``half`` faces the back.
        """
        low, high = [x - half, y], [x + half, y]
        corners = [[*low, bottom], [*high, bottom], [*high, top], [*low, top]]
        self.quad(corners, texture, density=density)

    def grid(self, points, texture=0, tint=(1, 1, 1), density=0.0, closed=True, **kind):
        """Add a smooth surface: points ``(rows, columns, 3)``, rows going up, anti-clockwise."""
        points = np.asarray(points, float)
        if closed:
            points = np.concatenate([points, points[:, :1]], 1)
        up = np.gradient(points, axis=0)
        along = np.gradient(points, axis=1)
        if closed:
            along[:, 0] = along[:, -1] = (points[:, 1] - points[:, -2]) / 2
        normals = np.cross(along, up)
        length = np.linalg.norm(normals, axis=2, keepdims=True)
        centre = points.mean((0, 1))
        normals = np.where(length > 1e-9, normals / (length + 1e-12), points - centre)
        rows, columns = points.shape[:2]
        u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(1, 0, rows))
        uv = np.stack([u, v], 2)

        def cells(a):
            corners = a[:-1, :-1], a[:-1, 1:], a[1:, 1:], a[1:, :-1]
            return np.stack(corners, 2).reshape(-1, 4, a.shape[2])

        order = np.array([[0, 1, 2], [0, 2, 3]])
        p, n, t = (cells(a)[:, order].reshape(-1, 3, a.shape[2]) for a in (points, normals, uv))
        self.triangles(p, n, t, texture, tint, density, **kind)

    def box(self, centre, size, height, bottom=0.0, tint=(1, 1, 1), faces=None, turn=0.0, top=None):
        """Add a box on the ground plan ``centre`` (x, y), ``size`` (x, y).

        ``faces`` maps front, right, back, left to (texture, density); ``top`` is the roof's tint;
        ``turn`` is anti-clockwise from above, radians.
        """
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.asarray(size) / 2
        cos, sin = np.cos(turn), np.sin(turn)
        plan = product(half, np.array([[cos, sin], [-sin, cos]])) + np.asarray(centre)
        upper = bottom + height
        for i, side in enumerate(("front", "right", "back", "left")):
            a, b = plan[i], plan[(i + 1) % 4]
            texture, density = (faces or {}).get(side, (0, 0.0))
            colour = (1, 1, 1) if texture else tint
            face = [[*a, bottom], [*b, bottom], [*b, upper], [*a, upper]]
            self.quad(face, texture, colour, density)
        self.quad([[*p, upper] for p in plan], tint=tint if top is None else top)
        if bottom > 0.05:
            self.quad([[*plan[i], bottom] for i in (3, 2, 1, 0)], tint=tint)

    def lathe(self, centre, profile, segments=16, **look):
        """Turn a profile of (radius, height) pairs, bottom to top, about a vertical axis."""
        angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
        profile = np.asarray(profile, float)
        ring = np.stack([np.cos(angle), np.sin(angle)], 1)
        points = np.empty((len(profile), segments, 3))
        points[..., :2] = profile[:, 0, None, None] * ring + np.asarray(centre)[:2]
        points[..., 2] = profile[:, 1, None]
        self.grid(points, **look)

    def tube(self, start, end, r0, r1, segments=10, **look):
        """Add a tapered limb from ``start`` to ``end`` with rounded ends."""
        start, end = np.asarray(start, float), np.asarray(end, float)
        axis = end - start
        length = np.linalg.norm(axis) + 1e-9
        axis = axis / length
        side = np.cross(axis, [0, 0, 1] if abs(axis[2]) < 0.9 else [0, 1, 0])
        side /= np.linalg.norm(side)
        other = np.cross(axis, side)
        angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
        ring = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * other
        cap = ((0.95, 0.25), (0.6, 0.8), (0, 1))  # how far beyond the end, how wide there
        points = [start - axis * (out * r0) + ring * wide * r0 for out, wide in cap]
        points += [end + axis * (out * r1) + ring * wide * r1 for out, wide in cap[::-1]]
        self.grid(points, **look)

    def ball(self, centre, radii, segments=12, rings=7, **look):
        """Add an ellipsoid."""
        angle = np.linspace(-np.pi / 2 * 0.98, np.pi / 2 * 0.98, rings)
        rx, ry, rz = np.broadcast_to(radii, 3)
        around = np.linspace(0, 2 * np.pi, segments, endpoint=False)
        x = np.outer(np.cos(angle), np.cos(around)) * rx + centre[0]
        y = np.outer(np.cos(angle), np.sin(around)) * ry + centre[1]
        z = np.outer(np.sin(angle), np.ones(segments)) * rz + centre[2]
        self.grid(np.stack([x, y, z], 2), **look)
