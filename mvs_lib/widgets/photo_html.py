"""Photos for the panels: an ``<img>`` with alt text, a frame that says right or wrong, words below.

A colour never speaks alone: the words under a photo say the same.
"""

import base64
from html import escape

import cv2
import numpy as np

from mvs_lib.course.figure import PALETTE

__all__ = ["photo", "row"]

RIGHT, WRONG, NEUTRAL = PALETTE[2], PALETTE[1], "#777777"


def photo(
    image: np.ndarray, alt: str, below: tuple[str, ...] = (), right: bool | None = None, side=128
) -> str:
    """Return a photo as HTML.

    Args:
        image: uint8 ``(h, w, 3)``, RGB.
        alt: what a reader who cannot see it must know.
        below: lines of plain text under the photo.
        right: True gives a green frame, False an orange one, None a grey one.
        side: its width in pixels on the page.

    Raises:
        ValueError: not a photo, or no alt text.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"a photo must be uint8 (h, w, 3), got {image.dtype} {image.shape}")
    if not alt.strip():
        raise ValueError("a photo needs an alt text")
    png = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))[1].tobytes()
    colour = NEUTRAL if right is None else RIGHT if right else WRONG
    lines = "<br>".join(escape(line) for line in below)
    return (
        f'<figure style="margin: 0; width: {side + 8}px; line-height: 1.3">'
        f'<img alt="{escape(alt)}" width="{side}" height="{side}" '
        f'style="border: 4px solid {colour}; box-sizing: content-box" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        f"<figcaption>{lines}</figcaption></figure>"
    )


def row(*parts: str) -> str:
    """Put pieces of HTML side by side; on a narrow page they wrap."""
    return f'<div style="display: flex; flex-wrap: wrap; gap: 8px">{"".join(parts)}</div>'
