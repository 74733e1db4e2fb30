"""Capture noise: what a hurried hand and a phone camera do to a photo. Taught in notebook 11.

The survey (Liu et al., 2017, section 3) names flash, occlusion, rotation, blur and affine
distortion; exposure, sensor noise and JPEG are added. Every condition has a strength from 0
(absent: the photo comes back unchanged) to 1 (strong, yet a person still recognises most photos).

All take and return uint8 ``(h, w, 3)`` RGB of any size, and raise ValueError for anything else and
for a strength outside 0..1. Random draws (place, angle, shape) come from ``seed`` alone, an integer
>= 0 or a sequence of them, and scale with the photo, so that the same seed does the same thing at
every size. Only the grain of `noise` is drawn for each pixel.
"""

import cv2
import numpy as np

from mvs_lib.datasets.same_rounding import exponential, filtered, product

__all__ = [
    "CONDITIONS",
    "affine",
    "affine_matrix",
    "apply",
    "defocus",
    "flash",
    "jpeg",
    "motion",
    "motion_length",
    "noise",
    "occlusion",
    "overexposure",
    "rotation",
    "rotation_angle",
    "underexposure",
]

LARGEST_ROTATION = 45.0  # degrees at strength 1: beyond it people turn the phone
LONGEST_MOTION = 0.14  # share of the photo's width at strength 1


def _checked(image: np.ndarray, strength: float) -> np.ndarray:
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"a photo must be uint8 (h, w, 3), got {image.dtype} {image.shape}")
    if not 0 <= strength <= 1:  # also refuses NaN
        raise ValueError(f"strength must lie in 0..1, got {strength}")
    return image


def _random(seed, condition: str) -> np.random.Generator:
    """One stream a condition: turning one up leaves the draws of the others alone."""
    return np.random.default_rng([*np.atleast_1d(seed).tolist(), CONDITIONS.index(condition)])


