"""Facades: a building's style is drawn, its walls painted, its boards lettered."""

from dataclasses import dataclass

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas
from mvs_lib.datasets.campus_mesh import Builder
from mvs_lib.datasets.campus_mipmaps import Textures
from mvs_lib.datasets.campus_textures import (
    ACCENTS,
    FRAMES,
    ROOFS,
    WALL_COLOURS,
    WALLS,
    WINDOWS,
    sign,
    wall,
    window,
)

__all__ = ["Facades", "Style", "board", "draw_style"]


@dataclass
class Style:
    """What makes one building differ from the next.

    Attributes:
        wall, windows: one of `WALLS` and of `WINDOWS`. roof: a kind that `campus_roofs.roof` knows.
        colour, second, accent, frame, roof_colour: 0..255, of walls, bands and cornices, doors and
            signs, window frames, roof.
        storeys: how many. storey, bay: height of one, distance of windows, metres.
        glass: width and height of a window as shares of bay and storey.
        base: height of the plinth, metres. base_kind: odd for one in the wall's own colour.
        cornice, bands, balconies: are there any? pilasters: one every so many bays, 0 for none.
        stairs: bay with a glazed staircase, -1 for none.
        ivy: how high it grows, as a share of the wall. mural: 0 for none, 1 rings, 2 triangles,
            3 stripes.
    """

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
    """Draw a building's style, with ``storeys[0]`` up to ``storeys[1] - 1`` storeys."""
    colour = WALL_COLOURS[random.integers(len(WALL_COLOURS))] + random.normal(0, 9, 3)
    return Style(
        wall=WALLS[random.integers(len(WALLS))],
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

    def paint(self, width, height, storeys, plain=False, mural=0):
        """Paint a wall with its windows: (texture, density).

        A ``plain`` wall has half of the windows and no staircase.
        """
        s, random = self.style, self.random
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
                if b == min(s.stairs, bays - 1) and not plain:
                    if k == 0:
                        self._staircase(c, x, w)
                    continue
                if w > 2.6 and s.windows not in ("ribbon", "wide"):  # two rather than one vast
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
        for k in range(max(c.h // 3, 1)):  # splashing rain darkens the foot
            row = c.pixels[c.h - 1 - k, :, :3]
            row[:] = row * (0.86 + 0.14 * min(k / (c.h / 3), 1))
        return self.textures.add(c.pixels), self.density

    def _staircase(self, c, x, width):
        base, height = self.style.base, c.height
        c.rect(x - 0.2, base, width + 0.4, height - base - 1, self.style.accent * 0.8)
        for k in range(int((height - base - 1.5) / 0.9)):
            glow = int(self.random.integers(5, 250))
            c.rect(x, base + 0.2 + k * 0.9, width, 0.75, (70, 92, 110), glow)

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

    def label(self, text):
        """Letter a board in the style's colours: (texture, density, width over height)."""
        accent = self.style.accent
        if self.random.random() < 0.45:
            picture = sign(text, (238, 234, 222), accent, border=accent)
        else:
            picture = sign(text, accent, (248, 246, 238))
        return self.textures.add(picture), 48.0, picture.shape[1] / picture.shape[0]


def board(
    builder: Builder, textures: Textures, text, x, y, z, tall, colour, ink, border=None, wide=None
):
    """Hang a lettered board ``tall`` metres high, centred at x, its foot at z, facing the front.

    It is as wide as its text asks, and at least ``wide`` metres.
    """
    picture = sign(text, colour, ink, border, None if wide is None else wide / tall)
    half = tall * picture.shape[1] / picture.shape[0] / 2
    builder.upright(x, y, half, z, z + tall, textures.add(picture), 48 / tall)
