"""Places that are not plain blocks: shops, towers, statues, fountains, halls, pavilions, gates."""

import numpy as np

from .campus_buildings import ACCENTS, FRAMES, ROOFS, WALL_COLOURS, Facades, draw_style, roof
from .campus_mesh import Builder
from .campus_textures import Canvas, sign, wall, window

__all__ = ["fountain", "gate", "greenhouse", "hall", "pavilion", "shop", "statue", "tower"]

STONE = np.array([[206, 200, 188], [150, 146, 140], [186, 164, 138], [120, 112, 108]]) / 255
METAL = (
    np.array([[92, 112, 96], [124, 88, 54], [66, 62, 58], [176, 140, 70], [196, 198, 202]]) / 255
)


def board(builder, textures, text, x, y, z, tall, colour, ink, border=None, wide=None):
    """Hang a lettered board, centred at x, facing the front."""
    picture = sign(text, colour, ink, border, None if wide is None else wide / tall)
    half = tall * picture.shape[1] / picture.shape[0] / 2
    builder.quad(
        [[x - half, y, z], [x + half, y, z], [x + half, y, z + tall], [x - half, y, z + tall]],
        textures.add(picture),
        density=48 / tall,
    )


def shop(builder: Builder, textures, random, density, name):
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
        name.upper(),
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


def tower(builder: Builder, textures, random, density, name):
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
    crown = int(random.integers(4)) if "lock" not in name else 0
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
    board(builder, textures, name, 0, -x - 0.05, 2.62, 0.9, s.accent, (250, 248, 240))
    return base, base, tip


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


