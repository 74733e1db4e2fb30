"""Which trunk learns most from 5,000 photos? Chosen on some of them, held back.

For `mvs_lib.benchmarks.cifar10_p1`; how, says `mvs_lib.benchmarks.trunk_candidates`. A tenth of
5,000 is few, so that the mean over several seeds decides: each draws photos and tenth anew.

All are half as wide as the trunk for ten times the photos. One as wide as that is not tried: every
row of the comparison would take four times as long, and there are hundreds.
"""

from collections.abc import Iterator
from dataclasses import replace

from mvs_lib.benchmarks.cifar10_gist import labels_per_class
from mvs_lib.benchmarks.cifar10_p1 import PRETRAINING, TRUNK
from mvs_lib.benchmarks.trunk_candidates import candidate_rows
from mvs_lib.datasets import cifar

__all__ = ["CANDIDATES", "rows"]

BRIEF = replace(PRETRAINING, epochs=60, cover=0, shift=2)
COVERED = replace(BRIEF, cover=8, shift=3)
CANDIDATES = {  # the trunk, and how it learns
    "plain": (TRUNK, BRIEF),
    "covered, moved further": (TRUNK, COVERED),
    "and for twice as long": (TRUNK, replace(COVERED, epochs=120)),
}


def rows(seeds: int = 3, quick: bool = False) -> Iterator[dict]:
    """Yield a row a candidate, number of views and seed.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
    """
    whole = cifar.load(protocol="P1", **({"source_per_class": 60, "queries": 20} if quick else {}))
    for seed in range(seeds):
        photos = whole.source.take(cifar.labelled(whole, labels_per_class(whole), seed))
        yield from candidate_rows(
            "cifar10_p1_trunks", CANDIDATES, photos, whole.name, [seed], quick
        )