def _axes(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres as shares of the frame, 0..1: x ``(1, w)`` and y ``(h, 1)``, float32."""
    height, width = image.shape[:2]
    x = ((np.arange(width, dtype=np.float32) + 0.5) / width)[None]
    y = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
    return x, y


def _to_photo(values: np.ndarray) -> np.ndarray:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)


def flash(image: np.ndarray, strength: float, seed=0) -> np.ndarray:
    """The phone's own light thrown back: a glare, a bright veil over it, darker corners."""
    image = _checked(image, strength)
    if strength == 0:
        return image
    random = _random(seed, "flash")
    cx, cy = random.uniform(0.3, 0.7, 2)
    width = random.uniform(0.12, 0.2)
    x, y = _axes(image)
    square = (x - np.float32(cx)) ** 2 + (y - np.float32(cy)) ** 2
    glare = exponential(-square / np.float32(2 * width**2))
    veil = exponential(-square / np.float32(2 * (2.5 * width) ** 2))
    light = np.float32(strength) * (0.85 * glare + 0.25 * veil)
    dark = 1 - np.float32(0.45 * strength) * (1 - veil)
    values = image * dark[..., None]
    share = np.minimum(light, 1)[..., None]
    return _to_photo(values + (np.float32([255, 252, 244]) - values) * share)


def occlusion(image: np.ndarray, strength: float, seed=0) -> np.ndarray:
    """Something before the lens: a finger, a passer-by, a post or a twig, out of focus.

    Over many draws it covers about ``0.3 * strength`` of the photo; a single draw may cover half
    as much, or half as much again.
    """
    image = _checked(image, strength)
    if strength == 0:
        return image
    random = _random(seed, "occlusion")
    kind, side, shade = random.integers(4), random.random() < 0.5, random.uniform(0.5, 1.1)
    place, lean, spots = random.random(), random.normal(0, 0.12), random.random((14, 3))
    x, y = _axes(image)
    x = (1 - x) if side else x
    if kind == 0:  # a finger over a corner
        colour = np.float32([196, 140, 112])
        radius = 0.62 * np.sqrt(strength)
        edge = radius - np.hypot(x + 0.02 - 0.15 * lean, (y - 1.02) * (0.8 + 0.3 * place))
        soft = 0.05
    elif kind == 1:  # a passer-by: head and shoulders
        colour = np.float32([[62, 74, 104], [120, 50, 48], [52, 92, 70]][int(place * 3)])
        wide = 0.3 * strength + 0.03
        at = 0.12 + 0.3 * place
        top = 1 - 1.1 * np.sqrt(strength) * 0.8
        head = wide * 0.5 - np.hypot(x - at, (y - top) * 0.85)
        body = np.minimum(wide * 0.85 - np.abs(x - at), y - (top + wide * 0.55))
        edge = np.maximum(head, body)
        soft = 0.02
    elif kind == 2:  # a post
        colour = np.float32([92, 94, 98])
        edge = 0.1 * strength + 0.004 - np.abs(x - (0.15 + 0.35 * place) - lean * (y - 0.5))
        soft = 0.012
    else:  # leaves hanging into the photo
        colour = np.float32([62, 98, 44])
        edge = np.full(np.broadcast_shapes(x.shape, y.shape), -1, np.float32)
        for sx, sy, sr in spots.astype(np.float32):
            at_x, at_y = 0.9 * sx * (0.4 + 0.6 * strength), 0.75 * sy * sy * (0.3 + 0.7 * strength)
            leaf = (0.05 + 0.1 * sr) * np.sqrt(strength) - np.hypot(x - at_x, y - at_y)
            edge = np.maximum(edge, leaf)
        soft = 0.02
    alpha = np.clip(edge / np.float32(soft) + 0.5, 0, 1).astype(np.float32)[..., None]
    fade = (0.8 + 0.4 * (1 - y))[..., None].astype(np.float32)
    return _to_photo(image + (colour * np.float32(shade) * fade - image) * alpha)


def rotation_angle(strength: float, seed=0) -> float:
    """Return the roll in degrees, clockwise positive: ``45 * strength`` to either side."""
    sign = 1.0 if _random(seed, "rotation").random() < 0.5 else -1.0
    return sign * LARGEST_ROTATION * strength


def rotation(image: np.ndarray, strength: float, seed=0) -> np.ndarray:
    """The phone held askew: the photo turns about its centre, borders are mirrored."""
    image = _checked(image, strength)
    if strength == 0:
        return image
    angle = np.deg2rad(rotation_angle(strength, seed))
    cos, sin = np.cos(angle), np.sin(angle)
    return _warp(image, np.array([[cos, -sin], [sin, cos]]))


def affine_matrix(strength: float, seed=0) -> np.ndarray:
    """Return the map from ideal to distorted image coordinates, float64 ``(2, 2)``.

    The coordinates are pixels from the photo's centre, x right and y down.
    """
    a, b, c, d = _random(seed, "affine").uniform(-1, 1, 4)
    stretch = np.array([1 + 0.22 * a, 1 + 0.22 * b])
    return np.eye(2) + strength * (
        np.array([[stretch[0], 0.35 * c], [0.2 * d, stretch[1]]]) - np.eye(2)
    )


def affine(image: np.ndarray, strength: float, seed=0) -> np.ndarray:
    """A slanted view: shear up to 0.35 and unequal scale up to 22 %, borders mirrored."""
    image = _checked(image, strength)
    return image if strength == 0 else _warp(image, affine_matrix(strength, seed))


def _warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    centre = (np.array(image.shape[1::-1]) - 1) / 2
    full = np.column_stack([matrix, centre - product(matrix, centre)])
    return cv2.warpAffine(
        image, full, image.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def defocus(image: np.ndarray, strength: float, seed=0) -> np.ndarray:
    """Focus missed: a disc of radius ``0.03 * strength`` of the width (nothing is drawn)."""
    image = _checked(image, strength)
    if strength == 0:
        return image
    radius = 0.03 * strength * image.shape[1]
    reach = int(np.ceil(radius))
    grid = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])
    kernel = np.clip(radius + 0.5 - grid, 0, 1)
    return filtered(image, kernel / kernel.sum())


def motion_length(strength: float) -> float:
    """Return the length of the smear as a share of the photo's width: ``0.14 * strength``."""
    return LONGEST_MOTION * strength


