import numpy as np
import pytest

from mvs_lib.features import hog


def grating(degrees):
    row, column = np.mgrid[:128, :128]
    along = column * np.cos(np.radians(degrees)) + row * np.sin(np.radians(degrees))
    wave = 127 + 100 * np.cos(2 * np.pi * 0.08 * along)
    return wave[..., None].repeat(3, 2).astype(np.uint8)


@pytest.mark.parametrize("bin_", range(9))
def test_a_grating_fills_its_own_direction_most(bin_):
    histograms = hog.cell_histograms(grating(20 * bin_ + 10)[None])
    assert histograms[0].sum(axis=(0, 1)).argmax() == bin_


def test_one_cell_equals_a_slow_count():
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    values, row_of_cell, column_of_cell = image.astype(int), 3, 0
    histogram = np.zeros(9)
    for row in range(128):
        for column in range(128):
            best = (-1, 0.0)
            for channel in range(3):
                plane = values[..., channel]
                across = plane[row, min(column + 1, 127)] - plane[row, max(column - 1, 0)]
                down = plane[min(row + 1, 127), column] - plane[max(row - 1, 0), column]
                if across**2 + down**2 > best[0]:
                    best = (across**2 + down**2, np.degrees(np.arctan2(down, across)) % 180)
            near = max(0, 1 - abs(row - (16 * row_of_cell + 7.5)) / 16)
            near *= max(0, 1 - abs(column - (16 * column_of_cell + 7.5)) / 16)
            for bin_ in range(9):
                apart = abs(best[1] - (20 * bin_ + 10))
                histogram[bin_] += near * max(0, 1 - min(apart, 180 - apart) / 20) * best[0] ** 0.5
    cells = hog.cell_histograms(image[None])[0]
    np.testing.assert_allclose(cells[row_of_cell, column_of_cell], histogram, rtol=1e-4)


def test_every_inner_pixel_votes_once():
    # the shares of a pixel among cells and directions add to one: nothing is lost or doubled
    image = np.zeros((1, 128, 128, 3), np.uint8)
    image[:, 40:90, 40:90] = np.random.default_rng(0).integers(0, 256, (50, 50, 1))
    strength, _ = hog._gradient(image)
    np.testing.assert_allclose(hog.cell_histograms(image).sum(), strength.sum(), rtol=1e-5)


def test_brightness_and_contrast_cancel():
    image = np.random.default_rng(0).integers(0, 80, (128, 128, 3))
    variants = np.stack([image, image + 100, 3 * image, 255 - image]).astype(np.uint8)
    plain, brighter, stronger, negative = hog.describe(variants)
    np.testing.assert_array_equal(brighter, plain)
    np.testing.assert_allclose(stronger, plain, atol=1e-5)
    np.testing.assert_allclose(negative, plain, atol=1e-5)


def test_blocks_are_unit_and_hold_their_cells():
    image = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
    blocks = hog.describe(image).reshape(7, 7, 2, 2, 9)
    np.testing.assert_allclose((blocks**2).sum(axis=(2, 3, 4)), 1, rtol=1e-4)
    cells = hog.cell_histograms(image)[0]
    block = cells[2:4, 5:7] / np.linalg.norm(cells[2:4, 5:7])
    block = np.minimum(block, 0.2)
    np.testing.assert_allclose(blocks[2, 5], block / np.linalg.norm(block), rtol=1e-4)


def test_a_strong_edge_is_clipped():
    image = np.zeros((1, 128, 128, 3), np.uint8)
    image[:, :, 60:] = 255
    block = hog.describe(image).reshape(7, 7, 36)[3, 3]
    assert block.max() < 0.6  # unclipped, two cells would hold 0.6 and more each
