"""Squares of the campus: the seed alone decides, and a label is what is seen."""

import joblib
import numpy as np
import pytest
from this_process import InThisProcess

from mvs_lib.datasets import campus_squares
from mvs_lib.datasets.campus_raster import rasterize
from mvs_lib.datasets.collection import validation_split

SMALL = {"source": 5, "query": 2, "size": 32, "progress": False}


def set_up(patch, folder):
    patch.setenv("MVS_DATA", str(folder))
    patch.setattr(joblib, "Parallel", InThisProcess)
    patch.setattr(campus_squares, "PHOTOS", 4)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        set_up(patch, tmp_path_factory.mktemp("squares"))
        return campus_squares.load(**SMALL)


def test_every_photo_shows_something_and_no_two_are_alike(small):
    names = tuple(campus_squares.THINGS)
    for photos, count in ((small.source, 5), (small.query, 2)):
        assert photos.images.shape == (count, 32, 32, 3) and photos.names == names
        assert photos.labels.shape == (count, len(names)) and photos.labels.any(axis=1).all()
    every = np.concatenate([small.source.images, small.query.images])
    assert len({image.tobytes() for image in every}) == 7


def test_the_seed_alone_decides_and_a_smaller_set_is_a_part(small, tmp_path, monkeypatch):
    set_up(monkeypatch, tmp_path)
    part = campus_squares.load(**SMALL | {"source": 3, "query": 1})
    for few, many in ((part.source, small.source), (part.query, small.query)):
        assert np.array_equal(few.images, many.images[: len(few)])
        assert np.array_equal(few.labels, many.labels[: len(few)])
    other = campus_squares.load(**SMALL | {"source": 1, "query": 1, "seed": 1})
    assert not np.array_equal(other.source.images, small.source.images[:1])


def test_a_label_is_what_covers_enough_of_the_photo(monkeypatch):
    square = campus_squares.build_square(np.random.default_rng(0), 32)
    seen = []
    monkeypatch.setattr(
        campus_squares, "rasterize", lambda *args: seen.append(rasterize(*args)) or seen[-1]
    )
    drawn, honest = [], campus_squares._thing

    def noted(square, name, *rest):
        drawn.append((name, honest(square, name, *rest)))
        return drawn[-1][1]

    monkeypatch.setattr(campus_squares, "_thing", noted)
    for photo in range(6):
        seen.clear()
        drawn.clear()
        _, labels = campus_squares.draw_photo(square, np.random.default_rng(photo), 32)
        if len(seen) > 1:  # drawn again, because nothing was seen
            continue
        start, wanted = len(square.scene.mesh.corners), np.zeros(10, int)
        for name, mesh in drawn:
            own = (seen[0].triangle >= start) & (seen[0].triangle < start + len(mesh.corners))
            wanted[list(campus_squares.THINGS).index(name)] = own.sum() >= 32 * 32 / 256
            start += len(mesh.corners)
        assert labels.tolist() == wanted.tolist()


def test_one_thing_alone_has_one_label_and_each_thing_can_be_seen(monkeypatch):
    square = campus_squares.build_square(np.random.default_rng(3), 32)
    monkeypatch.setattr(campus_squares, "CHANCE", 0.0)
    shown = set()
    for photo in range(60):
        _, labels = campus_squares.draw_photo(square, np.random.default_rng(photo), 32)
        assert labels.sum() == 1
        shown.add(int(labels.argmax()))
    assert shown == set(range(10))


def test_held_back_photos_with_several_labels_are_a_share_of_all(small):
    held = validation_split(small.source, share=0.4, seed=2)
    assert (len(held.source), len(held.query)) == (3, 2)
    both = np.concatenate([held.source.images, held.query.images])
    assert {image.tobytes() for image in both} == {i.tobytes() for i in small.source.images}


@pytest.mark.parametrize(
    ("change", "message"),
    [({"source": 0}, "source must lie in 1.."), ({"query": 1.5}, "query must be a whole number"),
     ({"size": 16}, "size must lie in 32..512"), ({"seed": -1}, "seed must lie in 0.."),
     ({"source": True}, "source must be a whole number")],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        campus_squares.load(**SMALL | change)
