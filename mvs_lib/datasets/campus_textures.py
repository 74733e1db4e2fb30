"""Pictures on the campus: walls, windows, signs, leaves, passers-by, painted in metres.

A `Canvas` is a picture of so many metres with its origin at the bottom left. Alpha marks glass on
opaque pictures (see `campus_mesh.Textures`) and holes on cut-outs.
"""

from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .campus_shading import soft_noise

__all__ = ["WALLS", "WINDOWS", "Canvas", "leaves", "person", "sign", "wall", "window"]

WALLS = ("brick", "plaster", "panels", "stone", "timber", "tiles", "stripes", "curtain")
WINDOWS = ("cross", "wide", "arched", "tall", "double", "shutters", "round", "ribbon")
SHIFT = 4  # sub-pixel bits of OpenCV's drawing


class Canvas:
    """A picture ``width`` by ``height`` metres at ``density`` texels a metre."""

    def __init__(self, width, height, density, colour=(255, 255, 255), alpha=0):
        self.width, self.height = width, height
        self.w = max(int(round(width * density)), 2)
        self.h = max(int(round(height * density)), 2)
        self.density = density
        self.pixels = np.empty((self.h, self.w, 4), np.uint8)
        self.pixels[:] = (*np.clip(colour, 0, 255), alpha)

    def _points(self, points):
        points = np.asarray(points, float)
        x = points[..., 0] * self.w / self.width
        y = self.h - points[..., 1] * self.h / self.height
        return np.round((np.stack([x, y], -1) - 0.5) * (1 << SHIFT)).astype(np.int32)

    def polygon(self, points, colour, alpha=0):
        """Fill a polygon."""
        cv2.fillPoly(
            self.pixels,
            [self._points(points)],
            (*map(float, np.clip(colour, 0, 255)), alpha),
            cv2.LINE_8 if alpha else cv2.LINE_AA,
            SHIFT,
        )

    def rect(self, x, y, width, height, colour, alpha=0):
        """Fill a rectangle whose lower left corner is at (x, y)."""
        x0, x1 = round(x * self.w / self.width), round((x + width) * self.w / self.width)
        y0 = self.h - round((y + height) * self.h / self.height)
        y1 = self.h - round(y * self.h / self.height)
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        self.pixels[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = (
            *np.clip(colour, 0, 255),
            alpha,
        )

    def disc(self, x, y, rx, colour, alpha=0, ry=None, start=0.0, stop=360.0):
        """Fill an ellipse or (angles in degrees, anti-clockwise from the right) a slice of it."""
        angle = np.deg2rad(np.linspace(start, stop, 28))
        ry = rx if ry is None else ry
        self.polygon(np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], 1), colour, alpha)

    def grain(self, amount, metres=6.0, seed=0, fine=0.0, random=None):
        """Make it uneven: stains ``metres`` wide, and grit."""
        tile = soft_noise(256, 5)
        y = np.arange(self.h) / self.density / metres * 256 + 37 * seed
        x = np.arange(self.w) / self.density / metres * 256 + 91 * seed
        stains = tile[np.ix_(y.astype(int) % 256, x.astype(int) % 256)]
        factor = 1 + amount * (stains - 0.5)
        if fine:
            grit = soft_noise(256, 9)
            y, x = (np.arange(n) * 24 / self.density * 4 for n in (self.h, self.w))
            factor += fine * (grit[np.ix_(y.astype(int) % 256, x.astype(int) % 256)] - 0.5)
        rgb = self.pixels[..., :3] * factor[..., None].astype(np.float32)
        self.pixels[..., :3] = np.minimum(rgb, 255)

    def paste(self, picture, x, y, width, height):
        """Lay an RGBA picture (alpha = coverage) over a rectangle; it keeps no glass."""
        w = max(round(width * self.w / self.width), 1)
        h = max(round(height * self.h / self.height), 1)
        left = round(x * self.w / self.width)
        top = self.h - round((y + height) * self.h / self.height)
        part = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + w, self.w), min(top + h, self.h)
        if x1 <= x0 or y1 <= y0:
            return
        part = part[y0 - top : y1 - top, x0 - left : x1 - left]
        area = self.pixels[y0:y1, x0:x1]
        cover = part[..., 3:] / np.float32(255)
        area[..., :3] = area[..., :3] * (1 - cover) + part[..., :3] * cover
        area[..., 3][part[..., 3] > 100] = 0


def shades(colour, random, count, spread=12):
    """Return ``count`` neighbours of a colour."""
    return np.clip(np.asarray(colour) + random.normal(0, spread, (count, 1)), 0, 255)


