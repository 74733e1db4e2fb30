"""Photos covered in part, and photos made smaller for the first epochs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.deep import training
from mvs_lib.deep.augmentation import GREY, covered, shrunk
from mvs_lib.deep.methods import DLBH
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import train


def draw(n, height, width, seed=0):
    return np.random.default_rng(seed).integers(GREY + 1, 256, (n, height, width, 3), np.uint8)


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_a_whole_square_is_covered_and_nothing_else(height, width, side, seed):
    images = draw(3, height, width)
    side = min(side, height, width)
    seen = covered(images, side, np.random.default_rng(seed))
    for photo, image in zip(seen, images, strict=True):
        changed = (photo != image).any(2)
        assert changed.sum() == side**2 and (photo[changed] == GREY).all()
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        assert len(rows) == len(columns) == side


def test_every_place_comes_up_alike():
    seen = covered(draw(900, 4, 4), 2, np.random.default_rng(1))
    corners = [tuple(np.argwhere((photo == GREY).all(2))[0]) for photo in seen]
    counts = [corners.count((y, x)) for y in range(3) for x in range(3)]
    assert sum(counts) == 900 and 65 < min(counts) and max(counts) < 140  # 100, deviation 9.4


def test_a_small_pixel_is_the_mean_of_what_it_covers():
    images = draw(5, 12, 12, seed=2)
    blocks = images.reshape(5, 4, 3, 4, 3, 3).mean((2, 4))
    assert np.abs(shrunk(images, 4) - blocks).max() <= 0.5001
    np.testing.assert_array_equal(shrunk(images, 12), images)
    flat = np.full((1, 32, 32, 3), 77, np.uint8)
    assert (shrunk(flat, 24) == 77).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="a square of 5 pixels is too large for photos 4 x 6"):
        covered(draw(1, 4, 6), 5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="square, 5 pixels or more, got 4 x 4"):
        shrunk(draw(1, 4, 4), 5)
    with pytest.raises(ValueError, match="square, 3 pixels or more, got 4 x 6"):
        shrunk(draw(1, 4, 6), 3)
    with pytest.raises(ValueError, match=r"small_share must lie in 0\.\.1, got 2"):
        Settings(small_share=2)


def test_the_first_epochs_see_small_photos_and_all_see_covered_ones(fresh, photos, monkeypatch):
    calls = []
    for name, honest in (("covered", covered), ("shrunk", shrunk)):

        def spy(images, side, *random, name=name, honest=honest):
            calls.append((name, side))
            return honest(images, side, *random)

        monkeypatch.setattr(training, name, spy)
    run = Settings(epochs=4, batch_size=30, augment=0, cover=5, small_share=0.5, small_side=24)
    train(fresh(), DLBH(), photos, run, progress=False)
    assert calls == [("covered", 5), ("shrunk", 24)] * 2 + [("covered", 5)] * 2
    calls.clear()
    train(fresh(), DLBH(), photos, replace(run, cover=0, small_share=0), progress=False)
    assert calls == []
