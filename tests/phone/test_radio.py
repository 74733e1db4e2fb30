"""Sending: a round trip and bytes at a rate; energy, the integral of the power over the time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.phone.radio import POWERS, RADIOS, Radio, radio, send_energy, send_seconds

KINDS = [each for each in RADIOS.values() if each.power]
CODE, PHOTO = 8, 60_000


@given(st.sampled_from(list(RADIOS.values())), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_time_is_a_round_trip_and_linear_in_the_bytes(profile, one, other):
    nothing = send_seconds(profile, 0)
    assert nothing == pytest.approx(profile.round_trip_ms / 1000)
    together = send_seconds(profile, one) + send_seconds(profile, other) - nothing
    assert send_seconds(profile, one + other) == pytest.approx(together)


def test_a_rate_of_a_thousand_kbit_takes_a_second_for_a_mbit():
    assert send_seconds(Radio("test", 1000, 250, "none"), 125_000) == pytest.approx(1.25)


@pytest.mark.parametrize("profile", KINDS, ids=lambda each: each.name)
@pytest.mark.parametrize("size", [0, CODE, PHOTO])
def test_the_energy_is_the_power_summed_over_the_time(profile, size):
    power, step = POWERS[profile.power], 1e-5
    sending = 8 * size / (1000 * profile.up_kbit_per_s)
    awake = sending + profile.round_trip_ms / 1000
    times = np.arange(0, awake + power.tail_seconds, step) + step / 2
    milliwatts = np.where(times < awake, power.beta_mw, power.tail_mw)
    milliwatts += (times < sending) * power.alpha_mw_per_mbit_per_s * profile.up_kbit_per_s / 1000
    assert send_energy(profile, size) == pytest.approx(milliwatts.sum() * step / 1000, abs=2e-4)
    tail = power.tail_mw * power.tail_seconds / 1000
    assert send_energy(profile, size, tail=False) == pytest.approx(
        send_energy(profile, size) - tail, abs=1e-9
    )


@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.integers(1, 10**6))
def test_more_bytes_never_cost_less(profile, size, more):
    assert send_seconds(profile, size + more) > send_seconds(profile, size)
    assert send_energy(profile, size + more) > send_energy(profile, size)


def test_for_a_code_the_round_trip_and_the_tail_are_nearly_all():
    for profile in KINDS:
        assert profile.round_trip_ms / 1000 > 0.99 * send_seconds(profile, CODE)
        if profile.power == "LTE":
            assert send_energy(profile, CODE, tail=False) < 0.02 * send_energy(profile, CODE)
            assert send_energy(profile, PHOTO) < 1.05 * send_energy(profile, CODE)


def test_what_the_facts_work_out_comes_out():
    assert send_seconds(radio("3G"), CODE) == pytest.approx(0.30, abs=0.005)
    assert send_seconds(radio("3G"), PHOTO) == pytest.approx(0.93, abs=0.006)
    assert send_seconds(radio("LTE"), CODE) == pytest.approx(0.07, abs=0.005)
    assert send_seconds(radio("LTE"), PHOTO) == pytest.approx(0.11, abs=0.005)
    lte = POWERS["LTE"]
    assert lte.tail_mw * lte.tail_seconds / 1000 == pytest.approx(12, abs=0.5)


def test_every_profile_has_a_source_and_no_power_is_called_verified():
    assert all(each.source and each.up_kbit_per_s > 0 for each in RADIOS.values())
    assert not any(power.verified for power in POWERS.values())


def test_what_cannot_be_sent_is_refused():
    with pytest.raises(ValueError, match="no -1 bytes"):
        send_seconds(radio("LTE"), -1)
    with pytest.raises(ValueError, match="no -1 bytes"):
        send_energy(radio("LTE"), -1)
    with pytest.raises(ValueError, match="no power model of 2G"):
        send_energy(radio("2G"), 8)
    with pytest.raises(ValueError, match="unknown radio '6G'; there are: 2G"):
        radio("6G")
