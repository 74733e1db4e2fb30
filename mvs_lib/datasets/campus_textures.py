"""Pictures on the campus: walls, windows, signs, leaves and passers-by, and their colours."""

from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mvs_lib.datasets.campus_canvas import Canvas

__all__ = [
    "ACCENTS",
    "FRAMES",
    "METAL",
    "ROOFS",
    "STONE",
    "WALLS",
    "WALL_COLOURS",
    "WINDOWS",
    "leaves",
    "person",
    "sign",
    "wall",
    "window",
]

WALLS = ("brick", "plaster", "panels", "stone", "timber", "tiles", "stripes")
WINDOWS = ("cross", "wide", "arched", "tall", "double", "shutters", "round", "ribbon")
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
STONE = np.array([[206, 200, 188], [150, 146, 140], [186, 164, 138], [120, 112, 108]]) / 255
METAL = np.array([
    [92, 112, 96], [124, 88, 54], [66, 62, 58], [176, 140, 70], [196, 198, 202],
]) / 255  # fmt: skip
BROAD, NEEDLES, BLOSSOM, PALM = range(4)  # kinds of `leaves`


def shades(colour, random, count, spread=12):
    """Return ``count`` neighbours of a colour."""
    return np.clip(np.asarray(colour) + random.normal(0, spread, (count, 1)), 0, 255)


def wall(canvas, kind, colour, random, second=(230, 226, 214)):
    """Cover a canvas with a wall of one of `WALLS`; ``second`` is the colour of its stripes."""
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
    """Draw a twig full of leaves, a cut-out uint8 ``(96, 96, 4)``; they are grey, to be tinted."""
    random = np.random.default_rng([77, kind])
    picture = np.zeros((192, 192, 4), np.uint8)
    picture[..., :3] = (150, 160, 140)
    count = (190, 260, 230, 90)[kind]
    for _ in range(count):
        radius, angle = 82 * np.sqrt(random.random()), random.uniform(0, 2 * np.pi)
        x, y = 96 + radius * np.cos(angle), 96 + radius * np.sin(angle) * 0.9
        light = int(random.uniform(120, 255) * (0.75 + 0.25 * (1 - y / 192)))
        axes = ((9, 5), (13, 2), (7, 6), (26, 4))[kind]
        turn = random.uniform(0, 180) if kind != NEEDLES else random.normal(90, 40)
        cv2.ellipse(picture, (int(x), int(y)), axes, turn, 0, 360, (light, light, light, 255), -1)
    return cv2.resize(picture, (96, 96), interpolation=cv2.INTER_AREA)


@cache
def person(kind: int) -> np.ndarray:
    """Draw a passer-by, a cut-out uint8 ``(128, 56, 4)``; kinds 6 and 7 ride, ``(128, 126, 4)``."""
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
        foot = mid + side * gait
        leg = [(mid - 0.1, 0.88), (mid + 0.1, 0.88), (foot + 0.07, low), (foot - 0.08, low)]
        canvas.polygon(leg, legs * dark, 255)
    half = [(0.2, 0.8), (0.23, 1.42), (0.1, 1.52)]
    right, left = [(mid + x, y) for x, y in half], [(mid - x, y) for x, y in half]
    canvas.polygon(right + left[::-1], coat, 255)
    arm = [(0.2, 1.45), (0.27, 1.4), (0.3, 0.85), (0.2, 0.85)]
    for side in (-1, 1):
        canvas.polygon([(mid + side * x, y) for x, y in arm], coat * 0.82, 255)
    canvas.disc(mid, 1.66, 0.115, skin, 255, 0.14)
    canvas.disc(mid, 1.71, 0.12, hair, 255, 0.11, 0, 180)
    size = (126, 128) if riding else (56, 128)
    return cv2.resize(canvas.pixels, size, interpolation=cv2.INTER_AREA)
