"""Shops and canteens: a low front with wares, an awning and a wide board."""

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_facades import Facades, board, draw_style
from mvs_lib.datasets.campus_mesh import Builder, walls
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
    plan, tint, faces = (width, depth), s.colour / 255, {"front": (front, density * 1.2)}
    builder.box((0, 0), plan, ground, tint=tint, faces=faces)
    if s.storeys > 1:
        upper = height - ground
        faces = walls(*(f.paint(side, upper, s.storeys - 1) for side in plan))
        builder.box((0, 0), plan, upper, ground, tint=tint, faces=faces)
    roof(builder, s.roof, (0, 0), plan, height, s.roof_colour, s.second, random)
    y = -depth / 2
    stripes = Canvas(width, 1.6, 20, (240, 236, 226))
    step = random.uniform(0.7, 1.5)
    for k in range(int(width / step) + 1):
        if k % 2:
            stripes.rect(k * step, 0, step, 1.6, s.accent)
    if random.random() < 0.3:
        stripes.pixels[..., :3] = np.clip(s.accent, 0, 255)
    reach, awning = random.uniform(1.1, 2.0), textures.add(stripes.pixels)
    x, out = width / 2, y - reach
    slope = [[-x, out, 2.35], [x, out, 2.35], [x, y, 3.0], [-x, y, 3.0]]
    builder.quad(slope, awning, density=20, two_sided=True)
    second = ACCENTS[random.integers(8)]
    light = random.random() < 0.4
    wide, tall = width * random.uniform(0.55, 0.98), random.uniform(1.0, 1.5)
    colours = ((240, 236, 224), second) if light else (second, (250, 248, 240))
    text = place.name.upper()
    board(builder, textures, text, 0, y - 0.2, 3.05, tall, *colours, s.accent, wide)
    for x in random.uniform(-0.4, 0.4, 3) * width:  # tables before it
        colour = ACCENTS[random.integers(8)] / 255
        table = [(0.06, 0), (0.06, 0.72), (0.5, 0.74), (0.5, 0.8)]
        builder.lathe((x, y - 2.6, 0), table, 8, tint=colour)
    return width, depth, height + 1
