"""Statues and fountains: people, animals and abstract bodies of metal or stone, and basins of water."""

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_facades import board
from mvs_lib.datasets.campus_mesh import Builder
from mvs_lib.datasets.campus_textures import ACCENTS, METAL, STONE, sign, wall

__all__ = ["fountain", "statue"]


def _figure(builder, random, z, scale, tint, pose):
    """A person of metal or stone, feet at height z; ``pose``: 0 stands, 1 points, 2 runs, 3 reads."""

    def at(x, y, h):
        return np.array([x, y, 0]) * scale + [0, 0, z + h * scale]

    stride = {2: 0.42}.get(pose, 0.12)
    look = {"tint": tint, "segments": 8}
    builder.tube(at(-0.12, stride, 0.02), at(-0.1, 0, 0.92), 0.09 * scale, 0.13 * scale, **look)
    builder.tube(at(0.12, -stride, 0.02), at(0.1, 0, 0.92), 0.09 * scale, 0.13 * scale, **look)
    if pose in (0, 3):  # a long coat
        builder.lathe(
            (0, 0, 0),
            [(0.34 * scale, z), (0.27 * scale, z + 0.9 * scale), (0.2 * scale, z + 1.2 * scale)],
            12,
            tint=tint,
        )
    builder.tube(at(0, 0, 0.98), at(0, -0.05, 1.42), 0.2 * scale, 0.24 * scale, **look)
    builder.ball(at(0, -0.06, 1.78), 0.15 * scale, 10, 7, tint=tint)
    hands = {
        0: ((-0.32, 0, 0.85), (0.32, 0, 0.85)),
        1: ((-0.35, 0, 0.9), (0.75, -0.2, 1.75)),
        2: ((-0.3, 0.5, 1.1), (0.3, -0.5, 1.25)),
        3: ((-0.12, -0.42, 1.2), (0.12, -0.42, 1.2)),
    }[pose]
    for side, hand in zip((-1, 1), hands, strict=True):
        shoulder, elbow = (
            at(side * 0.26, -0.03, 1.46),
            at(*(np.array(hand) * [1.25, 0.5, 0.5] + [0, 0, 0.62])),
        )
        builder.tube(shoulder, elbow, 0.085 * scale, 0.075 * scale, **look)
        builder.tube(elbow, at(*hand), 0.075 * scale, 0.06 * scale, **look)
    if pose == 3:
        builder.box(
            (0, -0.46 * scale),
            (0.5 * scale, 0.08 * scale),
            0.32 * scale,
            z + 1.12 * scale,
            tint=(0.9, 0.88, 0.8),
        )


