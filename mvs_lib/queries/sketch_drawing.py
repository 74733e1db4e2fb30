"""From a photo to a drawn sketch, as a hand might draw it from memory (for `sketch`).

People draw the strongest contours, not quite where they are, and leave some out. So: the strong
edges of the blurred photo (Canny, 1986), cut into strokes; some strokes dropped; and each point
moved by a smooth field, the same for neighbours (the elastic jitter of Simard et al., 2003), and by
one step for its stroke. Nobody drew for this course: these sketches are synthetic, and easier than
real ones.
"""

import cv2
import numpy as np

from mvs_lib.features import preparation

__all__ = ["SIDE", "contours", "draw"]

SIDE = 128  # pixels, of every drawing
BLUR = 1.5  # pixels: texture finer than this is nobody's contour
FAINTEST = 40.0  # gradient (Sobel, 8 grey levels a pixel) that may start a contour
CELL = 24  # pixels: a stroke is a contour within a cell of this side


def contours(image: np.ndarray, share: float = 0.06, shortest: int = 12) -> np.ndarray:
    """Return the strongest contours of a photo, bool ``(128, 128)``.

    Args:
        image: uint8 ``(h, w, 3)``, RGB, of any size.
        share: of the pixels that may start a contour: those of the largest gradient.
        shortest: contours of a smaller extent (the longer side of their box, pixels) are left out.

    Raises:
        ValueError: not a photo.
    """
    small = preparation.resize(np.asarray(image)[None], SIDE)[0]
    soft = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (0, 0), BLUR)
    across, down = (cv2.Sobel(soft, cv2.CV_16S, *order) for order in ((1, 0), (0, 1)))
    strength = np.hypot(across.astype(np.float32), down.astype(np.float32))
    high = max(FAINTEST, float(np.quantile(strength, 1 - share)))
    edges = cv2.Canny(across, down, 0.5 * high, high, L2gradient=True)
    _, label, boxes, _ = cv2.connectedComponentsWithStats(edges, connectivity=8)
    extent = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
    return (edges > 0) & (extent[label] >= shortest)


def draw(
    image: np.ndarray,
    random: np.random.Generator,
    jitter: float = 2.0,
    dropout: float = 0.2,
    share: float = 0.06,
) -> np.ndarray:
    """Return a synthetic sketch of a photo, bool ``(128, 128)``: True is ink.

    Args:
        image: uint8 ``(h, w, 3)``, RGB.
        random: every chance comes from it.
        jitter: standard deviation of a point's displacement, pixels of 128.
        dropout: share of the strokes that are left out, 0..1.
        share: see `contours`; 0 jitter and 0 dropout give just these.

    Raises:
        ValueError: not a photo, or a number out of its range.
    """
    if jitter < 0 or not 0 <= dropout <= 1:
        raise ValueError(f"need jitter >= 0 and 0 <= dropout <= 1, got {jitter}, {dropout}")
    edges = contours(image, share).astype(np.uint8)
    count, label = cv2.connectedComponents(edges, connectivity=8)
    row, column = np.nonzero(edges)
    cell = (row // CELL) * (SIDE // CELL + 1) + column // CELL
    _, stroke = np.unique(cell * count + label[row, column], return_inverse=True)
    strokes = stroke.max(initial=-1) + 1
    kept = random.random(strokes) >= dropout
    smooth = random.standard_normal((2, SIDE, SIDE)).astype(np.float32)
    field = np.stack([cv2.GaussianBlur(each, (0, 0), SIDE / 16) for each in smooth])
    field /= np.maximum(field.std(axis=(1, 2), keepdims=True), 1e-9)
    # Half of the variance is the field's, half the stroke's own.
    shift = field[:, row, column] + random.standard_normal((2, strokes))[:, stroke]
    place = np.stack([row, column]) + jitter / np.sqrt(2) * shift
    place = np.rint(place[:, kept[stroke]]).astype(np.int64)
    place = place[:, ((place >= 0) & (place < SIDE)).all(0)]
    ink = np.zeros((SIDE, SIDE), np.uint8)
    ink[place[0], place[1]] = 1
    # A moved line has gaps of a pixel, which a pen does not leave.
    return cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
