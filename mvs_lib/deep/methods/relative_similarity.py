"""DLH: codes from a graph that keeps relative similarities. Taught in notebook 04.

Gao, Song, Zou, Zhang, Shao (2015), "Scalable multimedia retrieval by deep learning hashing with
relative similarity learning", ACM Multimedia. Stage 1 learns a similarity graph from the labels
and the photos' visual neighbours, and codes from the graph; in stage 2 a network learns features
and hash functions that say those codes. The paper's formulas were not to be had; the following is
our realisation of these steps:

1. the graph W, put in order (`mvs_lib.deep.methods.relative_graph`);
2. its smoothest functions: with D the row sums of W, the K largest eigenvalues s_k < 1 of
   D^-1/2 W D^-1/2 after the constant one (the K smallest of the normalised Laplacian, 1 - s_k).
   Each vector D^-1/2 u_k is scaled by [s_k]_+, a step of diffusion on the graph, so that
   functions which vary between neighbours hardly count;
3. rotated by ITQ to lie near the corners of the cube; the corners are the codes t_n;
4. L = alpha E1,  E1 the cross-entropy of the sigmoids to t_n, as in CNNH.

The trap: the codes exist for the photos of the graph alone, unlabelled ones included; a query has
no place in it, and gets its code from the network only.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods.cnnh import CodeRegression
from mvs_lib.deep.methods.method import GROUPS
from mvs_lib.deep.methods.relative_graph import draw_rows, in_order, to_matrix
from mvs_lib.deep.network import Outputs
from mvs_lib.features import global_descriptor
from mvs_lib.hashing.itq import quantizing_rotation, random_rotation

__all__ = ["DLH", "DLHTerms", "graph_codes", "smooth_functions"]

DENSE = 300  # photos up to which all eigenvectors are computed


class DLHTerms(NamedTuple):
    """The weighted total and its term before weighting, each a scalar."""

    total: torch.Tensor
    code: torch.Tensor  # E1


class DLH(CodeRegression):
    """Codes from the graph of relative similarities, then their cross-entropy.

    Args:
        alpha: weight of E1.
        labelled: share of the photos whose labels are looked at, drawn by the seed.
        mu: share of the labels in the graph, against that of the visual neighbours.
        neighbours: visual neighbours a photo.
        partners: classmates a photo at most.
        margin, rho: of the relative order, see `mvs_lib.deep.methods.relative_graph.in_order`.
        describe: photos uint8 ``(n, h, w, 3)`` to descriptors ``(n, d)``; the course's own if
            None. The settings are all ours.

    Raises:
        ValueError: a negative weight, a share that is none, or fewer than one neighbour.
    """

    source = "Gao et al., 2015"
    group, supervision = GROUPS[2], "labels"
    published_trunk = "convolutional network"

    def __init__(
        self,
        alpha: float = 1.0,
        labelled: float = 1.0,
        mu: float = 0.7,
        neighbours: int = 10,
        partners: int = 40,
        margin: float = 0.5,
        rho: float = 10.0,
        describe: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        super().__init__()
        if not min(alpha, rho) >= 0:
            raise ValueError(f"weights must be >= 0, got alpha={alpha} and rho={rho}")
        for name, share in (("labelled", labelled), ("mu", mu), ("margin", margin)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must lie in 0..1, got {share}")
        if min(neighbours, partners) < 1:
            raise ValueError(
                f"need neighbours >= 1 and partners >= 1, got {neighbours} and {partners}"
            )
        self.alpha, self.labelled, self.mu, self.neighbours = alpha, labelled, mu, neighbours
        self.partners, self.margin, self.rho = partners, margin, rho
        self.describe = describe

    def prepare(self, photos: Photos, bits: int, seed: int) -> None:
        """Build the graph of the photos, put it in order, and take its codes as ``codes``."""
        random = np.random.default_rng(seed)
        features = (self.describe or global_descriptor.describe)(photos.images)
        known = np.zeros(len(photos), bool)
        known[random.permutation(len(photos))[: round(self.labelled * len(photos))]] = True
        rows = draw_rows(
            features, photos.labels, known, self.mu, self.neighbours, self.partners, random
        )
        rows, _ = in_order(rows, self.margin, self.rho)
        self.remember(graph_codes(to_matrix(rows), bits, random))

    def forward(self, outputs: Outputs, labels: torch.Tensor, index: torch.Tensor) -> DLHTerms:
        """Return the terms of a batch, scalars; ``labels`` are not looked at."""
        code = self.code_loss(outputs, index)
        return DLHTerms(self.alpha * code, code)


def graph_codes(
    graph: sparse.sparray, bits: int, random: np.random.Generator, iterations: int = 50
) -> np.ndarray:
    """Return the codes of a graph's nodes, float64 ``(n, bits)`` in {-1, +1}.

    Args:
        graph: W, symmetric, >= 0, ``(n, n)``, each node with a neighbour.
        bits: K; where n - 1 is less, n - 1 functions are spread over the K bits.
        random: where ITQ's first rotation and the eigensolver's first vector come from.
        iterations: of ITQ.
    """
    _, values = smooth_functions(graph, min(bits, graph.shape[0] - 1), random)
    rotation = random_rotation(bits, random)[: values.shape[1]]
    # of the size of the cube's corners: ITQ's rotation knows no scale
    values = values / max(np.sqrt((values**2).mean()), np.finfo(float).tiny)
    rotation, _ = quantizing_rotation(values, rotation, iterations)
    return np.where(values @ rotation >= 0, 1.0, -1.0)


def smooth_functions(
    graph: sparse.sparray, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the smoothest functions on a graph after the constant one.

    Args:
        graph: W, as in `graph_codes`.
        count: how many, below n.
        random: where the eigensolver's first vector comes from.

    Returns:
        float64 ``(count,)``, the eigenvalues s_k, falling; and ``(n, count)``, the functions
        ``[s_k]_+ D^-1/2 u_k``.
    """
    n = graph.shape[0]
    root = np.sqrt(np.asarray(graph.sum(axis=1)).ravel())
    constant = root / np.linalg.norm(root)
    scaled = graph.multiply(1 / root[:, None]).multiply(1 / root).tocsr()
    start = random.standard_normal(n)
    # The constant function's eigenvalue 1 is moved to -1, the end that nobody asks for.
    if n <= DENSE or count >= n - 1:
        values, vectors = np.linalg.eigh(scaled.toarray() - 2 * np.outer(constant, constant))
        values, vectors = values[-count:], vectors[:, -count:]
    else:
        moved = LinearOperator(
            (n, n), lambda x: scaled @ x - 2 * constant * (constant @ x.ravel()), dtype=float
        )
        values, vectors = eigsh(moved, count, which="LA", v0=start)
    falling = np.argsort(-values, kind="stable")
    values, vectors = values[falling], vectors[:, falling]
    return values, np.maximum(values, 0) * vectors / root[:, None]