def _animal(builder, random, z, scale, tint, mane):
    look = {"tint": tint, "segments": 9}
    for x in (-0.75, 0.75):
        for y in (-0.22, 0.22):
            builder.tube(
                (x * scale, y * scale, z),
                (x * 0.9 * scale, y * scale, z + 0.95 * scale),
                0.1 * scale,
                0.16 * scale,
                **look,
            )
    builder.tube(
        (-0.75 * scale, 0, z + 1.1 * scale),
        (0.7 * scale, 0, z + 1.15 * scale),
        0.34 * scale,
        0.36 * scale,
        **look,
    )
    head = np.array([1.15, 0, 1.85 if not mane else 1.5]) * scale + [0, 0, z]
    builder.tube((0.75 * scale, 0, z + 1.25 * scale), head, 0.28 * scale, 0.18 * scale, **look)
    builder.tube(head, head + [0.45 * scale, 0, -0.15 * scale], 0.2 * scale, 0.12 * scale, **look)
    if mane:
        builder.ball(head - [0.15 * scale, 0, 0.02], 0.46 * scale, tint=tint * 0.75)
    builder.tube(
        (-0.95 * scale, 0, z + 1.2 * scale),
        (-1.35 * scale, 0, z + 0.6 * scale),
        0.08 * scale,
        0.05 * scale,
        **look,
    )


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
    builder.box(
        (0, 0),
        (wide, wide * 0.85),
        high,
        0.44,
        tint=stone,
        faces={"front": front, "back": front, "left": side, "right": side},
    )
    z = high + 0.44
    builder.box((0, 0), (wide * 1.12, wide), 0.2, z, tint=stone * 0.92)
    z += 0.2
    scale = random.uniform(1.5, 2.2)
    body = {0: 3, 1: 0, 4: 1, 6: 2}.get(place.number)
    if body is not None:
        _figure(builder, random, z, scale, tint, body)
        return wide * 1.7, wide * 1.7, z + 2 * scale
    if place.number in (8, 12):
        _animal(builder, random, z, scale * 0.95, tint, place.number == 12)
        return wide * 1.7, wide * 1.7, z + 2 * scale
    top = z
    if place.number == 2:
        top = z + random.uniform(5, 7)
        builder.grid(
            [
                [[x * r, y * r, h] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
                for r, h in ((0.75, z), (0.5, top), (0.02, top + 0.9))
            ],
            tint=tint,
        )
    elif place.number in (3, 13):  # a ring, an arch
        r, turn = (
            random.uniform(1.4, 1.9),
            np.linspace(0, 2 * np.pi if place.number == 3 else np.pi, 25),
        )
        middle = np.stack(
            [
                r * np.cos(turn),
                0 * turn,
                z
                + (r + 0.2 if place.number == 3 else 0.1)
                + r * np.sin(turn) * (1 if place.number == 3 else 1.6),
            ],
            1,
        )
        for a, b in zip(middle[:-1], middle[1:], strict=True):
            builder.tube(a, b, 0.28, 0.28, 8, tint=tint)
        top = z + 2 * r
    elif place.number == 5:
        for k, r in enumerate((1.0, 0.75, 0.5)):
            builder.ball(
                (0, 0, top + r), r, 16, 10, tint=(METAL[(k + int(random.integers(5))) % 5])
            )
            top += 1.9 * r
    elif place.number == 7:
        for k in range(4):
            w = 1.5 - 0.25 * k
            builder.box((0, 0), (w, w), w, top, tint=ACCENTS[(k + 3) % 8] / 255, turn=0.5 * k)
            top += w
    elif place.number == 9:
        builder.lathe((0, 0, 0), [(1.4, z), (1.4, z + 0.25), (0.1, z + 0.26)], 24, tint=STONE[0])
        builder.triangles(
            [[[-1, 0, z], [1.2, 0, z], [1.2, 0, z + 2.4]]],
            np.full((1, 3, 3), [0, -1.0, 0]),
            np.zeros((1, 3, 2)),
            tint=METAL[3],
            two_sided=True,
        )
        top = z + 2.4
    elif place.number == 11:
        turn = np.linspace(0, 5 * np.pi, 40)
        for shift, colour in ((0, tint), (np.pi, tint * 0.6)):
            curve = np.stack(
                [0.8 * np.cos(turn + shift), 0.8 * np.sin(turn + shift), z + 0.3 + turn * 0.3], 1
            )
            for a, b in zip(curve[:-1], curve[1:], strict=True):
                builder.tube(a, b, 0.16, 0.16, 6, tint=colour)
        top = z + 5
    else:  # a seated thinker
        _figure(builder, random, z - 0.4, scale, tint, 3)
        builder.box((0, 0.5), (1.3, 1.3), 1.5, z, tint=stone * 0.8)
        top = z + 2 * scale
    return wide * 1.7, wide * 1.7, top + 0.5


def fountain(builder: Builder, textures, random, density, place):
    """Basins of water one above the other, with jets."""
    stone = STONE[random.integers(4)]
    r, top = random.uniform(3.2, 5), 0.0
    water = (0.34, 0.55, 0.62)
    for k in range(int(random.integers(2, 4))):
        z = 1.9 * k * random.uniform(0.8, 1)
        rk = r * (1, 0.52, 0.28)[k]
        profile = [
            (rk * 0.95, z),
            (rk, z + 0.2),
            (rk, z + 0.75),
            (rk * 0.9, z + 0.78),
            (rk * 0.88, z + 0.6),
        ]
        if k:
            profile[0] = (rk * 0.3, z)
        builder.lathe((0, 0, 0), profile, 8 if place.number % 2 else 24, tint=stone, two_sided=True)
        builder.lathe(
            (0, 0, 0), [(rk * 0.89, z + 0.62), (0.02, z + 0.63)], 24, tint=water, two_sided=True
        )
        builder.lathe((0, 0, 0), [(0.45, z), (0.3, z + 1.2), (0.42, z + 2)], 12, tint=stone * 0.9)
        top = z + 2
    if place.number == 1:
        _animal(builder, random, top, 1.1, METAL[random.integers(5)], True)
        top += 2
    elif random.random() < 0.6:
        _figure(builder, random, top, 1.1, METAL[random.integers(5)], int(random.integers(4)))
        top += 2
    jets = int(random.integers(5, 11))
    for k in range(jets):
        a = 2 * np.pi * k / jets
        t = np.linspace(0, 1, 7)
        for s0, s1 in zip(t[:-1], t[1:], strict=True):
            p = [
                (
                    (0.8 - 0.45 * s) * r * np.cos(a),
                    (0.8 - 0.45 * s) * r * np.sin(a),
                    0.6 + 7 * s * (1 - s),
                )
                for s in (s0, s1)
            ]
            builder.tube(*p, 0.06, 0.06, 5, tint=(0.88, 0.94, 0.98))
    board(builder, textures, place.name, 0, -r - 0.12, 0.12, 0.55, (60, 62, 66), (240, 236, 220))
    return 2 * r, 2 * r, max(top, 3.5) + 0.5
