import numpy as np
import pytest

from mvs_lib.features import gist, global_descriptor, hog
from mvs_lib.features.preparation import BATCH, grey, resize

DESCRIPTORS = [gist, hog, global_descriptor]


def photos(count, height=128, width=128, seed=0):
    """Smooth random photos: noise at two resolutions."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 200, (count, 8, 8, 3)).repeat(height // 8, 1).repeat(width // 8, 2)
    fine = random.integers(0, 56, (count, height, width, 3))
    return (coarse + fine).astype(np.uint8)


@pytest.mark.parametrize("descriptor", DESCRIPTORS, ids=lambda module: module.__name__)
class TestEveryDescriptor:
    def test_one_photo_at_a_time_equals_the_batch(self, descriptor):
        images = photos(BATCH + 3)
        batch = descriptor.describe(images)
        single = np.vstack([descriptor.describe(image[None]) for image in images])
        np.testing.assert_allclose(single, batch, atol=1e-5)
        assert batch.dtype == np.float32 and batch.shape == (BATCH + 3, descriptor.DIMENSIONS)
        assert np.isfinite(batch).all()

    def test_order_of_the_photos_does_not_matter(self, descriptor):
        images = photos(5)
        forward, backward = descriptor.describe(images), descriptor.describe(images[::-1])
        np.testing.assert_allclose(forward, backward[::-1], atol=1e-5)

    @pytest.mark.parametrize("brightness", [0, 1, 127, 255])
    def test_a_textureless_photo_has_no_edges(self, descriptor, brightness):
        described = descriptor.describe(np.full((2, 40, 200, 3), brightness, np.uint8))
        np.testing.assert_allclose(described, 0, atol=1e-4)

    @pytest.mark.parametrize("size", [(1, 1), (32, 32), (96, 128), (240, 320)])
    def test_takes_any_size_and_reads_only(self, descriptor, size):
        images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
        images.setflags(write=False)
        expected = descriptor.describe(resize(images))
        np.testing.assert_array_equal(descriptor.describe(images, progress=False), expected)

    def test_twice_the_size_gives_the_same(self, descriptor):
        images = photos(3)
        twice = images.repeat(2, axis=1).repeat(2, axis=2)
        # averaging the areas of 2 x 2 equal pixels gives the photo back
        np.testing.assert_array_equal(descriptor.describe(twice), descriptor.describe(images))

    def test_takes_no_photos(self, descriptor):
        none = np.empty((0, 128, 128, 3), np.uint8)
        assert descriptor.describe(none).shape == (0, descriptor.DIMENSIONS)

    @pytest.mark.parametrize(
        ("images", "message"),
        [
            (np.zeros((128, 128, 3), np.uint8), r"photo\[None\]"),
            (np.zeros((2, 128, 128), np.uint8), r"uint8 \(n, h, w, 3\)"),
            (np.zeros((2, 128, 128, 4), np.uint8), r"\(2, 128, 128, 4\)"),
            (np.zeros((2, 128, 128, 3), np.float32), "float32"),
            (np.zeros((2, 0, 128, 3), np.uint8), "at least one pixel"),
        ],
    )
    def test_refuses(self, descriptor, images, message):
        with pytest.raises(ValueError, match=message):
            descriptor.describe(images)


def test_progress_shows_a_bar(capsys):
    gist.describe(photos(2), progress=True)
    assert "GIST" in capsys.readouterr().err


def test_shrinking_averages_areas():
    image = photos(1, 256, 256)
    expected = image.reshape(1, 128, 2, 128, 2, 3).mean(axis=(2, 4))
    assert np.abs(resize(image) - expected).max() <= 0.5


def test_a_long_photo_is_averaged_one_way_and_interpolated_the_other():
    stripes = np.zeros((1, 64, 1024, 3), np.uint8)
    stripes[:, :, ::2] = 200  # too fine for 128 columns: taking every eighth would give 0 or 200
    assert (resize(stripes) == 100).all()


def test_grey_keeps_grey():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    np.testing.assert_allclose(grey(levels)[0].ravel(), np.arange(256), rtol=1e-6)
