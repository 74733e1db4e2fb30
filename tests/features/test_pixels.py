"""Pixels as features: block means where blocks fit, the photo itself at its own size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.features import pixels


def _photos(seed, count, side):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 5))
def test_a_pixel_is_the_mean_of_its_block(seed, side, block):
    images = _photos(seed, 2, side * block)
    rows = pixels.describe(images, side)
    blocks = images.reshape(2, side, block, side, block, 3).mean((2, 4))
    assert rows.shape == (2, side * side * 3) and rows.dtype == np.float64
    assert np.abs(255 * rows.reshape(blocks.shape) - blocks).max() <= 0.5 + 1e-6


def test_at_its_own_size_a_photo_stays_as_it_is():
    images = _photos(0, 3, 16)
    assert (np.rint(255 * pixels.describe(images)).reshape(images.shape) == images).all()
    assert pixels.describe(images[:0]).shape == (0, 768)


@pytest.mark.parametrize(
    ("images", "side", "message"),
    [
        (np.zeros((2, 8, 8, 3)), 4, "uint8"),
        (np.zeros((8, 8, 3), np.uint8), 4, r"\(8, 8, 3\)"),
        (np.zeros((1, 8, 8, 3), np.uint8), 0, "at least 1 pixel"),
    ],
)
def test_bad_photos_are_refused(images, side, message):
    with pytest.raises(ValueError, match=message):
        pixels.describe(images, side)
