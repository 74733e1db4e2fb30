"""The multi-index against brute force, faiss and the linear index: equal to the last tie."""

import subprocess
import sys

import faiss
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from search_cases import KINDS, brute_force, brute_force_within, case, same

from mvs_lib.codes import hamming_distance, pack
from mvs_lib.search import engine
from mvs_lib.search.linear import LinearIndex
from mvs_lib.search.multi_index import MultiIndex


def built(codes, bits, **options):
    index = MultiIndex(bits, **options)
    index.add(codes)
    return index


def shapes(bits):
    """The ways to search codes of ``bits`` bits that differ in what runs."""
    yield {"way": "scan"}
    yield {"way": "batch"}
    order = "adaptive" if bits < 100 else "contiguous"
    for tables in sorted({1, min(bits, 3), max(1, bits // 9)}):
        width = min(bits // tables, 10)
        yield {"way": "tables", "tables": tables, "width": width, "partition": order}
    yield {"tables": max(1, bits // 12), "width": min(bits, 11), "partition": "greedy"}


@given(
    seed=st.integers(0, 10_000),
    bits=st.integers(1, 512) | st.sampled_from([8, 16, 63, 64, 65, 127, 128, 129, 256, 511, 512]),
    n=st.integers(0, 200),
    k=st.integers(1, 220),
    kind=st.sampled_from(KINDS),
)
@example(seed=0, bits=512, n=130, k=7, kind="duplicates")
@example(seed=1, bits=1, n=200, k=20, kind="uniform")
@settings(max_examples=40)
def test_search_is_brute_force_in_every_way(seed, bits, n, k, kind):
    codes, queries = case(seed, n, bits, kind)
    expected = brute_force(queries, codes, k)
    for options in shapes(bits):
        index = MultiIndex(bits, **options)
        index.add(codes[: n // 3])
        index.add(codes[n // 3 :])
        assert len(index) == n and np.array_equal(index.codes, codes)
        distances, ids = index.search(queries, k)
        assert distances.dtype == np.int32 and ids.dtype == np.int64
        assert same((distances, ids), expected), options


@given(
    seed=st.integers(0, 10_000),
    bits=st.sampled_from([8, 64, 65, 200]),
    n=st.sampled_from([500, 2047, 2050, 5000]),  # more than a query of a batch sees alone
    k=st.sampled_from([1, 2, 10, 100]),
    order=st.sampled_from(["as drawn", "far to near", "copies side by side"]),
)
@settings(max_examples=40)
def test_a_long_scan_is_brute_force_in_any_order_of_the_codes(seed, bits, n, k, order):
    codes, queries = case(seed, n, bits, "clustered")
    if order == "far to near":  # every code may be the best so far
        codes = codes[np.argsort(-hamming_distance(queries[:1], codes)[0], kind="stable")]
    elif order == "copies side by side":
        codes = np.repeat(codes[::40], 40, axis=0)
    removed = np.unique(np.random.default_rng(seed).integers(0, len(codes), len(codes) // 3))
    for gone in (removed[:0], removed):
        left = np.delete(np.arange(len(codes)), gone)
        expected = brute_force(queries, codes[left], k, left)
        for way in ("scan", "batch"):
            index = built(codes, bits, way=way)
            index.remove(gone)
            assert same(index.search(queries, k), expected), way


@given(
    seed=st.integers(0, 10_000),
    bits=st.integers(1, 140),
    n=st.integers(0, 200),
    radius=st.integers(0, 150),
    kind=st.sampled_from(KINDS),
)
@settings(max_examples=25)
def test_range_search_is_brute_force_in_every_way(seed, bits, n, radius, kind):
    codes, queries = case(seed, n, bits, kind)
    expected = brute_force_within(queries, codes, radius)
    for options in shapes(bits):
        found = built(codes, bits, **options).range_search(queries, radius)
        assert [part.dtype for part in found] == [np.int64, np.int32, np.int64]
        assert same(found, expected), options


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bits", [16, 32, 48, 64, 100, 128])
def test_equal_to_faiss_and_the_linear_index_in_a_larger_index(bits, kind):
    """More codes than one block of a scan or one load of a bucket, many queries, every way."""
    codes, queries = case(bits, 9_000, bits, kind, queries=40)
    linear = LinearIndex(bits)
    linear.add(codes)
    flat = faiss.IndexBinaryFlat(8 * codes.shape[1])
    flat.add(codes)
    for way in ("tables", "scan", "batch", "auto"):
        index = built(codes, bits, way=way, tables=max(1, bits // 12))
        for k in (1, 10, 300):
            found = index.search(queries, k)
            assert same(found, linear.search(queries, k)), (way, k)
            assert np.array_equal(found[0], flat.search(queries, k)[0])
        found = index.range_search(queries, bits // 4)
        assert same(found, linear.range_search(queries, bits // 4)), way


def test_the_plan_of_a_large_index_changes_no_answer():
    """Enough codes for tables of the planner's own choice; queries far from everything too."""
    bits = 64
    codes, near = case(5, 60_000, bits, "clustered", queries=30)
    far = np.random.default_rng(1).integers(0, 256, (30, 8), dtype=np.uint8)
    queries = np.concatenate([near, far])
    index = built(codes, bits)
    linear = LinearIndex(bits)
    linear.add(codes)
    for k in (1, 10, 100, 5_000):
        for some in (queries, queries[:1], queries[-1:], queries[:6]):
            assert same(index.search(some, k), linear.search(some, k))
    assert index.substrings.shape[0] > 1  # there were tables
    assert len(np.unique(index.substrings)) == index.substrings.size


def test_a_query_that_gets_dear_goes_over_to_the_scan():
    codes, queries = case(3, 3_000, 64, "uniform")
    index = built(codes, 64, tables=4)
    index.build()
    expected = brute_force(queries, codes, 10)
    for budget in (0.0, 50.0, 500.0, 5_000.0, np.inf):
        index._engine._costs = np.array([8.0, 0.2, budget])
        index._engine._ways = {(len(queries), 10): "auto tables"}
        assert same(index.search(queries, 10), expected), budget
        found = index.range_search(queries, 20)
        assert same(found, brute_force_within(queries, codes, 20)), budget


@pytest.mark.parametrize("partition", ["adaptive", "contiguous", "greedy", "random"])
def test_every_partition_is_exact(partition):
    codes, queries = case(9, 2_000, 50, "constant bits")
    index = built(codes, 50, partition=partition, tables=4, width=11, way="tables", seed=3)
    assert same(index.search(queries, 20), brute_force(queries, codes, 20))
    assert index.substrings.shape == (4, 11) and index.substrings.max() < 50


@pytest.mark.parametrize("threads", [2, 3, 50])
@pytest.mark.parametrize("way", ["tables", "scan", "batch", "auto"])
def test_threads_change_no_answer(threads, way):
    codes, queries = case(4, 4_000, 64, "duplicates", queries=41)
    one = built(codes, 64, tables=4, way=way)
    many = built(codes, 64, tables=4, way=way, threads=threads)
    assert same(many.search(queries, 15), one.search(queries, 15))
    assert same(many.range_search(queries, 12), one.range_search(queries, 12))


@given(
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(KINDS),
    way=st.sampled_from(["tables", "scan", "batch", "auto"]),
    share=st.sampled_from([0.02, 0.2, 0.6, 1.0]),
)
@settings(max_examples=25)
def test_adding_and_removing_equals_an_index_of_what_is_left(seed, kind, way, share):
    random = np.random.default_rng(seed)
    codes, queries = case(seed, 400, 40, kind)
    index = MultiIndex(40, way=way, tables=3)
    left = np.zeros(0, np.int64)
    for step in range(4):
        index.add(codes[100 * step : 100 * step + 100])
        left = np.concatenate([left, np.arange(100 * step, 100 * step + 100)])
        index.search(queries, 1)  # tables exist from now on
        gone = random.permutation(left)[: int(share * len(left))]
        index.remove(gone)
        left = np.setdiff1d(left, gone)
        assert len(index) == len(left) and np.array_equal(index.ids, left)
        assert np.array_equal(index.codes, codes[left])
        assert same(index.search(queries, 30), brute_force(queries, codes[left], 30, left))
        found = index.range_search(queries, 9)
        assert same(found, brute_force_within(queries, codes[left], 9, left))


def test_codes_outside_the_tables_are_found(monkeypatch):
    monkeypatch.setattr(engine, "TAIL", 300)
    codes, queries = case(2, 1_400, 64, "clustered")
    index = built(codes[:1_000], 64, tables=4, way="tables")
    index.build()
    sizes = []
    for first in range(1_000, 1_400, 100):
        index.add(codes[first : first + 100])
        expected = brute_force(queries, codes[: first + 100], 25)
        assert same(index.search(queries, 25), expected)
        sizes.append(index._engine.tables.built)
    assert sizes == [1_000, 1_000, 1_000, 1_400]


def test_all_codes_equal_and_k_larger_than_the_index():
    index = built(np.full((5_000, 6), 7, np.uint8), 48, tables=4)
    for way in ("tables", "scan", "batch", "auto"):
        index.way = way
        distances, ids = index.search(np.full((5, 6), 7, np.uint8), 9)
        assert not distances.any() and ids.tolist() == [list(range(9))] * 5
        distances, ids = index.search(np.full((1, 6), 7, np.uint8), 6_000)
        assert ids[0, :5_000].tolist() == list(range(5_000)) and (ids[0, 5_000:] == -1).all()
        assert (distances[0, 5_000:] == np.iinfo(np.int32).max).all()


def test_no_queries_and_no_codes():
    nothing = np.empty((0, 1), np.uint8)
    for index in (MultiIndex(8), built(np.zeros((3, 1), np.uint8), 8)):
        assert [part.shape for part in index.search(nothing, 4)] == [(0, 4), (0, 4)]
        assert [part.tolist() for part in index.range_search(nothing, 4)] == [[0], [], []]
    empty = MultiIndex(8)
    empty.add(nothing)
    empty.build()
    distances, ids = empty.search(np.zeros((2, 1), np.uint8), 2)
    assert (ids == -1).all() and (distances == np.iinfo(np.int32).max).all()


def test_codes_that_are_not_contiguous_are_copied_and_read_only_ones_are_fine():
    codes, queries = case(6, 500, 64, "clustered")
    index = built(np.asfortranarray(codes), 64)
    assert same(index.search(queries[::2], 5), brute_force(queries[::2], codes, 5))
    queries.flags.writeable = codes.flags.writeable = False
    index.add(codes)
    assert len(index) == 1_000
    expected = brute_force(queries, np.concatenate([codes, codes]), 5)
    assert same(index.search(queries, 5), expected)


def test_numba_is_loaded_with_the_first_index_and_no_sooner():
    program = (
        "import sys, mvs_lib, mvs_lib.search, mvs_lib.search.linear, mvs_lib.search.multi_index\n"
        "assert 'numba' not in sys.modules\n"
        "mvs_lib.search.multi_index.MultiIndex(8)\n"
        "assert 'numba' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_extreme_bits():
    """Codes and queries of all zeros and all ones: the largest distances there are."""
    for bits in (1, 64, 512):
        codes = pack(np.stack([np.zeros(bits, int), np.ones(bits, int)] * 40))
        for options in shapes(bits):
            index = built(codes, bits, **options)
            assert same(index.search(codes[:2], 80), brute_force(codes[:2], codes, 80))
            found = index.range_search(codes[:2], bits)
            assert same(found, brute_force_within(codes[:2], codes, bits))


def test_effort_counts_what_the_shells_hold():
    """With every answer in its own bucket the search stops after the shells that it needs."""
    codes = np.arange(256, dtype=np.uint8)[:, None]
    index = built(codes, 8, tables=1, width=8)
    buckets, candidates = index.effort(codes[:3], 1)
    assert buckets.tolist() == candidates.tolist() == [1, 1, 1]  # itself, and no tie is nearer
    buckets, candidates = index.effort(codes[:3], 9)
    assert buckets.tolist() == candidates.tolist() == [9, 9, 9]  # and the eight one bit away
    buckets, candidates = built(codes, 8).effort(codes[:3], 9)
    assert not buckets.any() and candidates.tolist() == [256] * 3
