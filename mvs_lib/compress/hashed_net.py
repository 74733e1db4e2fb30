"""A large matrix made of few numbers, which a hash function deals out. Taught in notebook 07.

Chen, Wilson, Tyree, Weinberger, Chen (2015), "Compressing neural networks with the hashing trick".
A layer has K weights w, and the virtual matrix

    V_ij = w_(h(i, j)) xi(i, j),    h to 1..K, xi to -1 and +1, two independent hash functions,

is never stored. Backwards, a weight gets the signed sum of what its places get,
dL/dw_k = sum_(h(i, j) = k) xi(i, j) dL/dV_ij. Both functions follow from a seed by whole-number
arithmetic alone, so that a file needs to hold no more than w and the seed, on any machine.
"""

import numpy as np
import torch
from torch import nn

from mvs_lib.compress.cost import Cost
from mvs_lib.compress.layers import check_rank

__all__ = ["HashedLinear", "deal", "mixed"]


def mixed(values: np.ndarray) -> np.ndarray:
    """Return 64 bits that look like chance for each whole number: the finaliser of SplitMix64.

    Steele, Lea, Flood (2014). Every uint64 has an image of its own.

    >>> [hex(value) for value in mixed(np.arange(1, 3, dtype=np.uint64))]
    ['0x5692161d100b05e5', '0xdbd238973a2b148a']
    """
    x = np.asarray(values, np.uint64)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def deal(shape: tuple[int, int], k: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weight and the sign of each place of a matrix.

    Args:
        shape: ``(n, m)``.
        k: how many weights there are.
        seed: whole number >= 0, of both hash functions.

    Returns:
        int64 ``(n, m)`` in 0..k - 1 and float32 ``(n, m)`` of -1 and +1.

    Raises:
        ValueError: ``k`` below 1, or a seed below 0.
    """
    check_rank("k", k, 2**31)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise ValueError(f"seed must be a whole number >= 0, got {seed!r}")
    places = np.arange(shape[0] * shape[1], dtype=np.uint64)
    with np.errstate(over="ignore"):
        starts = [mixed(np.uint64([2 * seed + which]))[0] for which in (0, 1)]
        first, second = (mixed(mixed(places + np.uint64(1)) ^ start) for start in starts)
    index = (first % np.uint64(k)).astype(np.int64).reshape(shape)
    sign = np.where(second >> np.uint64(63), 1, -1).astype(np.float32).reshape(shape)
    return torch.from_numpy(index), torch.from_numpy(sign)


class HashedLinear(nn.Module):
    """A linear layer of m inputs and n outputs with K weights.

    Args:
        inputs, outputs: m and n.
        k: K; as many as m n is no gain.
        seed: of the hash functions.
        bias: whether each output has a number of its own, which is not shared.

    Raises:
        ValueError: see `deal`.
    """

    def __init__(self, inputs: int, outputs: int, k: int, seed: int = 0, bias: bool = True):
        super().__init__()
        index, sign = deal((outputs, inputs), k, seed)
        self.seed = seed
        self.register_buffer("index", index, persistent=False)  # both follow from the seed
        self.register_buffer("sign", sign, persistent=False)
        limit = inputs**-0.5  # as `torch.nn.Linear` begins
        self.shared = nn.Parameter(torch.empty(k).uniform_(-limit, limit))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-limit, limit)) if bias else None

    @classmethod
    def of(cls, layer: nn.Linear, k: int, seed: int = 0) -> "HashedLinear":
        """Return the hashed layer that is nearest to a linear one: each weight a signed mean.

        Raises:
            ValueError: see `deal`.
        """
        outputs, inputs = layer.weight.shape
        new = cls(inputs, outputs, k, seed, layer.bias is not None).to(layer.weight)
        with torch.no_grad():
            places = new.index.flatten()
            signed = (layer.weight * new.sign).flatten().to(torch.float64)
            sums = torch.zeros(k, dtype=torch.float64).to(signed).index_add_(0, places, signed)
            new.shared.copy_(sums / torch.bincount(places, minlength=k).clamp(min=1))
            if layer.bias is not None:
                new.bias.copy_(layer.bias)
        return new

    @property
    def weight(self) -> torch.Tensor:
        """The virtual matrix V, ``(n, m)``."""
        return self.shared[self.index] * self.sign

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(..., n)`` of ``(..., m)``."""
        return nn.functional.linear(x, self.weight, self.bias)

    def cost(self, inputs: torch.Tensor, outputs: torch.Tensor) -> Cost:
        """Return what a batch costs: as many operations as before, fewer bytes."""
        stored = len(self.shared) + (0 if self.bias is None else len(self.bias))
        return Cost(stored, outputs.numel() * self.index.shape[1], 4 * stored + 8)
