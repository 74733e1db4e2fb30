"""Buildings: their style is drawn, their facades painted, their blocks, roofs and porches built."""

from dataclasses import dataclass

import numpy as np

from .campus_mesh import Builder, Textures
from .campus_textures import WALLS, WINDOWS, Canvas, sign, wall, window

__all__ = ["Facades", "Style", "building", "draw_style", "roof"]

WALL_COLOURS = np.array([
    [158, 82, 62], [176, 104, 74], [126, 66, 58], [214, 196, 158], [226, 214, 190], [196, 188, 176],
    [168, 166, 160], [222, 222, 216], [178, 190, 180], [160, 178, 196], [216, 178, 128],
    [206, 152, 130], [142, 132, 120], [196, 170, 96],
])  # fmt: skip
ACCENTS = np.array([
    [176, 44, 40], [28, 84, 148], [36, 116, 82], [222, 162, 40], [112, 54, 112], [30, 128, 140],
    [210, 98, 36], [58, 62, 72],
])  # fmt: skip
ROOFS = np.array([[150, 78, 58], [92, 88, 90], [112, 122, 116], [124, 66, 54], [84, 108, 104]])
FRAMES = np.array([[236, 234, 228], [92, 70, 52], [60, 62, 66], [214, 206, 186], [70, 96, 84]])


@dataclass
class Style:
    """What makes one building differ from the next."""

    wall: str
    colour: np.ndarray
    second: np.ndarray
    accent: np.ndarray
    frame: np.ndarray
    roof_colour: np.ndarray
    windows: str
    storeys: int
    storey: float
    bay: float
    glass: tuple[float, float]
    base: float
    base_kind: int
    cornice: bool
    pilasters: int
    stairs: int
    bands: bool
    ivy: float
    mural: int
    roof: str
    balconies: bool


def draw_style(
    random, storeys=(2, 6), roofs=("flat", "flat", "gable", "hip", "mansard", "stepped")
):
    """Draw a building's style."""
    colour = WALL_COLOURS[random.integers(len(WALL_COLOURS))] + random.normal(0, 9, 3)
    return Style(
        wall=WALLS[random.integers(len(WALLS) - 1)],
        colour=colour,
        second=np.clip(colour + random.choice([-55, 45, 60]), 20, 240),
        accent=ACCENTS[random.integers(len(ACCENTS))] + random.normal(0, 8, 3),
        frame=FRAMES[random.integers(len(FRAMES))].astype(float),
        roof_colour=ROOFS[random.integers(len(ROOFS))] + random.normal(0, 8, 3),
        windows=WINDOWS[random.choice(8, p=[0.2, 0.15, 0.15, 0.15, 0.1, 0.1, 0.06, 0.09])],
        storeys=int(random.integers(*storeys)),
        storey=random.uniform(3.1, 3.9),
        bay=random.uniform(2.4, 4.6),
        glass=(random.uniform(0.42, 0.66), random.uniform(0.45, 0.62)),
        base=random.uniform(0.5, 1.2),
        base_kind=int(random.integers(4)),
        cornice=random.random() < 0.5,
        pilasters=int(random.choice([0, 0, 1, 2])),
        stairs=int(random.choice([-1, -1, 0, 1, 2])),
        bands=random.random() < 0.35,
        ivy=random.uniform(0.3, 0.8) if random.random() < 0.16 else 0.0,
        mural=int(random.choice([0, 0, 0, 0, 1, 2, 3])),
        roof=str(random.choice(roofs)),
        balconies=random.random() < 0.3,
    )


