"""The ground around a place: lawn, forecourt, path and road, seen from above."""

import numpy as np

from mvs_lib.datasets.campus_canvas import Canvas

__all__ = ["ground_map"]


PAVINGS = np.array([[176, 170, 158], [150, 148, 146], [188, 160, 136], [196, 186, 160]])


def ground_map(random, width, depth, reach, density) -> np.ndarray:
    """Paint the ground around a place in its own frame: lawn, forecourt, path, road.

    Args:
        width, depth: of the place. reach: of the picture to either side of it. All in metres.
        density: texels a metre.

    Returns:
        uint8 ``(side, side, 4)``, ``side = 2 * reach * density``, seen from above, its front below.
    """
    side = 2 * reach
    lawn = np.array([98, 122, 62]) * random.uniform(0.85, 1.12) + random.normal(0, 6, 3)
    c = Canvas(side, side, density, lawn)
    c.grain(0.3, 14, int(random.integers(99)), 0.25)
    m = reach
    paving = PAVINGS[random.integers(4)] * random.uniform(0.9, 1.05)
    front = m - depth / 2
    wide = width * random.uniform(0.7, 1.1) + 4
    deep = random.uniform(6, 14)
    paved = Canvas(side, side, density, paving)
    paved.grain(0.12, 5, 3, 0.14)
    step = float(random.choice([1.0, 1.5, 2.2]))
    for k in range(int(side / step)):
        paved.rect(k * step, 0, 0.09, side, paving * 0.8)
        paved.rect(0, k * step, side, 0.09, paving * 0.82)
    mask = Canvas(side, side, density, (0, 0, 0))
    white = (255, 255, 255)
    if random.random() < 0.3:
        mask.disc(m, m, max(wide, depth + 8) * 0.62, white)
    else:
        mask.rect(m - wide / 2, front - deep, wide, deep + depth + 3, white)
    path = random.uniform(2.5, 5)
    bend = random.uniform(-14, 14)
    near, far = front - deep, path * 0.8
    mask.polygon(
        [(m - path, near), (m + path, near), (m + far + bend, 0), (m - far + bend, 0)], white
    )
    if random.random() < 0.6:
        mask.rect(0, front - deep * 0.6, side, path * 0.8, white)
    road_y = front - deep - random.uniform(12, 20)
    c.pixels[mask.pixels[..., 0] > 127] = paved.pixels[mask.pixels[..., 0] > 127]
    if random.random() < 0.6:
        tar = Canvas(side, 7.6, density, (92, 93, 97))
        tar.grain(0.12, 6, 2, 0.16)
        tar.rect(0, 0, side, 0.35, (190, 188, 182))
        tar.rect(0, 7.25, side, 0.35, (190, 188, 182))
        for k in range(int(side / 4)):
            tar.rect(k * 4, 3.7, 2, 0.18, (230, 230, 226))
        top = c.h - int((road_y + 7.6) * density)
        c.pixels[top : top + tar.h] = tar.pixels
    return c.pixels
