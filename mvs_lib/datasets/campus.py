"""The generated campus: 162 places as a crowd with phones sees them. Taught in notebook 10.

The survey's case study (Liu et al., 2017, section 4) photographed 162 places of a campus: 6,442
source and 1,620 query photos. Those photos are not public, so this campus is drawn: buildings,
dormitories, shops, towers, statues, trees, fountains and more, each from many sides, in every
weather, with the capture conditions the survey names and with the readings of four sensors. It is
far easier than life: a figure measured on it says how methods compare, not what a real campus
gives.

Everything follows from the seed, and is the same on every x86 processor with AVX2. A photo depends
on its place and its number only, so a smaller campus is a part of the larger one. Drawn photos are
kept in ``data/cache``, place by place: an interrupted drawing goes on where it stopped.
"""

import numpy as np

from mvs_lib import paths
from mvs_lib.datasets.campus_light import WEATHERS
from mvs_lib.datasets.campus_places import PLACES, place
from mvs_lib.datasets.campus_scene import build_scene
from mvs_lib.datasets.campus_sensors import SENSORS, read_sensors
from mvs_lib.datasets.campus_shot import draw, draw_shot
from mvs_lib.datasets.capture import CONDITIONS
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.datasets.drawn_files import check_whole, drawn

__all__ = ["CONDITIONS", "PLACES", "QUERY", "SENSORS", "SOURCE", "load"]

SOURCE, QUERY = 6442, 1620  # photos, as in the survey's case study
VERSION = 4  # raise it whenever a photo changes: caches, checkpoints and results hang on them
STREAMS = {"source": 0, "query": 1}
WEATHER_CONDITIONS = WEATHERS[2:]  # fog, rain, dusk, night: they have a strength


def load(
    places: int = PLACES,
    source: int = SOURCE,
    query: int = QUERY,
    size: int = 128,
    seed: int = 0,
    progress: bool = True,
) -> Split:
    """Return the campus, drawn now or read from the cache.

    Args:
        places: how many places, 1..162; the first few are of different kinds.
        source: source photos in all, spread evenly over the places.
        query: query photos in all, likewise.
        size: side of the photos in pixels, 32..1024.
        seed: of the whole campus; another seed is another campus.
        progress: show a progress bar while drawing.

    Returns:
        `Split` of photos, sorted by place. ``sensors`` are those of
        `mvs_lib.datasets.campus_sensors.SENSORS` (float64, NaN where absent); ``conditions`` are
        those of `mvs_lib.datasets.capture.CONDITIONS` and the weathers fog, rain, dusk and night.

    Raises:
        ValueError: a number out of its range, or fewer photos than places.
    """
    _check(places, source, query, size, seed)
    folder = paths.cache() / f"campus-v{VERSION}-{size}px-seed{seed}"
    shares = zip(_spread(source, places).tolist(), _spread(query, places).tolist(), strict=True)
    tasks = {
        folder / f"place{index:03}-{s}-{q}.npz": (index, s, q, size, seed)
        for index, (s, q) in enumerate(shares)
    }
    parts = drawn(_draw_place, tasks, lambda _, s, q, *__: s + q, "campus", progress)
    names = tuple(place(index, seed).name for index in range(places))
    return Split("campus", _photos(parts, "source", names), _photos(parts, "query", names))


def _check(places, source, query, size, seed) -> None:
    check_whole("places", places, 1, PLACES)
    check_whole("size", size, 32, 1024)
    check_whole("seed", seed, 0, 2**31)
    for name, value in (("source", source), ("query", query)):
        check_whole(name, value, places, 10**6, ", at least one photo a place")


def _spread(total: int, places: int) -> np.ndarray:
    """Share photos among places: as equal as can be, the first ones get one more."""
    return np.full(places, total // places) + (np.arange(places) < total % places)


def _draw_place(index: int, source: int, query: int, size: int, seed: int) -> dict[str, np.ndarray]:
    """Draw all photos of one place."""
    scene, columns = build_scene(index, seed, size), {}
    for stream, count in (("source", source), ("query", query)):
        shots = [draw_shot(scene, STREAMS[stream], k, seed) for k in range(count)]
        columns[f"{stream}_images"] = np.stack([draw(scene, shot, size) for shot in shots])
        columns[f"{stream}_sensors"] = np.stack([
            read_sensors(scene, shot, STREAMS[stream], k, seed) for k, shot in enumerate(shots)
        ])  # fmt: skip
        columns[f"{stream}_conditions"] = np.float32([_conditions(shot) for shot in shots])
    return columns


def _conditions(shot) -> list[float]:
    weather = {shot.light.weather: shot.light.strength}
    return [shot.strengths[name] for name in CONDITIONS] + [
        weather.get(name, 0.0) for name in WEATHER_CONDITIONS
    ]


def _photos(parts: list[dict], stream: str, names: tuple[str, ...]) -> Photos:
    images, sensors, conditions = (
        np.concatenate([part[f"{stream}_{kind}"] for part in parts])
        for kind in ("images", "sensors", "conditions")
    )
    labels = np.repeat(np.arange(len(parts)), [len(part[f"{stream}_images"]) for part in parts])
    return Photos(
        images,
        labels.astype(np.int64),
        names,
        dict(zip(SENSORS, sensors.T.copy(), strict=True)),
        dict(zip((*CONDITIONS, *WEATHER_CONDITIONS), conditions.T.copy(), strict=True)),
    )
