"""How a loss pushes the codes of a few photos: the plane of two bits, and an arrow a photo."""

import numpy as np
import torch
from matplotlib.figure import Figure

from mvs_lib.course.figure import PALETTE, subplots
from mvs_lib.deep.methods.method import Method
from mvs_lib.deep.network import Outputs

__all__ = ["push", "push_chart"]

REACH = 2.5  # of the axes: the hash layer's values


def push(loss: Method, values: np.ndarray, labels: np.ndarray) -> tuple[dict, np.ndarray]:
    """Return what a loss says of some photos, and where it pushes them.

    Args:
        loss: of one view and of the batch alone, that reads no class scores.
        values: real ``(n, bits)``, the hash layer's values.
        labels: int64 ``(n,)``.

    Returns:
        The loss's terms by name; and the push, float64 ``(n, bits)``, minus the slope of the total.
    """
    projection = torch.tensor(np.asarray(values, np.float64), requires_grad=True)
    latent = torch.sigmoid(projection)
    outputs = Outputs(projection, projection, latent, latent)
    terms = loss(outputs, torch.from_numpy(np.asarray(labels, np.int64)))
    (slope,) = torch.autograd.grad(terms.total, projection)
    return {name: float(term.detach()) for name, term in terms._asdict().items()}, -slope.numpy()


def push_chart(
    names: list[str], values: np.ndarray, labels: np.ndarray, pushes: np.ndarray
) -> tuple[Figure, str]:
    """Draw photos in the plane of two bits, coloured by place, and the push on each.

    Args:
        names: one letter or so a photo.
        values, pushes: real ``(n, 2)``; see `push`. Arrows have the length of the push, cut to a
            quarter of the axes.
        labels: int ``(n,)``.

    Returns:
        The figure, and its alt text: what `mvs_lib.course.figure.show` takes.
    """
    figure, axes = subplots(figsize=(4.6, 4.2))
    axes.axhline(0, color="black", linewidth=1)
    axes.axvline(0, color="black", linewidth=1)
    for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        axes.text(2.3 * x, 2.3 * y, f"{int(x > 0)}{int(y > 0)}", ha="center", va="center")
    length = np.linalg.norm(pushes, axis=1)
    longest = max(1.0, length.max(initial=0) / (REACH / 2))
    for label in np.unique(labels):
        own = labels == label
        axes.scatter(*values[own].T, s=60, color=PALETTE[int(label)], zorder=3)
    axes.quiver(
        *values.T, *(pushes / longest).T, angles="xy", scale_units="xy", scale=1, width=0.008,
        color="#555555",
    )  # fmt: skip
    for name, (x, y) in zip(names, values, strict=True):
        axes.annotate(name, (x, y), (6, 6), textcoords="offset points")
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
    axes.set(xlabel="hash layer, first bit", ylabel="second bit")
    said = "; ".join(
        f"{name} at {x:.1f}, {y:.1f} is pushed by {a:.2f}, {b:.2f}"
        for name, (x, y), (a, b) in zip(names, values, pushes, strict=True)
    )
    return figure, f"Photos in the plane of two bits. {said}."
