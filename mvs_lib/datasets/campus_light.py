"""The weather of a photo: where the sun stands, and the colours of sky, haze, lamps and shade."""

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["WEATHERS", "Light", "draw_light"]

WEATHERS = ("sun", "cloud", "fog", "rain", "dusk", "night")


@dataclass(frozen=True)
class Light:
    """What the sky gives.

    Attributes:
        weather: one of `WEATHERS`. strength: 0..1, how much of it (0 for sun and cloud).
        sun: direction to the sun, ``(3,)``. direct: its colour.
        above, below: ambient light from sky and ground.
        zenith, horizon, cloud, shade: colours of the sky. cover: share of clouds. shift: of clouds.
        haze: colour of fog. density: of fog, 1 / metre. glow: of the sun in the sky.
        lit: share of windows with a lamp on. lamp: brightness of lamps. wet: mirror on the ground.
    """

    weather: str
    strength: float
    sun: np.ndarray
    direct: tuple
    above: tuple
    below: tuple
    zenith: tuple
    horizon: tuple
    cloud: tuple
    shade: tuple
    cover: float
    shift: tuple
    haze: tuple
    density: float
    glow: float = 1.0
    lit: float = 0.0
    lamp: float = 0.0
    wet: float = 0.0


def draw_light(random: np.random.Generator, heading: float) -> Light:
    """Draw the weather of a photo.

    ``heading`` is where the front looks, radians clockwise from the frame's y axis. The sun stands
    before the front, within 84 degrees to either side: the planners of the campus liked the light.
    A visitor at the side or between two wings still photographs shade.
    """
    weather = WEATHERS[random.choice(6, p=[0.42, 0.24, 0.09, 0.09, 0.09, 0.07])]
    strength = float(random.uniform(0.25, 1.0))
    # Eight hours of the day: shadows are then shared by photos of the same hour.
    hour = int(random.integers(8))
    azimuth = heading + (hour - 3.5) * 0.42
    elevation = np.deg2rad([28, 42, 55, 62, 58, 48, 36, 25][hour])
    flat = np.cos(elevation)
    sun = np.array([np.sin(azimuth) * flat, np.cos(azimuth) * flat, np.sin(elevation)])
    shift = tuple(random.random(2))
    cover = float(random.uniform(0.3, 0.56))
    warm = float(random.uniform(-0.03, 0.05))
    light = Light(
        weather=weather,
        strength=0.0,
        sun=sun,
        direct=(0.64 + warm, 0.6, 0.49 - warm),
        above=(0.5, 0.54, 0.62),
        below=(0.33, 0.31, 0.26),
        zenith=(0.2 + warm, 0.42, 0.76),
        horizon=(0.72, 0.82, 0.92),
        cloud=(0.98, 0.98, 0.97),
        shade=(0.72, 0.75, 0.81),
        cover=cover,
        shift=shift,
        haze=(0.74, 0.81, 0.9),
        density=0.0011,
    )
    if weather == "sun":
        return light
    grey = float(random.uniform(0.92, 1.06))
    dull = replace(
        light,
        direct=(0.08, 0.08, 0.08),
        above=(0.83 * grey,) * 2 + (0.86 * grey,),
        below=(0.5, 0.49, 0.47),
        zenith=(0.66, 0.7, 0.76),
        horizon=(0.82, 0.84, 0.87),
        cloud=(0.9, 0.91, 0.93),
        shade=(0.6, 0.63, 0.68),
        cover=0.72,
        glow=0.0,
        haze=(0.8, 0.82, 0.85),
        density=0.002,
    )
    if weather == "cloud":
        return dull
    if weather == "fog":
        return replace(
            dull,
            strength=strength,
            direct=(0, 0, 0),
            cover=0.0,
            zenith=(0.8, 0.82, 0.84),
            horizon=(0.82, 0.83, 0.85),
            haze=(0.82, 0.83, 0.85),
            density=0.004 + 0.022 * strength,
        )
    if weather == "rain":
        return replace(
            dull,
            strength=strength,
            direct=(0, 0, 0),
            above=(0.66, 0.68, 0.73),
            below=(0.38, 0.39, 0.41),
            zenith=(0.47, 0.5, 0.56),
            horizon=(0.66, 0.69, 0.73),
            cloud=(0.62, 0.65, 0.7),
            shade=(0.4, 0.43, 0.48),
            cover=0.8,
            haze=(0.66, 0.69, 0.73),
            density=0.003 + 0.006 * strength,
            wet=0.5 + 0.5 * strength,
            lit=0.15,
            lamp=2.0,
        )
    if weather == "dusk":
        low = np.array([sun[0], sun[1], 0.22])
        return replace(
            light,
            strength=strength,
            sun=low / np.linalg.norm(low),
            direct=(0.62 - 0.15 * strength, 0.36 - 0.14 * strength, 0.17 - 0.08 * strength),
            above=(0.42, 0.4, 0.5),
            below=(0.3, 0.24, 0.22),
            zenith=(0.22, 0.28, 0.5),
            horizon=(0.98, 0.62 - 0.12 * strength, 0.38),
            cloud=(0.96, 0.62, 0.48),
            shade=(0.45, 0.36, 0.46),
            haze=(0.78, 0.56, 0.46),
            density=0.0022,
            lit=0.2 + 0.25 * strength,
            lamp=4.0,
        )
    dim = 1 - 0.45 * strength
    return replace(
        light,
        strength=strength,
        direct=(0, 0, 0),
        above=(0.24 * dim, 0.27 * dim, 0.4 * dim),
        below=(0.17 * dim, 0.16 * dim, 0.2 * dim),
        zenith=(0.03, 0.05, 0.13 * dim),
        horizon=(0.14 * dim, 0.16 * dim, 0.28 * dim),
        cloud=(0.16, 0.17, 0.25),
        shade=(0.08, 0.09, 0.15),
        haze=(0.1, 0.11, 0.18),
        density=0.002,
        glow=0.0,
        lit=float(random.uniform(0.25, 0.55)),
        lamp=14.0,
    )
