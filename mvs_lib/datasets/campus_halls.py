"""Places under one wide roof: vaulted halls, greenhouses, pavilions, and the campus's gates."""

from itertools import pairwise

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_facades import Facades, board, draw_style
from mvs_lib.datasets.campus_mesh import Builder, walls
from mvs_lib.datasets.campus_roofs import roof
from mvs_lib.datasets.campus_textures import (
    ACCENTS,
    FRAMES,
    METAL,
    ROOFS,
    STONE,
    WALL_COLOURS,
    sign,
    wall,
)

__all__ = ["gate", "greenhouse", "hall", "pavilion"]


def hall(builder: Builder, textures, random, density, place):
    """A hall under one wide vault."""
    s = draw_style(random, (1, 3))
    s.ivy, s.mural, s.bay = 0.0, int(random.integers(4)), random.uniform(3.5, 5)
    f = Facades(textures, s, density, random)
    width, depth, height = random.uniform(24, 32), random.uniform(16, 20), random.uniform(6, 8)
    front, side = f.paint(width, height, s.storeys, mural=s.mural), f.paint(depth, height, 1)
    faces = walls(front, side)
    builder.box((0, 0), (width, depth), height, tint=s.colour / 255, faces=faces)
    turn = np.linspace(0, np.pi, 13)
    rise = random.uniform(3, 6)
    arc = np.stack([-np.cos(turn) * (width / 2 + 0.6), height + rise * np.sin(turn)], 1)
    stripes = int(random.integers(1, 4))
    for k, (a, b) in enumerate(pairwise(arc)):
        tint = (s.roof_colour if k % (stripes + 1) else s.accent) / 255
        y = depth / 2 + 0.8
        strip = [[a[0], -y, a[1]], [b[0], -y, b[1]], [b[0], y, b[1]], [a[0], y, a[1]]]
        builder.quad(strip, tint=tint, two_sided=True)
        for way in (-1, 1):  # the ends of the vault
            y = way * depth / 2
            fan = [[a[0], y, a[1]], [0, y, height], [b[0], y, b[1]]]
            builder.flat([fan], [0, way, 0], s.second / 255)
    for k in np.linspace(-0.45, 0.45, int(random.integers(4, 8))):
        builder.box((k * width, -depth / 2 - 0.5), (0.6, 1), height, tint=s.accent / 255)
    text, y, z = place.name.upper(), -depth / 2 - 1.1, height - 0.4
    board(builder, textures, text, 0, y, z, 2.0, s.accent, (250, 248, 240))
    return width, depth, height + rise


def greenhouse(builder: Builder, textures, random, density, place):
    """A house of glass under a vault, a dome or a gable."""
    frame = FRAMES[random.integers(5)].astype(float)
    width, depth, height = random.uniform(16, 26), random.uniform(8, 11), random.uniform(3.4, 5)

    def panes(w, h):
        c = Canvas(w, h, density, (150, 184, 176), 225)
        for _ in range(int(w * h)):
            green = np.array([70, 120, 60]) * random.uniform(0.6, 1.3)
            x, y = random.uniform(0, w), h * random.random() ** 2 * 0.9
            c.disc(x, y, random.uniform(0.3, 0.9), green, 228)
        for k in range(int(w / 1.3) + 1):
            c.rect(k * 1.3, 0, 0.14, h, frame)
        for k in range(int(h / 1.6) + 1):
            c.rect(0, k * 1.6, w, 0.14, frame)
        c.rect(0, 0, w, 0.6, frame * 0.6)
        return textures.add(c.pixels), density

    front, side = panes(width, height), panes(depth, height)
    glass, faces = (0.6, 0.75, 0.7), walls(front, side)
    builder.box((0, 0), (width, depth), height, tint=glass, faces=faces)
    turn = np.linspace(0, np.pi, 9)
    rise = random.uniform(2.5, 4)
    arc = np.stack([-np.cos(turn) * depth / 2, height + rise * np.sin(turn)], 1)
    for a, b in pairwise(arc):
        x = width / 2
        strip = [[-x, *a], [x, *a], [x, *b], [-x, *b]]
        builder.quad(strip, side[0], density=density, two_sided=True)
    for x in (-width / 2, width / 2):
        for a, b in pairwise(arc):
            builder.flat(
                [[[x, *a], [x, *b], [x, 0, height]]], [np.sign(x), 0, 0], (0.62, 0.76, 0.72)
            )
    w = random.uniform(5, 8)
    middle = panes(w, height + 2)
    at, faces = (0, -depth / 2 - 1), dict.fromkeys(("front", "left", "right"), middle)
    builder.box(at, (w, 3.4), height + 2, tint=glass, faces=faces)
    kind, colour = str(random.choice(["dome", "pyramid", "gable"])), frame * 0.8 + [0, 30, 20]
    roof(builder, kind, at, (w, 4), height + 2, colour, frame, random)
    y, green, ink = -depth / 2 - 2.8, (44, 84, 60), (246, 244, 230)
    board(builder, textures, place.name, 0, y, 2.9, 0.9, green, ink)
    return width, depth, height + max(rise, 4)


