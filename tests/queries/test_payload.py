from math import comb, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.queries import locations
from mvs_lib.queries.bitstream import BitReader, BitWriter, rice_shift
from mvs_lib.queries.link import LINKS, Link
from mvs_lib.queries.payload import OVERHEAD, PayloadError, pack, unpack


@given(st.integers(0, 255), st.binary(max_size=200))
def test_what_is_packed_comes_back(system, body):
    payload = pack(system, body)
    assert len(payload) == len(body) + OVERHEAD and unpack(system, payload) == body


@given(st.binary(max_size=40), st.data())
def test_every_burst_of_up_to_sixteen_bits_is_found(body, data):
    payload = pack(3, body)
    bits = 8 * len(payload)
    start = data.draw(st.integers(0, bits - 1))
    wide = min(16, bits - start)
    burst = data.draw(st.integers(1, 2**wide - 1)) << (bits - start - wide)
    altered = (int.from_bytes(payload, "big") ^ burst).to_bytes(len(payload), "big")
    with pytest.raises(PayloadError, match="altered"):
        unpack(3, altered)


def test_foreign_and_short_payloads_are_refused():
    with pytest.raises(PayloadError, match="system 3, not by 4"):
        unpack(4, pack(3, b"x"))
    for short in (b"", b"a", b"ab"):
        with pytest.raises(PayloadError, match="at least 3 bytes"):
            unpack(3, short)
    with pytest.raises(ValueError, match=r"0\.\.255"):
        pack(256, b"")


NUMBERS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 2**20 - 1), st.integers(20, 24)),
        st.tuples(st.just("elias_gamma"), st.integers(1, 2**30), st.none()),
        st.tuples(st.just("rice"), st.integers(0, 500), st.integers(0, 9)),
    ),
    max_size=40,
)


@given(NUMBERS)
def test_bits_come_back_in_order_and_nothing_is_left(numbers):
    writer, size = BitWriter(), 0
    for code, value, extra in numbers:
        getattr(writer, code)(*(value, extra)[: 1 if extra is None else 2])
        size += {
            "write": extra,
            "elias_gamma": 2 * (value.bit_length() - 1) + 1,
            "rice": (value >> (extra or 0)) + 1 + (extra or 0),
        }[code]
    assert len(writer) == size
    data = writer.getvalue()
    assert len(data) == -(-size // 8)
    reader = BitReader(data)
    for code, value, extra in numbers:
        read = "read" if code == "write" else code
        assert getattr(reader, read)(*([] if extra is None else [extra])) == value
    reader.finish()
    cut = BitReader(data[:-1])
    if numbers and data:
        with pytest.raises(PayloadError):
            for code, _, extra in numbers:
                read = "read" if code == "write" else code
                getattr(cut, read)(*([] if extra is None else [extra]))


def test_left_over_bits_are_found():
    with pytest.raises(PayloadError, match="left over"):
        BitReader(b"\x01").finish()
    with pytest.raises(PayloadError, match="left over"):
        BitReader(b"\x00\x00").finish()


@pytest.mark.parametrize("mean", [0.2, 1, 3, 10, 100, 1000])
def test_the_rice_shift_is_the_best_one_or_costs_hardly_more(mean):
    gaps = np.random.default_rng(0).geometric(1 / (mean + 1), 20_000) - 1

    def cost(shift):
        return (gaps >> shift).mean() + 1 + shift

    assert cost(rice_shift(mean)) <= 1.03 * min(cost(shift) for shift in range(20))


@given(st.integers(0, 60), st.sampled_from([1, 7, 32, 64]), st.integers(0, 1000))
def test_locations_come_back_as_the_cells_they_lie_in(count, grid, seed):
    positions = np.random.default_rng(seed).random((count, 2))
    writer = BitWriter()
    order = locations.encode(writer, positions, grid)
    reader = BitReader(writer.getvalue())
    where = locations.decode(reader, grid)
    reader.finish()
    assert sorted(order) == list(range(count)) and (np.diff(where) >= 0).all()
    np.testing.assert_array_equal(where, locations.cells(positions[order].reshape(-1, 2), grid))
    near = np.abs(locations.centres(where, grid) - positions[order].reshape(-1, 2))
    assert count == 0 or near.max() <= 0.5 / grid + 1e-6


def test_sorted_locations_cost_less_than_a_list_and_no_less_than_their_entropy():
    grid, count = 64, 200
    writer = BitWriter()
    locations.encode(writer, np.random.default_rng(0).random((count, 2)), grid)
    entropy = log2(comb(grid * grid + count - 1, count))
    assert entropy < len(writer) - 12 < 1.12 * entropy < 2 * 6 * count


def test_a_cell_beyond_the_frame_is_refused():
    writer = BitWriter()
    writer.write(1, 12)
    writer.rice(40, rice_shift(16 / 2))
    with pytest.raises(PayloadError, match="outside"):
        locations.decode(BitReader(writer.getvalue()), 4)


def test_a_link_costs_its_round_trip_and_its_bytes():
    link = Link("plain", 8000.0, 0.5)
    assert link.seconds(960) == pytest.approx(0.5 + (960 + 40) / 1000)
    for link in LINKS:
        times = [link.seconds(size) for size in (0, 6, 200, 5000, 100_000)]
        assert times == sorted(times) and times[0] >= link.round_trip
    lossy = Link("lossy", 8000.0, 0.5, 0.5)
    assert lossy.seconds(960) == pytest.approx(0.5 * 1.5 + 2 * 1.0)