def statue(builder: Builder, textures, random, density, name, number):
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
    text = sign(name, colour, (240, 230, 200) if colour[0] < 200 else (50, 44, 40))
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
    body = {0: 3, 1: 0, 4: 1, 6: 2}.get(number)
    if body is not None:
        _figure(builder, random, z, scale, tint, body)
        return wide * 1.7, wide * 1.7, z + 2 * scale
    if number in (8, 12):
        _animal(builder, random, z, scale * 0.95, tint, number == 12)
        return wide * 1.7, wide * 1.7, z + 2 * scale
    top = z
    if number == 2:
        top = z + random.uniform(5, 7)
        builder.grid(
            [
                [[x * r, y * r, h] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
                for r, h in ((0.75, z), (0.5, top), (0.02, top + 0.9))
            ],
            tint=tint,
        )
    elif number in (3, 13):  # a ring, an arch
        r, turn = random.uniform(1.4, 1.9), np.linspace(0, 2 * np.pi if number == 3 else np.pi, 25)
        middle = np.stack(
            [
                r * np.cos(turn),
                0 * turn,
                z
                + (r + 0.2 if number == 3 else 0.1)
                + r * np.sin(turn) * (1 if number == 3 else 1.6),
            ],
            1,
        )
        for a, b in zip(middle[:-1], middle[1:], strict=True):
            builder.tube(a, b, 0.28, 0.28, 8, tint=tint)
        top = z + 2 * r
    elif number == 5:
        for k, r in enumerate((1.0, 0.75, 0.5)):
            builder.ball(
                (0, 0, top + r), r, 16, 10, tint=(METAL[(k + int(random.integers(5))) % 5])
            )
            top += 1.9 * r
    elif number == 7:
        for k in range(4):
            w = 1.5 - 0.25 * k
            builder.box((0, 0), (w, w), w, top, tint=ACCENTS[(k + 3) % 8] / 255, turn=0.5 * k)
            top += w
    elif number == 9:
        builder.lathe((0, 0, 0), [(1.4, z), (1.4, z + 0.25), (0.1, z + 0.26)], 24, tint=STONE[0])
        builder.triangles(
            [[[-1, 0, z], [1.2, 0, z], [1.2, 0, z + 2.4]]],
            np.full((1, 3, 3), [0, -1.0, 0]),
            np.zeros((1, 3, 2)),
            tint=METAL[3],
            two_sided=True,
        )
        top = z + 2.4
    elif number == 11:
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


def fountain(builder: Builder, textures, random, density, name, number):
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
        builder.lathe((0, 0, 0), profile, 8 if number % 2 else 24, tint=stone, two_sided=True)
        builder.lathe(
            (0, 0, 0), [(rk * 0.89, z + 0.62), (0.02, z + 0.63)], 24, tint=water, two_sided=True
        )
        builder.lathe((0, 0, 0), [(0.45, z), (0.3, z + 1.2), (0.42, z + 2)], 12, tint=stone * 0.9)
        top = z + 2
    if number == 1:
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
    board(builder, textures, name, 0, -r - 0.12, 0.12, 0.55, (60, 62, 66), (240, 236, 220))
    return 2 * r, 2 * r, max(top, 3.5) + 0.5


def hall(builder: Builder, textures, random, density, name):
    """A hall under one wide vault."""
    s = draw_style(random, (1, 3))
    s.ivy, s.mural, s.bay = 0.0, int(random.integers(4)), random.uniform(3.5, 5)
    f = Facades(textures, s, density, random)
    width, depth, height = random.uniform(24, 32), random.uniform(16, 20), random.uniform(6, 8)
    front, side = f.paint(width, height, s.storeys, mural=s.mural), f.paint(depth, height, 1)
    builder.box(
        (0, 0),
        (width, depth),
        height,
        tint=s.colour / 255,
        faces={"front": front, "back": front, "left": side, "right": side},
    )
    turn = np.linspace(0, np.pi, 13)
    rise = random.uniform(3, 6)
    arc = np.stack([-np.cos(turn) * (width / 2 + 0.6), height + rise * np.sin(turn)], 1)
    stripes = int(random.integers(1, 4))
    for k, (a, b) in enumerate(zip(arc[:-1], arc[1:], strict=True)):
        tint = (s.roof_colour if k % (stripes + 1) else s.accent) / 255
        builder.quad(
            [
                [a[0], -depth / 2 - 0.8, a[1]],
                [b[0], -depth / 2 - 0.8, b[1]],
                [b[0], depth / 2 + 0.8, b[1]],
                [a[0], depth / 2 + 0.8, a[1]],
            ],
            tint=tint,
            two_sided=True,
        )
        for y, way in ((-depth / 2, 1), (depth / 2, -1)):
            middle = [0, y, height]
            fan = [[a[0], y, a[1]], middle, [b[0], y, b[1]]]
            builder.triangles(
                [fan],
                np.full((1, 3, 3), [0, -1.0 * way, 0]),
                np.zeros((1, 3, 2)),
                tint=s.second / 255,
                two_sided=True,
            )
    for k in np.linspace(-0.45, 0.45, int(random.integers(4, 8))):
        builder.box((k * width, -depth / 2 - 0.5), (0.6, 1), height, tint=s.accent / 255)
    board(
        builder,
        textures,
        name.upper(),
        0,
        -depth / 2 - 1.1,
        height - 0.4,
        2.0,
        s.accent,
        (250, 248, 240),
    )
    return width, depth, height + rise


def greenhouse(builder: Builder, textures, random, density, name):
    """A house of glass under a vault, a dome or a gable."""
    frame = FRAMES[random.integers(5)].astype(float)
    width, depth, height = random.uniform(16, 26), random.uniform(8, 11), random.uniform(3.4, 5)

    def panes(w, h):
        c = Canvas(w, h, density, (150, 184, 176), 225)
        for _ in range(int(w * h)):
            green = np.array([70, 120, 60]) * random.uniform(0.6, 1.3)
            c.disc(
                random.uniform(0, w),
                h * random.random() ** 2 * 0.9,
                random.uniform(0.3, 0.9),
                green,
                228,
            )
        for k in range(int(w / 1.3) + 1):
            c.rect(k * 1.3, 0, 0.14, h, frame)
        for k in range(int(h / 1.6) + 1):
            c.rect(0, k * 1.6, w, 0.14, frame)
        c.rect(0, 0, w, 0.6, frame * 0.6)
        return textures.add(c.pixels), density

    front, side = panes(width, height), panes(depth, height)
    builder.box(
        (0, 0),
        (width, depth),
        height,
        tint=(0.6, 0.75, 0.7),
        faces={"front": front, "back": front, "left": side, "right": side},
    )
    turn = np.linspace(0, np.pi, 9)
    rise = random.uniform(2.5, 4)
    arc = np.stack([-np.cos(turn) * depth / 2, height + rise * np.sin(turn)], 1)
    for a, b in zip(arc[:-1], arc[1:], strict=True):
        builder.quad(
            [
                [-width / 2, a[0], a[1]],
                [width / 2, a[0], a[1]],
                [width / 2, b[0], b[1]],
                [-width / 2, b[0], b[1]],
            ],
            side[0],
            density=density,
            two_sided=True,
        )
    for x in (-width / 2, width / 2):
        for a, b in zip(arc[:-1], arc[1:], strict=True):
            builder.triangles(
                [[[x, a[0], a[1]], [x, b[0], b[1]], [x, 0, height]]],
                np.full((1, 3, 3), [np.sign(x), 0, 0]),
                np.zeros((1, 3, 2)),
                tint=(0.62, 0.76, 0.72),
                two_sided=True,
            )
    w = random.uniform(5, 8)
    middle = panes(w, height + 2)
    builder.box(
        (0, -depth / 2 - 1),
        (w, 3.4),
        height + 2,
        tint=(0.6, 0.75, 0.7),
        faces=dict.fromkeys(("front", "left", "right"), middle),
    )
    roof(
        builder,
        str(random.choice(["dome", "pyramid", "gable"])),
        (0, -depth / 2 - 1),
        (w, 4),
        height + 2,
        frame * 0.8 + [0, 30, 20],
        frame,
        random,
    )
    board(builder, textures, name, 0, -depth / 2 - 2.8, 2.9, 0.9, (44, 84, 60), (246, 244, 230))
    return width, depth, height + max(rise, 4)


def pavilion(builder: Builder, textures, random, density, name):
    """A roof on columns over a stepped floor."""
    r, columns, height = (
        random.uniform(3.2, 5),
        int(random.integers(5, 10)),
        random.uniform(3.2, 4.6),
    )
    stone = STONE[random.integers(4)]
    colour = (
        ACCENTS[random.integers(8)] if random.random() < 0.5 else np.array([226, 220, 206])
    ) / 255
    for k in range(3):
        builder.lathe(
            (0, 0, 0),
            [
                (r * (1.35 - 0.1 * k), 0.2 * k),
                (r * (1.35 - 0.1 * k), 0.2 * k + 0.2),
                (0.1, 0.2 * k + 0.2),
            ],
            24 if columns % 2 else 8,
            tint=stone * (0.9 + 0.05 * k),
        )
    for k in range(columns):
        a = 2 * np.pi * (k + 0.5) / columns
        builder.lathe(
            (r * np.cos(a), r * np.sin(a), 0),
            [(0.36, 0.6), (0.26, 1), (0.22, height), (0.36, height + 0.3)],
            10,
            tint=colour,
        )
    builder.lathe(
        (0, 0, 0),
        [
            (r * 1.05, height + 0.3),
            (r * 1.12, height + 0.4),
            (r * 1.12, height + 0.9),
            (r, height + 0.9),
        ],
        24,
        tint=stone,
        two_sided=True,
    )
    top, tint = height + 0.9, ROOFS[random.integers(5)] / 255
    kind = int(random.integers(3))
    profile = {
        0: [(1.35, 0), (0.9, 0.5), (0.4, 1.6), (0.1, 2.6)],
        1: [(1.15, 0), (1.05, 0.8), (0.75, 1.7), (0.3, 2.3), (0.03, 2.5)],
        2: [(1.5, 0.25), (1.0, 0.6), (0.65, 1.6), (0.9, 1.65), (0.3, 2.6), (0.03, 3.4)],
    }[kind]
    builder.lathe(
        (0, 0, 0),
        [(r * a, top + b) for a, b in profile],
        8 if kind == 2 else 24,
        tint=tint,
        two_sided=True,
    )
    builder.ball((0, 0, top + 3), 0.35, tint=METAL[3])
    board(builder, textures, name, 0, -r * 1.13, height + 0.25, 0.8, colour * 150, (250, 246, 230))
    builder.lathe(
        (0, 0, 0),
        [(0.7, 0.6), (0.7, 1.2), (0.05, 1.25)],
        12,
        tint=WALL_COLOURS[random.integers(14)] / 255,
    )
    return 2.7 * r, 2.7 * r, top + 3


def gate(builder: Builder, textures, random, density, name):
    """Two pillars, a beam with the name, fences to both sides."""
    s = draw_style(random, (1, 3))
    gap, height, thick = random.uniform(6, 9), random.uniform(4.5, 7), random.uniform(1.4, 2.4)
    c = Canvas(thick, height, 40, s.colour)
    wall(c, s.wall, s.colour, random, s.second)
    face = (textures.add(c.pixels), 40)
    for side in (-1, 1):
        x = side * (gap + thick) / 2
        builder.box(
            (x, 0),
            (thick, thick),
            height,
            tint=s.colour / 255,
            faces=dict.fromkeys(("front", "right", "back", "left"), face),
        )
        builder.box((x, 0), (thick * 1.25, thick * 1.25), 0.4, height, tint=s.second / 255)
        if s.pilasters:
            builder.ball((x, 0, height + 0.9), 0.6, tint=STONE[0])
        else:
            roof(
                builder,
                "pyramid",
                (x, 0),
                (thick * 0.6, thick * 0.6),
                height + 0.4,
                s.roof_colour,
                s.second,
                random,
            )
        end = x + side * random.uniform(5, 7)
        for px in np.arange(min(x, end), max(x, end), 0.45):
            builder.box((px, 0), (0.09, 0.09), 2.1, tint=s.accent / 400)
        builder.box(((x + end) / 2, 0), (abs(end - x), 0.4), 0.6, tint=s.colour / 255)
        builder.box(((x + end) / 2, 0), (abs(end - x), 0.1), 0.1, 1.9, tint=s.accent / 400)
    builder.box((0, 0), (gap + 2 * thick, thick * 0.7), 1.2, height + 0.4, tint=s.second / 255)
    roof(
        builder,
        str(random.choice(["gable", "hip", "flat"])),
        (0, 0),
        (gap + 2 * thick, thick),
        height + 1.6,
        s.roof_colour,
        s.second,
        random,
    )
    for y, turn in ((-thick * 0.36, 1), (thick * 0.36, -1)):
        texture = sign(name.upper(), s.accent, (250, 246, 230))
        half = 0.5 * texture.shape[1] / 48
        builder.quad(
            [
                [-half * turn, y, height + 0.5],
                [half * turn, y, height + 0.5],
                [half * turn, y, height + 1.5],
                [-half * turn, y, height + 1.5],
            ],
            textures.add(texture),
            density=48,
        )
    return gap + 2 * thick + 4, thick, height + 3.5
