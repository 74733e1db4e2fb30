"""Codes to search among: uniform, clustered, and those of the networks that ship.

Uniform codes are the hardest there are: nothing is near. Clustered ones resemble what hash
functions make of photos: bits that are unbalanced and correlated, items in groups of different
tightness. A query is a random item of the database with each bit flipped with probability 0.05.
"""

import sys

import numpy as np

from mvs_lib import paths
from mvs_lib.codes import pack, unpack

__all__ = ["GENERATORS", "clustered", "network_codes", "queries_near", "uniform"]

CENTRES = 5_000
RANK = 24  # of the Gaussian whose signs the centres are: the fewer, the more correlated the bits
DECAY = 8.0  # the spectrum falls by e every so many dimensions
BIAS = 0.5  # how unbalanced the bits are, in standard deviations
FLIP = (0.05, 0.15)  # how far a cluster's codes lie from its centre: probability a bit
UNSTEADY = (0.5, 1.5)  # times this, bit by bit
NOISE = 0.05  # of a query
PIECE = 250_000  # codes that are drawn at once


def uniform(n: int, bits: int, seed: int = 0) -> np.ndarray:
    """Return ``n`` codes of independent fair bits, uint8 ``(n, ceil(bits / 8))``."""
    codes = np.random.default_rng(seed).integers(0, 256, (n, -(-bits // 8)), dtype=np.uint8)
    if bits % 8:
        codes[:, -1] &= np.uint8(0xFF << (8 - bits % 8) & 0xFF)
    return codes


def clustered(n: int, bits: int, seed: int = 0) -> np.ndarray:
    """Return ``n`` codes around 5,000 centres, uint8 ``(n, ceil(bits / 8))``.

    Centres are the signs of a Gaussian of rank 24 with a decaying spectrum, plus a bias a bit; each
    code belongs to a random centre and has each bit flipped with the probability of its cluster
    (0.05 to 0.15) times that of the bit (0.5 to 1.5).
    """
    random = np.random.default_rng(seed)
    basis = random.standard_normal((RANK, bits)) * np.exp(-np.arange(RANK) / DECAY)[:, None]
    bias = BIAS * random.standard_normal(bits) * np.linalg.norm(basis, axis=0)
    centres = random.standard_normal((CENTRES, RANK)) @ basis + bias >= 0
    flip = random.uniform(*FLIP, CENTRES).astype(np.float32)
    unsteady = random.uniform(*UNSTEADY, bits).astype(np.float32)
    codes = np.empty((n, -(-bits // 8)), np.uint8)
    for first in range(0, n, PIECE):
        member = random.integers(0, CENTRES, min(PIECE, n - first))
        chance = random.random((len(member), bits), dtype=np.float32)
        flipped = chance < flip[member, None] * unsteady
        codes[first : first + len(member)] = pack(centres[member] ^ flipped)
    return codes


def queries_near(codes: np.ndarray, bits: int, count: int, seed: int = 0) -> np.ndarray:
    """Return ``count`` queries: random codes with each bit flipped with probability 0.05."""
    random = np.random.default_rng([seed, 1])
    chosen = unpack(codes[random.integers(0, len(codes), count)], bits)
    return pack(chosen ^ (random.random((count, bits)) < NOISE))


def network_codes() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return source and query codes of 48 bits of each hash network that ships, by its name.

    Those of CIFAR-10 only where its photos are at hand.
    """
    from mvs_lib.datasets import campus, cifar
    from mvs_lib.deep import checkpoint
    from mvs_lib.deep.encoding import encode

    splits, found = {"campus": campus.load()}, {}
    try:
        splits["cifar10"] = cifar.load(protocol="P2")
    except ValueError as error:
        print(f"without codes of CIFAR-10: {error}", file=sys.stderr)  # stdout may be JSON
    for path in sorted(paths.checkpoints().glob("*_48.safetensors")):
        data, method, _ = path.stem.split("_")
        if data in splits and method != "autoencoder":  # which learns from features, not photos
            network, _ = checkpoint.load(path)
            photos = splits[data].source.images, splits[data].query.images
            found[f"{data} {method}"] = tuple(encode(network, part) for part in photos)
    return found


GENERATORS = {"clustered": clustered, "uniform": uniform}
