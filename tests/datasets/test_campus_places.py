"""The campus's places: all 162 stand where they say, look where they say, and can be photographed.

A few photos are pinned: `campus_v4.png` holds their 8 by 8 mean colours. When that test fails, the
photos have changed, and caches, checkpoints and results no longer belong to them: raise
`campus.VERSION`, run this file (`python tests/datasets/test_campus_places.py`), which writes the
new fixture, and make again what hangs on the photos.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mvs_lib.datasets import campus, campus_places, campus_props, campus_scene, campus_statues
from mvs_lib.datasets.campus_places import COUNTS, PLACES, place, positions
from mvs_lib.datasets.campus_raster import rasterize
from mvs_lib.datasets.campus_scene import build_scene, own_frame
from mvs_lib.datasets.campus_shot import CHANCES, draw, draw_shot

FIXTURE = Path(__file__).with_name(f"campus_v{campus.VERSION}.png")
MIDDLE = 0  # a place with no tree among its neighbours: trees are planted, not built
PINNED, PHOTOS = (0, 2, 3, 4, 6), (0, 1, 2, 3)  # places of five kinds; photos of each


# Where they are


def test_there_are_162_places_of_eleven_kinds_with_names_of_their_own():
    places = [place(index) for index in range(PLACES)]
    assert PLACES == 162 == len({one.name for one in places})
    assert [one.index for one in places] == list(range(162))
    kinds = [one.kind for one in places]
    assert {kind: kinds.count(kind) for kind in kinds} == COUNTS
    for kind, count in COUNTS.items():
        assert sorted(one.number for one in places if one.kind == kind) == list(range(count))
    assert len(set(kinds[:11])) > 6  # a small campus has some of everything
    builders = set(campus_scene.BUILDERS)
    assert builders | {"tree"} == set(COUNTS) and "tree" not in builders
    assert len(campus_statues.BODIES) == COUNTS["statue"]
    assert len(campus_props.PLANTINGS) == COUNTS["tree"]


def test_places_keep_their_distance():
    for seed in (0, 1):
        at = positions(seed=seed)
        apart = np.linalg.norm(at[:, None] - at[None], axis=2) + 1e9 * np.eye(PLACES)
        assert apart.min() > 50
        assert np.abs(at).max(0)[0] < 650 and np.abs(at).max(0)[1] < 460
        np.testing.assert_array_equal(positions(7, seed), at[:7])
        np.testing.assert_array_equal(at[5], place(5, seed).position)
    assert not np.array_equal(positions(seed=0), positions(seed=1))


@pytest.mark.parametrize("index", [-1, 162, True])
def test_there_is_no_such_place(index):
    with pytest.raises(ValueError, match=r"place must lie in 0\.\.161"):
        place(index)
    with pytest.raises(ValueError, match=r"place must lie in 0\.\.161"):
        build_scene(index)


@pytest.mark.parametrize("count", [0, 163, True])
def test_there_are_not_so_many_places(count):
    with pytest.raises(ValueError, match=r"places must lie in 1\.\.162"):
        positions(count)


def test_a_thing_s_random_numbers_are_its_own():
    # NumPy takes (0, 1) and (0, 1, 0) for one seed: these, all that the campus uses, differ.
    things = [(1,), *((what, index) for what in (2, 3) for index in range(12))]
    photos = [(index, stream, k) for index in range(6) for stream in (0, 1) for k in range(12)]
    things += [(what, *photo) for what in (4, 5, 6) for photo in photos]
    first = {campus_places.random_of(seed, *key).random() for key in things for seed in (0, 1)}
    assert len(first) == 2 * len(things)
    assert campus_places.random_of(0, 1).random() in first


# Where they look


@pytest.mark.parametrize("heading", [0.0, 0.4, np.pi / 2, 3.0, 4.9])
def test_own_frame_is_a_turn_whose_front_looks_along_the_heading(heading):
    axes = own_frame(heading)
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    before = axes @ [0, -7]  # a point before the front
    np.testing.assert_allclose(before, 7 * np.array([np.sin(heading), np.cos(heading)]), atol=1e-9)
    # To a visitor there, who looks back at the place, x is to the right: clockwise by a quarter.
    looks = heading + np.pi
    right = [np.sin(looks + np.pi / 2), np.cos(looks + np.pi / 2)]
    np.testing.assert_allclose(axes @ [1, 0], right, atol=1e-9)


def test_neighbours_stand_and_look_as_the_campus_has_them(monkeypatch):
    def marked(builder, textures, random, density, one):
        builder.box((0, -5), (0.1, 0.1), 1 + one.index)  # before the front, as high as its number
        return 9, 9, 9

    monkeypatch.setattr(campus_scene, "BUILDERS", dict.fromkeys(campus_scene.BUILDERS, marked))
    monkeypatch.setattr(campus_scene, "_surroundings", lambda *rest: np.zeros((1, 3)))
    one = place(MIDDLE)
    away = np.linalg.norm(positions() - one.position, axis=1)
    near = [int(k) for k in np.argsort(away)[: 1 + campus_scene.NEIGHBOURS]]
    scene = build_scene(MIDDLE, 0, 32)
    boxes = scene.mesh.corners.reshape(len(near), -1, 3)
    assert near[0] == MIDDLE
    for k, box in zip(near, boxes, strict=True):
        other = place(k)
        assert box[:, 2].max() == 1 + k
        at = own_frame(one.heading) @ box[:, :2].mean(0) + one.position
        front = 5 * np.array([np.sin(other.heading), np.cos(other.heading)])
        np.testing.assert_allclose(at, other.position + front, atol=0.05)


def test_a_smaller_photo_shows_the_same_place():
    large, small = build_scene(3, 0, 128), build_scene(3, 0, 32)
    shot = draw_shot(large, 0, 2)
    assert draw_shot(small, 0, 2).camera.lens.tolist() == shot.camera.lens.tolist()
    assert large.extent == small.extent
    plain = replace(shot, strengths=dict.fromkeys(CHANCES, 0.0))
    shrunk = cv2.resize(draw(large, plain, 128), (32, 32), interpolation=cv2.INTER_AREA)
    difference = np.abs(draw(small, plain, 32).astype(float) - shrunk).mean()
    assert difference < 12


# Whether they can be photographed


def test_every_place_can_be_drawn(monkeypatch):
    own, join = [], campus_scene.join

    def noted(meshes):
        own.append(len(meshes[0].corners))
        return join(meshes)

    monkeypatch.setattr(campus_scene, "join", noted)
    monkeypatch.setattr(campus_scene, "NEIGHBOURS", 0)  # each of them has its own turn
    photos = []
    for index in range(PLACES):
        scene = build_scene(index, 0, 32)
        assert all(0.5 < metres < 60 for metres in scene.extent)
        shot = draw_shot(scene, 0, 0)
        assert 5 < np.hypot(*shot.eye[:2]) < 70 and 1.3 < shot.eye[2] < 1.8
        hits = rasterize(scene.mesh, scene.textures, shot.camera, 32)
        assert (hits.triangle < own[-1]).sum() > 0.02 * 32 * 32, f"place {index} is out of sight"
        photos.append(draw(scene, replace(shot, strengths=dict.fromkeys(CHANCES, 0.0)), 32))
    photos = np.array(photos)
    assert photos.dtype == np.uint8 and photos.shape == (PLACES, 32, 32, 3)
    contrast = photos.mean(3).std((1, 2))
    assert contrast.min() > 8, int(contrast.argmin())  # none is nearly uniform
    assert len({photo.tobytes() for photo in photos}) == PLACES


def mosaic():
    """Draw the pinned photos: a row a place, a column a photo, each as 8 by 8 mean colours."""
    rows = []
    for index in PINNED:
        scene = build_scene(index)
        photos = [draw(scene, draw_shot(scene, 0, k)) for k in PHOTOS]
        means = [photo.reshape(8, 16, 8, 16, 3).mean((1, 3)) for photo in photos]
        rows.append(np.concatenate(means, 1))
    return np.concatenate(rows, 0)


def test_photos_are_those_of_this_version():
    stored = np.asarray(Image.open(FIXTURE), float)
    drawn = mosaic()
    assert stored.shape == drawn.shape == (8 * len(PINNED), 8 * len(PHOTOS), 3)
    difference = np.abs(stored - drawn)
    assert difference.max() <= 2, (
        f"the campus's photos have changed (by {difference.max():.1f} grey levels): raise "
        "campus.VERSION and write a new fixture, as this file's first lines say"
    )


if __name__ == "__main__":
    Image.fromarray(np.round(mosaic()).astype(np.uint8)).save(FIXTURE)
    print(f"wrote {FIXTURE}")
