"""Towers, square or round, with a clock, a belfry, a tank or battlements on top."""

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_facades import Facades, board, draw_style
from mvs_lib.datasets.campus_mesh import Builder
from mvs_lib.datasets.campus_roofs import roof
from mvs_lib.datasets.campus_textures import METAL, wall, window

__all__ = ["tower"]


def tower(builder: Builder, textures, random, density, place):
    """A tower, square or round: a clock, a belfry, a water tank or a mast on top."""
    s = draw_style(random, (4, 8), ("pyramid", "dome", "flat", "pyramid"))
    if s.wall in ("timber", "curtain"):
        s.wall = "stone"
    f = Facades(textures, s, density, random)
    side, height = random.uniform(4.6, 7.5), random.uniform(16, 25)
    round_plan = random.random() < 0.35
    s.bay = side / int(random.integers(1, 4))
    s.mural = 0
    base = side * random.uniform(1.25, 1.7)
    builder.box((0, 0), (base, base), 2.6, tint=s.second / 255 * 0.9)
    if round_plan:
        texture, d = f.paint(side * np.pi, height, s.storeys)
        builder.lathe(
            (0, 0, 0),
            [(side / 2, 0), (side / 2 * random.uniform(0.8, 1), height)],
            28,
            texture=texture,
            density=d,
        )
    else:
        face = f.paint(side, height, s.storeys)
        builder.box(
            (0, 0),
            (side, side),
            height,
            tint=s.colour / 255,
            faces=dict.fromkeys(("front", "right", "back", "left"), face),
        )
    top = height
    crown = int(random.integers(4)) if "lock" not in place.name else 0
    cap = side * random.uniform(1.08, 1.3)
    if crown == 0:  # a clock on every side
        c = Canvas(cap, cap, 40, s.second)
        wall(c, "stone", s.second, random)
        r = cap * 0.4
        c.disc(cap / 2, cap / 2, r * 1.12, s.accent)
        c.disc(cap / 2, cap / 2, r, (244, 240, 226), 255)
        for k in range(12):
            a = k * np.pi / 6
            c.disc(
                cap / 2 + 0.84 * r * np.sin(a),
                cap / 2 + 0.84 * r * np.cos(a),
                0.07 * r,
                (40, 36, 34),
                1,
            )
        for a, long, wide in (
            (random.uniform(0, 6.28), 0.5, 0.07),
            (random.uniform(0, 6.28), 0.76, 0.045),
        ):
            way, across = np.array([np.sin(a), np.cos(a)]), np.array([np.cos(a), -np.sin(a)])
            m = np.array([cap / 2, cap / 2])
            c.polygon(
                [m + across * wide * r, m + way * long * r, m - across * wide * r], (30, 28, 28), 1
            )
        face = (textures.add(c.pixels), 40)
        builder.box(
            (0, 0),
            (cap, cap),
            cap,
            top,
            tint=s.second / 255,
            faces=dict.fromkeys(("front", "right", "back", "left"), face),
        )
        top += cap
    elif crown == 1:  # an open belfry
        for x in (-1, 1):
            for y in (-1, 1):
                builder.box(
                    (x * cap * 0.4, y * cap * 0.4),
                    (cap * 0.2, cap * 0.2),
                    3.4,
                    top,
                    tint=s.second / 255,
                )
        builder.lathe(
            (0, 0, 0),
            [(1.1, top + 1), (0.9, top + 1.4), (0.6, top + 2.4), (0.1, top + 2.8)],
            14,
            tint=METAL[3],
        )
        top += 3.4
    elif crown == 2:  # a tank
        r = cap * random.uniform(0.75, 1.0)
        tint = s.accent / 255
        builder.lathe(
            (0, 0, 0),
            [(r * 0.5, top), (r, top + 1.5), (r, top + 5), (r * 0.9, top + 5.4)],
            24,
            tint=tint,
        )
        builder.lathe(
            (0, 0, 0), [(r * 1.02, top + 2.7), (r * 1.02, top + 3.5)], 24, tint=(0.93, 0.92, 0.88)
        )
        top += 5.4
        cap = r * 1.5
    else:  # battlements
        builder.box((0, 0), (cap, cap), 1.2, top, tint=s.second / 255)
        for x, y in [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]:
            builder.box(
                (x * cap * 0.42, y * cap * 0.42),
                (cap * 0.18, cap * 0.18),
                1.1,
                top + 1.2,
                tint=s.second / 255,
            )
        top += 1.2
    if crown != 3:
        kind = "dome" if crown == 2 else s.roof
        roof(builder, kind, (0, 0), (cap - 0.8, cap - 0.8), top, s.roof_colour, s.second, random)
    tip = top + random.uniform(3, 5)
    builder.tube((0, 0, top), (0, 0, tip), 0.16, 0.06, 6, tint=(0.3, 0.3, 0.32))
    door = Canvas(2.4, 3, 30, s.accent * 0.7)
    window(door, "arched", 0.5, 0.1, 1.4, 1.9, random, s.frame)
    x = base / 2 + 0.06
    builder.quad(
        [[-1.2, -x, 0], [1.2, -x, 0], [1.2, -x, 2.6], [-1.2, -x, 2.6]],
        textures.add(door.pixels),
        density=30,
    )
    board(builder, textures, place.name, 0, -x - 0.05, 2.62, 0.9, s.accent, (250, 248, 240))
    return base, base, tip
