"""Which trunk is worth an hour of two cores? Chosen on held-back training photos, never on a query.

For `mvs_lib.benchmarks.cifar10_p2`; how, says `mvs_lib.benchmarks.trunk_candidates`. Every
candidate gets about a quarter of the hour, so that a wider trunk sees its photos fewer times; its
own row says the minutes.
"""

from collections.abc import Iterator
from dataclasses import replace

from mvs_lib.benchmarks.cifar10_p2 import PRETRAINING
from mvs_lib.benchmarks.trunk_candidates import candidate_rows
from mvs_lib.datasets import cifar

__all__ = ["CANDIDATES", "rows"]

NARROW, WIDE = {"trunk": "airbench", "width": 64}, {"trunk": "airbench", "width": 96}
BRIEF = replace(PRETRAINING, epochs=16, small_share=0.0, cover=0, shift=2)
SMALL = replace(BRIEF, epochs=22, small_share=0.5)
CANDIDATES = {  # the trunk, and how it learns
    "plain": (NARROW, BRIEF),
    "smaller photos first": (NARROW, SMALL),
    "and part of each covered": (NARROW, replace(SMALL, cover=8)),
    "and moved further": (NARROW, replace(SMALL, cover=8, shift=4)),
    "all that, and wider": (WIDE, replace(SMALL, epochs=11, cover=8, shift=4)),
}


def rows(seeds: int = 1, quick: bool = False) -> Iterator[dict]:
    """Yield a row a candidate, number of views and seed.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    small = {"source_per_class": 60} if quick else {}
    whole = cifar.load(protocol="P2", queries=10, **small)
    yield from candidate_rows(
        "cifar10_p2_trunks", CANDIDATES, whole.source, whole.name, range(seeds), quick
    )
