"""A picture of answers: each query beside the source photos that came nearest. See notebook 10."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mvs_lib import paths
from mvs_lib.course.figure import PALETTE, picture, subplots
from mvs_lib.datasets.collection import Photos

__all__ = ["answer_sheet", "save"]

RIGHT, WRONG, NEUTRAL = PALETTE[2], PALETTE[1], "#777777"
SIDE, GAP, TITLE, EDGE = 0.92, 0.1, 0.36, 0.15  # inches: photo, space beside, above; the margin


def answer_sheet(
    source: Photos, query_images: np.ndarray, found: Sequence, columns: int = 2, answers: int = 4
) -> tuple[Figure, str]:
    """Draw each query and, to its right, its nearest source photos with their Hamming distances.

    A green frame and a tick mean "this place", a red frame and a cross "another"; the query's own
    frame says whether the answer was right. Where the true place is not known, frames are grey.

    Args:
        source: the indexed photos.
        query_images: uint8 ``(n, h, w, 3)``.
        found: n recognitions (`mvs_lib.service.demonstration.Recognition`).
        columns: so many queries side by side.
        answers: so many source photos a query.

    Returns:
        The figure and its alt text.

    Raises:
        ValueError: no query, or not one recognition a query.
    """
    if not len(found) or len(found) != len(query_images):
        raise ValueError(f"{len(query_images)} queries and {len(found)} recognitions do not fit")
    columns = min(columns, len(found))
    rows, across = -(-len(found) // columns), columns * (answers + 1)
    block = (answers + 1) * (SIDE + GAP)  # a query with its answers; an edge lies between blocks
    width, height = columns * (block + EDGE) + EDGE, rows * (SIDE + TITLE) + EDGE
    figure, axes = subplots(rows, across, figsize=(width, height), squeeze=False)
    figure.set_layout_engine("none")  # a regular grid; fitting it by trial takes seconds
    for (row, column), axis in np.ndenumerate(axes):
        left = EDGE * (1 + column // (answers + 1)) + column * (SIDE + GAP) + GAP / 2
        below = height - (row + 1) * (SIDE + TITLE)
        axis.set_position([left / width, below / height, SIDE / width, SIDE / height])
        axis.set_axis_off()
    for place, each in enumerate(found):
        line = axes[place % rows, place // rows * (answers + 1) :]
        mark = each.right if each.place else None
        _photo(line[0], query_images[place], f"query\n{each.place or 'yours'}", mark, 3.5)
        pairs = zip(each.nearest[:answers], each.distances, strict=False)
        for axis, (photo, distance) in zip(line[1:], pairs, strict=False):
            name = source.names[source.labels[photo]]
            same = name == each.place if each.place else None
            _photo(axis, source.images[photo], f"{name}\ndistance {distance}", same, 1.5)
    return figure, _words(found)


def save(figure: Figure, alt: str, path: str | Path) -> Path:
    """Write the figure as a PNG file that carries its alt text, whole or not at all."""
    path, words = Path(path), PngInfo()
    words.add_itxt("Description", alt)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.open(io.BytesIO(picture(figure, alt).png))
    with paths.whole_file(path) as beside:
        image.convert("RGB").save(beside, format="png", pnginfo=words)
    return path


def _photo(axis, image: np.ndarray, title: str, right: bool | None, width: float) -> None:
    colour = NEUTRAL if right is None else RIGHT if right else WRONG
    mark = "" if right is None else "\N{CHECK MARK} " if right else "\N{BALLOT X} "
    axis.set_axis_on()
    axis.imshow(image)
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set(visible=True, color=colour, linewidth=width)
    axis.set_title(mark + title, fontsize=6, color=colour if right is False else "black", pad=4)


def _words(found: Sequence) -> str:
    known = [each for each in found if each.place]
    if not known:
        return "A photo of yours beside the campus photos that came nearest to it."
    wrong = [
        f"{each.place} was taken for {each.answers[0].place}" for each in known if not each.right
    ]
    said = "; ".join(wrong) or "none is wrong"
    right = len(known) - len(wrong)
    return (
        f"{len(known)} query photos beside their nearest source photos; {right} are right: {said}."
    )
