"""Which places the campus has: 162 of them, their kinds, their names and where they stand."""

from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = ["PLACES", "Place", "place", "positions", "random_of"]

COUNTS = {
    "academic": 50, "dormitory": 34, "shop": 20, "tower": 12, "statue": 14, "tree": 8, "hall": 6,
    "fountain": 5, "pavilion": 5, "greenhouse": 4, "gate": 4,
}  # fmt: skip
PLACES = sum(COUNTS.values())  # 162, as many as the survey's case study
COLUMNS, ROWS, CELL = 15, 11, (86.0, 82.0)  # a jittered grid, about 1.29 km by 0.9 km

NAMES = {
    "academic": (
        "Library,Physics,Chemistry,Biology,Mathematics,History,Law School,Medicine,Music,Geology,"
        "Philosophy,Computing,Economics,Geography,Astronomy,Drama,Linguistics,Botany,Statistics,"
        "Robotics,Archaeology,Education,Nursing,Optics,Theology,Pharmacy,Forestry,Journalism,"
        "Architecture,Dentistry,Ecology,Fine Arts,Genetics,Hydraulics,Informatics,Logic,Mechanics,"
        "Metallurgy,Neurology,Oceanology,Politics,Psychology,Rhetoric,Sociology,Surveying,Textiles,"
        "Virology,Zoology,Acoustics,Ceramics"
    ),
    "shop": (
        "Canteen,Bakery,Book shop,Cafe Linden,Post office,Bike repair,Pharmacy shop,Noodle bar,"
        "Grocery,Print shop,Tea house,Barber,Flower shop,Pizzeria,Record shop,Laundry,Juice bar,"
        "Stationery,Ice cream,Burger bar"
    ),
    "tower": (
        "Clock tower,Water tower,Bell tower,Old tower,Radio tower,Star tower,North tower,"
        "Round tower,Wind tower,South tower,Campanile,Watch tower"
    ),
    "statue": (
        "The Reader,The Founder,Obelisk,The Ring,The Orator,Three Spheres,The Runner,Stacked Cubes,"
        "The Horse,The Sundial,The Thinker,The Helix,The Lion,The Arch"
    ),
    "tree": (
        "Great Oak,Twin Birches,Cherry Garden,Old Pine,Palm Court,Willow,Maple Ring,Poplar Row"
    ),
    "hall": "Sports hall,Swimming hall,Concert hall,Assembly hall,Ice rink,Market hall",
    "fountain": "Great Fountain,Lion Fountain,Rose Fountain,Bowl Fountain,Star Fountain",
    "pavilion": "Tea pavilion,Music pavilion,Lake pavilion,Rose pavilion,Temple",
    "greenhouse": "Palm house,Orchid house,Cactus house,Fern house",
    "gate": "North gate,South gate,East gate,West gate",
}


@dataclass(frozen=True)
class Place:
    """One place: its number, kind, which of its kind, name, ``(east, north)`` metres and heading.

    The heading is where its front looks, in radians clockwise from north.
    """

    index: int
    kind: str
    number: int
    name: str
    position: tuple[float, float]
    heading: float


def random_of(seed: int, *stream: int) -> np.random.Generator:
    """Return the generator of one thing (a place, a photo): no other thing's draws touch it."""
    return np.random.default_rng([seed, *stream])


@cache
def _kinds() -> tuple[tuple[str, int], ...]:
    """All places' kinds and numbers, mixed evenly, so that the first few are of different kinds."""
    order = [
        (number / count, rank, kind, number)
        for rank, (kind, count) in enumerate(COUNTS.items())
        for number in range(count)
    ]
    return tuple((kind, number) for _, _, kind, number in sorted(order))


@cache
def _campus(seed: int) -> tuple[Place, ...]:
    random = random_of(seed, 1)
    cells = random.permutation(COLUMNS * ROWS)[:PLACES]
    jitter = random.uniform(-0.13, 0.13, (PLACES, 2)) * CELL
    turns = random.normal(0, 0.25, PLACES) + np.pi / 2 * random.integers(0, 4, PLACES)
    grid = np.stack([cells % COLUMNS - (COLUMNS - 1) / 2, cells // COLUMNS - (ROWS - 1) / 2], 1)
    position = grid * CELL + jitter
    names = {kind: text.split(",") for kind, text in NAMES.items()}
    return tuple(
        Place(
            i, kind, number,
            f"Dormitory {number + 1}" if kind == "dormitory" else names[kind][number],
            (float(position[i, 0]), float(position[i, 1])), float(turns[i] % (2 * np.pi)),
        )
        for i, (kind, number) in enumerate(_kinds())
    )  # fmt: skip


def place(index: int, seed: int = 0) -> Place:
    """Return a place by number, 0..161.

    Raises:
        ValueError: there is no such place.
    """
    if isinstance(index, bool) or not 0 <= index < PLACES:
        raise ValueError(f"place must lie in 0..{PLACES - 1}, got {index!r}")
    return _campus(int(seed))[int(index)]


def positions(places: int = PLACES, seed: int = 0) -> np.ndarray:
    """Return where the first ``places`` places stand: float64 ``(places, 2)``, metres east, north.

    >>> positions(3).shape
    (3, 2)

    Raises:
        ValueError: ``places`` does not lie in 1..162.
    """
    if isinstance(places, bool) or not 1 <= places <= PLACES:
        raise ValueError(f"places must lie in 1..{PLACES}, got {places!r}")
    return np.array([one.position for one in _campus(int(seed))[:places]])
