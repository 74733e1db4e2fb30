"""Roofs: flat, stepped, dome, gable, hip, mansard or pyramid, with their chimneys and dormers."""

import numpy as np

from mvs_lib.datasets.campus_mesh import Builder

__all__ = ["roof"]

EAVES = 0.8  # metres that a roof is wider and deeper than its walls
RISES = {"gable": 0.36, "hip": 0.3, "mansard": 0.26, "pyramid": 0.9}  # of the shorter side


def roof(builder: Builder, kind, centre, size, bottom, colour, wall_colour, random):
    """Put a roof on a rectangle.

    Args:
        kind: flat, stepped, dome, gable, hip, mansard or pyramid.
        centre, size: ``(x, y)`` of the walls below. bottom: their height. All in metres.
        colour, wall_colour: 0..255; what is not covered by the roof has the wall's colour.
    """
    colour, size = np.asarray(colour) / 255, (size[0] + EAVES, size[1] + EAVES)
    wall = np.asarray(wall_colour) / 255
    if kind in ("flat", "stepped"):
        _flat(builder, centre, size, bottom, wall * 0.9, kind == "stepped", random)
    elif kind == "dome":
        _dome(builder, centre, min(size) * 0.42, bottom, colour, wall * 0.9)
    else:
        _sloping(builder, kind, centre, size, bottom, colour, wall, random)


def _flat(builder, centre, size, bottom, rim, stepped, random):
    (x, y), (w, d) = centre, size
    builder.box(centre, (w - 0.4, d - 0.4), 0.7, bottom, tint=rim, top=(0.45, 0.45, 0.45))
    for _ in range(2):  # machines for air and lifts
        at = (x + random.uniform(-0.3, 0.3) * w, y + random.uniform(-0.2, 0.2) * d)
        plan, high = random.uniform(1.5, 3.5, 2), random.uniform(1, 2.2)
        builder.box(at, plan, high, bottom + 0.5, tint=np.full(3, random.uniform(0.5, 0.75)))
    if stepped:
        builder.box(centre, (w * 0.6, d * 0.6), 2.6, bottom, tint=rim * 0.92)
        builder.box(centre, (w * 0.62, d * 0.66), 0.3, bottom + 2.6, tint=rim)


def _dome(builder, centre, r, z, colour, rim):
    middle, curve = (*centre, 0), np.linspace(0, np.pi / 2 * 0.97, 8)
    builder.lathe(middle, [(r, z), (r, z + r * 0.35)], 24, tint=rim)
    shell = np.stack([r * 1.02 * np.cos(curve), z + r * 0.35 + r * np.sin(curve)], 1)
    builder.lathe(middle, shell, 24, tint=colour)
    tip = [(r * 0.12, z + r * 1.3), (r * 0.12, z + r * 1.6), (0.03, z + r * 1.9)]
    builder.lathe(middle, tip, 8, tint=rim)


def _sloping(builder, kind, centre, size, z, colour, wall, random):
    (x, y), (w, d) = centre, size
    x0, x1, y0, y1 = x - w / 2, x + w / 2, y - d / 2, y + d / 2
    rise = min(w, d) * RISES[kind]
    # The upper rectangle is the lower one, drawn in: nearly to a ridge or to a point.
    if kind == "pyramid":
        in_x, in_y = w / 2 - 0.02, d / 2 - 0.02
    elif kind == "mansard":
        in_x = in_y = rise * 0.5
    else:
        in_x, in_y = min(d / 2 if kind == "hip" else 0.01, w / 2 - 0.1), d / 2 - 0.01
    low = [[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]]
    a, b, c, e, top = x0 + in_x, x1 - in_x, y0 + in_y, y1 - in_y, z + rise
    high = [[a, c, top], [b, c, top], [b, e, top], [a, e, top]]
    for i in range(4):
        j = (i + 1) % 4
        slope = colour * (1.0 if i % 2 else 0.94)
        tint = wall if kind == "gable" and i % 2 else slope
        builder.quad([low[i], low[j], high[j], high[i]], tint=tint)
    builder.quad(high, tint=colour * 0.8)
    builder.quad(low[::-1], tint=wall * 0.9 * 0.8)
    if kind == "pyramid":
        return
    for at in random.uniform(-0.35, 0.35, 2):  # chimneys
        plan, tall = (0.9, 0.9), rise * 0.5 + 1.2
        builder.box((x + at * w, y), plan, tall, z + rise * 0.5, tint=(0.5, 0.36, 0.3))
    if kind == "mansard":
        dormers = int(w / 4)
        for k in range(dormers):
            at = (x0 + (k + 0.5) * w / dormers, y0 + 0.5)
            builder.box(at, (1.2, 1), 1.5, z + 0.3, tint=(0.85, 0.85, 0.82))
