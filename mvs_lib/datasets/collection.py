"""What a data set is in this house: photos with labels, split into source and query.

Every loader of `mvs_lib.datasets` returns a `Split`. The *source* photos build the database and
train the networks; the *query* photos are what a phone sends. No query is ever in the database.
"""

from dataclasses import dataclass, field

import numpy as np

__all__ = ["Photos", "Split", "validation_split"]


@dataclass(frozen=True)
class Photos:
    """Photos with what is known of each.

    Attributes:
        images: uint8 ``(n, h, w, 3)``, RGB.
        labels: int64 ``(n,)``, an index into ``names``; or, where a photo may have several labels,
            int64 ``(n, len(names))``, 1 for each that it has and 0 for the others.
        names: one name a place (class), in the order of the labels.
        sensors: arrays of length ``n`` by sensor name (units in the loader's docstring); NaN where
            a reading is absent.
        conditions: float32 ``(n,)`` by capture condition: its strength, 0 where it is absent.
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    sensors: dict[str, np.ndarray] = field(default_factory=dict)
    conditions: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[3] != 3:
            raise ValueError(
                f"images must be uint8 (n, h, w, 3), got {self.images.dtype} {self.images.shape}"
            )
        several = self.labels.ndim == 2
        wanted = (len(self.images), len(self.names)) if several else (len(self.images),)
        if self.labels.dtype != np.int64 or self.labels.shape != wanted:
            raise ValueError(
                f"labels must be int64 ({len(self.images)},), one a photo, or "
                f"({len(self.images)}, {len(self.names)}), several, got "
                f"{self.labels.dtype} {self.labels.shape}"
            )
        high = 1 if several else len(self.names) - 1
        if self.labels.size and not (0 <= self.labels.min() <= self.labels.max() <= high):
            what = "0 or 1" if several else f"0..{high}, the indices of names"
            raise ValueError(f"labels must lie in {what}")
        for kind in ("sensors", "conditions"):
            for key, values in getattr(self, kind).items():
                if len(values) != len(self.images):
                    raise ValueError(
                        f"{kind}[{key!r}] has {len(values)} rows for {len(self.images)} photos"
                    )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index) -> "Photos":
        """Return the photos at ``index`` (integers, a slice or a boolean mask), all columns."""
        return Photos(
            self.images[index],
            self.labels[index],
            self.names,
            {key: values[index] for key, values in self.sensors.items()},
            {key: values[index] for key, values in self.conditions.items()},
        )


@dataclass(frozen=True)
class Split:
    """A named data set: source photos (database, training) and queries (never trained on)."""

    name: str
    source: Photos
    query: Photos

    def __post_init__(self):
        if self.source.names != self.query.names:
            raise ValueError("source and query must share the same place names, in the same order")


def validation_split(photos: Photos, share: float = 0.1, seed: int = 0) -> Split:
    """Hold back a share of the *source* photos of every place, to choose settings on.

    Settings are never chosen on the queries. Each place gives ``round(share * count)`` photos, at
    least one, and keeps at least one; a place with a single photo keeps it. Photos with several
    labels are drawn without regard to these.

    Returns:
        A `Split` whose query part is the held-back photos.

    Raises:
        ValueError: ``share`` is not strictly between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must lie strictly between 0 and 1, got {share}")
    random = np.random.default_rng(seed)
    held = np.zeros(len(photos), bool)
    several = photos.labels.ndim == 2
    for label in range(1 if several else len(photos.names)):
        members = np.flatnonzero(~held if several else photos.labels == label)
        count = min(max(1, round(share * len(members))), len(members) - 1)
        if count > 0:
            held[random.choice(members, count, replace=False)] = True
    return Split("validation", photos.take(~held), photos.take(held))
