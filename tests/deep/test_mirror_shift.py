"""CIFAR's views: mirrored in turns, moved by whole pixels, and how the loop asks for them."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.deep import resume
from mvs_lib.deep.augmentation import MirrorShift
from mvs_lib.deep.methods import DLBH
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import train

QUICK = Settings(epochs=1, batch_size=10, augment=0)


def draw(seed, n=8, height=7, width=9):
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, 3)).astype(np.uint8)


def seen(images, mirror, shift, epoch=0, seed=0, moves=1, index=None):
    index = np.arange(len(images)) if index is None else index
    return MirrorShift(mirror, shift, seed)(images, np.random.default_rng(moves), index, epoch)


def candidates(image, shift, mirror):
    """Every view that a photo may have: cut from the photo reflected at its outermost pixels."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((shift, shift), (shift, shift), (0, 0)), mode="reflect")
    for y in range(2 * shift + 1):
        for x in range(2 * shift + 1):
            view = padded[y : y + height, x : x + width]
            yield (y, x, False), view
            if mirror:
                yield (y, x, True), view[:, ::-1]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.booleans(), st.integers(0, 3))
def test_every_view_is_a_cut_from_the_reflected_photo(seed, shift, mirror, epoch):
    images = draw(seed, n=3)
    for image, view in zip(images, seen(images, mirror, shift, epoch, moves=seed), strict=True):
        assert any(np.array_equal(view, each) for _, each in candidates(image, shift, mirror))


def test_all_moves_within_the_limit_come_up_alike():
    image = draw(0, n=1)
    views = seen(np.repeat(image, 500, 0), False, 2)
    counts = [
        sum(np.array_equal(view, each) for view in views)
        for _, each in candidates(image[0], 2, False)
    ]
    assert sum(counts) == 500 and len(counts) == 25
    assert 5 < min(counts) and max(counts) < 45  # 20 expected, about 4 deviation


def test_two_epochs_show_both_sides_of_every_photo_and_half_begin_mirrored():
    images = draw(1, n=400)
    first, second, third = (seen(images, True, 0, epoch) for epoch in (0, 1, 2))
    np.testing.assert_array_equal(second, first[:, :, ::-1])
    np.testing.assert_array_equal(third, first)
    mirrored = (first == images[:, :, ::-1]).all((1, 2, 3))
    assert ((first == images).all((1, 2, 3)) | mirrored).all()
    assert 150 < mirrored.sum() < 250
    other = (seen(images, True, 0, seed=1) == images[:, :, ::-1]).all((1, 2, 3))
    assert (mirrored != other).any()


def test_a_photos_side_hangs_on_its_place_not_on_its_batch():
    images = draw(2, n=50)
    whole = seen(images, True, 0)
    index = np.random.default_rng(0).permutation(50)
    for part in np.array_split(index, 7):
        np.testing.assert_array_equal(seen(images[part], True, 0, index=part), whole[part])


def test_nothing_asked_nothing_done():
    images = draw(3)
    random = np.random.default_rng(5)
    before = random.bit_generator.state
    assert MirrorShift(False, 0)(images, random, np.arange(8), 1) is images
    assert random.bit_generator.state == before  # the draws of older runs are not disturbed


def test_the_given_photos_stay():
    images = draw(4)
    images.flags.writeable = False
    out = seen(images, True, 3, epoch=1)
    assert out.dtype == np.uint8 and out.shape == images.shape
    assert np.array_equal(images, draw(4))


def test_a_move_beyond_the_photo_is_refused():
    with pytest.raises(ValueError, match="shift of 7 pixels is too much for photos of 7 x 9"):
        seen(draw(5), False, 7)
    with pytest.raises(ValueError, match=r"need shift >= 0, .* pixels, got -1, 0 and 24"):
        Settings(shift=-1)


def test_the_loop_shows_the_moved_photos_and_counts_epochs(fresh, photos, monkeypatch):
    calls, call = [], MirrorShift.__call__

    def spy(self, images, random, index, epoch):
        calls.append((self.mirror, self.shift, self.seed, epoch, tuple(index)))
        assert np.array_equal(images, photos.images[index])
        return call(self, images, random, index, epoch)

    monkeypatch.setattr(MirrorShift, "__call__", spy)
    moving = replace(QUICK, epochs=2, mirror=True, shift=2, seed=4)
    network = fresh()
    train(network, DLBH(), photos, moving, progress=False)
    assert [each[:4] for each in calls] == [(True, 2, 4, e) for e in (0, 0, 0, 1, 1, 1)]
    assert sorted(i for each in calls[:3] for i in each[4]) == list(range(30))
    still = fresh()
    train(still, DLBH(), photos, replace(moving, mirror=False, shift=0), progress=False)
    assert not torch.equal(network.hash.weight, still.hash.weight)


def test_runs_stored_before_these_settings_existed_are_still_recognised(fresh, photos, tmp_path):
    old = asdict(QUICK)
    newer = {"mirror": True, "shift": 2, "cover": 3, "small_share": 0.5, "small_side": 9}
    newer["per_class"] = 4
    for name in newer:
        del old[name]
    assert QUICK.described() == old
    for name, value in newer.items():
        assert replace(QUICK, **{name: value}).described() == {**old, name: value}
    path = tmp_path / "run"
    train(fresh(), DLBH(), photos, QUICK, checkpoint=path, progress=False)
    stored = resume.checkpoint.read_tensors(path, resume.FORMAT)[1]["run"]
    assert stored["settings"] == old
    with pytest.raises(ValueError, match="run with other settings"):
        train(fresh(), DLBH(), photos, replace(QUICK, mirror=True), checkpoint=path, progress=False)
