"""One photo file: upright, square, small, with the position it was taken at. Notebook 13."""

import hashlib
import io
import os
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["LARGEST", "check_size", "read", "read_with_position"]

LARGEST = 100_000_000  # pixels; more is no phone photo, and is not even unpacked
FORMATS = ("JPEG", "PNG", "WEBP")
_HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_ORIENTATION, _GPS = 0x0112, 0x8825  # EXIF tags: how to turn; where the GPS readings are


def read(photo: str | os.PathLike | bytes, size: int = 128) -> np.ndarray:
    """Read one JPEG, PNG or WebP photo, turned upright, as a square of ``size`` pixels.

    The largest centred square is kept and resized by area averaging. Transparent parts become
    white; 16-bit, grey, palette and CMYK pictures become 8-bit RGB.

    Args:
        photo: a path, or the bytes of the file.
        size: side in pixels.

    Returns:
        uint8 ``(size, size, 3)``, RGB.

    Raises:
        ValueError: the file is no such photo, and why: empty, cut off, animated, more than
            `LARGEST` pixels, HEIC, missing, …
    """
    return read_with_position(photo, size)[0]


def check_size(size: int) -> None:
    """Refuse a side that is not a whole number of pixels >= 1 (ValueError)."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"size must be a whole number of pixels >= 1, got {size!r}")


def read_with_position(
    photo: str | os.PathLike | bytes, size: int = 128
) -> tuple[np.ndarray, tuple[float, float], bytes]:
    """Read a photo as `read` does, with what else a loader wants of it.

    Returns:
        The photo, uint8 ``(size, size, 3)``; latitude and longitude in degrees, NaN where absent;
        and a digest of its upright pixels, the same for exact copies only.

    Raises:
        ValueError: see `read`.
    """
    check_size(size)
    with _opened(photo) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd EXIF and large pictures
        try:
            with Image.open(file, formats=FORMATS) as image:
                pixels = image.width * image.height
                if pixels > LARGEST:
                    raise _Unusable(f"has {pixels / 1e6:.0f} megapixels, {_LIMIT}")
                # A phone's JPEG with a depth map or a second view opens as "MPO", first view first.
                if getattr(image, "is_animated", False) and image.format != "MPO":
                    raise _Unusable("is animated: export one frame of it as a photo")
                image.load()
                position = _position(image)
                upright = _rgb(_upright(image))
        except _Unusable as error:
            raise ValueError(str(error)) from None
        except Image.UnidentifiedImageError:
            raise ValueError(_foreign(file)) from None
        except Image.DecompressionBombError:
            raise ValueError(f"has too many megapixels, {_LIMIT}") from None
        except Exception as error:  # a damaged photo fails in a dozen ways
            raise ValueError(f"is damaged or cut off ({error})") from error
    digest = hashlib.sha256(repr(upright.size).encode())
    digest.update(upright.tobytes())
    side = min(upright.size)
    left, top = (upright.width - side) // 2, (upright.height - side) // 2
    # Cut out first: given the whole photo and a box, Pillow shrinks rows first or columns first as
    # the photo's shape suggests, and rounds in between; the phone page shrinks rows first.
    square = upright.crop((left, top, left + side, top + side))
    resized = square.resize((size, size), Image.Resampling.BOX)
    return np.asarray(resized), position, digest.digest()


_LIMIT = f"and more than {LARGEST // 1_000_000} are not read: make it smaller"


class _Unusable(Exception):
    """A photo that could be read but is not wanted."""


@contextmanager
def _opened(photo):
    """Open a photo for reading; a video of gigabytes beside it is never read whole."""
    if isinstance(photo, bytes | bytearray | memoryview):
        file = io.BytesIO(photo)
    else:
        try:
            if not Path(photo).is_file():  # reading a pipe or device might never end
                raise ValueError("is no file" if Path(photo).exists() else "is missing")
            file = open(photo, "rb")
        except OSError as error:
            raise ValueError(f"cannot be opened ({error.strerror})") from error
    with file:
        if not file.read(1):
            raise ValueError("is empty (0 bytes)")
        file.seek(0)
        yield file


def _foreign(file) -> str:
    """Say what a file is that is none of `FORMATS`."""
    file.seek(0)
    head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:] in _HEIC:
        return (
            "is HEIC, which is not read: convert it to JPEG (on an iPhone, Settings > Camera > "
            "Formats > Most Compatible makes new photos JPEG; the Photos app exports old ones)"
        )
    return "is no JPEG, PNG or WebP photo"


_TURNS = {  # by EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(image: Image.Image) -> Image.Image:
    """Turn as EXIF says. (`ImageOps.exif_transpose` also rewrites EXIF and fails if it is odd.)"""
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION))
    except Exception:  # a photo with damaged EXIF is still a photo
        turn = None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """Return 8-bit RGB, transparent parts white."""
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own convert() would clip, not scale
        grey = np.asarray(image).astype(np.int64)
        image = Image.fromarray(np.clip(grey >> 8, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _position(image: Image.Image) -> tuple[float, float]:
    """Return latitude and longitude in degrees from EXIF, NaN where absent or nonsense."""
    try:
        gps = image.getexif().get_ifd(_GPS)
        position = []
        for reference, value, negative, limit in ((1, 2, "S", 90), (3, 4, "W", 180)):
            degrees, minutes, seconds = (float(part) for part in gps[value])
            angle = degrees + minutes / 60 + seconds / 3600
            if not 0 <= angle <= limit:
                raise ValueError("no angle on the globe")
            sign = -1 if str(gps[reference]).strip("\0 ").upper() == negative else 1
            position.append(sign * angle)
        return tuple(position)
    except Exception:  # readings are optional, and phones write them in odd ways
        return float("nan"), float("nan")
