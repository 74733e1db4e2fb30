"""What should a phone send? Every system of `mvs_lib.queries` on the campus: accuracy and bytes.

Each system first tries the settings of its grid on held-back source photos; the one that sends the
fewest bytes for nearly the best MAP then meets all queries. The held-back photos are of all places,
few of each: a phone that says where it is finds few places there to mistake its own for, and among
fewer places there would be none. The rows of the first step have the protocol "validation: …" and
choose; only rows of the second compare. The seconds on each link are those of a payload of the mean
size. Systems know different things, and two columns say so: whether the phone sends its position,
and whether the server learned which source photos show one place.

The photos are drawn with 384 pixels a side, as local features want them: 3.6 GB of pixels, drawn
once (some ten minutes of two cores) into ``data/cache``. Running all needs about 10 GB of memory.
Each system's rows are kept in ``data/cache`` under a digest of the code that made them, so an
interrupted run goes on where it stopped, and two processes may share the work: each measures some
systems with ``--only``, and a last run without it collects the rows.
"""

import hashlib
import inspect
import json
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from mvs_lib import paths
from mvs_lib.benchmarks import kept_code
from mvs_lib.datasets import campus, clips
from mvs_lib.datasets.collection import Photos, Split, validation_split
from mvs_lib.queries.link import LINKS
from mvs_lib.queries.measure import Measured, measure
from mvs_lib.queries.system import System
from mvs_lib.queries.systems import grid, known

__all__ = ["ENOUGH", "SIZE", "choose", "rows"]

SIZE = 384  # pixels
EACH, SHARE = 8, 0.25  # source photos of a place that a grid is tried on; held back of these
ENOUGH = 0.95  # of the grid's best MAP: then the bytes decide, as a phone's owner would
CLIPS = {"audio_visual": 3}  # asks with clips of so many seconds, not with photos
WHOLE = {"scaled_image": {"scale": 1.0, "quality": 90}}  # measured too: the photo as it was taken


def rows(seeds: int = 1, quick: bool = False, only: list[str] | None = None) -> Iterator[dict]:
    """Yield the rows of every system, or of those in ``only``.

    Raises:
        ValueError: there is no such system.
        RuntimeError: some systems failed; the others were measured and are kept.
    """
    systems = known()
    if unknown := sorted(set(only or ()) - set(systems)):
        raise ValueError(f"no system {', '.join(unknown)}: choose from {', '.join(systems)}")
    failed = []
    for name in only or systems:
        for seed in range(seeds):
            try:
                yield from _kept(systems[name], seed, quick)
            except Exception as error:  # the next system must not wait for this one
                traceback.print_exc()
                failed.append(f"{name} ({type(error).__name__}: {error})")
    if failed:
        raise RuntimeError(f"{len(failed)} could not be measured: {'; '.join(failed)}")


def choose(tried: list[dict]) -> int:
    """Return which of the validation rows sends the fewest bytes with `ENOUGH` of the best MAP.

    >>> choose([{"map": 0.90, "bytes": 900}, {"map": 0.88, "bytes": 90}, {"map": 0.5, "bytes": 9}])
    1
    """
    target = ENOUGH * max(row["map"] for row in tried)
    good = [i for i, row in enumerate(tried) if row["map"] >= target]
    return min(good, key=lambda i: (tried[i]["bytes"], -tried[i]["map"], i))


def _kept(system: type[System], seed: int, quick: bool) -> list[dict]:
    """Return a system's rows, from ``data/cache`` if they were measured before."""
    if quick:
        return _measured(system, _campus(quick=True), seed, grid(system)[:2])
    file = paths.cache() / "bench-queries" / f"{system.method}-{seed}-{_key(system)}.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass  # not measured yet, or damaged
    found = _measured(system, _campus(), seed, grid(system))
    file.parent.mkdir(parents=True, exist_ok=True)
    with paths.whole_file(file) as beside:
        beside.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


@cache
def _campus(quick: bool = False) -> Split:
    """Return the photos; they are not even read when every row is in the cache."""
    if quick:
        return campus.load(places=6, source=360, query=24, size=256)
    return campus.load(size=SIZE)


def _measured(system: type[System], split: Split, seed: int, settings: list[dict]) -> list[dict]:
    found = []
    if len(settings) > 1:
        part = _some_of_each(split.source)
        held = validation_split(part, SHARE, seed)
        protocol = (
            f"validation: {len(held.query)} of {len(part)} source photos of "
            f"{len(set(part.labels.tolist()))} places held back"
        )
        found = [_row(system, each, held, seed, protocol) for each in settings]
        settings = [settings[choose(found)]]
    settings += [each for each in [WHOLE.get(system.method)] if each not in (None, *settings)]
    protocol = (
        f"campus: {len(split.source)} source photos, {len(split.query)} query photos, "
        f"{len(split.source.names)} places"
    )
    return found + [_row(system, each, split, seed, protocol) for each in settings]


def _some_of_each(photos: Photos) -> Photos:
    """Return `EACH` photos of every place, in their order; always the same ones."""
    random = np.random.default_rng(0)
    members = [np.flatnonzero(photos.labels == label) for label in range(len(photos.names))]
    some = [random.permutation(own)[:EACH] for own in members]
    return photos.take(np.sort(np.concatenate(some)))


def _row(system: type[System], settings: dict, split: Split, seed: int, protocol: str) -> dict:
    start, given, ask = time.perf_counter(), dict(settings), None
    if seconds := CLIPS.get(system.method):
        given["sounds"] = clips.references(len(split.source.names))
        protocol += f"; clips of {seconds} s taken where the query photos were"

        def ask(index: int) -> clips.Clip:
            photo, place = split.query.images[index], int(split.query.labels[index])
            return clips.take(photo, place, seconds, seed=[seed, index])

    seeded = "random_state" in inspect.signature(system).parameters
    made = system(**{**({"random_state": seed} if seeded else {}), **given})
    made.fit(split.source)
    fitted = time.perf_counter()
    with _one_thread():
        found: Measured = measure(made, split, seed=seed, progress=True, ask=ask)
    size = found.bytes
    return {
        "method": made.method,
        "kind": made.kind,
        "source": made.source,
        "position": bool(made.uses_position),
        "labels": bool(made.uses_labels),
        "settings": ", ".join(f"{key} {value}" for key, value in settings.items()),
        "data": "campus",
        "protocol": protocol,
        "seed": seed,
        "map": round(found.map, 4),
        "top1": round(found.top1, 4),
        "bytes": round(size, 1),
        "largest_bytes": found.largest_bytes,
        "encode_ratio": round(found.encode_ratio, 2),
        "packets": round(found.packets, 2),
        "index_bytes": round(found.index_bytes, 1),
        "client_bytes": int(getattr(made, "client_bytes", 0)),
        **{f"seconds_{link.key}": round(link.seconds(round(size)), 3) for link in LINKS},
        "fit_seconds": round(fitted - start, 1),
        "measure_seconds": round(time.perf_counter() - fitted, 1),
    }


@contextmanager
def _one_thread():
    """Hold every library to one thread, as ``encode_ratio`` asks."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(threads)


def _key(system: type[System]) -> str:
    """Name what a system's rows depend on: photos, grid, checkpoints, and the code they call."""
    about = [campus.VERSION, SIZE, EACH, SHARE, ENOUGH, grid(system), WHOLE.get(system.method)]
    digest = hashlib.blake2b(repr(about).encode(), digest_size=8)
    for file in sorted(paths.checkpoints().glob("*")):
        digest.update(file.read_bytes())
    digest.update(kept_code.digest(__file__, inspect.getfile(system)).encode())
    return digest.hexdigest()
