import numpy as np
import pytest

from mvs_lib.features import gist
from mvs_lib.features.preparation import grey


def grating(degrees, cycles_a_pixel, size=128):
    """A wave whose brightness changes in the given direction (90: down), as one photo."""
    row, column = np.mgrid[:size, :size]
    along = column * np.cos(np.radians(degrees)) + row * np.sin(np.radians(degrees))
    wave = 127 + 100 * np.cos(2 * np.pi * cycles_a_pixel * along)
    return wave[..., None].repeat(3, 2).astype(np.uint8)


def channels(image):
    """Mean over the grid: (scale, orientation)."""
    return gist.describe(image[None]).reshape(4, 8, 16).mean(axis=2)


@pytest.mark.parametrize("scale", range(4))
@pytest.mark.parametrize("orientation", range(8))
def test_a_grating_excites_its_own_channel_most(scale, orientation):
    answers = channels(grating(22.5 * orientation, 0.3 / 1.85**scale))
    assert np.unravel_index(answers.argmax(), (4, 8)) == (scale, orientation)


@pytest.mark.parametrize("scale", range(3))  # the fourth is longer than a grid cell of 8 pixels
def test_a_small_photo_may_be_described_at_its_own_size(scale):
    for orientation in range(8):
        wave = grating(22.5 * orientation, 0.3 / 1.85**scale, size=32)
        answers = gist.describe(wave[None], size=32).reshape(4, 8, 16).mean(axis=2)
        assert np.unravel_index(answers.argmax(), (4, 8)) == (scale, orientation)


@pytest.mark.parametrize("size", [0, 12, 30, 127])
def test_refuses_a_size_that_the_grid_does_not_divide(size):
    with pytest.raises(ValueError, match=f"multiple of 4 from 16 up, got {size}"):
        gist.describe(grating(0, 0.1)[None], size=size)


def test_the_grid_says_where():
    image = np.full((128, 128, 3), 100, np.uint8)
    image[64:96, 32:64] = grating(0, 0.1)[64:96, 32:64]
    grid = gist.describe(image[None]).reshape(32, 4, 4).mean(axis=0)
    assert np.unravel_index(grid.argmax(), (4, 4)) == (2, 1)


def test_a_mirrored_photo_has_mirrored_answers():
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    plain, mirrored = gist.describe(np.stack([image, image[:, ::-1]])).reshape(2, 4, 8, 4, 4)
    # mirrored left to right, direction a becomes 180 degrees - a and columns change places
    other = mirrored[:, -np.arange(8) % 8, :, ::-1]
    assert np.abs(plain - other).max() < 0.02 * plain.max()


def slow_channel(image, scale, orientation):
    """One channel by the definition: whole filter, whole transform back, whole average."""
    size = len(image)
    cell = size // 4
    padded = np.pad(grey(image[None])[0].astype(float), cell, mode="symmetric")
    frequency = np.fft.fftfreq(len(padded))
    cycles_a_photo = np.hypot(frequency[:, None], frequency) * size
    blur = 0.5 ** (cycles_a_photo**2 / 4**2)

    def blurred(values):
        return np.fft.ifft2(np.fft.fft2(values) * blur).real

    detail = np.log(1 + padded)
    detail = detail - blurred(detail)
    evened = detail / (0.2 + np.sqrt(np.abs(blurred(detail**2))))
    gain = np.zeros(padded.shape)
    for i, down in enumerate(frequency):
        for j, across in enumerate(frequency):
            angle = np.arctan2(down, across) - np.pi * orientation / 8
            angle -= 2 * np.pi * np.round(angle / (2 * np.pi))
            radius = np.hypot(down, across) / (0.3 / 1.85**scale)
            gain[i, j] = np.exp(-3.5 * (radius - 1) ** 2 - 2 * np.pi * angle**2)
    answer = np.abs(np.fft.ifft2(np.fft.fft2(evened) * gain))[cell:-cell, cell:-cell]
    return np.array(
        [
            [answer[r : r + cell, c : c + cell].mean() for c in range(0, size, cell)]
            for r in range(0, size, cell)
        ]
    )


@pytest.mark.parametrize("size", [128, 32])
@pytest.mark.parametrize(("scale", "orientation"), [(0, 0), (1, 3), (2, 4), (3, 7)])
def test_equals_the_slow_definition(scale, orientation, size):
    random = np.random.default_rng(scale)
    image = random.integers(0, 200, (16, 16, 3)).repeat(size // 16, 0).repeat(size // 16, 1)
    image = (image + random.integers(0, 56, (size, size, 3))).astype(np.uint8)
    expected = slow_channel(image, scale, orientation)
    channel = gist.describe(image[None], size=size).reshape(4, 8, 4, 4)[scale, orientation]
    np.testing.assert_allclose(channel, expected, atol=0.02 * expected.max())


def test_the_light_changes_little():
    # half the light is a constant in the logarithm, which the prefilter takes away
    random = np.random.default_rng(0)
    image = random.integers(40, 250, (16, 16, 3)).repeat(8, 0).repeat(8, 1)
    full, dim = gist.describe(np.stack([image, image // 2]).astype(np.uint8))
    assert np.linalg.norm(full - dim) < 0.03 * np.linalg.norm(full)
