"""Shops and canteens: a low front with wares, an awning and a wide board."""

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_facades import Facades, board, draw_style
from mvs_lib.datasets.campus_mesh import Builder
from mvs_lib.datasets.campus_roofs import roof
from mvs_lib.datasets.campus_textures import ACCENTS, wall

__all__ = ["shop"]


def shop(builder: Builder, textures, random, density, place):
    """A shop or canteen: a low front with wares, an awning and a wide board."""
    s = draw_style(random, (1, 4))
    f = Facades(textures, s, density, random)
    width, depth = random.uniform(11, 19), random.uniform(8, 11)
    ground = random.uniform(3.6, 4.4)
    height = ground + (s.storeys - 1) * s.storey + 0.5
    c = Canvas(width, ground, density * 1.2)
    wall(c, s.wall, s.colour, random, s.second)
    bays = int(random.integers(3, 6))
    door = int(random.integers(bays))
    for b in range(bays):
        x, w = 0.4 + b * (width - 0.8) / bays, (width - 0.8) / bays - 0.4
        low = 0.05 if b == door else 0.7
        c.rect(x - 0.12, low - 0.05, w + 0.24, 2.75 - low, s.frame)
        c.rect(x, low, w, 2.6 - low, (58, 68, 78), 240)
        if b == door:
            c.rect(x + w * 0.46, low, 0.12, 2.5, s.frame)
            continue
        for _ in range(7):  # wares
            colour = ACCENTS[random.integers(8)] * random.uniform(0.8, 1.3)
            wx, wy = x + random.uniform(0, w * 0.8), low + 0.75 * int(random.integers(2))
            c.rect(wx, wy, random.uniform(0.3, 0.5), random.uniform(0.3, 0.6), colour, 235)
    front = textures.add(c.pixels)
    builder.box(
        (0, 0), (width, depth), ground, tint=s.colour / 255, faces={"front": (front, density * 1.2)}
    )
    if s.storeys > 1:
        upper = height - ground
        a, b = f.paint(width, upper, s.storeys - 1), f.paint(depth, upper, s.storeys - 1)
        builder.box(
            (0, 0),
            (width, depth),
            upper,
            ground,
            tint=s.colour / 255,
            faces={"front": a, "back": a, "left": b, "right": b},
        )
    roof(builder, s.roof, (0, 0), (width, depth), height, s.roof_colour, s.second, random)
    y = -depth / 2
    stripes = Canvas(width, 1.6, 20, (240, 236, 226))
    step = random.uniform(0.7, 1.5)
    for k in range(int(width / step) + 1):
        if k % 2:
            stripes.rect(k * step, 0, step, 1.6, s.accent)
    if random.random() < 0.3:
        stripes.pixels[..., :3] = np.clip(s.accent, 0, 255)
    reach, awning = random.uniform(1.1, 2.0), textures.add(stripes.pixels)
    builder.quad(
        [
            [-width / 2, y - reach, 2.35],
            [width / 2, y - reach, 2.35],
            [width / 2, y, 3.0],
            [-width / 2, y, 3.0],
        ],
        awning,
        density=20,
        two_sided=True,
    )
    second = ACCENTS[random.integers(8)]
    light = random.random() < 0.4
    wide = width * random.uniform(0.55, 0.98)
    board(
        builder,
        textures,
        place.name.upper(),
        0,
        y - 0.2,
        3.05,
        random.uniform(1.0, 1.5),
        (240, 236, 224) if light else second,
        second if light else (250, 248, 240),
        s.accent,
        wide,
    )
    for x in random.uniform(-0.4, 0.4, 3) * width:  # tables or crates before it
        colour = ACCENTS[random.integers(8)] / 255
        builder.lathe(
            (x, y - 2.6, 0), [(0.06, 0), (0.06, 0.72), (0.5, 0.74), (0.5, 0.8)], 8, tint=colour
        )
    return width, depth, height + 1
