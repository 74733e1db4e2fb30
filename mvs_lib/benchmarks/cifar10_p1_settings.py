"""Which rates does each deep method want with 5,000 labels? Chosen on some of them, held back.

For `mvs_lib.benchmarks.cifar10_p1`; what is tried stands in
`mvs_lib.benchmarks.deep_methods_settings`. No query is looked at, nor any photo beside the 5,000.
"""

from collections.abc import Iterator

from mvs_lib.benchmarks import cifar10_p1
from mvs_lib.benchmarks.cifar10_gist import labels_per_class
from mvs_lib.benchmarks.deep_methods_settings import settings_rows
from mvs_lib.datasets import cifar

__all__ = ["rows"]


def rows(seeds: int = 1, quick: bool = False, only: list[str] | None = None) -> Iterator[dict]:
    """Yield a row a method, choice and seed; of the methods in ``only`` if it is given.

    Raises:
        ValueError: CIFAR-10 is not at hand; the message says what to do.
        RuntimeError: some rows failed; the others were measured and are kept.
    """
    whole = cifar.load(protocol="P1", **({"source_per_class": 60, "queries": 20} if quick else {}))
    for seed in range(seeds):
        photos = whole.source.take(cifar.labelled(whole, labels_per_class(whole), seed))
        yield from settings_rows(
            photos,
            whole.name,
            cifar10_p1.recipe(),
            "cifar10_p1_settings",
            seed,
            quick,
            only,
            False,
        )
