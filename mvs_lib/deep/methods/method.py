"""What every deep method says of itself, and what it may ask of the training loop.

A method is a loss. Most need a batch and its labels and nothing else; the rest override a hook:
`prepare` looks at all photos before the first step (a two-stage paper makes its codes there),
`views` shows the network each photo more than once, and ``uses_index`` tells the loop to say which
photos the batch holds. The taxonomy of the survey (Liu et al., 2017, section 1.3) is made of the
class attributes, so that the table in the notebooks cannot disagree with the code.
"""

from typing import ClassVar

import numpy as np
from torch import nn

from mvs_lib.datasets.collection import Photos

__all__ = ["GROUPS", "Method", "taxonomy"]

GROUPS = ("supervised, single network", "unsupervised, single network", "pairs and triplets")


class Method(nn.Module):
    """A deep hashing method: its loss, and its place in the survey.

    Attributes:
        source: authors and year.
        group: one of `GROUPS`, as the survey sorts the methods.
        supervision: what the loss learns from: "labels", "pairs", "triplets", "shared labels" or
            "nothing".
        stages: "simultaneous" if features and codes are learned together, "separate" if not.
        published_trunk: of the paper, which is seldom ours.
        head: the hash layer that the network must have; see `mvs_lib.deep.network.HashNetwork`.
        several_labels: True if photos may have several labels, int64 ``(n, classes)`` of 0 and 1.
        uses_index: True if `forward` takes the photos' places in the collection as ``index``,
            int64 ``(n,)``, after the labels.
    """

    source: ClassVar[str]
    group: ClassVar[str]
    supervision: ClassVar[str]
    stages: ClassVar[str] = "simultaneous"
    published_trunk: ClassVar[str]
    head: ClassVar[str] = "linear"
    several_labels: ClassVar[bool] = False
    uses_index: ClassVar[bool] = False

    def prepare(self, photos: Photos, bits: int, seed: int) -> None:
        """Look at all the photos before the first step; does nothing unless overridden.

        What is remembered must be registered as buffers, so that an interrupted run finds it
        again.
        """

    def views(self, images: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return what the network shall see of a batch, uint8 ``(views * n, side, side, 3)``.

        The first n are the photos themselves. Then the outputs have ``views * n`` rows, and the
        labels still n. Unless overridden one view, the batch as it is.
        """
        return images


def taxonomy(methods: dict[str, type]) -> list[dict[str, str]]:
    """Return a row a method, in the order of the survey's groups, from the classes themselves.

    Args:
        methods: classes with the attributes of `Method`, by name.

    Raises:
        ValueError: a group that the survey does not have.
    """
    for name, method in methods.items():
        if method.group not in GROUPS:
            raise ValueError(f"{name}: the group is {method.group!r}, and must be one of {GROUPS}")
    facts = ("source", "group", "supervision", "stages", "published_trunk")
    ordered = sorted(methods, key=lambda name: (GROUPS.index(methods[name].group), name))
    return [
        {"method": name, **{fact: getattr(methods[name], fact) for fact in facts}}
        for name in ordered
    ]
