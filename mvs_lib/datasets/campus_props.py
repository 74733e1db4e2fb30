"""What stands about: trees, lamp-posts, benches, cars and passers-by."""

import numpy as np

from mvs_lib.datasets.campus_mesh import Builder
from mvs_lib.datasets.campus_mipmaps import Textures
from mvs_lib.datasets.campus_textures import BLOSSOM, BROAD, NEEDLES, PALM, leaves, person

__all__ = ["Props", "bench", "car", "lamp_post", "tree_place"]

GREENS = np.array([[74, 112, 46], [96, 130, 54], [58, 96, 52], [120, 136, 58]]) / 255
CARS = np.array([
    [190, 40, 36], [40, 80, 150], [220, 220, 222], [60, 62, 66], [150, 154, 160], [210, 170, 60],
]) / 255  # fmt: skip


class Props:
    """Builds props with the cut-out pictures that all of them share."""

    def __init__(self, textures: Textures):
        self.leaves = [textures.add(leaves(kind), cutout=True) for kind in range(4)]
        self.people = [textures.add(person(kind), cutout=True) for kind in range(8)]

    def tree(self, builder: Builder, random, x, y, height, kind=None, green=None, cards=26):
        """Grow a tree: a trunk, boughs, and leaves on cards, lit as if they were a whole crown.

        Args:
            kind: `BROAD`, `NEEDLES`, `BLOSSOM` or `PALM`; drawn if None. green: likewise, 0..1.
            cards: how many twigs.
        """
        if kind is None:
            drawn = [BROAD, BROAD, BROAD, NEEDLES, BLOSSOM, PALM]
            kind = int(random.choice(drawn, p=[0.3, 0.25, 0.2, 0.15, 0.05, 0.05]))
        if green is None:
            green = GREENS[random.integers(4)] * random.uniform(0.85, 1.25)
            if kind == BLOSSOM:
                green = np.array([0.95, 0.72, 0.78]) * random.uniform(0.85, 1.05)
        green = np.asarray(green) * 1.15
        bark = np.array([0.36, 0.28, 0.2]) * random.uniform(0.7, 1.5)
        dx, dy = random.normal(0, 0.04, 2) * height  # it leans
        trunk, r = np.array([x, y, 0.0]), 0.03 * height + 0.05
        high = 0.78 if kind in (NEEDLES, PALM) else 0.42
        fork = np.array([x + dx, y + dy, height * high])
        builder.tube(trunk - [0, 0, 0.1], fork, r, r * 0.6, 7, tint=bark)
        # Twigs: which way from the crown's middle, where, and half of their side.
        if kind == PALM:
            angle = random.uniform(0, 2 * np.pi, cards)
            up = random.uniform(-0.5, 0.7, cards)
            way = np.stack([np.cos(angle), np.sin(angle), up], 1)
            centre = fork + way * height * 0.17
            half = np.full(cards, height * 0.19)
        else:
            way = random.normal(size=(cards, 3))
            way /= np.linalg.norm(way, axis=1, keepdims=True)
            deep = random.uniform(0.45, 1.0, cards)[:, None] ** 0.6
            if kind == NEEDLES:
                up = random.random(cards) ** 1.3
                wide = (1 - up) * 0.24 + 0.03
                centre = np.stack([x + dx * up, y + dy * up, height * (0.22 + 0.76 * up)], 1)
                centre[:, :2] += way[:, :2] * wide[:, None] * height
                half = height * (0.1 + 0.07 * (1 - up))
            else:
                shape = np.array([0.3, 0.3, 0.25]) * height * random.uniform(0.85, 1.15, 3)
                centre = np.array([x + dx, y + dy, height * 0.66]) + way * deep * shape
                half = np.full(cards, height * 0.145)
                foot = fork - [0, 0, 0.1 * height]
                for k in range(4):
                    bough = centre[k] * 0.6 + fork * 0.4
                    builder.tube(foot, bough, r * 0.5, r * 0.2, 5, tint=bark)
        self._twigs(builder, random, way, centre, half, green, self.leaves[kind], height)

    @staticmethod
    def _twigs(builder, random, way, centre, half, green, texture, height):
        n = len(centre)
        turn, tilt = random.uniform(0, np.pi, n), random.normal(0, 0.5, n)
        cos, sin, lean = np.cos(turn), np.sin(turn), np.sin(tilt)
        a = np.stack([cos, sin, np.zeros(n)], 1) * half[:, None]
        b = np.stack([-sin * lean, cos * lean, np.cos(tilt)], 1) * half[:, None]
        quads = np.stack([centre - a - b, centre + a - b, centre + a + b, centre - a + b], 1)
        outward = way + np.array([0, 0, 0.35])
        outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
        inner = np.clip(0.92 + 0.3 * way[:, 2] + random.normal(0, 0.06, n), 0.65, 1.3)
        order = [[0, 1, 2], [0, 2, 3]]
        uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], float)[order]
        builder.triangles(
            quads[:, order].reshape(-1, 3, 3),
            np.broadcast_to(outward[:, None, None], (n, 2, 3, 3)).reshape(-1, 3, 3),
            np.broadcast_to(uv, (n, 2, 3, 2)).reshape(-1, 3, 2),
            texture,
            np.repeat(green * inner[:, None], 2, 0),
            48 / (height * 0.145),
            cutout=True,
            two_sided=True,
        )

    def passer(self, builder: Builder, kind, x, y, turn, random):
        """Stand a passer-by of kind 0..7 there; at ``turn`` 0 they face the front, radians."""
        tint = random.uniform(0.7, 1.25) + random.uniform(-0.22, 0.22, 3)  # no two coats are alike
        wide, tall = (1.8, 1.84) if kind >= 6 else (0.8, 1.84)
        a = np.array([np.cos(turn), np.sin(turn), 0]) * wide / 2
        foot, head = np.array([x, y, 0.0]), np.array([x, y, tall])
        normal = np.broadcast_to(np.array([np.sin(turn), -np.cos(turn), 0.2]), (4, 3))
        look = {"density": 70, "normals": normal, "cutout": True, "two_sided": True}
        builder.quad([foot - a, foot + a, head + a, head - a], self.people[kind], tint, **look)


