"""Rows that were measured before: a benchmark of hours goes on where it stopped.

A row lies in ``data/cache`` as soon as it is measured, and the results file that a benchmark wrote
at its end holds it too. Both know it by a name that says all that it depends on: photos, settings,
the digest of its code (`mvs_lib.benchmarks.kept_code`). So a run with more seeds measures only
those, on a fresh clone as well.
"""

import hashlib
import json
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np

from mvs_lib import paths
from mvs_lib.benchmarks import report
from mvs_lib.datasets.collection import Split

__all__ = ["KeptRows"]


class KeptRows:
    """The rows of a benchmark that are known by name.

    Args:
        benchmark: whose results file is read.
        folder: where rows lie one by one; a rehearsal has none, and keeps nothing.
    """

    def __init__(self, benchmark: str, folder: Path | None):
        self.benchmark, self.folder = benchmark, folder

    @classmethod
    def of(cls, benchmark: str, split: Split, quick: bool) -> "KeptRows":
        """Return the rows of a benchmark on the photos of a split; none are kept if ``quick``."""
        queries = np.ascontiguousarray(split.query.images)
        photos = hashlib.blake2b(queries, digest_size=8).hexdigest()
        return cls(benchmark, None if quick else paths.cache() / f"bench-{benchmark}-{photos}")

    def there(self, name: str) -> bool:
        """Whether the row of this name was measured before."""
        if self.folder is None:
            return False
        return self._file(name).exists() or self._kept_as(name) in self._stored

    def row(self, name: str, start: dict, measure: Callable[[], dict]) -> dict:
        """Return the row of this name; if there is none, measure it and keep it.

        Args:
            name: says all that the row depends on, and can be a file's.
            start: what the row says first.
            measure: returns the rest of the row.

        Returns:
            The row, with its name as ``kept_as`` and the seconds that it took as
            ``row_seconds``, neither of them in a rehearsal.
        """
        if self.folder is None:
            return {**start, **measure()}
        file = self._file(name)
        if file.exists():
            return json.loads(file.read_text(encoding="utf-8"))
        if self._kept_as(name) in self._stored:
            return self._stored[self._kept_as(name)]
        began = time.perf_counter()
        row = {**start, **measure()}
        row.setdefault("row_seconds", round(time.perf_counter() - began, 1))
        row["kept_as"] = self._kept_as(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        with paths.whole_file(file) as beside:
            beside.write_text(json.dumps(row), encoding="utf-8")
        return row

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _kept_as(self, name: str) -> str:
        return f"{self.folder.name}/{name}"

    @cached_property
    def _stored(self) -> dict[str, dict]:
        try:
            rows = report.load(self.benchmark)["rows"]
        except (FileNotFoundError, ValueError):  # never written, or damaged: measured again
            return {}
        return {row["kept_as"]: row for row in rows if "kept_as" in row}