def motion(image: np.ndarray, strength: float, seed=0, angle: float | None = None) -> np.ndarray:
    """The hand moved during the exposure: a straight smear in direction ``angle`` (radians).

    ``angle`` is taken from the x axis (right) towards y (down); without it the direction is drawn.
    """
    image = _checked(image, strength)
    if strength == 0:
        return image
    if angle is None:
        angle = _random(seed, "motion").uniform(0, np.pi)
    length = motion_length(strength) * image.shape[1]
    reach = int(np.ceil(length / 2)) + 1
    steps = np.linspace(-length / 2, length / 2, 4 * reach + 1)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    x, y = reach + steps * np.cos(angle), reach + steps * np.sin(angle)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for dx in (0, 1):  # each sample is shared among its four pixels, so that length is continuous
        for dy in (0, 1):
            share = (1 - np.abs(x - left - dx)) * (1 - np.abs(y - top - dy))
            inside = (left + dx <= 2 * reach) & (top + dy <= 2 * reach)
            np.add.at(kernel, (top[inside] + dy, left[inside] + dx), share[inside])
    return filtered(image, kernel / kernel.sum())


def underexposure(image: np.ndarray, strength: float, seed=0) -> np.ndarray:
    """Too little light: grey values up to 2.2 stops darker (a factor of 4.6)."""
    image = _checked(image, strength)
    return image if strength == 0 else _to_photo(image * np.float32(2 ** (-2.2 * strength)))


def overexposure(image: np.ndarray, strength: float, seed=0) -> np.ndarray:
    """Too much light: grey values up to 1.3 stops brighter and a haze of 12, highlights clipped."""
    image = _checked(image, strength)
    if strength == 0:
        return image
    return _to_photo(image * np.float32(2 ** (1.3 * strength)) + 12 * strength)


def noise(image: np.ndarray, strength: float, seed=0) -> np.ndarray:
    """Sensor noise: Gaussian, deviation ``26 * strength`` grey levels, 36 % of its power colour."""
    image = _checked(image, strength)
    if strength == 0:
        return image
    random = _random(seed, "noise")
    grey = random.standard_normal((*image.shape[:2], 1), dtype=np.float32)
    colour = random.standard_normal(image.shape, dtype=np.float32)
    return _to_photo(image + np.float32(26 * strength) * (0.8 * grey + 0.6 * colour))


def jpeg(image: np.ndarray, strength: float, seed=0) -> np.ndarray:
    """Saved small: JPEG of quality ``95 - 83 * strength`` (nothing is drawn)."""
    image = _checked(image, strength)
    if strength == 0:
        return image
    quality = round(95 - 83 * strength)
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not write a JPEG")
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


# In the order in which they happen: before the lens, in the hand, on the sensor, in the file.
_STEPS = {
    "occlusion": occlusion,
    "flash": flash,
    "rotation": rotation,
    "affine": affine,
    "defocus": defocus,
    "motion": motion,
    "underexposure": underexposure,
    "overexposure": overexposure,
    "noise": noise,
    "jpeg": jpeg,
}
CONDITIONS = tuple(_STEPS)


def apply(
    image: np.ndarray, strengths: dict[str, float], seed=0, motion_angle: float | None = None
) -> np.ndarray:
    """Apply several conditions to a photo in the order of `CONDITIONS`.

    Args:
        image: uint8 ``(h, w, 3)``.
        strengths: strength in 0..1 by condition; absent ones are 0.
        seed: an integer or a sequence of integers.
        motion_angle: direction of the smear in radians, if the gyroscope knows it.

    Returns:
        uint8 ``(h, w, 3)``.

    >>> photo = np.full((8, 8, 3), 100, np.uint8)
    >>> int(apply(photo, {"underexposure": 1.0}).max())
    22

    Raises:
        ValueError: not a photo, an unknown condition, or a strength outside 0..1.
    """
    unknown = sorted(set(strengths) - set(CONDITIONS))
    if unknown:
        raise ValueError(f"unknown conditions {unknown}; there are {list(CONDITIONS)}")
    image = _checked(image, 0)
    for strength in strengths.values():
        _checked(image, strength)
    for name, step in _STEPS.items():
        strength = strengths.get(name, 0)
        if name == "motion":
            image = step(image, strength, seed, motion_angle)
        else:
            image = step(image, strength, seed)
    return image
