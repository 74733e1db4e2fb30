"""CSQ: central similarity quantization. Taught in notebook 04.

Yuan, Wang, Zhang, Tay, Jie, Liu, Feng (2020), "Central similarity quantization for efficient image
and video retrieval", CVPR. Younger than the survey, and our modern reference: pairs and triplets
know a few photos at a time, so here each place is given a code in advance, its hash centre c, far
from all others. With a_nk in (0, 1) the latent units and c_n the centre of photo n's place,

    L  = E1 + lambda E2
    E1 = -(1/(N K)) sum_n sum_k (c_nk log a_nk + (1 - c_nk) log(1 - a_nk))     go to the centre
    E2 = (1/(N K)) sum_n sum_k log cosh(|2 a_nk - 1| - 1)                      units at 0 or 1

N is the batch (the paper sums where we average, so that a weight means the same at any batch
size). Where K is a power of two and there are at most 2 K places, the centres are rows of the
Hadamard matrix H and of -H: any two of them are K/2 bits apart, a row and its negative all K.
Otherwise each bit of each centre is a fair coin, and two centres are K/2 apart on average only. A
photo of several labels goes to the majority of their centres, bit by bit; a bit without a majority
is a coin thrown once for all photos.

Traps: chance centres of short codes may lie close together, or coincide, and no training parts two
places whose centres do not. So we draw a centre again that was drawn before, and of many sets keep
the one whose closest two centres are furthest apart (our realisation; ``draws=1`` is the paper's
single set). And centres know nothing of what looks alike: two similar halls may get opposite codes.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import hadamard
from torch.nn import functional

from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods.method import GROUPS, Method
from mvs_lib.deep.network import Outputs

__all__ = ["CSQ", "CSQTerms", "hash_centres"]


def hash_centres(classes: int, bits: int, seed: int = 0, draws: int = 100) -> np.ndarray:
    """Return a code a class, uint8 ``(classes, bits)`` of 0 and 1, no two alike.

    Args:
        classes: how many centres.
        bits: K, their length.
        seed: of the coins; Hadamard centres need none.
        draws: sets of chance centres, of which that with the largest smallest distance is kept,
            the first of them if several have it.

    Raises:
        ValueError: fewer than one class, bit or draw, or more classes than there are codes.

    >>> hash_centres(6, 4)
    array([[1, 1, 1, 1],
           [1, 0, 1, 0],
           [1, 1, 0, 0],
           [1, 0, 0, 1],
           [0, 0, 0, 0],
           [0, 1, 0, 1]], dtype=uint8)
    """
    if min(classes, bits, draws) < 1:
        raise ValueError(f"need classes, bits, draws >= 1, got {classes}, {bits}, {draws}")
    if classes > 2**bits:
        raise ValueError(f"{bits} bits have {2**bits} codes, too few for {classes} classes")
    if bits & (bits - 1) == 0 and classes <= 2 * bits:
        rows = hadamard(bits)
        return (np.concatenate([rows, -rows])[:classes] > 0).astype(np.uint8)
    random = np.random.default_rng(seed)
    sets = [_chance_centres(classes, bits, random) for _ in range(draws)]
    return max(sets, key=_smallest_distance)


def _chance_centres(classes: int, bits: int, random: np.random.Generator) -> np.ndarray:
    rows = random.integers(0, 2, (classes, bits), dtype=np.uint8)
    while len(first := np.unique(rows, axis=0, return_index=True)[1]) < classes:
        again = np.setdiff1d(np.arange(classes), first)
        rows[again] = random.integers(0, 2, (len(again), bits), dtype=np.uint8)
    return rows


def _smallest_distance(centres: np.ndarray) -> int:
    signs = 2.0 * centres - 1
    products = signs @ signs.T  # K - 2 d, the larger the closer
    np.fill_diagonal(products, -np.inf)
    return -products.max()


class CSQTerms(NamedTuple):
    """The weighted total and the two terms before weighting, each a scalar >= 0."""

    total: torch.Tensor
    centre: torch.Tensor  # E1, log 2 where all units are at 1/2
    quantization: torch.Tensor  # E2, between 0 (all units at 0 or 1) and log cosh 1 (all at 1/2)


class CSQ(Method):
    """Cross-entropy to the centre of the photo's place, units at 0 or 1.

    Args:
        weight: lambda of E2; 1e-4 is the usual choice where both terms are averaged.
        draws: given to `hash_centres`.

    Raises:
        ValueError: a negative weight, or fewer than one draw.
    """

    source = "Yuan et al., 2020"
    group, supervision = GROUPS[0], "labels"
    published_trunk = "ResNet-50"
    several_labels = True

    def __init__(self, weight: float = 1e-4, draws: int = 100):
        super().__init__()
        if weight < 0 or draws < 1:
            raise ValueError(f"need weight >= 0 and draws >= 1, got {weight} and {draws}")
        self.weight, self.draws = weight, draws
        self.register_buffer("centres", torch.zeros(0, 0))  # (classes, K), 0 or 1
        self.register_buffer("coins", torch.zeros(0))  # (K,), for bits without a majority

    def prepare(self, photos: Photos, bits: int, seed: int) -> None:
        """Give each place its centre.

        Raises:
            ValueError: more places than codes of so many bits.
        """
        device = self.centres.device
        centres = hash_centres(len(photos.names), bits, seed, self.draws)
        coins = np.random.default_rng([seed, 1]).integers(0, 2, bits)
        self.centres = torch.from_numpy(centres).float().to(device)
        self.coins = torch.from_numpy(coins).float().to(device)

    def forward(self, outputs: Outputs, labels: torch.Tensor) -> CSQTerms:
        """Return the terms of a batch, scalars.

        Args:
            outputs: only the projection and the latent layer, ``(n, bits)``, are read.
            labels: int64 ``(n,)``, in 0..classes - 1, or ``(n, classes)`` of 0 and 1.

        Raises:
            ValueError: bits or classes other than those prepared.
        """
        a = outputs.latent
        c = self._targets(labels, a.shape[1]).to(a.dtype)
        # From the projection, of which a is the sigmoid: log a and log(1 - a) keep their digits.
        e1 = functional.binary_cross_entropy_with_logits(outputs.projection, c)
        e2 = torch.cosh((2 * a - 1).abs() - 1).log().mean()
        return CSQTerms(e1 + self.weight * e2, e1, e2)

    def _targets(self, labels, bits: int) -> torch.Tensor:
        classes = labels.shape[1] if labels.ndim == 2 else int(labels.max()) + 1
        right = classes == len(self.centres) if labels.ndim == 2 else classes <= len(self.centres)
        if not right or bits != self.centres.shape[1]:
            raise ValueError(
                f"centres of shape {tuple(self.centres.shape)} were prepared, got {classes} "
                f"classes of {bits} bits: call prepare(photos, bits, seed) with these photos first"
            )
        if labels.ndim == 1:
            return self.centres[labels]
        votes = labels.to(self.centres.dtype) @ (2 * self.centres - 1)
        return torch.where(votes == 0, self.coins, (votes > 0).to(self.coins.dtype))