def lamp_post(builder: Builder, x, y, height=4.2):
    """Set a lamp-post."""
    builder.lathe((x, y, 0), [(0.13, 0), (0.07, 0.6), (0.05, height)], 7, tint=(0.2, 0.22, 0.22))
    shade = [(0.12, height), (0.3, height + 0.45), (0.05, height + 0.65)]
    builder.lathe((x, y, 0), shade, 8, tint=(0.95, 0.93, 0.85))


def bench(builder: Builder, x, y, turn):
    """Set a bench."""
    wood, back = (0.5, 0.36, 0.22), (x - 0.2 * np.sin(turn), y + 0.2 * np.cos(turn))
    builder.box((x, y), (1.8, 0.5), 0.08, 0.42, tint=wood, turn=turn)
    builder.box(back, (1.8, 0.08), 0.45, 0.5, tint=wood, turn=turn)
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
            band = [at(a, ya, za), at(a, -ya, za), at(b, -yb, zb), at(b, yb, zb)]
            builder.quad(band, tint=roof if za > 1.2 and zb > 1.2 else colour, two_sided=True)
        for way in (1, -1):
            points = [at(a, way * (half - narrow * (z > 1.2)), z) for a, z in shape]
            fan = [[points[0], points[k], points[k + 1]] for k in range(1, n - 1)]
            builder.flat(fan, [-sin * way, cos * way, 0.1], colour)

    prism(side, 0.86, 0, tint, tint)
    prism(top, 0.8, 0.14, (0.16, 0.19, 0.23), tint)
    angle, along = np.linspace(0, 2 * np.pi, 12, endpoint=False), np.array([cos, sin, 0])
    ring = np.cos(angle)[:, None] * along + np.sin(angle)[:, None] * [0, 0, 1]
    for px in (-0.31, 0.31):
        for way in (-1, 1):
            a, b = np.array(at(px, way * 0.68, 0.33)), np.array(at(px, way * 0.9, 0.33))
            wheel = [a + 0.33 * ring, b + 0.33 * ring, b + 0.16 * ring, b + 0.01 * ring]
            builder.grid(wheel, tint=(0.09, 0.09, 0.1), two_sided=True)


RING = np.arange(6) * np.pi / 3
PLANTINGS = (  # in the order of their names: (x, y, height) of each tree, kind, tint of the leaves
    ([(0, 0, 13)], BROAD, GREENS[0]),
    ([(-2.5, 0, 10), (2.5, 0.5, 11)], BROAD, (0.7, 0.74, 0.3)),
    ([(-5, 0, 6), (0, -1, 7), (5, 0.5, 6), (2, 4, 6)], BLOSSOM, (0.98, 0.7, 0.78)),
    ([(0, 0, 15)], NEEDLES, (0.2, 0.34, 0.22)),
    ([(-4, 0, 8), (0, 2, 9), (4, -1, 8)], PALM, GREENS[1]),
    ([(0, 0, 10)], BROAD, (0.55, 0.66, 0.3)),
    ([(5 * np.cos(a), 5 * np.sin(a), 7) for a in RING], BROAD, (0.8, 0.36, 0.14)),
    ([(x, 0, 12) for x in (-7, -3.5, 0, 3.5, 7)], NEEDLES, (0.42, 0.52, 0.16)),
)
FLOWERS = np.array([[200, 60, 70], [230, 190, 60], [240, 236, 230], [140, 80, 170]]) / 255


def tree_place(builder: Builder, props: Props, random, number):
    """Plant one of the eight notable trees or groups of them on its own bed.

    Returns:
        Width, depth and height in metres.
    """
    spots, kind, green = PLANTINGS[number]
    for x, y, height in spots:
        tall = height * random.uniform(0.9, 1.1)
        props.tree(builder, random, x, y, tall, kind, green, 90 if len(spots) < 3 else 40)
    r = max(np.hypot(x, y) for x, y, _ in spots) + 1.8
    stone = random.uniform(0.5, 0.85) * np.array([1, 0.96, 0.9])
    kerb = [(r + 0.4, 0), (r + 0.4, 0.45), (r, 0.45), (r, 0.3)]
    corners = (6, 24, 8, 24)[number % 4]
    builder.lathe((0, 0, 0), kerb, corners, tint=stone, two_sided=True)
    flowers = FLOWERS[random.permutation(4)[:2]]
    for k in range(40):
        a, d = random.uniform(0, 2 * np.pi), r * random.uniform(0.55, 0.97)
        tint = flowers[k % 2] if k % 3 else (0.3, 0.5, 0.2)
        at = (d * np.cos(a), d * np.sin(a), 0.4)
        builder.ball(at, random.uniform(0.14, 0.3), 6, 4, tint=tint)
    return 2 * r + 1, 2 * r + 1, max(h for _, _, h in spots) * 1.02
