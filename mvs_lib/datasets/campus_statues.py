"""Statues and fountains: people, animals and abstract bodies of metal or stone, basins of water."""

from itertools import pairwise

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_facades import board
from mvs_lib.datasets.campus_mesh import Builder, walls
from mvs_lib.datasets.campus_textures import ACCENTS, METAL, STONE, sign, wall

__all__ = ["fountain", "statue"]


POSES = ("stands", "points", "runs", "reads")
BODIES = (  # what each statue shows, in the order of their names
    "reads", "stands", "obelisk", "ring", "points", "spheres", "runs", "cubes", "horse", "sundial",
    "thinker", "helix", "lion", "arch",
)  # fmt: skip


def _figure(builder, z, scale, tint, pose):
    """A person of metal or stone in one of `POSES`, feet at height z."""

    def at(x, y, h):
        return np.array([x, y, 0]) * scale + [0, 0, z + h * scale]

    stride = 0.42 if pose == "runs" else 0.12
    look = {"tint": tint, "segments": 8}
    builder.tube(at(-0.12, stride, 0.02), at(-0.1, 0, 0.92), 0.09 * scale, 0.13 * scale, **look)
    builder.tube(at(0.12, -stride, 0.02), at(0.1, 0, 0.92), 0.09 * scale, 0.13 * scale, **look)
    if pose in ("stands", "reads"):  # a long coat
        builder.lathe(
            (0, 0, 0),
            [
                (0.3 * scale, z + 0.25 * scale),
                (0.23 * scale, z + 0.95 * scale),
                (0.25 * scale, z + 1.3 * scale),
                (0.1 * scale, z + 1.52 * scale),
            ],
            12,
            tint=tint,
        )
    builder.tube(at(0, 0, 0.98), at(0, -0.05, 1.42), 0.2 * scale, 0.24 * scale, **look)
    builder.ball(at(0, -0.06, 1.78), 0.15 * scale, 10, 7, tint=tint)
    hands = {
        "stands": ((-0.32, 0, 0.85), (0.32, 0, 0.85)),
        "points": ((-0.35, 0, 0.9), (0.75, -0.2, 1.75)),
        "runs": ((-0.3, 0.5, 1.1), (0.3, -0.5, 1.25)),
        "reads": ((-0.12, -0.42, 1.2), (0.12, -0.42, 1.2)),
    }[pose]
    for side, hand in zip((-1, 1), hands, strict=True):
        shoulder = at(side * 0.26, -0.03, 1.46)
        elbow = at(*(np.array(hand) * [1.25, 0.5, 0.5] + [0, 0, 0.62]))
        builder.tube(shoulder, elbow, 0.085 * scale, 0.075 * scale, **look)
        builder.tube(elbow, at(*hand), 0.075 * scale, 0.06 * scale, **look)
    if pose == "reads":
        book = (0.34 * scale, 0.06 * scale), 0.24 * scale, z + 1.12 * scale
        builder.box((0, -0.46 * scale), *book, tint=(0.9, 0.88, 0.8))


def _animal(builder, z, scale, tint, mane):
    """A horse, or a lion with a mane, its feet at height z."""

    def limb(start, end, r0, r1):
        builder.tube(start, end, r0 * scale, r1 * scale, 9, tint=tint)

    for x in (-0.75, 0.75):
        for y in (-0.22, 0.22):
            hip = (x * 0.9 * scale, y * scale, z + 0.95 * scale)
            limb((x * scale, y * scale, z), hip, 0.1, 0.16)
    limb((-0.75 * scale, 0, z + 1.1 * scale), (0.7 * scale, 0, z + 1.15 * scale), 0.34, 0.36)
    head = np.array([1.15, 0, 1.85 if not mane else 1.5]) * scale + [0, 0, z]
    limb((0.75 * scale, 0, z + 1.25 * scale), head, 0.28, 0.18)
    limb(head, head + np.array([0.45 * scale, 0, -0.15 * scale]), 0.2, 0.12)
    if mane:
        builder.ball(head - [0.15 * scale, 0, 0.02], 0.46 * scale, tint=tint * 0.75)
    limb((-0.95 * scale, 0, z + 1.2 * scale), (-1.35 * scale, 0, z + 0.6 * scale), 0.08, 0.05)


def statue(builder: Builder, textures, random, density, place):
    """A figure, an animal or an abstract body on a plinth that bears its name."""
    tint = METAL[random.integers(5)] if random.random() < 0.65 else STONE[random.integers(4)]
    stone = STONE[random.integers(4)] * random.uniform(0.85, 1.1)
    wide, high = random.uniform(2.2, 3.6), random.uniform(1.3, 2.6)
    builder.box((0, 0), (wide * 1.7, wide * 1.7), 0.22, tint=stone * 0.9)
    builder.box((0, 0), (wide * 1.35, wide * 1.35), 0.22, 0.22, tint=stone * 0.95)
    c = Canvas(wide, high, 60, stone * 255)
    wall(c, ("stone", "plaster", "panels")[random.integers(3)], stone * 235, random)
    if random.random() < 0.5:
        c.rect(0, high * 0.1, wide, high * 0.12, ACCENTS[random.integers(8)])
    colour = ((60, 50, 40), (150, 120, 60), (236, 232, 220))[random.integers(3)]
    text = sign(place.name, colour, (240, 230, 200) if colour[0] < 200 else (50, 44, 40))
    size = min(wide * 0.9, high * 0.4 * text.shape[1] / 48)
    face = c.pixels.copy()
    c.paste(text, (wide - size) / 2, high * 0.4, size, size * 48 / text.shape[1])
    front, side = (textures.add(c.pixels), 60), (textures.add(face), 60)
    builder.box((0, 0), (wide, wide * 0.85), high, 0.44, tint=stone, faces=walls(front, side))
    z = high + 0.44
    builder.box((0, 0), (wide * 1.12, wide), 0.2, z, tint=stone * 0.92)
    z += 0.2
    scale = random.uniform(1.5, 2.2)
    side, body = wide * 1.7, BODIES[place.number]
    if body in POSES:
        _figure(builder, z, scale, tint, body)
        return side, side, z + 2 * scale
    if body in ("horse", "lion"):
        _animal(builder, z, scale * 0.95, tint, body == "lion")
        return side, side, z + 2 * scale
    if body == "thinker":  # seated on a block
        _figure(builder, z - 0.4, scale, tint, "reads")
        builder.box((0, 0.5), (1.3, 1.3), 1.5, z, tint=stone * 0.8)
        return side, side, z + 2 * scale + 0.5
    return side, side, _abstract(builder, random, z, tint, body) + 0.5


