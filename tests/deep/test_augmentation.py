import numpy as np
import pytest

from mvs_lib.deep.augmentation import Augmentation

NOTHING = dict.fromkeys(("rotation", "zoom", "shift", "light", "colour", "erase"), 0.0)


def only(**options):
    return Augmentation(**{**NOTHING, **options})


def photos(n=6, side=32, seed=0):
    return np.random.default_rng(seed).integers(60, 180, (n, side, side, 3)).astype(np.uint8)


def seen(augmentation, images, seed=0):
    return augmentation(images, np.random.default_rng(seed))


def blob(x, y, side=65):
    """A bright blob ``x`` to the right of the centre and ``y`` below it, one photo."""
    rows, columns = np.mgrid[:side, :side] - side // 2
    values = 200 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    return np.repeat(np.uint8(values)[None, ..., None], 3, 3)


def place(image):
    weight = image[..., 0].astype(float)
    weight[weight < 15] = 0
    rows, columns = np.mgrid[: len(weight), : len(weight)] - len(weight) // 2
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


def flat(value, n=200, side=8):
    return np.full((n, side, side, 3), value, np.uint8)


def test_without_any_change_the_photos_stay():
    assert np.array_equal(seen(only(), photos()), photos())


def test_photos_come_out_and_the_given_ones_stay():
    images = photos()
    images.flags.writeable = False
    out = seen(Augmentation(light=0.9, colour=0.5), images)
    assert out.dtype == np.uint8 and out.shape == images.shape and out.flags.writeable
    assert np.array_equal(images, photos())
    assert seen(Augmentation(), images[:0]).shape == (0, 32, 32, 3)


def test_the_generator_decides_and_each_photo_is_seen_differently():
    images = np.repeat(photos(1), 4, 0)
    once = seen(Augmentation(), images, 3)
    assert np.array_equal(once, seen(Augmentation(), images, 3))
    assert not np.array_equal(once, seen(Augmentation(), images, 4))
    assert len({view.tobytes() for view in once}) == 4


def test_every_range_is_scaled():
    half, full = vars(Augmentation().scaled(0.5)), vars(Augmentation())
    assert half == {name: 0.5 * value for name, value in full.items()} and len(half) == 6
    assert np.array_equal(seen(Augmentation().scaled(0), photos()), photos())


def test_rotation_turns_either_way_up_to_its_limit():
    angles = []
    for seed in range(60):
        x, y = place(seen(only(rotation=30.0), blob(20, 0), seed)[0])
        assert np.hypot(x, y) == pytest.approx(20, abs=0.3)
        angles.append(np.rad2deg(np.arctan2(y, x)))
    assert -30.5 < min(angles) < -20 and 20 < max(angles) < 30.5


def test_zoom_scales_both_ways_up_to_its_limit_and_moves_not_the_centre():
    scales = [place(seen(only(zoom=0.5), blob(16, 0), seed)[0])[0] / 16 for seed in range(60)]
    assert 1 / 1.5 - 0.02 < min(scales) < 0.8 and 1.35 < max(scales) < 1.52
    centre = place(seen(only(zoom=0.5), blob(0, 0), 1)[0])
    np.testing.assert_allclose(centre, 0, atol=0.1)


def test_shift_is_a_share_of_the_side():
    moves = np.array([place(seen(only(shift=0.2), blob(0, 0), seed)[0]) for seed in range(60)])
    assert np.abs(moves).max() <= 0.2 * 65 + 0.3
    assert (np.abs(moves).max(0) > 0.16 * 65).all()
    assert (moves.min(0) < 0).all() and (moves.max(0) > 0).all()


def test_pixels_from_beyond_the_edge_are_mirrored():
    out = seen(only(rotation=45.0, zoom=0.5, shift=0.3), flat(200, side=32))
    assert (out == 200).all()


def test_light_changes_brightness_by_a_factor_within_its_limit():
    out = seen(only(light=0.4), flat(100))
    factors = out[:, 0, 0, 0] / 100
    assert 0.6 <= factors.min() < 0.65 and 1.35 < factors.max() <= 1.4
    assert (np.ptp(out, (1, 2, 3)) == 0).all()  # the whole photo alike, the channels too


def test_light_changes_contrast_about_the_mean():
    image = flat(80)
    image[:, :, 4:] = 120
    out = seen(only(light=0.4), image).astype(float)
    dark, bright = out[:, 0, 0, 0], out[:, 0, 7, 0]
    contrast = (bright - dark) / ((bright + dark) / 2) / 0.4
    assert 0.58 < contrast.min() < 0.65 and 1.35 < contrast.max() < 1.42


def test_values_beyond_the_range_are_clipped():
    assert not seen(only(light=0.9), flat(0)).any()
    bright = seen(only(light=0.9), flat(250))
    assert (bright == 255).any() and bright.min() >= 0.1 * 250 - 1


def test_colour_changes_the_channels_each_by_its_own_factor():
    factors = seen(only(colour=0.1), flat(200))[:, 0, 0] / 200
    assert factors.min() >= 0.9 and factors.max() <= 1.1
    assert (np.ptp(factors, 0) > 0.18).all()
    assert np.abs(np.corrcoef(factors.T) - np.eye(3)).max() < 0.25


def test_a_grey_square_hides_up_to_its_share_of_the_side():
    edges, rows = [], np.zeros(40)
    for view in seen(only(erase=0.5), flat(0, 300, 40)):
        hidden = (view == 118).all(2)
        assert set(np.unique(view)) <= {0, 118}
        height, width = hidden.any(1).sum(), hidden.any(0).sum()
        assert height == width and hidden.sum() == height**2  # one square, wholly inside
        edges.append(height)
        rows += hidden.any(1)
    assert min(edges) == 0 and max(edges) == 19  # below half of 40 pixels
    assert (rows > 0).all()  # anywhere in the photo


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 32, 40, 3), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((2, 3, 32, 32), np.uint8),
        np.zeros((2, 32, 32, 3), np.float32),
    ],
)
def test_other_photos_are_refused(wrong):
    with pytest.raises(ValueError, match=r"photos must be square, uint8 \(n, side, side, 3\), got"):
        seen(Augmentation(), wrong)
