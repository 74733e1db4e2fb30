"""Phones fitted to published times: near what was fitted before, and honest where it fails."""

import itertools

import numpy as np
import pytest

from mvs_lib.phone.devices import DEVICES, LEFT_OUT, device, latency_model, predict
from mvs_lib.phone.latency import NetworkCost, leave_one_out
from mvs_lib.phone.network_costs import network_cost
from mvs_lib.phone.published_timings import NETWORKS, TIMINGS, timings

TIMED = [name for name, each in DEVICES.items() if each.timed]


# An earlier fit to ten networks of the same list, by another program: GFLOP/s, GB/s, GB/s. Which
# ten is not recorded, nor which version; the fp16 rates of the Snapdragon 855+ were of a newer one.
@pytest.mark.parametrize(
    ("name", "threads", "wanted", "within"),
    [
        ("RK3288 board", 1, (10.4, 1.4, 0.5), 0.1),
        ("RK3288 board", 4, (25.6, 2.7, 1.1), 0.1),
        ("Snapdragon 810", 1, (19.9, 3.8, 0.9), 0.15),
        ("Snapdragon 821", 1, (29.2, 5.9, 1.4), 0.15),
        ("Kirin 970", 1, (16.0, 2.3, 1.5), 0.2),
        ("Snapdragon 8 Gen 2", 1, (182, 17, 7.5), 0.2),
        ("Dimensity 9300", 1, (210, 30, 21), 0.2),
    ],
)
def test_the_speeds_are_near_those_of_an_earlier_fit(name, threads, wanted, within):
    found = np.array(latency_model(name, threads).speeds) / 1e9
    np.testing.assert_allclose(found, wanted, rtol=within)


@pytest.mark.parametrize("name", TIMED)
def test_a_fit_predicts_its_own_networks_inside_the_bar(name):
    """And its middle is no further off than the errors of networks left out."""
    times = timings(DEVICES[name].timed).milliseconds
    off = []
    for network in set(times) - set(LEFT_OUT):
        found = predict(name, network_cost(network))
        assert found.low <= times[network] <= found.high, network
        off.append(abs(found.milliseconds / times[network] - 1))
    assert np.median(off) <= found.typical_error


@pytest.mark.parametrize("name", TIMED)
def test_the_errors_are_of_networks_that_the_fit_had_not_seen(name):
    times = timings(DEVICES[name].timed).milliseconds
    model = latency_model(name)
    assert set(model.ratios) == set(times) - set(LEFT_OUT)
    wanted = leave_one_out(
        [network_cost(network) for network in model.ratios],
        [times[network] for network in model.ratios],
    )
    np.testing.assert_allclose(list(model.ratios.values()), wanted, rtol=1e-9)


def test_vgg_16_is_left_out_for_the_reasons_that_are_given():
    ratios = {
        name: predict(name, network_cost("VGG-16")).milliseconds
        / timings(DEVICES[name].timed).milliseconds["VGG-16"]
        for name in TIMED
    }
    assert ratios.pop("iPhone 5S") == pytest.approx(1 / 1.5, abs=0.05)
    assert min(ratios.values()) > 1.35 and max(ratios.values()) < 2.55


def test_newer_phones_are_faster_in_the_model_as_in_the_list():
    small = network_cost("MobileNetV3-large")
    times = [predict(name, small).milliseconds for name in ("RK3288 board", "Snapdragon 821",
             "Snapdragon 855+", "Dimensity 9300")]  # fmt: skip
    assert all(later < earlier for earlier, later in itertools.pairwise(times))


def test_the_list_covers_the_decade_and_every_device_that_is_timed_has_times():
    years = [each.year for each in DEVICES.values()]
    assert years == sorted(years) and min(years) <= 2014 and max(years) >= 2024
    for name in TIMED:
        assert predict(name, network_cost("AlexNet")).milliseconds > 0
        own = DEVICES[name].timed in f"{name} {DEVICES[name].cpu}"
        assert bool(DEVICES[name].stand_in) != own, "another chip's times are said to be that"


def test_a_device_s_times_are_of_networks_whose_cost_is_known():
    for each in TIMINGS:
        assert set(each.milliseconds) <= set(NETWORKS)
        assert len(set(each.milliseconds) - set(LEFT_OUT)) >= 4
    assert len({(each.chip, each.threads) for each in TIMINGS}) == len(TIMINGS)


def test_more_threads_never_take_longer():
    for each in TIMINGS:
        one = timings(each.chip).milliseconds
        assert all(time <= one[network] for network, time in each.milliseconds.items())


def test_what_nobody_has_measured_is_not_predicted():
    cost = NetworkCost(1e9, 1e7, 1e7)
    with pytest.raises(ValueError, match="unknown device 'Nokia'; there are: iPhone 5S"):
        device("Nokia")
    with pytest.raises(ValueError, match="nobody has published times of the Snapdragon 8 Elite"):
        predict("Snapdragon 8 Elite", cost)
    with pytest.raises(ValueError, match="no published times of 'Apple A7' with 2 threads"):
        predict("iPhone 5S", cost, threads=2)
