"""Which rates does each deep method want on the campus? Chosen on source photos, never on a query.

For `mvs_lib.benchmarks.campus_methods`; what is tried stands in
`mvs_lib.benchmarks.deep_methods_settings`.
"""

from collections.abc import Iterator

from mvs_lib.benchmarks import campus_methods
from mvs_lib.benchmarks.deep_methods_settings import settings_rows
from mvs_lib.datasets import campus

__all__ = ["rows"]


def rows(seeds: int = 1, quick: bool = False, only: list[str] | None = None) -> Iterator[dict]:
    """Yield a row a method, choice and seed; of the methods in ``only`` if it is given.

    Raises:
        RuntimeError: some rows failed; the others were measured and are kept.
    """
    photos = campus.load(places=12, source=240, query=60).source if quick else campus.load().source
    for seed in range(seeds):
        yield from settings_rows(
            photos,
            "campus",
            campus_methods.recipe(),
            "campus_methods_settings",
            seed,
            quick,
            only,
            True,  # of 162 places one pair in 162 is similar
        )
