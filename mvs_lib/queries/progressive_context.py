"""Send features so that the first packets already show how they lie (A6: Xia et al., "Geometric
context-preserving progressive transmission in mobile visual search", 2012).

The strongest features often crowd in one corner, or stand alone, and then geometry has nothing to
check. Here the phone chooses the order that is worth most at every length. The worth of a set S of
features is

    F(S) = sum of responses in S + coverage * cells of a grid that S covers
           + context * sum over features j of min(group, |S and the k nearest to j|),

each of the three parts scaled to 1 for all features together. Every part grows with S and each
further feature adds less and less to it (F is monotone and submodular), so that picking the best
next feature again and again is worth at least 1 - 1/e of the best set of the same size, for every
size at once (Nemhauser, Wolsey and Fisher, 1978).

The server trusts a match when matches of its neighbours lie in its neighbourhood there as well; or
it counts inliers as for any other order. The paper's own scores were not to be had: F and this
check are our realisation.
"""

import numpy as np

from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import LocalFeatures
from mvs_lib.queries import geometric_verification, locations
from mvs_lib.queries.progressive_features import ProgressiveFeatures

__all__ = ["GRID", "ProgressiveContext", "greedy", "worth"]

SENT = {"packet": 30, "words": 20_000, "m": 7, "cells": 13}
GRID = [
    {**SENT, "inliers": 20},
    {**SENT, "inliers": 12, "check": "inliers"},
    {**SENT, "inliers": 20, "check": "inliers"},
    {**SENT, "inliers": 40, "check": "inliers"},
    {**SENT, "inliers": 20, "check": "inliers", "coverage": 0.2, "context": 0.2},
]


class ProgressiveContext(ProgressiveFeatures):
    """CHoG descriptors in packets that keep neighbours together and cover the photo.

    Args:
        coverage, context: weights of the two parts of F beside the responses; >= 0.
        coarse: cells a side of the grid that is to be covered.
        k: neighbours a feature.
        group: neighbours with which a neighbourhood counts as whole.
        check: "neighbours" or "inliers", what the server counts in a photo of the short list.
        random_state: of the vocabulary.
        options: see `ProgressiveFeatures` and `Chog`; ``inliers`` then counts what `check` says.
    """

    number, method = 6, "progressive_context"
    source = "Xia et al., 2012"

    def __init__(
        self, coverage: float = 0.5, context: float = 0.5, coarse: int = 6, k: int = 8,
        group: int = 3, check: str = "neighbours", random_state: int = 0, **options,
    ):  # fmt: skip
        super().__init__(random_state=random_state, **options)
        self.coverage, self.context, self.coarse = coverage, context, coarse
        self.k, self.group, self.check = k, group, check

    def fit(self, photos: Photos, progress: bool = False) -> "ProgressiveContext":
        """Describe and index the source photos; return self.

        Raises:
            ValueError: a hyper-parameter out of its range.
        """
        if self.check not in ("neighbours", "inliers"):
            raise ValueError(f"check must be 'neighbours' or 'inliers', got {self.check!r}")
        return super().fit(photos, progress)

    def parts(self, features: LocalFeatures) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a photo's responses ``(n,)``, cells ``(n,)`` and neighbourhoods ``(n, n)``."""
        where = locations.cells(features.positions, self.coarse)
        near = geometric_verification.neighbours(features.positions, self.k)
        np.fill_diagonal(near, True)  # a feature is part of its own neighbourhood
        return features.responses.astype(np.float64), where, near

    def order(self, features: LocalFeatures) -> np.ndarray:
        """Return the greedy order, int ``(n,)``."""
        return greedy(*self.parts(features), self.coverage, self.context, self.group)

    def layout(self, positions: np.ndarray) -> np.ndarray:
        """Return who is a neighbour of whom among the query's features, bool ``(n, n)``."""
        if self.check == "inliers":
            return super().layout(positions)
        return geometric_verification.neighbours(positions, self.k)

    def verify(self, seen: np.ndarray, pairs: np.ndarray, photo: int) -> float:
        """Return how many matches their neighbours confirm: whole groups, and shares of them."""
        if self.check == "inliers":
            return super().verify(seen, pairs, photo)
        there = geometric_verification.neighbours(self.places(photo), 2 * self.k, pairs[:, 1])
        found = geometric_verification.confirmed(pairs, seen, there)
        return float(np.floor(np.minimum(found / self.group, 1).sum()))


def worth(
    chosen: np.ndarray,
    responses: np.ndarray,
    cells: np.ndarray,
    near: np.ndarray,
    coverage: float,
    context: float,
    group: int,
) -> float:
    """Return F of a set of features; see the module.

    Args:
        chosen: int ``(s,)``, the set S.
        responses: real ``(n,)``, >= 0.
        cells: int ``(n,)``, the cell in which each feature lies.
        near: bool ``(n, n)``, row j: who belongs to the neighbourhood of j.
        coverage, context: weights of the parts, >= 0.
        group: >= 1.
    """  # fmt: skip
    chosen = np.asarray(chosen, np.int64)
    if not len(responses):
        return 0.0
    strength = responses[chosen].sum() / max(responses.sum(), 1e-12)
    covered = len(np.unique(cells[chosen])) / len(np.unique(cells))
    whole = np.minimum(near.sum(1), group).sum()
    together = np.minimum(near[:, chosen].sum(1), group).sum() / max(whole, 1)
    return float(strength + coverage * covered + context * together)


def greedy(
    responses: np.ndarray,
    cells: np.ndarray,
    near: np.ndarray,
    coverage: float,
    context: float,
    group: int,
) -> np.ndarray:
    """Return all features in the order in which each adds the most to F; ties by number.

    Args:
        responses, cells, near, coverage, context, group: see `worth`.

    Returns:
        int64 ``(n,)``.

    Raises:
        ValueError: a weight below zero or a group below 1, for which F promises nothing.
    """  # fmt: skip
    if coverage < 0 or context < 0 or group < 1:
        raise ValueError(
            f"need coverage >= 0, context >= 0, group >= 1, got {coverage}, {context}, {group}"
        )
    count = len(responses)
    _, cells = np.unique(cells, return_inverse=True)
    own = responses / max(responses.sum(), 1e-12)
    new_cell = coverage / max(cells.max(initial=0) + 1, 1)
    member = context / max(np.minimum(near.sum(1), group).sum(), 1)
    covered, filled = np.zeros(cells.max(initial=0) + 1, bool), np.zeros(count, np.int64)
    left, order = np.ones(count, bool), np.empty(count, np.int64)
    near = near.astype(np.float64)
    for step in range(count):
        gain = own + new_cell * ~covered[cells] + member * ((filled < group) @ near)
        best = int(np.argmax(np.where(left, gain, -np.inf)))
        order[step], left[best], covered[cells[best]] = best, False, True
        filled += near[:, best].astype(np.int64)
    return order
