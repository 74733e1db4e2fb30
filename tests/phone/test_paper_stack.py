"""The measurements of 2016 from two numbers, and one that the two numbers have never seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.phone import paper_stack
from mvs_lib.phone.devices import predict
from mvs_lib.phone.network_costs import network_cost
from mvs_lib.phone.paper_stack import Operations, PaperStack, alexnet_operations, calibrated


def test_alexnet_s_operations_are_the_papers():
    found = alexnet_operations()
    assert found.direct == network_cost("AlexNet").macs == pytest.approx(724.4e6, rel=1e-3)
    assert found.direct / found.look_up == pytest.approx(4.15, abs=0.01)  # the authors' README
    assert found.bits / 8 / 2**20 == pytest.approx(12.75, abs=0.005)  # MiB


def test_the_mate_7_takes_what_it_was_calibrated_with():
    operations, phone = alexnet_operations(), paper_stack.mate_7()
    assert phone.direct_seconds(operations.direct) == pytest.approx(2.93)
    assert phone.look_up_seconds(operations.look_up) == pytest.approx(0.95)
    assert phone.macs_per_second == pytest.approx(0.247e9, rel=0.002)
    assert phone.efficiency == pytest.approx(0.74, abs=0.005)


def test_a_machine_that_the_calibration_has_not_seen_is_predicted():
    error = paper_stack.i7_look_up_seconds() / paper_stack.I7_LOOK_UP_SECONDS - 1
    assert abs(error) < 0.05
    assert error != 0, "a check that is exact would be a calibration"


def test_without_the_efficiency_the_prediction_would_fail():
    """The check can fail: counting operations alone is a quarter off."""
    operations = alexnet_operations()
    i7 = PaperStack(operations.direct / paper_stack.I7_SECONDS, 1.0)
    off = i7.look_up_seconds(operations.look_up) / paper_stack.I7_LOOK_UP_SECONDS
    assert off < 0.8


@given(*[st.floats(1e-3, 1e3) for _ in range(4)])
def test_a_calibration_gives_its_seconds_back(direct, look_up, seconds, look_up_seconds):
    found = calibrated(Operations(direct, look_up), seconds, look_up_seconds)
    assert found.direct_seconds(direct) == pytest.approx(seconds)
    assert found.look_up_seconds(look_up) == pytest.approx(look_up_seconds)
    assert found.efficiency == pytest.approx(look_up / direct * seconds / look_up_seconds)


def test_yolo_on_the_tk1_is_within_the_factor_of_what_its_peaks_allow():
    quick, slow = paper_stack.yolo_bound()
    measured = paper_stack.YOLO_SECONDS
    assert quick < slow < measured < paper_stack.YOLO_FACTOR * quick
    assert 0.70 <= quick / measured < slow / measured <= 0.76
    weights = network_cost("YOLO").weight_bytes / paper_stack.TK1_MEMORY
    assert weights == pytest.approx(0.073, abs=0.001)
    for seconds, peak in zip((quick, slow), sorted(paper_stack.TK1_PEAK)[::-1], strict=True):
        assert (seconds - weights) * peak == pytest.approx(2 * network_cost("YOLO").macs)


def test_a_tuned_library_on_such_a_core_is_far_faster_than_the_papers_software():
    """The stand-in of the Mate 7, as predicted and with its error bar."""
    tuned = predict("Huawei Mate 7", network_cost("AlexNet"))
    assert tuned.high / 1000 < paper_stack.MATE_7_LOOK_UP_SECONDS
    assert 2.93 / (tuned.milliseconds / 1000) == pytest.approx(9, abs=0.5)


@pytest.mark.parametrize("wrong", [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, -1)])
def test_what_cannot_be_a_measurement_is_refused(wrong):
    with pytest.raises(ValueError, match="must be above 0"):
        calibrated(Operations(*wrong[:2]), *wrong[2:])
