"""A photo as a file in memory: JPEG for what is looked at, WebP for a thumbnail.

A JPEG file carries its tables, some 300 bytes, which is nothing beside a photo and everything
beside a thumbnail; WebP (lossy) spends 30 there.
"""

import cv2
import numpy as np

from mvs_lib.queries.payload import PayloadError

__all__ = ["read", "write"]

MOST = 4096  # pixels a side that a server agrees to decode
_OPTIONS = {
    ".jpg": lambda quality: [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1],
    ".webp": lambda quality: [cv2.IMWRITE_WEBP_QUALITY, quality],
}


def write(image: np.ndarray, quality: int, kind: str = ".jpg") -> bytes:
    """Return the file of a photo, uint8 ``(h, w, 3)`` RGB.

    Args:
        image: the photo.
        quality: 1..100.
        kind: ``".jpg"`` or ``".webp"``.

    >>> read(write(np.full((8, 8, 3), 90, np.uint8), 95)).shape
    (8, 8, 3)

    Raises:
        ValueError: not a photo, a quality out of its range, or an unknown kind.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image must be uint8 (h, w, 3), got {image.dtype} {image.shape}")
    if kind not in _OPTIONS or not 1 <= quality <= 100:
        raise ValueError(f"need quality 1..100 and kind .jpg or .webp, got {quality}, {kind!r}")
    done, file = cv2.imencode(kind, image[..., ::-1], _OPTIONS[kind](int(quality)))
    if not done:
        raise RuntimeError(f"OpenCV could not write a {kind} file")
    return file.tobytes()


def read(file: bytes) -> np.ndarray:
    """Return the photo in a file that `write` wrote, uint8 ``(h, w, 3)``, RGB.

    Raises:
        PayloadError: it is no such file, or its photo is larger than 4,096 pixels a side.
    """
    if file[:2] != b"\xff\xd8" and (file[:4] != b"RIFF" or file[8:12] != b"WEBP"):
        raise PayloadError("the payload holds no JPEG or WebP photo")
    try:
        photo = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        photo = None
    if photo is None or max(photo.shape) > MOST:
        raise PayloadError("the photo in the payload is damaged or too large")
    return np.ascontiguousarray(photo[..., ::-1])
