"""The generated campus: 162 places as a crowd with phones sees them. Taught in notebook 10.

The survey's case study (Liu et al., 2017, section 4) photographed 162 places of a campus: 6,442
source and 1,620 query photos. Those photos are not public, so this campus is drawn: buildings,
dormitories, shops, towers, statues, trees, fountains and more, each from many sides, in every
weather, with the capture conditions the survey names and with the readings of four sensors. It is
far easier than life: a figure measured on it says how methods compare, not what a real campus
gives.

Everything follows from the seed. A photo depends on its place and its number only, so a smaller
campus is a part of the larger one. Drawn photos are kept in ``data/cache``, place by place: an
interrupted drawing goes on where it stopped.
"""

from pathlib import Path

import cv2
import joblib
import numpy as np
from tqdm.auto import tqdm

from mvs_lib import paths
from mvs_lib.datasets.campus_light import WEATHERS
from mvs_lib.datasets.campus_places import PLACES, place
from mvs_lib.datasets.campus_scene import build_scene
from mvs_lib.datasets.campus_sensors import SENSORS, read_sensors
from mvs_lib.datasets.campus_shot import draw, draw_shot
from mvs_lib.datasets.capture import CONDITIONS
from mvs_lib.datasets.collection import Photos, Split

__all__ = ["CONDITIONS", "PLACES", "QUERY", "SENSORS", "SOURCE", "load", "read_drawn"]

SOURCE, QUERY = 6442, 1620  # photos, as in the survey's case study
VERSION = 2  # raise it whenever a photo changes: caches, checkpoints and results hang on them
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
    counts = [_spread(source, places), _spread(query, places)]
    todo = [(index, int(counts[0][index]), int(counts[1][index])) for index in range(places)]
    files = [folder / f"place{i:03}-{s}-{q}.npz" for i, s, q in todo]
    missing = [k for k, file in enumerate(files) if not file.exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        # Whole places, one a task: loky's processes need no guard in the caller's script.
        tasks = (joblib.delayed(_draw_place)(*todo[k], size, seed, files[k]) for k in missing)
        drawing = joblib.Parallel(n_jobs=-1, return_as="generator_unordered")(tasks)
        total = sum(todo[k][1] + todo[k][2] for k in missing)
        with tqdm(total=total, desc="campus", unit="photo", disable=not progress) as bar:
            for drawn in drawing:
                bar.update(drawn)
    parts = [read_drawn(file) for file in files]
    names = tuple(place(index, seed).name for index in range(places))
    return Split("campus", _photos(parts, "source", names), _photos(parts, "query", names))


def _check(places, source, query, size, seed) -> None:
    for name, value, low, high in (
        ("places", places, 1, PLACES), ("size", size, 32, 1024), ("seed", seed, 0, 2**31),
        ("source", source, places, 10**6), ("query", query, places, 10**6),
    ):  # fmt: skip
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ValueError(f"{name} must be a whole number, got {value!r}")
        if not low <= value <= high:
            hint = ", at least one photo a place" if name in ("source", "query") else ""
            raise ValueError(f"{name} must lie in {low}..{high}{hint}, got {value}")


def _spread(total: int, places: int) -> np.ndarray:
    """Share photos among places: as equal as can be, the first ones get one more."""
    return np.full(places, total // places) + (np.arange(places) < total % places)


def _draw_place(index: int, source: int, query: int, size: int, seed: int, file: Path) -> int:
    """Draw all photos of one place into a file, whole or not at all; return their number."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        scene, columns = build_scene(index, seed, size), {}
        for stream, count in (("source", source), ("query", query)):
            shots = [draw_shot(scene, STREAMS[stream], k, seed) for k in range(count)]
            columns[f"{stream}_images"] = np.stack([draw(scene, shot, size) for shot in shots])
            columns[f"{stream}_sensors"] = np.stack([
                read_sensors(scene, shot, STREAMS[stream], k, seed) for k, shot in enumerate(shots)
            ])  # fmt: skip
            columns[f"{stream}_conditions"] = np.float32([_conditions(shot) for shot in shots])
    finally:
        cv2.setNumThreads(threads)
    with paths.whole_file(file) as beside, open(beside, "wb") as out:
        np.savez(out, **columns)
    return source + query


def _conditions(shot) -> list[float]:
    weather = {shot.light.weather: shot.light.strength}
    return [shot.strengths[name] for name in CONDITIONS] + [
        weather.get(name, 0.0) for name in WEATHER_CONDITIONS
    ]


def read_drawn(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays that were drawn into a file of the cache.

    Raises:
        ValueError: the file is damaged; it has been deleted, so that the next call draws it anew.
    """
    try:
        # Opened here, because np.load leaves a damaged file open.
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            return dict(stored)
    except Exception as error:  # a damaged zip fails in a dozen ways
        file.unlink(missing_ok=True)
        raise ValueError(
            f"{file} was damaged ({type(error).__name__}) and has been deleted: run this again to "
            "draw it anew"
        ) from error


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