class Facades:
    """Paints facades of one style; each gets a number among the scene's textures."""

    def __init__(self, textures: Textures, style: Style, density: float, random):
        self.textures, self.style, self.density, self.random = textures, style, density, random

    def paint(self, width, height, storeys=None, plain=False, shop=False, mural=0, pane=None):
        """Paint a wall with its windows: (texture, density)."""
        s, random = self.style, self.random
        storeys = s.storeys if storeys is None else storeys
        c = Canvas(width, height, self.density)
        wall(c, s.wall, s.colour, random, s.second)
        c.rect(0, 0, width, s.base, s.colour * 0.6 if s.base_kind % 2 else s.second * 0.75)
        step = (height - s.base - 0.4) / storeys
        bays = max(int((width - 0.8) / s.bay), 1)
        bay = (width - 0.8) / bays
        if s.bands:
            for k in range(1, storeys + 1):
                c.rect(0, s.base + k * step - 0.35, width, 0.3, s.second)
        if s.pilasters:
            for k in range(0, bays + 1, s.pilasters):
                c.rect(0.4 + k * bay - 0.25, 0, 0.5, height, s.second if k % 2 else s.second * 0.92)
                c.rect(0.4 + k * bay + 0.2, 0, 0.07, height, s.colour * 0.6)
        w, h = bay * s.glass[0], step * s.glass[1]
        if s.windows == "ribbon":
            w = bay * 0.94
        for k in range(storeys):
            y = s.base + k * step + (step - h) * 0.42
            for b in range(bays):
                if plain and (b + k) % 2:
                    continue
                x = 0.4 + b * bay + (bay - w) / 2
                if shop and k == 0:
                    continue
                if b == min(s.stairs, bays - 1) and not plain and k == 0:
                    c.rect(x - 0.2, s.base, w + 0.4, height - s.base - 1, s.accent * 0.8)
                    for i in range(int((height - s.base - 1.5) / 0.9)):
                        glow = int(random.integers(5, 250))
                        c.rect(x, s.base + 0.2 + i * 0.9, w, 0.75, (70, 92, 110), glow)
                if b == min(s.stairs, bays - 1) and not plain:
                    continue
                if w > 2.6 and s.windows not in (
                    "ribbon",
                    "wide",
                ):  # two windows rather than one vast
                    for part in (0, 1):
                        window(c, s.windows, x + part * w * 0.54, y, w * 0.46, h, random, s.frame)
                else:
                    window(c, s.windows, x, y, w, h, random, s.frame)
        if s.cornice:
            c.rect(0, height - 0.5, width, 0.5, s.second)
            c.rect(0, height - 0.62, width, 0.12, s.second * 0.6)
            for k in range(int(width / 0.8)):
                c.rect(k * 0.8 + 0.1, height - 0.85, 0.35, 0.25, s.second * 0.85)
        if mural:
            self._mural(c, mural)
        if s.ivy:
            self._ivy(c)
        c.grain(0.2, 11.0, int(random.integers(99)))
        for k in range(max(c.h // 3, 1)):  # rain-washed streaks darken the foot
            c.pixels[c.h - 1 - k, :, :3] = c.pixels[c.h - 1 - k, :, :3] * (
                0.86 + 0.14 * min(k / (c.h / 3), 1)
            )
        return self.textures.add(c.pixels), self.density

    def _mural(self, c, kind):
        random, accent = self.random, self.style.accent
        x, y = c.width * random.uniform(0.12, 0.3), c.height * 0.3
        w, h = c.width * 0.5, c.height * 0.55
        colours = ACCENTS[random.permutation(len(ACCENTS))]
        c.rect(x, y, w, h, accent)
        for k in range(7):
            colour = colours[k % 8]
            if kind == 1:
                c.disc(x + w / 2, y + h / 2, min(w, h) * (0.5 - 0.065 * k), colour)
            elif kind == 2:
                cx, cy = x + w * random.random(), y + h * random.random()
                size = min(w, h) * 0.3
                points = [(cx, cy), (min(cx + size, x + w), cy), (cx, min(cy + size, y + h))]
                c.polygon(points, colour)
            else:
                c.rect(x + w * k / 7, y, w / 7, h * random.uniform(0.3, 1), colour)

    def _ivy(self, c):
        random = self.random
        centre = c.width * random.random()
        for _ in range(int(34 * c.width * self.style.ivy)):
            x = random.normal(centre, c.width * 0.24)
            top = c.height * self.style.ivy * np.exp(-(((x - centre) / c.width) ** 2) * 6)
            y, green = top * random.random(), random.uniform(0.5, 1.2)
            c.disc(x, y, random.uniform(0.15, 0.4), np.array([62, 104, 44]) * green)

    def label(self, text, random=None):
        """Make a board with the place's name: (texture, density, shape ratio)."""
        random = self.random if random is None else random
        accent = self.style.accent
        light = random.random() < 0.45
        picture = sign(
            text,
            (238, 234, 222) if light else accent,
            accent if light else (248, 246, 238),
            accent if light else None,
        )
        return self.textures.add(picture), 48.0, picture.shape[1] / picture.shape[0]


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


def building(builder: Builder, textures, random, density, name, kind):
    """Build an academic building or a dormitory; return (width, depth, height) for the framing."""
    tall = kind == "dormitory"
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
    porch(builder, f, random, door_x, front, random.uniform(3, 5.5), random.uniform(2.7, 3.3), name)
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
        texture, board_density, ratio = f.label(name, random)
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
