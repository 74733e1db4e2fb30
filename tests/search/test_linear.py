"""The linear index against a sort of all distances by (distance, id), and its file."""

import io
import json
import os

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.codes import hamming_distance, pack
from mvs_lib.search import linear
from mvs_lib.search.linear import LinearIndex

FAR = np.iinfo(np.int32).max


def brute_force(queries, database, k):
    """The ``k`` first of all ids sorted by distance, then id; padded."""
    distance = hamming_distance(queries, database)
    ids = np.broadcast_to(np.arange(len(database)), distance.shape)
    order = np.lexsort((ids, distance), axis=1)[:, :k]
    padding = ((0, 0), (0, max(0, k - len(database))))
    distances = np.take_along_axis(distance, order, 1)
    return (
        np.pad(distances, padding, constant_values=FAR),
        np.pad(order, padding, constant_values=-1),
    )


def codes(random, n, bits, distinct=3):
    """Codes with many duplicates and near duplicates."""
    pool = random.integers(0, 2, (distinct, bits))
    flipped = random.random((n, bits)) < 0.1
    return pack(pool[random.integers(0, distinct, n)] ^ flipped)


def built(bits, database):
    index = LinearIndex(bits)
    index.add(database)
    return index


@given(
    seed=st.integers(0, 10_000),
    bits=st.integers(1, 70),
    n=st.integers(0, 60),
    k=st.integers(1, 70),
    distinct=st.integers(1, 3),
)
@settings(max_examples=80)
def test_search_is_brute_force(seed, bits, n, k, distinct):
    random = np.random.default_rng(seed)
    database, queries = codes(random, n, bits, distinct), codes(random, 5, bits, distinct)
    index = LinearIndex(bits)
    cut = n // 3
    index.add(database[:cut])
    index.add(database[cut:])
    assert len(index) == n and np.array_equal(index.codes, database)
    distances, ids = index.search(queries, k)
    expected = brute_force(queries, database, k)
    assert distances.dtype == np.int32 and ids.dtype == np.int64
    assert np.array_equal(distances, expected[0]) and np.array_equal(ids, expected[1])


@given(
    seed=st.integers(0, 10_000),
    bits=st.integers(1, 70),
    n=st.integers(0, 60),
    radius=st.integers(0, 80),
)
@settings(max_examples=60)
def test_range_search_is_brute_force(seed, bits, n, radius):
    random = np.random.default_rng(seed)
    database, queries = codes(random, n, bits), codes(random, 5, bits)
    lims, distances, ids = built(bits, database).range_search(queries, radius)
    assert (lims.dtype, distances.dtype, ids.dtype) == (np.int64, np.int32, np.int64)
    assert lims[0] == 0 and lims[-1] == len(distances) == len(ids)
    expected = hamming_distance(queries, database)
    for i, row in enumerate(expected):
        order = sorted((d, j) for j, d in enumerate(row) if d <= radius)
        part = slice(lims[i], lims[i + 1])
        assert list(zip(distances[part], ids[part], strict=True)) == order


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("k", [1, 10, 1000])
def test_ties_at_the_last_place_go_by_smaller_id_in_a_large_index(k, threads):
    """More codes than faiss takes at once (65,536), more ties than k, and more than one thread."""
    random = np.random.default_rng(k)
    database = random.integers(0, 4, (70_000, 2), dtype=np.uint8)
    queries = random.integers(0, 4, (12, 2), dtype=np.uint8)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        distances, ids = built(16, database).search(queries, k)
    finally:
        faiss.omp_set_num_threads(before)
    expected = brute_force(queries, database, k)
    assert np.array_equal(distances, expected[0]) and np.array_equal(ids, expected[1])


def test_all_codes_equal():
    index = built(48, np.full((5000, 6), 7, np.uint8))
    distances, ids = index.search(np.full((1, 6), 7, np.uint8), 9)
    assert not distances.any() and ids.tolist() == [list(range(9))]


def test_no_queries():
    index = built(8, np.zeros((3, 1), np.uint8))
    nothing = np.empty((0, 1), np.uint8)
    assert [part.shape for part in index.search(nothing, 4)] == [(0, 4), (0, 4)]
    assert [part.tolist() for part in index.range_search(nothing, 4)] == [[0], [], []]


