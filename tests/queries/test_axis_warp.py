import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from mvs_lib.queries import axis_warp

ENERGIES = st.lists(st.floats(0.01, 50), min_size=2, max_size=30)


def objective(widths, energy, smoothness):
    return (energy * (widths - 1) ** 2).sum() + smoothness * (np.diff(widths) ** 2).sum()


@given(ENERGIES, st.floats(0.05, 0.95), st.floats(0.01, 100))
def test_the_closed_form_meets_the_bordered_system_of_lagrange(energy, scale, smoothness):
    energy, count = np.array(energy), len(energy)
    total = scale * count
    steps = np.diff(np.eye(count), axis=0)
    bordered = np.ones((count + 1, count + 1))
    bordered[:-1, :-1] = np.diag(energy) + smoothness * steps.T @ steps
    bordered[-1, -1] = 0
    expected = np.linalg.solve(bordered, np.r_[energy, total])[:-1]
    found = axis_warp.scales(energy, total, smoothness, least=-np.inf)
    np.testing.assert_allclose(found, expected, atol=1e-8)
    assert found.sum() == pytest.approx(total) and found.max() < 1


@pytest.mark.parametrize("seed", range(4))
def test_a_reference_solver_finds_nothing_better(seed):
    random = np.random.default_rng(seed)
    energy, total = random.uniform(0.2, 4, 12), 5.0
    reference = minimize(
        objective, np.full(12, total / 12), (energy, 0.7), method="SLSQP",
        constraints={"type": "eq", "fun": lambda widths: widths.sum() - total},
        options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    found = axis_warp.scales(energy, total, 0.7, least=-np.inf)
    np.testing.assert_allclose(found, reference.x, atol=1e-4)
    assert objective(found, energy, 0.7) <= reference.fun + 1e-9


@given(ENERGIES, st.floats(0.05, 0.95), st.floats(0, 0.9))
def test_every_band_keeps_its_least(energy, scale, share):
    energy = np.array(energy)
    found = axis_warp.scales(energy, scale * len(energy), 0.01, share * scale)
    assert found.min() >= share * scale and found.sum() == pytest.approx(scale * len(energy))


def test_energetic_bands_keep_more_and_stiff_ones_are_even():
    energy = np.array([0.1, 0.1, 5.0, 5.0, 0.1, 0.1])
    found = axis_warp.scales(energy, 3.0, 0.1)
    assert found[2:4].min() > 0.9 and found[[0, 1, 4, 5]].max() < 0.5
    np.testing.assert_allclose(axis_warp.scales(energy, 3.0, 1e7), 0.5, atol=1e-6)


def test_arguments_out_of_range_are_refused():
    for energy in ([1.0], [1.0, 0.0], [1.0, np.nan], np.ones((2, 2))):
        with pytest.raises(ValueError, match="energy"):
            axis_warp.scales(np.array(energy), 1.0)
    for total, smoothness, least in ((0, 1, 0), (3, 1, 0), (1.5, 0, 0), (1.5, 1, 0.5)):
        with pytest.raises(ValueError, match="need 0 < total"):
            axis_warp.scales(np.ones(3), total, smoothness, least)


def test_equal_scales_shrink_as_opencv_does():
    photo = np.random.default_rng(0).integers(0, 256, (36, 60, 3)).astype(np.uint8)
    even = np.full(7, 100, np.uint8)
    for shape in ((18, 20), (17, 23)):
        found = axis_warp.shrink(photo, shape, even, even[:5])
        expected = cv2.resize(photo, shape[::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(found.astype(int) - expected).max() <= 1


def test_each_pixel_is_the_mean_over_what_falls_into_it():
    random = np.random.default_rng(1)
    photo = random.integers(0, 256, (9, 12, 3)).astype(np.uint8)
    rows, columns = random.integers(1, 256, 3), random.integers(1, 256, 4)
    fine = 2400  # a point in `fine` of each axis, moved one by one
    at = (np.arange(fine) + 0.5) / fine
    ends = []
    for widths, target, size in ((rows, 5, 9), (columns, 6, 12)):
        back = np.interp(
            at, np.r_[0, np.cumsum(widths) / widths.sum()], np.linspace(0, 1, len(widths) + 1)
        )
        ends.append(((at * target).astype(int), (back * size).astype(int)))
    sums, counts = np.zeros((5, 6, 3)), np.zeros((5, 6, 1))
    (new_y, old_y), (new_x, old_x) = ends
    np.add.at(sums, (new_y[:, None], new_x), photo[old_y[:, None], old_x].astype(float))
    np.add.at(counts, (new_y[:, None], new_x), 1)
    found = axis_warp.shrink(photo, (5, 6), rows, columns)
    np.testing.assert_allclose(found, sums / counts, atol=0.9)


def test_restoring_undoes_the_warp_of_a_smooth_photo():
    y, x = np.mgrid[:96, :120] / 96
    smooth = np.stack([200 * x / 1.25, 200 * y, 120 + 60 * np.sin(6 * x + 4 * y)], -1).astype(
        np.uint8
    )
    rows, columns = np.uint8([255, 120, 90, 200]), np.uint8([80, 160, 255, 100, 90])
    small = axis_warp.shrink(smooth, (48, 60), rows, columns)
    back = axis_warp.restore(small, (96, 120), rows, columns)
    wrong = axis_warp.restore(small, (96, 120), rows[::-1], columns[::-1])
    errors = [np.abs(each.astype(float) - smooth).mean() for each in (back, wrong)]
    assert errors[0] < 1 < 5 < errors[1]


def test_quantised_scales_are_never_zero():
    assert axis_warp.quantise(np.array([1e-9, 0.5, 1.0])).tolist() == [1, 128, 255]