def wall(canvas, kind, colour, random, second=(230, 226, 214)):
    """Cover a canvas with a wall of one of `WALLS`; ``second`` is the joint's or stripe's colour."""
    colour, second = np.asarray(colour, float), np.asarray(second, float)
    width, height, tint = canvas.width, canvas.height, shades(colour, random, 9, 9)
    canvas.pixels[..., :3] = np.clip(colour, 0, 255)
    if kind == "brick":
        small = random.normal(0, 11, (max(int(height / 0.16), 1), max(int(width / 0.45), 1), 1))
        bricks = np.clip(colour + small, 0, 255).astype(np.uint8)
        big = cv2.resize(bricks, (canvas.w, canvas.h), interpolation=cv2.INTER_NEAREST)
        canvas.pixels[..., :3] = big
        step = max(int(0.32 * canvas.density), 3)
        if canvas.density >= 12:
            canvas.pixels[::step, :, :3] = np.clip(colour * 0.8 + 40, 0, 255)
    elif kind in ("panels", "tiles", "stone"):
        dx, dy = {"panels": (3.0, 1.6), "tiles": (1.1, 1.1), "stone": (1.4, 0.7)}[kind]
        shape = (max(round(height / dy), 1), max(round(width / dx), 1), 1)
        small = np.clip(colour + random.normal(0, 13 if kind == "stone" else 6, shape), 0, 255)
        canvas.pixels[..., :3] = cv2.resize(
            small.astype(np.uint8), (canvas.w, canvas.h), interpolation=cv2.INTER_NEAREST
        )
        for k in range(1, shape[0]):
            canvas.rect(0, k * height / shape[0], width, 0.06, colour * 0.72)
        for k in range(1, shape[1]):
            canvas.rect(k * width / shape[1], 0, 0.06, height, colour * 0.76)
    elif kind == "timber":
        for k in range(int(width / 0.7) + 1):
            canvas.rect(k * 0.7, 0, 0.7, height, tint[k % 9])
            canvas.rect(k * 0.7, 0, 0.07, height, colour * 0.66)
    elif kind == "stripes":
        step = 1.0 + 1.2 * random.random()
        for k in range(int(height / step) + 1):
            canvas.rect(0, k * step, width, step * 0.42, second)
    canvas.grain(0.16, 7.0, int(random.integers(99)), 0.1)


def window(canvas, kind, x, y, width, height, random, frame, pane=(52, 66, 84)):
    """Put a window of one of `WINDOWS` into a rectangle; each has its own hour to be lit."""
    glow = int(random.integers(5, 251))
    frame, pane = np.asarray(frame, float), np.asarray(pane, float) * random.uniform(0.75, 1.25)
    edge = min(0.13, width * 0.1)
    if kind == "round":
        r = min(width, height) / 2
        cx, cy = x + width / 2, y + height / 2
        canvas.disc(cx, cy, r, frame)
        canvas.disc(cx, cy, r - edge, pane, glow)
        canvas.rect(cx - edge / 3, cy - r, edge * 0.7, 2 * r, frame)
        return
    canvas.rect(x - edge, y - edge, width + 2 * edge, height + 2 * edge, frame)
    if kind == "arched":
        canvas.disc(x + width / 2, y + height, width / 2 + edge, frame, 0, None, 0, 180)
        canvas.disc(x + width / 2, y + height, width / 2, pane, glow, None, 0, 180)
    canvas.rect(x, y, width, height, pane, glow)
    canvas.rect(x, y + height * 0.72, width, height * 0.28, pane * 0.7, glow)  # the lintel's shadow
    if random.random() < 0.3:  # a blind
        drop = height * random.uniform(0.2, 0.6)
        canvas.rect(x, y + height - drop, width, drop, np.array([206, 198, 180]), glow)
    bars = {
        "cross": (1, 1),
        "wide": (2, 0),
        "arched": (1, 0),
        "tall": (1, 2),
        "double": (1, 0),
        "shutters": (1, 1),
        "ribbon": (3, 0),
    }[kind]
    for k in range(bars[0]):
        canvas.rect(x + width * (k + 1) / (bars[0] + 1) - edge / 3, y, edge * 0.7, height, frame)
    for k in range(bars[1]):
        canvas.rect(x, y + height * (k + 1) / (bars[1] + 1) - edge / 3, width, edge * 0.7, frame)
    if kind == "shutters":
        for left in (x - width * 0.38 - edge, x + width + edge):
            canvas.rect(left, y, width * 0.36, height, frame * [0.35, 0.55, 0.45])
    canvas.rect(x - edge * 2, y - edge * 2, width + 4 * edge, edge * 1.4, frame * 0.8)  # the sill


@cache
def _font(size: int):
    return ImageFont.load_default(size)