@pytest.mark.parametrize("bits", [0, -8, 2.5, "48", True])
def test_bad_bits(bits):
    with pytest.raises(ValueError, match="bits must be"):
        LinearIndex(bits)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((2, 2)), "must be uint8"),
        (np.zeros(2, np.uint8), "must be uint8"),
        (np.zeros((2, 3), np.uint8), "must be 2 bytes wide"),
        (np.uint8([[0, 1]]), "padding"),
    ],
)
def test_bad_codes_change_nothing(wrong, message):
    index = built(12, np.zeros((3, 2), np.uint8))
    for call in (index.add, lambda c: index.search(c, 1), lambda c: index.range_search(c, 1)):
        with pytest.raises(ValueError, match=message):
            call(wrong)
    assert len(index) == 3


@pytest.mark.parametrize("k", [0, -1, 1.0, None, True])
def test_bad_k_and_radius(k):
    index = built(8, np.zeros((3, 1), np.uint8))
    with pytest.raises(ValueError, match="k must be"):
        index.search(np.zeros((1, 1), np.uint8), k)
    if k != 0:
        with pytest.raises(ValueError, match="radius must be"):
            index.range_search(np.zeros((1, 1), np.uint8), k)


@pytest.mark.parametrize("n", [0, 1, 500])
def test_saved_and_loaded_index_answers_alike(tmp_path, n):
    random = np.random.default_rng(n)
    index = built(44, codes(random, n, 44))
    path = index.save(tmp_path / "places.index")  # no suffix is added
    again = LinearIndex.load(path)
    assert again.bits == 44 and np.array_equal(again.codes, index.codes)
    queries = codes(random, 7, 44)
    for one, other in zip(index.search(queries, 5), again.search(queries, 5), strict=True):
        assert np.array_equal(one, other)
    assert os.listdir(tmp_path) == ["places.index"]


@pytest.fixture
def saved(tmp_path):
    return built(16, codes(np.random.default_rng(0), 100, 16)).save(tmp_path / "index.npz")


def test_a_failed_save_keeps_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(linear.np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        built(16, np.zeros((1, 2), np.uint8)).save(saved)
    assert saved.read_bytes() == before and os.listdir(saved.parent) == ["index.npz"]


def test_every_truncation_is_refused(saved):
    whole = saved.read_bytes()
    for length in [0, 1, 2, 30, *range(100, len(whole), 37), len(whole) - 1]:
        saved.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="index"):
            LinearIndex.load(saved)


def test_every_altered_byte_is_refused_or_harmless(saved):
    """Some bytes of a zip carry no meaning (its dates); whatever loads is the same index."""
    whole = saved.read_bytes()
    good = LinearIndex.load(saved).codes
    refused = 0
    for position in range(0, len(whole), 5):
        altered = bytearray(whole)
        altered[position] ^= 0x55
        saved.write_bytes(altered)
        try:
            index = LinearIndex.load(saved)
        except ValueError:
            refused += 1
        else:
            assert index.bits == 16 and np.array_equal(index.codes, good), position
    assert refused > len(whole) // 5 // 2


def rewritten(path, header_change=None, codes_change=None):
    with np.load(path) as stored:
        header, stored_codes = json.loads(str(stored["header"])), stored["codes"]
    header.update(header_change or {})
    if codes_change is not None:
        stored_codes[0] ^= codes_change
    np.savez(path, header=np.array(json.dumps(header)), codes=stored_codes)


@pytest.mark.parametrize(
    ("header", "flip", "message"),
    [
        ({"format": "something"}, None, "holds 'something'"),
        ({"version": 2}, None, "version 2"),
        ({"bits": 15}, None, "altered"),
        ({"n": 99}, None, "altered"),
        ({}, np.uint8(1), "altered"),
    ],
)
def test_consistently_rewritten_files_are_refused(saved, header, flip, message):
    rewritten(saved, header, flip)
    with pytest.raises(ValueError, match=message):
        LinearIndex.load(saved)


def test_foreign_files(tmp_path):
    path = tmp_path / "file"
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    for content in (b"", b"hello", array.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not an index file"):
            LinearIndex.load(path)
    with open(path, "wb") as file:
        np.savez(file, weights=np.zeros(3))
    with pytest.raises(ValueError, match="it holds"):
        LinearIndex.load(path)
    with open(path, "wb") as file:
        np.savez(file, header=np.array("no json"), codes=np.zeros((1, 1), np.uint8))
    with pytest.raises(ValueError, match="header"):
        LinearIndex.load(path)
    with pytest.raises(FileNotFoundError):
        LinearIndex.load(tmp_path / "absent")
