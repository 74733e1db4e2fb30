"""Figures of the course: one style, an alt text on each, and a description of the data plotted.

    figure, axes = subplots()
    axes.plot(bits, recall, "o-", label="ITQ")
    show(figure, alt="Recall rises with the number of bits and levels off at 64.")

`show` displays HTML, because JupyterLab drops the alt text of any other picture. Strict nbval
compares HTML as text, so the PNG inside is compared byte by byte; where another version draws other
pixels, the picture is left out of the comparison (`mvs_lib.course.strict`) and what remains is the
plain text: the alt text and `describe`, the data in four significant digits. Plot values that are
the same on every machine: integers, shipped results, or real values rounded by you.
"""

import base64
import io
import zlib
from html import escape

import matplotlib
import numpy as np
from IPython.display import display
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

__all__ = ["PALETTE", "SIZE", "Picture", "describe", "show", "show_images", "subplots"]

SIZE = (6.4, 3.6)  # inches: the width of a notebook's column on a laptop
DPI = 100
# Okabe and Ito's colours, told apart by colour-blind readers, without the yellow, too pale on
# white. Give lines different markers as well.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE = {
    "figure.figsize": SIZE,
    "figure.dpi": DPI,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # it comes with matplotlib, so it is the same everywhere
    "font.size": 10,
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "image.cmap": "cividis",
    "image.interpolation": "nearest",
}
LISTED = 12  # so many values are written out; more are summed up


class Picture:
    """A figure as a notebook shows it: HTML with alt text, and plain text with the data."""

    def __init__(self, png: bytes, alt: str, caption: str | None, data: list[str]):
        self.png, self.alt, self.caption, self.data = png, alt, caption, data

    def __repr__(self):
        return "\n".join([f"Figure: {self.alt}", *self.data])

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        image = base64.b64encode(self.png).decode()
        below = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        html = (
            f'<figure style="margin: 0"><img alt="{escape(self.alt)}" style="max-width: 100%" '
            f'src="data:image/png;base64,{image}">{below}</figure>'
        )
        return {"text/plain": repr(self), "text/html": html}


def subplots(rows: int = 1, columns: int = 1, **options) -> tuple[Figure, object]:
    """Return a figure in the house style and its axes, as ``plt.subplots`` does.

    The figure is not pyplot's: nothing shows it but `show`.
    """
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **STYLE}):
        figure = Figure(figsize=options.pop("figsize", SIZE))
        return figure, figure.subplots(rows, columns, **options)


def show(figure: Figure, alt: str, caption: str | None = None) -> None:
    """Display a figure with its alt text: what a reader who cannot see it must know.

    Raises:
        ValueError: the alt text is missing, or says no more than "figure" would.
    """
    display(picture(figure, alt, caption))


def picture(figure: Figure, alt: str, caption: str | None = None) -> Picture:
    """Return what `show` displays (for a panel, which keeps it in an ``HTML`` widget)."""
    if not isinstance(alt, str) or len(alt.split()) < 4:
        raise ValueError(f"alt must say in a sentence what the figure shows, got {alt!r}")
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **STYLE}):
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
        data = describe(figure)
    if figure.canvas.manager is not None:  # pyplot's own: close it, or it is shown twice
        import matplotlib.pyplot as plt

        plt.close(figure)
    return Picture(file.getvalue(), alt, caption, data)


def show_images(
    images: np.ndarray,
    titles: list[str] | None = None,
    alt: str = "",
    *,
    columns: int = 6,
    caption: str | None = None,
) -> None:
    """Display photos in a grid: uint8 ``(n, h, w, 3)`` or grey ``(n, h, w)``, a title over each.

    Raises:
        ValueError: no images, another shape, as many titles as there are not images, no alt text.
    """
    if len(images) == 0 or any(np.ndim(image) not in (2, 3) for image in images):
        raise ValueError("images must be one or more arrays (h, w) or (h, w, 3)")
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} images, but {len(titles)} titles")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    side = SIZE[0] / columns
    size = (SIZE[0], rows * (side + 0.25 * (titles is not None)))
    figure, axes = subplots(rows, columns, figsize=size, squeeze=False)
    for place, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if place < len(images):
            axis.imshow(images[place], cmap="gray", vmin=0, vmax=255)  # of no effect on colours
            if titles is not None:
                axis.set_title(titles[place], fontsize=8)
    show(figure, alt, caption)


def describe(figure: Figure) -> list[str]:
    """Say what is plotted, one line an artist: the same on every machine if the data is.

    Real values are given in four significant digits, and summed up when there are many; an image of
    integers by its checksum.
    """
    lines = []
    for number, axes in enumerate(figure.axes, start=1):
        said = [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        said += [text.get_text() for text in axes.texts]
        named = ", ".join(repr(text) for text in said if text)
        content = [line for artist in _artists(axes) for line in artist]
        if named or content:
            lines.append(f"axes {number}" + (f": {named}" if named else ""))
        lines += [f"  {line}" for line in content]
    return lines


def _artists(axes) -> list[list[str]]:
    found = []
    bars = [each for each in axes.containers if isinstance(each, BarContainer)]
    for bar in bars:
        sizes = [[p.get_x(), p.get_y(), p.get_width(), p.get_height()] for p in bar.patches]
        left, bottom, width, height = np.reshape(sizes, (-1, 4)).T
        upright = getattr(bar, "orientation", "vertical") == "vertical"
        start, length = (bottom, height) if upright else (left, width)
        from_ = f" from {_numbers(start)}" if start.any() else ""
        found.append([f"bars{_label(bar)} {_numbers(length)}{from_}"])
    for line in axes.lines:
        x, y = line.get_data(orig=False)
        found.append([f"line{_label(line)} x {_numbers(x)}; y {_numbers(y)}"])
    for collection in axes.collections:
        if isinstance(collection, PathCollection):
            x, y = np.reshape(np.ma.getdata(collection.get_offsets()), (-1, 2)).T
            found.append([f"points{_label(collection)} x {_numbers(x)}; y {_numbers(y)}"])
        elif isinstance(collection, QuadMesh):
            found.append([f"mesh {_array(collection.get_array())}"])
    for image in axes.images:
        found.append([f"image {_array(image.get_array())}"])
    return found


def _label(artist) -> str:
    label = str(artist.get_label())
    return "" if label.startswith("_") else f" {label!r}"


def _array(array: np.ndarray) -> str:
    array = np.ma.getdata(array)
    shape = "x".join(map(str, array.shape))
    if array.dtype.kind in "biu":
        return f"{shape} {array.dtype} {zlib.crc32(np.ascontiguousarray(array)):08x}"
    return f"{shape} {_numbers(array)}"


def _numbers(values) -> str:
    values = np.asarray(values, dtype=float).ravel()
    if len(values) <= LISTED:
        return " ".join(_number(value) for value in values)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return f"{len(values)} values, none finite"
    # The weights rise, so that the same values in another order do not pass for these.
    slope = np.average(finite, weights=np.arange(1, len(finite) + 1))
    facts = {
        "min": finite.min(),
        "max": finite.max(),
        "mean": finite.mean(),
        "weighted mean": slope,
    }
    listed = ", ".join(f"{name} {_number(value)}" for name, value in facts.items())
    return f"{len(values)} values ({listed})"


def _number(value: float) -> str:
    return f"{value + 0.0:.4g}"  # + 0.0 turns -0.0 into 0.0
