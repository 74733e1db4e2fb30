"""Which rates does each method want on photos with several labels? Chosen on held-back photos.

For `mvs_lib.benchmarks.squares`: a tenth of the source photos asks, the rest teaches and is the
database. No query is looked at.
"""

from collections.abc import Iterator
from itertools import product

from mvs_lib.benchmarks.squares import METHODS, Squares
from mvs_lib.datasets import campus_squares
from mvs_lib.datasets.collection import validation_split

__all__ = ["TRIED", "rows"]

BITS = 48
TRIED = ({"head_rate": 20.0}, {}, {"learning_rate": 0.01})  # changes of `squares.HASHING`


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield a row a method, choice and seed."""
    source = (campus_squares.load(80, 20, 32) if quick else campus_squares.load()).source
    for seed in range(seeds):
        held = validation_split(source, share=0.1, seed=seed)
        squares = Squares(held, seed, quick, "squares_settings")
        for name, choice in product(METHODS, TRIED):
            yield squares.row(name, BITS, choice)
