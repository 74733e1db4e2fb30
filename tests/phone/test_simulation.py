"""A simulated query is the sum of its parts, and says what it does not know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.phone.devices import DEVICES, predict
from mvs_lib.phone.latency import NetworkCost
from mvs_lib.phone.processor_energy import ADDITION_PJ, DRAM_PJ, MULTIPLICATION_PJ, least_joules
from mvs_lib.phone.published_timings import EIGHT_BITS, TIMINGS
from mvs_lib.phone.radio import POWERS, RADIOS, radio, send_energy, send_seconds
from mvs_lib.phone.simulation import encode_time, simulate

COST = NetworkCost(35e6, 2.8e6, 4e6)
TIMED = [name for name, each in DEVICES.items() if each.timed]


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("network", RADIOS)
def test_a_query_is_the_sum_of_its_steps(name, network):
    query = simulate(name, network, COST, payload=6, search_ms=0.4)
    encode = predict(name, COST)
    assert query.encode == encode
    send = 1000 * send_seconds(radio(network), 6)
    assert query.milliseconds == pytest.approx(encode.milliseconds + send + 0.4)
    low, high = query.range
    assert low <= query.milliseconds <= high
    assert high - low == pytest.approx(encode.high - encode.low)


@given(st.sampled_from(sorted(RADIOS)), st.integers(0, 10**7), st.integers(0, 10**7))
def test_what_more_bytes_cost_is_the_air_alone(network, size, more):
    profile = radio(network)
    few, many = (simulate("Kirin 970", network, COST, each, 0) for each in (size, size + more))
    seconds = 8 * more / (1000 * profile.up_kbit_per_s)
    assert many.milliseconds - few.milliseconds == pytest.approx(1000 * seconds, abs=1e-6)
    if profile.power is None:
        assert few.radio_joules is few.tail_joules is None
        return
    power = POWERS[profile.power]
    watts = (power.alpha_mw_per_mbit_per_s * profile.up_kbit_per_s / 1000 + power.beta_mw) / 1000
    assert many.radio_joules - few.radio_joules == pytest.approx(watts * seconds, abs=1e-9)
    assert few.tail_joules == pytest.approx(power.tail_mw * power.tail_seconds / 1000)
    assert few.radio_joules == pytest.approx(
        few.tail_joules + send_energy(profile, size, tail=False)
    )


@pytest.mark.parametrize("name", TIMED)
def test_eight_bits_gain_what_was_published_or_nothing_is_said(name):
    timed = DEVICES[name].timed
    if timed not in EIGHT_BITS:
        with pytest.raises(ValueError, match=f"no published 8-bit times for the {name}"):
            encode_time(name, COST, eight_bits=True)
        return
    whole, small = (encode_time(name, COST, eight_bits=each) for each in (False, True))
    for before, after in zip(whole[:3], small[:3], strict=True):
        assert before / after == pytest.approx(EIGHT_BITS[timed][1])
    assert small.typical_error == whole.typical_error


def test_eight_bits_are_published_for_listed_networks_of_listed_chips():
    runs = {each.chip: each.milliseconds for each in TIMINGS}
    assert all(network in runs[chip] for chip, (network, _) in EIGHT_BITS.items())


@given(st.integers(0, 10**10), st.integers(0, 10**9))
def test_the_least_joules_are_those_of_its_parts(macs, weights):
    whole = least_joules(NetworkCost(macs, 4 * weights, 0))
    by_hand = macs * MULTIPLICATION_PJ + macs * ADDITION_PJ + weights * DRAM_PJ
    assert whole == pytest.approx(by_hand * 1e-12)


def test_a_code_costs_the_battery_its_tail_and_hardly_anything_else():
    query = simulate("Snapdragon 855+", "LTE", COST, payload=6, search_ms=0.4)
    assert query.tail_joules > 0.98 * query.radio_joules
    assert query.processor_joules < 1e-3 * query.radio_joules


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="unknown device"):
        simulate("Nokia 3310", "3G", COST, 6, 0)
    with pytest.raises(ValueError, match="unknown radio"):
        simulate("Kirin 970", "pigeon", COST, 6, 0)
    with pytest.raises(ValueError, match="search_ms"):
        simulate("Kirin 970", "3G", COST, 6, -1)
    with pytest.raises(ValueError, match="cannot be negative"):
        least_joules(NetworkCost(-1, 0, 0))
    with pytest.raises(ValueError, match="nobody has published"):
        simulate("Snapdragon 8 Elite", "3G", COST, 6, 0)
