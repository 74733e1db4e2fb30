from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib import codes
from mvs_lib.queries.bit_tables import BitTables
from mvs_lib.queries.hash_bits import as_words


def near_copies(seed, rows=400, queries=30, bits=80, flip=0.1):
    random = np.random.default_rng(seed)
    database = random.integers(0, 2, (rows, bits))
    query = database[random.integers(0, rows, queries)] ^ (random.random((queries, bits)) < flip)
    return codes.pack(query), codes.pack(database)


@settings(max_examples=15)
@given(
    st.integers(0, 999),
    st.sampled_from([(80, 32), (80, 16), (48, 12), (13, 13), (70, 9), (150, 30)]),
    st.integers(0, 3), st.integers(0, 25),
)  # fmt: skip
def test_tables_find_what_a_slow_search_by_their_rule_finds(seed, shape, radius, within):
    bits, key = shape
    query, database = near_copies(seed, bits=bits)
    offsets = np.sort(np.random.default_rng(seed).integers(0, len(database), 9))
    offsets[0], offsets[-1] = 0, len(database)
    tables = BitTables(bits, 4, key, seed).fit(database, offsets)
    which, distance = tables.match(query, radius, within)
    whole = codes.hamming_distance(query, database)
    one, many = codes.unpack(query, bits), codes.unpack(database, bits)
    found = np.zeros(whole.shape, bool)
    for subset in tables.subsets_:
        found |= (one[:, None, subset] != many[None, :, subset]).sum(2) <= radius
    whole = np.where(found & (whole <= within), whole, 255)
    for photo, (start, end) in enumerate(pairwise(offsets)):
        rows = whole[:, start:end]
        best = rows.min(axis=1, initial=255)
        np.testing.assert_array_equal(distance[:, photo], best)
        expected = np.full(len(query), -1)
        if end > start:
            expected = np.where(best < 255, start + rows.argmin(axis=1), -1)
        np.testing.assert_array_equal(which[:, photo], expected)


def test_every_bit_serves_equally_often_and_no_table_has_one_twice():
    subsets = BitTables(80, 12, 32, 3).subsets_
    assert all(len(set(subset)) == 32 for subset in subsets)
    used = np.bincount(subsets.ravel(), minlength=80)
    assert used.max() - used.min() <= 1 and used.sum() == 12 * 32


def test_a_wider_probe_and_more_tables_never_lose_a_match():
    query, database = near_copies(1, flip=0.12)
    offsets = np.arange(len(database) + 1)

    def found(tables, radius):
        which, _ = BitTables(80, tables, 32, 0).fit(database, offsets).match(query, radius, 20)
        return which >= 0

    few, more, wide = found(4, 1), found(12, 1), found(4, 3)
    assert not (few & ~more).any() and not (few & ~wide).any()
    assert few.sum() < more.sum() and few.sum() < wide.sum()


@settings(max_examples=20)
@given(st.integers(0, 999), st.sampled_from([(80, 5, 2), (80, 10, 1), (64, 4, 2)]))
def test_disjoint_keys_miss_nothing_within_their_bound(seed, shape):
    bits, tables, radius = shape
    query, database = near_copies(seed, bits=bits, flip=0.15)
    offsets = np.arange(len(database) + 1)
    within = tables * (radius + 1) - 1
    made = BitTables(bits, tables, bits // tables, seed).fit(database, offsets)
    _, distance = made.match(query, radius, within)
    whole = codes.hamming_distance(query, database)
    np.testing.assert_array_equal(distance, np.where(whole <= within, whole, 255))


def test_the_index_is_counted_to_the_byte():
    _, database = near_copies(2)
    made = BitTables(80, 10, 16).fit(database, np.arange(0, 401, 8))
    head = int(np.log2(400) - 3)
    rows, starts, subsets = 10 * 4 * 400, 10 * 4 * (2**head + 1), 10 * 16 * 8
    assert made.nbytes == rows + starts + subsets + 400 * 10 + 51 * 4


@pytest.mark.parametrize("wrong", [{"key": 33}, {"key": 0}, {"tables": 0}, {"bits": 300}])
def test_tables_refuse_what_they_cannot_hold(wrong):
    with pytest.raises(ValueError, match="need 1 <= key"):
        BitTables(**wrong)


def test_words_keep_the_distance():
    query, database = near_copies(5)
    words = np.bitwise_count(as_words(query)[:, None] ^ as_words(database)[None]).sum(2)
    np.testing.assert_array_equal(words, codes.hamming_distance(query, database))
