"""Photos as another hand would have taken them: random views for training. See notebook 03.

`Augmentation` leaves mirror images out on purpose: a mirrored sign, or a mirrored building, is
another place. A mirrored horse is still a horse: `MirrorShift` is for CIFAR-10.
"""

import cv2
import numpy as np

__all__ = ["Augmentation", "MirrorShift", "covered", "reflected", "shrunk"]

GREY = 118  # of the square that covers part of a photo: about the mean of all photos


class Augmentation:
    """Random rotation, zoom, shift, light, colour and a covered square, different for each photo.

    Args:
        rotation: largest turn, degrees either way.
        zoom: largest relative change of scale either way.
        shift: largest shift, as a share of the photo's side.
        light: largest relative change of brightness and of contrast.
        colour: largest relative change of one channel against the others.
        erase: side of a grey square that covers part of the photo, as a share of its side.

    All draws come from the NumPy generator that the caller passes, so that a seed fixes them on
    every machine; OpenCV works on bytes, several times faster than a tensor's float arithmetic.
    """

    def __init__(self, rotation=14.0, zoom=0.22, shift=0.1, light=0.35, colour=0.08, erase=0.35):
        self.rotation, self.zoom, self.shift = rotation, zoom, shift
        self.light, self.colour, self.erase = light, colour, erase

    def scaled(self, strength: float) -> "Augmentation":
        """Return one whose every range is ``strength`` times as large."""
        return Augmentation(**{name: strength * value for name, value in vars(self).items()})

    def __call__(self, images: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return the photos seen anew.

        Args:
            images: uint8 ``(n, side, side, 3)``; they are not changed.
            random: where the draws come from.

        Returns:
            uint8 ``(n, side, side, 3)``.

        Raises:
            ValueError: not square photos of uint8 (a turn would stretch others).
        """
        square = images.ndim == 4 and images.shape[1] == images.shape[2] and images.shape[3] == 3
        if images.dtype != np.uint8 or not square:
            raise ValueError(
                "photos must be square, uint8 (n, side, side, 3), got "
                f"{images.dtype} {tuple(images.shape)}"
            )
        n, side = len(images), images.shape[1]
        views = self._views(n, side, random)
        contrast = random.uniform(1 - self.light, 1 + self.light, (n, 1, 1))
        gain = random.uniform(1 - self.light, 1 + self.light, (n, 1, 1))
        gain = gain * random.uniform(1 - self.colour, 1 + self.colour, (n, 1, 3))
        edge = (random.uniform(0, self.erase, n) * side).astype(int)
        corner = (random.random((n, 2)) * (side - edge + 1)[:, None]).astype(int)
        grey = np.arange(256.0)[:, None]
        seen = np.empty_like(images)
        for i in range(n):
            photo = cv2.warpAffine(
                images[i], views[i], (side, side),
                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101,
            )  # fmt: skip
            mean = photo.mean()
            table = np.clip(gain[i] * ((grey - mean) * contrast[i] + mean) + 0.5, 0, 255)
            seen[i] = cv2.LUT(photo, table.astype(np.uint8)[None])
            top, left = corner[i]
            seen[i, top : top + edge[i], left : left + edge[i]] = GREY
        return seen

    def _views(self, n: int, side: int, random: np.random.Generator) -> np.ndarray:
        """Draw maps from the photo to the view, ``(n, 2, 3)`` in pixels, about the centre."""
        angle = np.deg2rad(random.uniform(-self.rotation, self.rotation, n))
        scale = np.exp(random.uniform(-1, 1, n) * np.log1p(self.zoom))
        views, centre = np.empty((n, 2, 3)), (side - 1) / 2
        views[:, 0, 0] = views[:, 1, 1] = scale * np.cos(angle)
        views[:, 1, 0] = scale * np.sin(angle)
        views[:, 0, 1] = -views[:, 1, 0]
        views[:, :, 2] = centre - views[:, :, :2].sum(2) * centre
        views[:, :, 2] += random.uniform(-self.shift, self.shift, (n, 2)) * side
        return views


class MirrorShift:
    """Every photo mirrored in every second epoch, and moved by whole pixels.

    Which photos begin mirrored is drawn once, and all take turns from then on: Jordan's (2024)
    alternating flip, in which two epochs show both sides of every photo. What a move brings in
    from beyond the edge is the photo reflected at its outermost pixels.

    Args:
        mirror: whether to mirror.
        shift: largest move either way, in pixels, sideways and up or down alike.
        seed: of which photos begin mirrored.
    """

    def __init__(self, mirror: bool, shift: int, seed: int = 0):
        self.mirror, self.shift, self.seed = mirror, shift, seed

    def __call__(
        self, images: np.ndarray, random: np.random.Generator, index: np.ndarray, epoch: int
    ) -> np.ndarray:
        """Return the photos seen anew; the given ones themselves if there is nothing to do.

        Args:
            images: uint8 ``(n, h, w, 3)``; they are not changed.
            random: where the moves are drawn from.
            index: int64 ``(n,)``, which photos of the collection they are.
            epoch: counted from 0.

        Raises:
            ValueError: a move by as many pixels as a photo has, or more.
        """
        if not (self.mirror or self.shift):
            return images
        n, height, width = images.shape[:3]
        if self.shift >= min(height, width):
            raise ValueError(
                f"a shift of {self.shift} pixels is too much for photos of {height} x {width}"
            )
        moves = random.integers(-self.shift, self.shift, (2, n, 1), endpoint=True)
        rows = reflected(np.arange(height) + moves[0], height)
        columns = reflected(np.arange(width) + moves[1], width)
        if self.mirror:
            # a photo's first side hangs on the seed and on its place alone, whoever asks
            first = np.random.default_rng([self.seed, 2]).random(index.max() + 1) < 0.5
            turned = first[index] ^ bool(epoch % 2)
            columns[turned] = columns[turned, ::-1]
        return images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def covered(images: np.ndarray, side: int, random: np.random.Generator) -> np.ndarray:
    """Lay a grey square over part of each photo, somewhere inside it (DeVries and Taylor, 2017).

    Args:
        images: uint8 ``(n, h, w, 3)``; they are not changed.
        side: of the square, in pixels.
        random: where the places are drawn from.

    Raises:
        ValueError: the square is larger than a photo.
    """
    n, height, width = images.shape[:3]
    if side > min(height, width):
        raise ValueError(f"a square of {side} pixels is too large for photos {height} x {width}")
    seen = images.copy()
    top = random.integers(0, height - side, n, endpoint=True)
    left = random.integers(0, width - side, n, endpoint=True)
    for photo, y, x in zip(seen, top, left, strict=True):
        photo[y : y + side, x : x + side] = GREY
    return seen


def shrunk(images: np.ndarray, side: int) -> np.ndarray:
    """Return square photos at ``side`` pixels, each pixel the mean of what it covers.

    Args:
        images: uint8 ``(n, h, h, 3)``.
        side: at most h.

    Raises:
        ValueError: photos that are not square, or smaller than ``side``.
    """
    height, width = images.shape[1:3]
    if height != width or side > height:
        raise ValueError(f"photos must be square, {side} pixels or more, got {height} x {width}")
    area = {"dsize": (side, side), "interpolation": cv2.INTER_AREA}
    return np.stack([cv2.resize(photo, **area) for photo in images])


def reflected(places: np.ndarray, size: int) -> np.ndarray:
    """Fold places beyond either end back inside, about the outermost pixel.

    >>> reflected(np.array([-2, -1, 0, 3, 4, 5]), 4).tolist()
    [2, 1, 0, 3, 2, 1]
    """
    return size - 1 - np.abs(size - 1 - np.abs(places))
