"""Towers, square or round, with a clock, a belfry, a tank or battlements on top."""

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_facades import Facades, board, draw_style
from mvs_lib.datasets.campus_mesh import Builder, walls
from mvs_lib.datasets.campus_roofs import roof
from mvs_lib.datasets.campus_textures import METAL, wall, window

__all__ = ["tower"]


CROWNS = ("clock", "belfry", "tank", "battlements")


def tower(builder: Builder, textures, random, density, place):
    """A tower, square or round, with one of `CROWNS` on top; return width, depth and height."""
    s = draw_style(random, (4, 8), ("pyramid", "dome", "flat", "pyramid"))
    if s.wall == "timber":
        s.wall = "stone"
    f = Facades(textures, s, density, random)
    side, height = random.uniform(4.6, 7.5), random.uniform(16, 25)
    round_plan = random.random() < 0.35
    s.bay = side / int(random.integers(1, 4))
    base = side * random.uniform(1.25, 1.7)
    builder.box((0, 0), (base, base), 2.6, tint=s.second / 255 * 0.9)
    if round_plan:
        texture, d = f.paint(side * np.pi, height, s.storeys)
        shaft = [(side / 2, 0), (side / 2 * random.uniform(0.8, 1), height)]
        builder.lathe((0, 0, 0), shaft, 28, texture=texture, density=d)
    else:
        face = f.paint(side, height, s.storeys)
        faces = walls(face, face)
        builder.box((0, 0), (side, side), height, tint=s.colour / 255, faces=faces)
    crown = CROWNS[0 if place.name == "Clock tower" else random.integers(4)]
    cap = side * random.uniform(1.08, 1.3)
    if crown == "clock":
        top = _clock(builder, textures, s, random, cap, height)
    elif crown == "belfry":
        top = _belfry(builder, s, cap, height)
    elif crown == "tank":
        r = cap * random.uniform(0.75, 1.0)
        top, cap = _tank(builder, s, r, height), r * 1.5
    else:
        top = _battlements(builder, s, cap, height)
    if crown != "battlements":
        kind = "dome" if crown == "tank" else s.roof
        roof(builder, kind, (0, 0), (cap - 0.8, cap - 0.8), top, s.roof_colour, s.second, random)
    tip = top + random.uniform(3, 5)
    builder.tube((0, 0, top), (0, 0, tip), 0.16, 0.06, 6, tint=(0.3, 0.3, 0.32))
    door = Canvas(2.4, 3, 30, s.accent * 0.7)
    window(door, "arched", 0.5, 0.1, 1.4, 1.9, random, s.frame)
    y = -(base / 2 + 0.06)
    builder.upright(0, y, 1.2, 0, 2.6, textures.add(door.pixels), 30)
    board(builder, textures, place.name, 0, y - 0.05, 2.62, 0.9, s.accent, (250, 248, 240))
    return base, base, tip


def _clock(builder, textures, style, random, side, z):
    """A cube with a clock on every side; return the height of its top."""
    c = Canvas(side, side, 40, style.second)
    wall(c, "stone", style.second, random)
    middle, r = side / 2, side * 0.4
    c.disc(middle, middle, r * 1.12, style.accent)
    c.disc(middle, middle, r, (244, 240, 226), 255)
    for k in range(12):
        a = k * np.pi / 6
        x, y = middle + 0.84 * r * np.sin(a), middle + 0.84 * r * np.cos(a)
        c.disc(x, y, 0.07 * r, (40, 36, 34), 1)
    for long, wide in ((0.5, 0.07), (0.76, 0.045)):  # the hands
        a = random.uniform(0, 6.28)
        way, across = np.array([np.sin(a), np.cos(a)]), np.array([np.cos(a), -np.sin(a)])
        hand = [across * wide * r, way * long * r, -across * wide * r]
        c.polygon([middle + point for point in hand], (30, 28, 28), 1)
    face = (textures.add(c.pixels), 40)
    faces = walls(face, face)
    builder.box((0, 0), (side, side), side, z, tint=style.second / 255, faces=faces)
    return z + side


def _belfry(builder, style, side, z):
    """Four corner pillars with a bell between them."""
    for x in (-1, 1):
        for y in (-1, 1):
            at, plan = (x * side * 0.4, y * side * 0.4), (side * 0.2, side * 0.2)
            builder.box(at, plan, 3.4, z, tint=style.second / 255)
    bell = [(1.1, z + 1), (0.9, z + 1.4), (0.6, z + 2.4), (0.1, z + 2.8)]
    builder.lathe((0, 0, 0), bell, 14, tint=METAL[3])
    return z + 3.4


def _tank(builder, style, r, z):
    """A round tank of water with a light band."""
    tank = [(r * 0.5, z), (r, z + 1.5), (r, z + 5), (r * 0.9, z + 5.4)]
    builder.lathe((0, 0, 0), tank, 24, tint=style.accent / 255)
    band = [(r * 1.02, z + 2.7), (r * 1.02, z + 3.5)]
    builder.lathe((0, 0, 0), band, 24, tint=(0.93, 0.92, 0.88))
    return z + 5.4


def _battlements(builder, style, side, z):
    """A platform with eight teeth."""
    builder.box((0, 0), (side, side), 1.2, z, tint=style.second / 255)
    for x, y in [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]:
        at, plan = (x * side * 0.42, y * side * 0.42), (side * 0.18, side * 0.18)
        builder.box(at, plan, 1.1, z + 1.2, tint=style.second / 255)
    return z + 1.2