def sign(text, colour, ink, border=None, wide=None) -> np.ndarray:
    """Letter a board: uint8 ``(h, w, 4)``, 48 high; alpha 255, so that it shines at night."""
    font = _font(34)
    left, top, right, bottom = font.getbbox(text)
    width = max(right - left + 28, int((wide or 0) * 48))
    picture = Image.new("RGB", (width, 48), tuple(int(c) for c in colour))
    draw = ImageDraw.Draw(picture)
    if border is not None:
        draw.rectangle([1, 1, width - 2, 46], outline=tuple(int(c) for c in border), width=3)
    draw.text(
        ((width - right - left) / 2, 24 - (top + bottom) / 2),
        text,
        font=font,
        fill=tuple(int(c) for c in ink),
        stroke_width=1,
        stroke_fill=tuple(int(c) for c in ink),
    )
    return np.dstack([np.asarray(picture), np.full((48, width), 255, np.uint8)])


@cache
def leaves(kind: int) -> np.ndarray:
    """A twig full of leaves, a cut-out uint8 ``(96, 96, 4)``: 0 broad, 1 needles, 2 blossom, 3 palm."""
    random = np.random.default_rng([77, kind])
    picture = np.zeros((192, 192, 4), np.uint8)
    picture[..., :3] = (150, 160, 140)
    count = (190, 260, 230, 90)[kind]
    for _ in range(count):
        radius, angle = 82 * np.sqrt(random.random()), random.uniform(0, 2 * np.pi)
        x, y = 96 + radius * np.cos(angle), 96 + radius * np.sin(angle) * 0.9
        light = int(random.uniform(120, 255) * (0.75 + 0.25 * (1 - y / 192)))
        axes = ((9, 5), (13, 2), (7, 6), (26, 4))[kind]
        turn = random.uniform(0, 180) if kind != 1 else random.normal(90, 40)
        cv2.ellipse(picture, (int(x), int(y)), axes, turn, 0, 360, (light, light, light, 255), -1)
    return cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA)


@cache
def person(kind: int) -> np.ndarray:
    """A passer-by, a cut-out uint8 ``(128, 56, 4)``; kinds 6 and 7 ride a bicycle."""
    random = np.random.default_rng([78, kind])
    coat = random.uniform(30, 220, 3)
    legs = random.uniform(25, 90) * np.array([0.9, 0.95, 1.2])
    skin = np.array([222, 178, 148]) * random.uniform(0.45, 1.0)
    hair = np.array([60, 42, 30]) * random.uniform(0.3, 2.2)
    canvas = Canvas(0.8, 1.84, 280, coat, 0)
    riding = kind >= 6
    if riding:
        canvas = Canvas(1.8, 1.84, 140, coat, 0)
        for x in (0.38, 1.42):
            canvas.disc(x, 0.36, 0.35, (28, 28, 30), 255)
            canvas.disc(x, 0.36, 0.29, (120, 120, 120), 0)
            canvas.disc(x, 0.36, 0.06, (28, 28, 30), 255)
        for a, b in (
            ((0.38, 0.36), (0.7, 0.85)),
            ((0.7, 0.85), (1.25, 0.8)),
            ((0.85, 0.4), (1.25, 0.85)),
            ((1.25, 0.85), (1.42, 0.36)),
            ((1.22, 1.0), (1.28, 0.7)),
            ((0.38, 0.36), (0.85, 0.4)),
        ):
            n = np.array([a[1] - b[1], b[0] - a[0]]) * 0.035 / np.hypot(a[0] - b[0], a[1] - b[1])
            canvas.polygon([a + n, b + n, b - n, a - n], coat * 0.6, 255)
    mid = 0.78 if riding else 0.4
    gait = 0.05 + 0.08 * random.random()
    low = 0.35 if riding else 0.02
    for side, dark in ((-1, 0.8), (1, 1.0)):
        canvas.polygon(
            [
                (mid - 0.1, 0.88),
                (mid + 0.1, 0.88),
                (mid + side * gait + 0.07, low),
                (mid + side * gait - 0.08, low),
            ],
            legs * dark,
            255,
        )
    canvas.polygon(
        [
            (mid - 0.2, 0.8),
            (mid + 0.2, 0.8),
            (mid + 0.23, 1.42),
            (mid + 0.1, 1.52),
            (mid - 0.1, 1.52),
            (mid - 0.23, 1.42),
        ],
        coat,
        255,
    )
    for side in (-1, 1):
        canvas.polygon(
            [
                (mid + side * 0.2, 1.45),
                (mid + side * 0.27, 1.4),
                (mid + side * 0.3, 0.85),
                (mid + side * 0.2, 0.85),
            ],
            coat * 0.82,
            255,
        )
    canvas.disc(mid, 1.66, 0.115, skin, 255, 0.14)
    canvas.disc(mid, 1.71, 0.12, hair, 255, 0.11, 0, 180)
    size = (126, 128) if riding else (56, 128)
    return cv2.resize(canvas.pixels, size, interpolation=cv2.INTER_AREA)