def _abstract(builder, random, z, tint, body):
    """An obelisk, a ring or whatever is no creature; return the height of its top."""
    if body == "obelisk":
        top = z + random.uniform(5, 7)
        square = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        rings = ((0.75, z), (0.5, top), (0.02, top + 0.9))
        builder.grid([[[x * r, y * r, h] for x, y in square] for r, h in rings], tint=tint)
        return top
    if body in ("ring", "arch"):
        round_whole = body == "ring"
        r, turn = random.uniform(1.4, 1.9), np.linspace(0, (2 if round_whole else 1) * np.pi, 25)
        foot, stretch = (r + 0.2, 1) if round_whole else (0.1, 1.6)
        curve = np.stack([r * np.cos(turn), 0 * turn, z + foot + r * np.sin(turn) * stretch], 1)
        for a, b in pairwise(curve):
            builder.tube(a, b, 0.28, 0.28, 8, tint=tint)
        return z + 2 * r
    if body == "spheres":
        for k, r in enumerate((1.0, 0.75, 0.5)):
            metal = METAL[(k + int(random.integers(5))) % 5]
            builder.ball((0, 0, z + r), r, 16, 10, tint=metal)
            z += 1.9 * r
        return z
    if body == "cubes":
        for k in range(4):
            w = 1.5 - 0.25 * k
            builder.box((0, 0), (w, w), w, z, tint=ACCENTS[(k + 3) % 8] / 255, turn=0.5 * k)
            z += w
        return z
    if body == "sundial":
        builder.lathe((0, 0, 0), [(1.4, z), (1.4, z + 0.25), (0.1, z + 0.26)], 24, tint=STONE[0])
        builder.flat([[[-1, 0, z], [1.2, 0, z], [1.2, 0, z + 2.4]]], [0, -1, 0], METAL[3])
        return z + 2.4
    turn = np.linspace(0, 5 * np.pi, 40)  # a double helix
    for shift, colour in ((0, tint), (np.pi, tint * 0.6)):
        angle, up = turn + shift, z + 0.3 + turn * 0.3
        curve = np.stack([0.8 * np.cos(angle), 0.8 * np.sin(angle), up], 1)
        for a, b in pairwise(curve):
            builder.tube(a, b, 0.16, 0.16, 6, tint=colour)
    return z + 5


def fountain(builder: Builder, textures, random, density, place):
    """Basins of water one above the other, with jets."""
    stone = STONE[random.integers(4)]
    r, top = random.uniform(3.2, 5), 0.0
    water = (0.34, 0.55, 0.62)
    for k in range(int(random.integers(2, 4))):
        z = 1.9 * k * random.uniform(0.8, 1)
        rk = r * (1, 0.52, 0.28)[k]
        foot = (rk * (0.3 if k else 0.95), z)
        rim = [(rk, z + 0.2), (rk, z + 0.75), (rk * 0.9, z + 0.78), (rk * 0.88, z + 0.6)]
        corners = 8 if place.number % 2 else 24
        builder.lathe((0, 0, 0), [foot, *rim], corners, tint=stone, two_sided=True)
        pool = [(rk * 0.89, z + 0.62), (0.02, z + 0.63)]
        builder.lathe((0, 0, 0), pool, 24, tint=water, two_sided=True)
        builder.lathe((0, 0, 0), [(0.45, z), (0.3, z + 1.2), (0.42, z + 2)], 12, tint=stone * 0.9)
        top = z + 2
    if place.number == 1:
        _animal(builder, top, 1.1, METAL[random.integers(5)], mane=True)
        top += 2
    elif random.random() < 0.6:
        _figure(builder, top, 1.1, METAL[random.integers(5)], POSES[random.integers(4)])
        top += 2
    jets, s = int(random.integers(5, 11)), np.linspace(0, 1, 7)
    for k in range(jets):
        a, way = 2 * np.pi * k / jets, (0.8 - 0.45 * s) * r
        curve = np.stack([way * np.cos(a), way * np.sin(a), 0.6 + 7 * s * (1 - s)], 1)
        for start, end in pairwise(curve):
            builder.tube(start, end, 0.06, 0.06, 5, tint=(0.88, 0.94, 0.98))
    board(builder, textures, place.name, 0, -r - 0.12, 0.12, 0.55, (60, 62, 66), (240, 236, 220))
    return 2 * r, 2 * r, max(top, 3.5) + 0.5
