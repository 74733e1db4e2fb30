"""Roofs: flat, gable, hip, mansard, stepped, dome or pyramid, with their chimneys and dormers."""

import numpy as np

from mvs_lib.datasets.campus_mesh import Builder

__all__ = ["roof"]


def roof(builder: Builder, kind, centre, size, bottom, colour, wall_colour, random):
    """Put a roof on a rectangle: flat, gable, hip, mansard, stepped, dome or pyramid."""
    colour, (x, y), (w, d) = np.asarray(colour) / 255, centre, (size[0] + 0.8, size[1] + 0.8)
    x0, x1, y0, y1, z = x - w / 2, x + w / 2, y - d / 2, y + d / 2, bottom
    rim = np.asarray(wall_colour) / 255 * 0.9
    if kind in ("flat", "stepped"):
        builder.box(centre, (w - 0.4, d - 0.4), 0.7, bottom, tint=rim, top=(0.45, 0.45, 0.45))
        for _ in range(2):
            at = (x + random.uniform(-0.3, 0.3) * w, y + random.uniform(-0.2, 0.2) * d)
            builder.box(
                at,
                random.uniform(1.5, 3.5, 2),
                random.uniform(1, 2.2),
                bottom + 0.5,
                tint=np.full(3, random.uniform(0.5, 0.75)),
            )
        if kind == "stepped":
            builder.box(centre, (w * 0.6, d * 0.6), 2.6, bottom, tint=rim * 0.92)
            builder.box(centre, (w * 0.62, d * 0.66), 0.3, bottom + 2.6, tint=rim)
        return
    if kind == "dome":
        r = min(w, d) * 0.42
        builder.lathe((*centre, 0), [(r, z), (r, z + r * 0.35)], 24, tint=rim)
        curve = np.linspace(0, np.pi / 2 * 0.97, 8)
        builder.lathe(
            (*centre, 0),
            np.stack([r * 1.02 * np.cos(curve), z + r * 0.35 + r * np.sin(curve)], 1),
            24,
            tint=colour,
        )
        builder.lathe(
            (*centre, 0),
            [(r * 0.12, z + r * 1.3), (r * 0.12, z + r * 1.6), (0.03, z + r * 1.9)],
            8,
            tint=rim,
        )
        return
    rise = min(w, d) * {"gable": 0.36, "hip": 0.3, "mansard": 0.26, "pyramid": 0.9}[kind]
    if kind == "pyramid":
        inset_x, inset_y = w / 2 - 0.02, d / 2 - 0.02
    elif kind == "mansard":
        inset_x = inset_y = rise * 0.5
    else:
        inset_x, inset_y = (d / 2 if kind == "hip" else 0.01), d / 2 - 0.01
        inset_x = min(inset_x, w / 2 - 0.1)
    low = [[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]]
    high = [
        [x0 + inset_x, y0 + inset_y, z + rise],
        [x1 - inset_x, y0 + inset_y, z + rise],
        [x1 - inset_x, y1 - inset_y, z + rise],
        [x0 + inset_x, y1 - inset_y, z + rise],
    ]
    for i in range(4):
        j = (i + 1) % 4
        gable = kind == "gable" and i % 2
        builder.quad(
            [low[i], low[j], high[j], high[i]],
            tint=np.asarray(wall_colour) / 255 if gable else colour * (1.0 if i % 2 else 0.94),
        )
    builder.quad(high, tint=colour * 0.8)
    builder.quad(low[::-1], tint=rim * 0.8)
    if kind != "pyramid":
        for at in random.uniform(-0.35, 0.35, 2):
            builder.box(
                (x + at * w, y), (0.9, 0.9), rise * 0.5 + 1.2, z + rise * 0.5, tint=(0.5, 0.36, 0.3)
            )
        if kind == "mansard":
            for k in range(int(w / 4)):
                builder.box(
                    (x0 + (k + 0.5) * w / int(w / 4), y0 + 0.5),
                    (1.2, 1),
                    1.5,
                    z + 0.3,
                    tint=(0.85, 0.85, 0.82),
                )
