import cv2
import numpy as np
import pytest

from mvs_lib.queries.fidelity import psnr, ssim


def photos(shape=(24, 20, 3), spread=20):
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, shape)
    other = np.clip(photo + random.integers(-spread, spread + 1, shape), 0, 255)
    return photo.astype(np.uint8), other.astype(np.uint8)


def test_psnr_is_opencv_s():
    photo, other = photos()
    assert psnr(photo, other) == pytest.approx(cv2.PSNR(photo, other), rel=1e-12)
    assert psnr(photo, photo) == float("inf")


def test_ssim_is_its_equation_window_by_window():
    photo, other = (each[..., 0] for each in photos())
    along = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(along, along) / along.sum() ** 2
    c1, c2, values = 2.55**2, 7.65**2, []
    for row in range(24 - 10):
        for column in range(20 - 10):
            x, y = (
                each[row : row + 11, column : column + 11].astype(float) for each in (photo, other)
            )
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            both = (window * (x - mx) * (y - my)).sum()
            top = (2 * mx * my + c1) * (2 * both + c2)
            values.append(top / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    assert ssim(photo, other) == pytest.approx(np.mean(values), abs=1e-9)


def test_ssim_falls_as_noise_grows_and_is_one_for_equals():
    values = [ssim(*photos(spread=spread)) for spread in (0, 5, 20, 60)]
    assert values[0] == pytest.approx(1) and values == sorted(values, reverse=True)
    assert 0 < values[-1] < 0.95


def test_photos_that_do_not_compare_are_refused():
    photo, _ = photos()
    for compare in (psnr, ssim):
        with pytest.raises(ValueError, match="one shape"):
            compare(photo, photo[1:])
        with pytest.raises(ValueError, match="uint8"):
            compare(photo, photo.astype(float))
    with pytest.raises(ValueError, match="11"):
        ssim(photo[:10], photo[:10])
