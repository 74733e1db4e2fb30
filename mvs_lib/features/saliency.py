"""What stands out of a photo: saliency for every pixel, and the outline of what stands out most.

Achanta et al. (2009), "Frequency-tuned salient region detection": a pixel is salient by how far its
colour, once noise is smoothed away, lies from the photo's mean colour. It keeps whole objects with
sharp borders, which is what an outline needs.
"""

import cv2
import numpy as np

from mvs_lib.features import preparation

__all__ = ["SIDE", "outline", "saliency"]

SIDE = 96  # pixels, the side of the square on which saliency is computed


def saliency(image: np.ndarray) -> np.ndarray:
    """Return the saliency map of a photo, float32 ``(96, 96)``, >= 0, of mean 1.

    S(x, y) = || mean colour - smoothed colour(x, y) || in CIE Lab (equation 4 of the paper), over
    its mean; ones for a flat photo.

    Args:
        image: uint8 ``(h, w, 3)``, RGB.

    Raises:
        ValueError: not a photo.
    """
    small = preparation.resize(np.asarray(image)[None], SIDE)[0]
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    kernel = np.float32([1, 4, 6, 4, 1]) / 16  # the binomial filter of the paper
    smooth = cv2.sepFilter2D(lab, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT)
    far = np.linalg.norm(lab.mean((0, 1), dtype=np.float64) - smooth, axis=2)
    mean = far.mean()
    return (far / mean if mean > 1e-3 else np.ones_like(far)).astype(np.float32)


def outline(image: np.ndarray) -> np.ndarray:
    """Return the outline of the largest salient region, float64 ``(m, 2)``, x and y in pixels of
    the map; empty where nothing stands out.

    The map is cut at Otsu's threshold, which parts it best into two groups.

    Raises:
        ValueError: not a photo.
    """
    map_ = saliency(image)
    top = float(map_.max())
    if top - float(map_.min()) < 1e-3:
        return np.empty((0, 2))
    grey = np.round(map_ / top * 255).astype(np.uint8)
    _, mask = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(found, key=lambda each: (cv2.contourArea(each), len(each)), default=None)
    return np.empty((0, 2)) if largest is None else largest[:, 0].astype(np.float64)
