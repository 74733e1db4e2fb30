"""Academic buildings and dormitories: blocks on one of five plans, entrances, balconies."""

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_facades import Facades, draw_style
from mvs_lib.datasets.campus_mesh import Builder, walls
from mvs_lib.datasets.campus_roofs import roof

__all__ = ["building"]


def building(builder: Builder, textures, random, density, place):
    """Build an academic building or a dormitory; return its width, depth and height in metres."""
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

    def block(x, y, w, d, h, storeys, roof_kind, mural=0):
        front = f.paint(w, h, storeys, mural=mural)
        faces = walls(front, f.paint(d, h, storeys, plain=tall))
        builder.box((x, y), (w, d), h, tint=s.colour / 255, faces=faces)
        roof(builder, roof_kind, (x, y), (w, d), h, s.roof_colour, s.second, random)

    block(0, 0, width, depth, height, s.storeys, s.roof, s.mural)
    front = -depth / 2
    door_x = random.choice([-0.25, 0, 0, 0.25]) * width
    if plan == 1:  # a middle that stands out
        w = width * random.uniform(0.22, 0.36)
        more = s.storey * int(random.integers(0, 2)) + 0.8
        top = str(random.choice(["gable", "flat"]))
        block(0, front - 0.4, w, 3.4, height + more, s.storeys + (more > 2), top)
        front, door_x = front - 2.1, 0
    elif plan == 2:  # a wing to one side, a storey lower if that leaves it two
        x, lower = random.choice([-1, 1]) * width * 0.36, int(s.storeys > 2)
        h, storeys = height - s.storey * lower, s.storeys - lower
        block(x, front - 3, width * 0.28, 8, h, storeys, s.roof)
        door_x = -np.sign(x) * width * 0.12
    elif plan == 3:  # a tower at a corner
        side = random.choice([-1, 1])
        x, h = side * width * 0.42, height + s.storey * 1.6
        block(x, front + 2.6, 6, 6.4, h, s.storeys + 1, "pyramid")
        door_x = -side * width * 0.1
    elif plan == 4:  # two wings
        for side in (-1, 1):
            block(side * width * 0.42, front - 1.5, width * 0.2, 5, height, s.storeys, s.roof)
        door_x = 0
    door = random.uniform(3, 5.5), random.uniform(2.7, 3.3)
    _porch(builder, f, random, door_x, front, *door, place.name)
    if s.balconies:
        _balconies(builder, s, random, width, depth, height, door_x)
    if random.random() < 0.4:  # large letters on the wall
        texture, letters, ratio = f.label(place.name)
        tall = min(1.7, 0.62 * width / ratio)
        x, z = random.choice([-0.2, 0.2]) * width, height - tall - 0.7
        half = tall * ratio / 2
        builder.upright(x, -depth / 2 - 0.15, half, z, z + tall, texture, letters)
    return width, depth, height + 2.0


def _porch(builder, facades, random, x, y, width, height, name):
    """Build an entrance at the front (x, y): steps, a glass door, a canopy or columns, the sign."""
    s, density = facades.style, facades.density
    kind = int(random.integers(4))
    c = Canvas(width, height, density, s.accent * 0.8)
    leaves = max(int(width / 1.3), 2)
    for k in range(leaves):
        step = width / leaves
        c.rect(k * step + 0.12, 0.1, step - 0.24, height * 0.66, (54, 74, 92), 230)
        c.rect(k * step + 0.12, height * 0.72, step - 0.24, height * 0.22, (92, 110, 124), 240)
    door = {"front": (facades.textures.add(c.pixels), density)}
    builder.box((x, y - 0.15), (width, 0.4), height, faces=door, tint=s.accent / 400)
    for k in range(3):
        plan, z = (width + 2.4 - 0.5 * k, 1.4), 0.16 * k
        builder.box((x, y - 1.0 + 0.35 * k), plan, 0.16, z, tint=(0.68, 0.67, 0.64))
    texture, letters, ratio = facades.label(name)
    tall = min(1.15, (width + 5) / ratio)
    sign_y, sign_z = y - 0.35, height + 0.05
    if kind == 0:  # a canopy on two posts
        builder.box((x, y - 1.3), (width + 1.6, 2.6), 0.35, height, tint=s.accent / 255)
        post = [(0.14, 0.3), (0.14, height)]
        for side in (-1, 1):
            at = (x + side * (width / 2 + 0.4), y - 2.2, 0)
            builder.lathe(at, post, 8, tint=(0.75, 0.75, 0.75))
        sign_y, sign_z = y - 2.66, height - 0.1
    elif kind == 1:  # columns under a pediment
        column = [(0.36, 0.3), (0.3, 0.6), (0.26, height - 0.3), (0.4, height)]
        for k in range(4):
            at = (x + (k / 3 - 0.5) * (width + 1.6), y - 1.7, 0)
            builder.lathe(at, column, 12, tint=(0.88, 0.86, 0.8))
        builder.box((x, y - 1.1), (width + 2.8, 2.2), 0.6, height, tint=(0.86, 0.84, 0.78))
        wide, y0, low, top = width / 2 + 1.4, y - 2.2, height + 0.6, height + 2.2
        pediment = [[x - wide, y0, low], [x + wide, y0, low], [x, y0, top]]
        builder.flat([pediment], [0, -1, 0], (0.82, 0.8, 0.74))
        sign_y = y - 2.25
    elif kind == 2:  # a block that stands out
        builder.box((x, y - 0.5), (width + 1.2, 1.0), height + 0.8, tint=s.second / 255)
        builder.box((x, y - 1.03), (width, 0.1), height, faces=door, tint=(0.2, 0.2, 0.2))
        sign_y = y - 1.12
    builder.upright(x, sign_y, tall * ratio / 2, sign_z, sign_z + tall, texture, letters)


def _balconies(builder, style, random, width, depth, height, door_x):
    step = (height - style.base - 0.4) / style.storeys
    columns = np.linspace(-0.4, 0.4, int(random.integers(2, 5))) * width
    colour = (style.accent if random.random() < 0.6 else style.second) / 255
    for k in range(1, style.storeys):
        for x in columns:
            if abs(x - door_x) > 3 or k > 1:  # none right over the entrance
                z = style.base + k * step
                builder.box((x, -depth / 2 - 0.6), (2.4, 1.2), 0.16, z, tint=(0.7, 0.7, 0.68))
                builder.box((x, -depth / 2 - 1.15), (2.4, 0.08), 1.0, z, tint=colour)
