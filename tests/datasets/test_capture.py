"""Every promise of the capture conditions is measured on photos made for it."""

import cv2
import numpy as np
import pytest

from mvs_lib.datasets import capture
from mvs_lib.datasets.capture import CONDITIONS, apply

SEEDS = range(8)


def photo(height=48, width=64, seed=0):
    """Smooth colours and some edges, neither dark nor bright to the limit."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 216, (6, 8, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    image[height // 4 : height // 2, width // 3 : width // 2] = (60, 190, 120)
    return image


def grey(value, height=64, width=64):
    return np.full((height, width, 3), value, np.uint8)


def condition(name):
    return getattr(capture, name)


def difference(a, b):
    return float(np.abs(a.astype(float) - b).mean())


def coverage(strength, seed, size=64):
    """Share of the photo that the occluder hides: what of the white minus what of the black."""
    white = capture.occlusion(grey(255, size, size), strength, seed)
    black = capture.occlusion(grey(0, size, size), strength, seed)
    return 1 - (white.astype(float) - black) / 255


@pytest.mark.parametrize("name", CONDITIONS)
def test_strength_zero_changes_nothing(name):
    image = photo()
    assert np.array_equal(condition(name)(image, 0, 3), photo())
    assert np.array_equal(apply(image, {name: 0.0}, 3), photo())


def test_no_conditions_change_nothing():
    assert np.array_equal(apply(photo(), {}), photo())


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("shape", [(48, 64), (33, 20), (2, 3), (1, 1)])
@pytest.mark.parametrize("strength", [0.02, 0.6, 1])
def test_a_photo_comes_back_as_a_photo_and_the_given_one_stays(name, shape, strength):
    image = photo(*shape) if min(shape) > 3 else np.full((*shape, 3), 90, np.uint8)
    before = image.copy()
    image.flags.writeable = False
    out = condition(name)(image, strength, 5)
    assert out.dtype == np.uint8 and out.shape == image.shape
    assert np.array_equal(image, before)


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_seed_alone_decides(name):
    image, step = photo(), condition(name)
    once = step(image, 0.7, [4, 2])
    np.random.default_rng(0).random(10)
    assert np.array_equal(step(image, 0.7, [4, 2]), once)
    drawn = {step(image, 0.7, seed).tobytes() for seed in SEEDS}
    # exposure, focus and JPEG draw nothing; a rotation goes to one of two sides
    nothing = {"defocus", "underexposure", "overexposure", "jpeg"}
    assert len(drawn) == {**dict.fromkeys(nothing, 1), "rotation": 2}.get(name, len(SEEDS))


@pytest.mark.parametrize("name", CONDITIONS)
def test_views_of_an_array_do_as_well(name):
    image = photo(48, 64)
    turned = image[::-1, ::2]
    assert np.array_equal(
        condition(name)(turned, 0.8, 1), condition(name)(np.ascontiguousarray(turned), 0.8, 1)
    )


@pytest.mark.parametrize("name", sorted(set(CONDITIONS) - {"noise", "jpeg"}))
def test_the_same_seed_does_the_same_at_every_size(name):
    small, large = (
        photo(64, 64),
        cv2.resize(photo(64, 64), (192, 192), interpolation=cv2.INTER_CUBIC),
    )
    for seed in SEEDS:
        at_small = condition(name)(small, 0.8, seed)
        at_large = cv2.resize(
            condition(name)(large, 0.8, seed), (64, 64), interpolation=cv2.INTER_AREA
        )
        changed = difference(at_small, small)
        assert difference(at_small, at_large) < 0.25 * changed, seed


@pytest.mark.parametrize("name", CONDITIONS)
def test_more_strength_changes_more(name):
    image = photo(96, 128)
    for seed in SEEDS:
        changes = [
            difference(condition(name)(image, s, seed), image) for s in (0, 0.25, 0.5, 0.75, 1)
        ]
        assert (np.diff(changes) > 0).all(), (seed, changes)


def test_underexposure_is_measured_in_stops():
    for strength in (0.25, 0.5, 1):
        for value in (40, 120, 255):
            dark = capture.underexposure(grey(value), strength)
            assert np.ptp(dark) == 0
            assert abs(int(dark.flat[0]) - value / 2 ** (2.2 * strength)) <= 0.5


def test_overexposure_is_measured_in_stops_and_clips():
    for strength in (0.25, 0.5, 1):
        for value in (0, 20, 90, 255):
            bright = capture.overexposure(grey(value), strength)
            expected = min(255, value * 2 ** (1.3 * strength) + 12 * strength)
            assert np.ptp(bright) == 0 and abs(int(bright.flat[0]) - expected) <= 0.5


@pytest.mark.parametrize("strength", [0.2, 0.6, 1])
def test_noise_has_the_stated_deviation_and_is_partly_colour(strength):
    rest = capture.noise(grey(128, 200, 200), strength).astype(float) - 128
    expected = 26 * strength
    assert rest.std() == pytest.approx(expected, rel=0.03)
    assert abs(rest.mean()) < 4 * expected / 200
    covariance = np.cov(rest.reshape(-1, 3).T) / expected**2
    # the grey part (0.8) is shared by the channels, the colour part (0.6) is each channel's own
    np.testing.assert_allclose(covariance, 0.64 + 0.36 * np.eye(3), atol=0.04)
    neighbours = np.corrcoef(rest[:, :-1].ravel(), rest[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 0.02


@pytest.mark.parametrize("strength", [0.1, 0.5, 1])
def test_occlusion_covers_about_three_tenths_of_its_strength(strength):
    covered = np.array([coverage(strength, seed).mean() for seed in range(120)])
    assert covered.mean() == pytest.approx(0.3 * strength, rel=0.2)
    assert (covered > 0.5 * 0.3 * strength).all() and (covered < 1.65 * 0.3 * strength).all()


def test_occlusion_hides_what_lies_behind_and_leaves_the_rest():
    """Most pixels are hidden wholly or not at all: the soft rim is narrow."""
    for seed in range(20):
        hidden = coverage(1, seed)
        out = capture.occlusion(photo(64, 64), 1, seed).astype(int)
        assert np.abs(out - photo(64, 64))[hidden == 0].max() <= 1
        assert ((hidden > 0.02) & (hidden < 0.98)).mean() < 0.2
        assert (hidden > 0.98).mean() > 0.08


def test_occlusion_comes_from_both_sides_in_four_kinds():
    left, shapes = 0, set()
    for seed in range(60):
        hidden = coverage(1, seed, 32)[..., 0]
        left += hidden[:, :16].sum() > hidden[:, 16:].sum()
        shapes.add(int(capture._random(seed, "occlusion").integers(4)))
    assert 15 < left < 45 and shapes == {0, 1, 2, 3}


def test_flash_glares_in_the_middle_and_darkens_the_corners():
    image = grey(120)
    for seed in SEEDS:
        lit = capture.flash(image, 1, seed).astype(float).mean(2)
        y, x = np.unravel_index(lit.argmax(), lit.shape)
        assert 0.28 < (x + 0.5) / 64 < 0.72 and 0.28 < (y + 0.5) / 64 < 0.72
        assert lit.max() > 240
        corners = lit[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert (corners < 120).all()


@pytest.mark.parametrize("strength", [0.01, 0.5, 1])
def test_jpeg_is_the_codec_at_the_stated_quality(strength):
    image = photo(96, 128)
    quality = round(95 - 83 * strength)
    _, data = cv2.imencode(".jpg", image[..., ::-1].copy(), [cv2.IMWRITE_JPEG_QUALITY, quality])
    expected = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(capture.jpeg(image, strength), expected)
    assert difference(expected, image) < 12  # red and blue did not change places


def test_apply_is_the_steps_one_after_the_other_in_the_stated_order():
    strengths = dict(zip(reversed(CONDITIONS), np.linspace(0.2, 0.8, len(CONDITIONS)), strict=True))
    expected = photo()
    for name in CONDITIONS:
        expected = condition(name)(expected, strengths[name], [3, 1])
    assert np.array_equal(apply(photo(), strengths, [3, 1]), expected)
    assert CONDITIONS.index("rotation") < CONDITIONS.index("noise") < CONDITIONS.index("jpeg")


def test_each_condition_has_a_stream_of_its_own():
    """Turning one up leaves the draws of the others alone."""
    streams = {capture._random(9, name).random() for name in CONDITIONS}
    assert len(streams) == len(CONDITIONS)


@pytest.mark.parametrize("strength", [-0.01, 1.01, float("nan"), float("inf")])
@pytest.mark.parametrize("name", CONDITIONS)
def test_strengths_outside_zero_to_one_are_refused(name, strength):
    with pytest.raises(ValueError, match=r"strength must lie in 0\.\.1"):
        condition(name)(photo(), strength)
    with pytest.raises(ValueError, match=r"strength must lie in 0\.\.1"):
        apply(photo(), {name: strength})


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
)
def test_what_is_no_photo_is_refused(wrong):
    for call in (
        lambda: apply(wrong, {}),
        *(lambda n=n: condition(n)(wrong, 0) for n in CONDITIONS),
    ):
        with pytest.raises(ValueError, match=r"a photo must be uint8 \(h, w, 3\)"):
            call()


def test_unknown_conditions_are_named():
    with pytest.raises(ValueError, match=r"unknown conditions \['fog', 'rain'\].*'jpeg'"):
        apply(photo(), {"rain": 0.1, "noise": 0.1, "fog": 0.2})
