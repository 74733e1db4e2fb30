"""A photo as a file in memory: JPEG for what is looked at, WebP for a thumbnail.

A JPEG file carries its tables, some 300 bytes, which is nothing beside a photo and everything
beside a thumbnail; WebP (lossy) spends 30 there.
"""

import io
import warnings

import cv2
import numpy as np
from PIL import Image

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

    The header is asked for the size first: a few bytes may claim a photo of gigabytes.

    Raises:
        PayloadError: it is no such file, or its photo is larger than 4,096 pixels a side.
    """
    width, height = _claimed(file)
    if not (0 < width <= MOST and 0 < height <= MOST):
        raise PayloadError(
            f"the payload claims a photo of {width} x {height} pixels, and 1..{MOST} a side are "
            "decoded: send a smaller one"
        )
    try:
        photo = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        photo = None
    if photo is None:
        raise PayloadError("the photo in the payload is damaged")
    return np.ascontiguousarray(photo[..., ::-1])


def _claimed(file: bytes) -> tuple[int, int]:
    """Return the width and height in a file's header; no pixel is decoded."""
    if file[:4] == b"RIFF" and file[8:16] == b"WEBPVP8 " and file[23:26] == b"\x9d\x01\x2a":
        # Pillow makes room for a WebP photo as it opens it, so the header is read here: RFC 6386,
        # 9.1, 14 bits a side. `write` makes no other kind of WebP.
        return tuple(int.from_bytes(file[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    if file[:2] != b"\xff\xd8":
        raise PayloadError("the payload holds no JPEG or WebP photo")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on large pictures: refused anyway
            return Image.open(io.BytesIO(file), formats=("JPEG",)).size
    except Image.DecompressionBombError as error:
        raise PayloadError(f"the photo in the payload is too large: {error}") from None
    except Exception as error:  # a damaged header fails in a dozen ways
        raise PayloadError("the photo in the payload is damaged") from error
