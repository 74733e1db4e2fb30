"""What stands about: trees, lamp-posts, benches, cars and passers-by."""

import numpy as np

from mvs_lib.datasets.campus_mesh import Builder
from mvs_lib.datasets.campus_textures import leaves, person

__all__ = ["Props", "bench", "car", "lamp_post", "tree_place"]

GREENS = (
    np.array([[74, 112, 46], [96, 130, 54], [58, 96, 52], [120, 136, 58], [150, 120, 48]]) / 255
)
CARS = (
    np.array(
        [
            [190, 40, 36],
            [40, 80, 150],
            [220, 220, 222],
            [60, 62, 66],
            [150, 154, 160],
            [210, 170, 60],
        ]
    )
    / 255
)


class Props:
    """Builds props with the cut-out pictures that all of them share."""

    def __init__(self, textures):
        self.leaves = [textures.add(leaves(kind), cutout=True) for kind in range(4)]
        self.people = [textures.add(person(kind), cutout=True) for kind in range(8)]

    def tree(self, builder: Builder, random, x, y, height, kind=None, green=None, cards=None):
        """Grow a tree: a trunk, boughs, and leaves on cards whose light is that of a whole crown."""
        kind = (
            int(random.choice([0, 0, 0, 1, 2, 3], p=[0.3, 0.25, 0.2, 0.15, 0.05, 0.05]))
            if kind is None
            else kind
        )
        if green is None:
            green = GREENS[random.integers(4)] * random.uniform(0.85, 1.25)
            if kind == 2:
                green = np.array([0.95, 0.72, 0.78]) * random.uniform(0.85, 1.05)
        green = np.asarray(green) * 1.15
        bark = np.array([0.36, 0.28, 0.2]) * random.uniform(0.7, 1.5)
        lean = random.normal(0, 0.04, 2) * height
        trunk, r = np.array([x, y, 0.0]), 0.03 * height + 0.05
        fork = np.array([x + lean[0], y + lean[1], height * (0.78 if kind in (1, 3) else 0.42)])
        builder.tube(trunk - [0, 0, 0.1], fork, r, r * 0.6, 7, tint=bark)
        n = cards or 26
        if kind == 3:
            angle = random.uniform(0, 2 * np.pi, n) + 0.0
            way = np.stack([np.cos(angle), np.sin(angle), random.uniform(-0.5, 0.7, n)], 1)
            centre = fork + way * height * 0.17
            half = np.full(n, height * 0.19)
        else:
            way = random.normal(size=(n, 3))
            way /= np.linalg.norm(way, axis=1, keepdims=True)
            deep = random.uniform(0.45, 1.0, n)[:, None] ** 0.6
            if kind == 1:
                up = random.random(n) ** 1.3
                wide = (1 - up) * 0.24 + 0.03
                centre = np.stack(
                    [x + lean[0] * up, y + lean[1] * up, height * (0.22 + 0.76 * up)], 1
                )
                centre[:, :2] += way[:, :2] * wide[:, None] * height
                half = height * (0.1 + 0.07 * (1 - up))
            else:
                shape = np.array([0.3, 0.3, 0.25]) * height * random.uniform(0.85, 1.15, 3)
                centre = np.array([x + lean[0], y + lean[1], height * 0.66]) + way * deep * shape
                half = np.full(n, height * 0.145)
                for k in range(4):
                    builder.tube(
                        fork - [0, 0, 0.1 * height],
                        centre[k] * 0.6 + fork * 0.4,
                        r * 0.5,
                        r * 0.2,
                        5,
                        tint=bark,
                    )
        turn, tilt = random.uniform(0, np.pi, n), random.normal(0, 0.5, n)
        a = np.stack([np.cos(turn), np.sin(turn), np.zeros(n)], 1) * half[:, None]
        b = (
            np.stack([-np.sin(turn) * np.sin(tilt), np.cos(turn) * np.sin(tilt), np.cos(tilt)], 1)
            * half[:, None]
        )
        quads = np.stack([centre - a - b, centre + a - b, centre + a + b, centre - a + b], 1)
        outward = way + [0, 0, 0.35]
        outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
        inner = np.clip(0.72 + 0.3 * way[:, 2] + random.normal(0, 0.06, n), 0.45, 1.15)
        order = [[0, 1, 2], [0, 2, 3]]
        uv = np.broadcast_to(np.array([[0, 1], [1, 1], [1, 0], [0, 0]], float)[order], (n, 2, 3, 2))
        normals = np.broadcast_to(outward[:, None, None], (n, 2, 3, 3))
        builder.triangles(
            quads[:, order].reshape(-1, 3, 3),
            normals.reshape(-1, 3, 3),
            uv.reshape(-1, 3, 2),
            self.leaves[kind],
            np.repeat(green * inner[:, None], 2, 0),
            48 / (height * 0.145),
            cutout=True,
            two_sided=True,
        )

    def passer(self, builder: Builder, kind, x, y, turn):
        """Stand a passer-by there, turned to the camera."""
        wide, tall = (1.8, 1.84) if kind >= 6 else (0.8, 1.84)
        a = np.array([np.cos(turn), np.sin(turn), 0]) * wide / 2
        foot, head = np.array([x, y, 0.0]), np.array([x, y, tall])
        normal = np.broadcast_to(np.array([np.sin(turn), -np.cos(turn), 0.2]), (4, 3))
        builder.quad(
            [foot - a, foot + a, head + a, head - a],
            self.people[kind],
            density=70,
            normals=normal,
            cutout=True,
            two_sided=True,
        )