def pavilion(builder: Builder, textures, random, density, place):
    """A roof on columns over a stepped floor."""
    r, columns = random.uniform(3.2, 5), int(random.integers(5, 10))
    height, stone = random.uniform(3.2, 4.6), STONE[random.integers(4)]
    colour = ACCENTS[random.integers(8)] if random.random() < 0.5 else np.array([226, 220, 206])
    colour, middle = colour / 255, (0, 0, 0)
    for k in range(3):
        wide, low, corners = r * (1.35 - 0.1 * k), 0.2 * k, 24 if columns % 2 else 8
        step = [(wide, low), (wide, low + 0.2), (0.1, low + 0.2)]
        builder.lathe(middle, step, corners, tint=stone * (0.9 + 0.05 * k))
    column = [(0.36, 0.6), (0.26, 1), (0.22, height), (0.36, height + 0.3)]
    for k in range(columns):
        a = 2 * np.pi * (k + 0.5) / columns
        builder.lathe((r * np.cos(a), r * np.sin(a), 0), column, 10, tint=colour)
    top = height + 0.9
    beam = [(r * 1.05, height + 0.3), (r * 1.12, height + 0.4), (r * 1.12, top), (r, top)]
    builder.lathe(middle, beam, 24, tint=stone, two_sided=True)
    tint = ROOFS[random.integers(5)] / 255
    kind = int(random.integers(3))
    profile = {
        0: [(1.35, 0), (0.9, 0.5), (0.4, 1.6), (0.1, 2.6)],
        1: [(1.15, 0), (1.05, 0.8), (0.75, 1.7), (0.3, 2.3), (0.03, 2.5)],
        2: [(1.5, 0.25), (1.0, 0.6), (0.65, 1.6), (0.9, 1.65), (0.3, 2.6), (0.03, 3.4)],
    }[kind]
    profile, corners = [(r * a, top + b) for a, b in profile], 8 if kind == 2 else 24
    builder.lathe(middle, profile, corners, tint=tint, two_sided=True)
    builder.ball((0, 0, top + 3), 0.35, tint=METAL[3])
    y, z, ink = -r * 1.13, height + 0.25, (250, 246, 230)
    board(builder, textures, place.name, 0, y, z, 0.8, colour * 150, ink)
    tint = WALL_COLOURS[random.integers(14)] / 255
    builder.lathe(middle, [(0.7, 0.6), (0.7, 1.2), (0.05, 1.25)], 12, tint=tint)  # a table
    return 2.7 * r, 2.7 * r, top + 3


def gate(builder: Builder, textures, random, density, place):
    """Two pillars, a beam with the name, fences to both sides."""
    s = draw_style(random, (1, 3))
    gap, height, thick = random.uniform(6, 9), random.uniform(4.5, 7), random.uniform(1.4, 2.4)
    c = Canvas(thick, height, 40, s.colour)
    wall(c, s.wall, s.colour, random, s.second)
    face = (textures.add(c.pixels), 40)
    faces, colours = walls(face, face), (s.roof_colour, s.second)
    for side in (-1, 1):
        x = side * (gap + thick) / 2
        builder.box((x, 0), (thick, thick), height, tint=s.colour / 255, faces=faces)
        builder.box((x, 0), (thick * 1.25, thick * 1.25), 0.4, height, tint=s.second / 255)
        if s.pilasters:
            builder.ball((x, 0, height + 0.9), 0.6, tint=STONE[0])
        else:
            cap = (thick * 0.6, thick * 0.6)
            roof(builder, "pyramid", (x, 0), cap, height + 0.4, *colours, random)
        end = x + side * random.uniform(5, 7)
        for px in np.arange(min(x, end), max(x, end), 0.45):
            builder.box((px, 0), (0.09, 0.09), 2.1, tint=s.accent / 400)
        builder.box(((x + end) / 2, 0), (abs(end - x), 0.4), 0.6, tint=s.colour / 255)
        builder.box(((x + end) / 2, 0), (abs(end - x), 0.1), 0.1, 1.9, tint=s.accent / 400)
    wide = gap + 2 * thick
    builder.box((0, 0), (wide, thick * 0.7), 1.2, height + 0.4, tint=s.second / 255)
    kind = str(random.choice(["gable", "hip", "flat"]))
    roof(builder, kind, (0, 0), (wide, thick), height + 1.6, *colours, random)
    for side in (-1, 1):  # the name, to be read from both sides
        picture = sign(place.name.upper(), s.accent, (250, 246, 230))
        half, low = 0.5 * picture.shape[1] / 48, height + 0.5
        texture = textures.add(picture)
        builder.upright(0, side * thick * 0.36, -side * half, low, low + 1, texture, 48)
    return wide + 4, thick, height + 3.5
