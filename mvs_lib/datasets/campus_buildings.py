"""Academic buildings and dormitories: blocks on one of six plans, an entrance, balconies, letters."""

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_facades import Facades, draw_style
from mvs_lib.datasets.campus_mesh import Builder
from mvs_lib.datasets.campus_roofs import roof

__all__ = ["building"]


def porch(builder, facades, random, x, y, width, height, name):
    """Build an entrance at the front (x, y): steps, a glass door, a canopy or columns, the sign."""
    s = facades.style
    kind = int(random.integers(4))
    c = Canvas(width, height, facades.density, s.accent * 0.8)
    for k in range(max(int(width / 1.3), 2)):
        step = width / max(int(width / 1.3), 2)
        c.rect(k * step + 0.12, 0.1, step - 0.24, height * 0.66, (54, 74, 92), 230)
        c.rect(k * step + 0.12, height * 0.72, step - 0.24, height * 0.22, (92, 110, 124), 240)
    door = facades.textures.add(c.pixels)
    builder.box(
        (x, y - 0.15),
        (width, 0.4),
        height,
        faces={"front": (door, facades.density)},
        tint=s.accent / 400,
    )
    for k in range(3):
        builder.box(
            (x, y - 1.0 + 0.35 * k),
            (width + 2.4 - 0.5 * k, 1.4),
            0.16,
            0.16 * k,
            tint=(0.68, 0.67, 0.64),
        )
    texture, density, ratio = facades.label(name)
    tall = min(1.15, (width + 5) / ratio)
    board = y - 0.35
    if kind == 0:
        builder.box((x, y - 1.3), (width + 1.6, 2.6), 0.35, height, tint=s.accent / 255)
        for side in (-1, 1):
            builder.lathe(
                (x + side * (width / 2 + 0.4), y - 2.2, 0),
                [(0.14, 0.3), (0.14, height)],
                8,
                tint=(0.75, 0.75, 0.75),
            )
        board = y - 2.66
    elif kind == 1:
        for k in range(4):
            at = (x + (k / 3 - 0.5) * (width + 1.6), y - 1.7, 0)
            builder.lathe(
                at,
                [(0.36, 0.3), (0.3, 0.6), (0.26, height - 0.3), (0.4, height)],
                12,
                tint=(0.88, 0.86, 0.8),
            )
        builder.box((x, y - 1.1), (width + 2.8, 2.2), 0.6, height, tint=(0.86, 0.84, 0.78))
        wide = width / 2 + 1.4
        builder.triangles(
            [
                [
                    [x - wide, y - 2.2, height + 0.6],
                    [x + wide, y - 2.2, height + 0.6],
                    [x, y - 2.2, height + 2.2],
                ]
            ],
            np.full((1, 3, 3), [0, -1.0, 0]),
            np.zeros((1, 3, 2)),
            tint=(0.82, 0.8, 0.74),
            two_sided=True,
        )
        board = y - 2.25
    elif kind == 2:
        builder.box((x, y - 0.5), (width + 1.2, 1.0), height + 0.8, tint=s.second / 255, faces=None)
        builder.box(
            (x, y - 1.03),
            (width, 0.1),
            height,
            faces={"front": (door, facades.density)},
            tint=(0.2, 0.2, 0.2),
        )
        board = y - 1.12
    bottom = height + (0.05 if kind != 0 else -0.1)
    half = tall * ratio / 2
    builder.quad(
        [
            [x - half, board, bottom],
            [x + half, board, bottom],
            [x + half, board, bottom + tall],
            [x - half, board, bottom + tall],
        ],
        texture,
        density=density,
    )


def building(builder: Builder, textures, random, density, place):
    """Build an academic building or a dormitory; return (width, depth, height) for the framing."""
    tall = place.kind == "dormitory"
    s = draw_style(random, (4, 8) if tall else (2, 5))
    if tall:
        s.roof = str(random.choice(["flat", "flat", "hip", "gable"]))
        s.storey, s.bay = random.uniform(2.8, 3.2), random.uniform(2.6, 3.6)
        s.balconies = random.random() < 0.55
    f = Facades(textures, s, density, random)
    width, depth = random.uniform(17, 30 if tall else 34), random.uniform(10, 14)
    height = s.base + s.storeys * s.storey + 0.4
    plan = int(random.integers(6))

    def block(x, y, w, d, h, storeys, roof_kind, bottom=0.0, mural=0):
        front = f.paint(w, h, storeys, mural=mural)
        side = f.paint(d, h, storeys, plain=tall)
        builder.box(
            (x, y),
            (w, d),
            h,
            bottom,
            tint=s.colour / 255,
            faces={"front": front, "back": front, "right": side, "left": side},
        )
        roof(builder, roof_kind, (x, y), (w, d), bottom + h, s.roof_colour, s.second, random)

    block(0, 0, width, depth, height, s.storeys, s.roof, 0.0, s.mural)
    front = -depth / 2
    door_x = random.choice([-0.25, 0, 0, 0.25]) * width
    if plan == 1:  # a middle that stands out
        w = width * random.uniform(0.22, 0.36)
        more = s.storey * int(random.integers(0, 2)) + 0.8
        block(
            0,
            front - 0.4,
            w,
            3.4,
            height + more,
            s.storeys + (more > 2),
            str(random.choice(["gable", "flat"])),
        )
        front, door_x = front - 2.1, 0
    elif plan == 2:  # a wing to one side
        side = random.choice([-1, 1])
        block(
            side * width * 0.36,
            front - 3,
            width * 0.28,
            8,
            height - s.storey * (s.storeys > 2),
            max(s.storeys - 1, 1) if s.storeys > 2 else s.storeys,
            s.roof,
        )
        door_x = -side * width * 0.12
    elif plan == 3:  # a tower at a corner
        side = random.choice([-1, 1])
        block(
            side * width * 0.42,
            front + 2.6,
            6,
            6.4,
            height + s.storey * 1.6,
            s.storeys + 1,
            "pyramid",
        )
        door_x = -side * width * 0.1
    elif plan == 4:  # two wings
        for side in (-1, 1):
            block(side * width * 0.42, front - 1.5, width * 0.2, 5, height, s.storeys, s.roof)
        door_x = 0
    porch(
        builder,
        f,
        random,
        door_x,
        front,
        random.uniform(3, 5.5),
        random.uniform(2.7, 3.3),
        place.name,
    )
    if s.balconies:
        step = (height - s.base - 0.4) / s.storeys
        columns = np.linspace(-0.4, 0.4, int(random.integers(2, 5))) * width
        colour = (s.accent if random.random() < 0.6 else s.second) / 255
        for k in range(1, s.storeys):
            for x in columns:
                if abs(x - door_x) > 3 or k > 1:
                    z = s.base + k * step
                    builder.box((x, -depth / 2 - 0.6), (2.4, 1.2), 0.16, z, tint=(0.7, 0.7, 0.68))
                    builder.box((x, -depth / 2 - 1.15), (2.4, 0.08), 1.0, z, tint=colour)
    if random.random() < 0.4:  # large letters on the wall
        texture, board_density, ratio = f.label(place.name, random)
        tall_sign = min(1.7, 0.62 * width / ratio)
        x, z = random.choice([-0.2, 0.2]) * width, height - tall_sign - 0.7
        y, half = -depth / 2 - 0.15, tall_sign * ratio / 2
        builder.quad(
            [
                [x - half, y, z],
                [x + half, y, z],
                [x + half, y, z + tall_sign],
                [x - half, y, z + tall_sign],
            ],
            texture,
            density=board_density,
        )
    return width, depth, height + 2.0