def lamp_post(builder: Builder, x, y, height=4.2):
    """Set a lamp-post."""
    builder.lathe((x, y, 0), [(0.13, 0), (0.07, 0.6), (0.05, height)], 7, tint=(0.2, 0.22, 0.22))
    builder.lathe(
        (x, y, 0),
        [(0.12, height), (0.3, height + 0.45), (0.05, height + 0.65)],
        8,
        tint=(0.95, 0.93, 0.85),
    )


def bench(builder: Builder, x, y, turn):
    """Set a bench."""
    builder.box((x, y), (1.8, 0.5), 0.08, 0.42, tint=(0.5, 0.36, 0.22), turn=turn)
    builder.box(
        (x - 0.2 * np.sin(turn), y + 0.2 * np.cos(turn)),
        (1.8, 0.08),
        0.45,
        0.5,
        tint=(0.5, 0.36, 0.22),
        turn=turn,
    )
    builder.box((x, y), (1.5, 0.3), 0.42, tint=(0.22, 0.22, 0.22), turn=turn)


def car(builder: Builder, random, x, y, turn):
    """Park a car."""
    tint = CARS[random.integers(6)] * random.uniform(0.9, 1.1)
    long, cabin = random.uniform(3.9, 4.7), random.uniform(0.5, 0.75)
    side = [(-0.5, 0.3), (-0.5, 0.8), (-0.42, 0.92), (0.42, 0.9), (0.5, 0.7), (0.5, 0.3)]
    top = [(-0.44, 0.9), (-0.3, 0.92 + cabin), (0.12, 0.92 + cabin), (0.3, 0.9)]
    cos, sin = np.cos(turn), np.sin(turn)

    def at(px, py, pz):
        px = px * long
        return [x + px * cos - py * sin, y + px * sin + py * cos, pz]

    def prism(shape, half, narrow, colour, roof):
        n = len(shape)
        for i in range(n):
            (a, za), (b, zb) = shape[i], shape[(i + 1) % n]
            ya, yb = (half - narrow * (z > 1.2) for z in (za, zb))
            look = roof if za > 1.2 and zb > 1.2 else colour
            builder.quad(
                [at(a, ya, za), at(a, -ya, za), at(b, -yb, zb), at(b, yb, zb)],
                tint=look,
                two_sided=True,
            )
        for way in (1, -1):
            points = [at(a, way * (half - narrow * (z > 1.2)), z) for a, z in shape]
            fan = [[points[0], points[k], points[k + 1]] for k in range(1, n - 1)]
            normal = np.array([-sin * way, cos * way, 0.1])
            builder.triangles(
                fan,
                np.broadcast_to(normal, (len(fan), 3, 3)),
                np.zeros((len(fan), 3, 2)),
                tint=colour,
                two_sided=True,
            )

    prism(side, 0.86, 0, tint, tint)
    prism(top, 0.8, 0.14, (0.16, 0.19, 0.23), tint)
    for px in (-0.31, 0.31):
        for way in (-1, 1):
            a, b = np.array(at(px, way * 0.68, 0.33)), np.array(at(px, way * 0.9, 0.33))
            angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
            along = np.array([cos, sin, 0])
            ring = np.cos(angle)[:, None] * along + np.sin(angle)[:, None] * [0, 0, 1]
            builder.grid(
                [a + 0.33 * ring, b + 0.33 * ring, b + 0.16 * ring, b + 0.01 * ring],
                tint=(0.09, 0.09, 0.1),
                two_sided=True,
            )


def tree_place(builder: Builder, props: Props, random, number):
    """Plant one of the eight notable trees or groups of them, on its own bed."""
    plans = [
        ([(0, 0, 13)], 0),
        ([(-2.5, 0, 10), (2.5, 0.5, 11)], 0),
        ([(-5, 0, 6), (0, -1, 7), (5, 0.5, 6), (2, 4, 6)], 2),
        ([(0, 0, 15)], 1),
        ([(-4, 0, 8), (0, 2, 9), (4, -1, 8)], 3),
        ([(0, 0, 10)], 0),
        ([(5 * np.cos(a), 5 * np.sin(a), 7) for a in np.arange(6) * np.pi / 3], 0),
        ([(x, 0, 12) for x in (-7, -3.5, 0, 3.5, 7)], 1),
    ]
    spots, kind = plans[number % 8]
    green = [
        GREENS[0],
        (0.7, 0.74, 0.3),
        (0.98, 0.7, 0.78),
        (0.2, 0.34, 0.22),
        GREENS[1],
        (0.55, 0.66, 0.3),
        (0.8, 0.36, 0.14),
        (0.42, 0.52, 0.16),
    ][number % 8]
    for x, y, height in spots:
        props.tree(
            builder,
            random,
            x,
            y,
            height * random.uniform(0.9, 1.1),
            kind,
            green,
            90 if len(spots) < 3 else 40,
        )
    r = max(np.hypot(x, y) for x, y, _ in spots) + 1.8
    stone = random.uniform(0.5, 0.85) * np.array([1, 0.96, 0.9])
    builder.lathe(
        (0, 0, 0),
        [(r + 0.4, 0), (r + 0.4, 0.45), (r, 0.45), (r, 0.3)],
        (6, 24, 8, 24)[number % 4],
        tint=stone,
        two_sided=True,
    )
    flowers = (
        np.array([[200, 60, 70], [230, 190, 60], [240, 236, 230], [140, 80, 170]])[
            random.permutation(4)[:2]
        ]
        / 255
    )
    for k in range(40):
        a, d = random.uniform(0, 2 * np.pi), r * random.uniform(0.55, 0.97)
        builder.ball(
            (d * np.cos(a), d * np.sin(a), 0.4),
            random.uniform(0.14, 0.3),
            6,
            4,
            tint=flowers[k % 2] if k % 3 else (0.3, 0.5, 0.2),
        )
    return 2 * r + 1, 2 * r + 1, max(h for _, _, h in spots) * 1.02
