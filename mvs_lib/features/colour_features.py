"""Local features that see colour: where to look, and what to write down. See notebook 01.

Three detectors say where: SIFT (blobs; Lowe, 2004), ORB (corners of a pyramid; Rublee et al., 2011)
and GFTT (corners of one scale, upright; Shi and Tomasi, 1994). Three descriptors say what:

- ``"grey"``: SIFT of the grey photo, 128 numbers;
- ``"opponent"``: SIFT of the three opponent colours, 384 numbers (van de Sande et al., 2010),
  O1 = (R - G) / sqrt 2, O2 = (R + G - 2 B) / sqrt 6, O3 = (R + G + B) / sqrt 3;
- ``"hue"``: SIFT of the grey photo and behind it a histogram of the patch's hues, each pixel
  counted by its saturation (van de Weijer and Schmid, 2006), 164 numbers.

Everything is square-rooted, as in `mvs_lib.features.local.root`.
"""

import cv2
import numpy as np

from mvs_lib.features import preparation
from mvs_lib.features.local import root

__all__ = ["DESCRIPTORS", "DETECTORS", "describe", "detect", "hues", "opponent"]

DETECTORS = ("sift", "orb", "gftt")
DESCRIPTORS = {"grey": 128, "opponent": 384, "hue": 164}
HUES = 36  # bins
SAMPLES = 16  # points a side at which a patch's hues are read
REACH = 3.0  # from the middle to the patch's border, in keypoint diameters: SIFT's own
FIRST = 3.2  # pixels: diameter of SIFT's smallest keypoints in the photo's own resolution
HUE_SHARE = 0.5  # of the hues in the squared length of a "hue" descriptor, over that of SIFT


def detect(image: np.ndarray, detector: str, limit: int) -> np.ndarray:
    """Find the strongest keypoints: float64 ``(n, 4)``, columns x, y, diameter (pixels), angle.

    The diameter is in SIFT's sense (its descriptor looks six of them wide) and the angle in
    OpenCV's, degrees. An ORB corner is looked at twice as widely as ORB does, a GFTT corner a
    quarter of the photo wide (our choice: neither says how much ground a SIFT there should see).

    Args:
        image: uint8 ``(h, w, 3)``, RGB.
        detector: one of `DETECTORS`.
        limit: how many at most, >= 1.

    Raises:
        ValueError: not a photo, an unknown detector, or a limit below 1.
    """
    if detector not in DETECTORS or limit < 1:
        raise ValueError(f"need a detector of {DETECTORS} and limit >= 1, got {detector}, {limit}")
    image = preparation.check_images(np.asarray(image)[None])[0]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    width = grey.shape[1]
    if detector == "gftt":
        corners = cv2.goodFeaturesToTrack(grey, int(limit), 0.01, max(3, width / 40))
        places = np.empty((0, 2)) if corners is None else corners.reshape(-1, 2)
        table = np.zeros((len(places), 4))
        table[:, :2], table[:, 2] = places, width / 24
        return table
    finder = cv2.SIFT_create(int(limit)) if detector == "sift" else cv2.ORB_create(int(limit))
    shrink = 1.0 if detector == "sift" else 1 / REACH
    points = finder.detect(grey, None)
    rows = [(*p.pt, shrink * p.size, p.angle, p.response) for p in points]
    table = np.array(rows, np.float64).reshape(-1, 5)
    order = np.lexsort((table[:, 3], table[:, 1], table[:, 0], -table[:, 4]))[:limit]
    return table[order, :4]


def describe(image: np.ndarray, keypoints: np.ndarray, descriptor: str) -> np.ndarray:
    """Describe keypoints of `detect`, float32 ``(n, d)``, ``d`` as in `DESCRIPTORS`.

    Raises:
        ValueError: an unknown descriptor.
    """
    if descriptor not in DESCRIPTORS:
        raise ValueError(f"descriptor must be one of {tuple(DESCRIPTORS)}, got {descriptor!r}")
    if not len(keypoints):
        return np.empty((0, DESCRIPTORS[descriptor]), np.float32)
    if descriptor == "opponent":
        channels = opponent(image)
        parts = [root(_sift(channels[..., one], keypoints)) for one in range(3)]
        return np.concatenate(parts, axis=1) / np.float32(np.sqrt(3))
    grey = root(_sift(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), keypoints))
    if descriptor == "grey":
        return grey
    return np.concatenate([grey, np.float32(np.sqrt(HUE_SHARE)) * hues(image, keypoints)], axis=1)


def opponent(image: np.ndarray) -> np.ndarray:
    """Return the opponent colours, each moved and scaled into 0..255: uint8 ``(h, w, 3)``."""
    red, green, blue = np.moveaxis(image.astype(np.float32), 2, 0)
    first, second = (red - green + 255) / 2, (red + green - 2 * blue + 510) / 4
    third = (red + green + blue) / 3
    return np.rint(np.stack([first, second, third], 2)).astype(np.uint8)


def hues(image: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Return the square roots of the patches' hue histograms, float32 ``(n, 36)``.

    Hue is the angle of (O1, O2) and saturation their length; grey patches give zeros. The border
    of the photo is repeated.
    """
    height, width = image.shape[:2]
    steps = ((np.arange(SAMPLES) + 0.5) / SAMPLES * 2 - 1) * REACH
    x = keypoints[:, 0, None, None] + keypoints[:, 2, None, None] * steps
    y = keypoints[:, 1, None, None] + keypoints[:, 2, None, None] * steps[:, None]
    x = np.clip(np.rint(x), 0, width - 1).astype(np.int64)
    y = np.clip(np.rint(y), 0, height - 1).astype(np.int64)
    red, green, blue = np.moveaxis(image[y, x].astype(np.float64), 3, 0)
    first, second = (red - green) / np.sqrt(2), (red + green - 2 * blue) / np.sqrt(6)
    turn = np.arctan2(first, second) / (2 * np.pi) % 1
    bins = np.minimum((turn * HUES).astype(np.int64), HUES - 1)
    bins += np.arange(len(keypoints))[:, None, None] * HUES
    weights = np.hypot(first, second).ravel()
    counts = np.bincount(bins.ravel(), weights, HUES * len(keypoints)).reshape(-1, HUES)
    return np.sqrt(counts / np.maximum(counts.sum(1, keepdims=True), 1e-9)).astype(np.float32)


def _sift(channel: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """SIFT of one channel at given places; the octave follows from the diameter."""
    octaves = np.clip(np.rint(np.log2(np.maximum(keypoints[:, 2], FIRST) / FIRST)), 0, 4)
    points = [
        cv2.KeyPoint(float(x), float(y), float(size), float(angle), 1.0, int(octave) | 1 << 8)
        for (x, y, size, angle), octave in zip(keypoints, octaves, strict=True)
    ]
    again, descriptors = cv2.SIFT_create().compute(np.ascontiguousarray(channel), points)
    if len(again) != len(points):
        raise RuntimeError("OpenCV dropped keypoints it was asked to describe")
    return descriptors
