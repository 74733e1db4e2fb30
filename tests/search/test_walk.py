"""The walk is exact, its steps tell the truth, and its last one is the first that may be last."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_cases import KINDS, brute_force, case

from mvs_lib.codes import hamming_distance, unpack
from mvs_lib.search.multi_index import MultiIndex
from mvs_lib.search.walk import ORDERS, walk


def some_parts(random, bits):
    tables = int(random.integers(1, min(5, bits) + 1))
    width = int(random.integers(1, min(10, bits // tables) + 1))
    return random.permutation(bits)[: tables * width].reshape(tables, width)


@given(
    st.integers(0, 10**6), st.integers(1, 70), st.integers(0, 200), st.integers(1, 30),
    st.sampled_from(KINDS), st.sampled_from(ORDERS),
)  # fmt: skip
def test_it_is_exact_and_every_step_is_true(seed, bits, n, k, kind, order):
    codes, asked = case(seed, n, bits, kind, queries=1)
    parts = some_parts(np.random.default_rng(seed), bits)
    steps, distances, ids = walk(codes, asked, bits, parts, k, order)
    wanted = brute_force(asked, codes, min(k, n) or 1)
    assert np.array_equal(distances, wanted[0][0][: len(ids)])
    assert np.array_equal(ids, wanted[1][0][: len(ids)]) and len(ids) == min(k, n)

    all_distances = hamming_distance(asked, codes)[0]
    differ = unpack(codes, bits) != unpack(asked, bits)
    seen = np.zeros(n, bool)
    for number, step in enumerate(steps):
        inside = differ[:, parts[step.table]].sum(1) == step.shell
        assert (step.candidates, step.fresh) == (inside.sum(), (inside & ~seen).sum())
        seen |= inside
        assert step.reach == number and (all_distances[~seen] > step.reach).all()
        near = np.sort(all_distances[seen])
        assert step.kth == (near[k - 1] if len(near) >= k else None)
        may_stop = step.kth is not None and step.kth <= step.reach
        whole = step.shell == parts.shape[1]
        assert (may_stop or whole) == (number == len(steps) - 1)


def test_in_turn_goes_round_and_the_cheapest_order_costs_no_more_here():
    codes, asked = case(7, 5_000, 64, "clustered", queries=1)
    parts = np.arange(48).reshape(4, 12)
    turns, cheap = (walk(codes, asked, 64, parts, 10, order).steps for order in ORDERS[::-1])
    assert [step.table for step in turns] == [number % 4 for number in range(len(turns))]
    assert sum(step.candidates for step in cheap) <= sum(step.candidates for step in turns)


def test_with_one_table_it_looks_at_what_the_kernels_look_at():
    codes, asked = case(3, 3_000, 32, "clustered", queries=8)
    index = MultiIndex(32, tables=1, width=11)
    index.add(codes)
    buckets, candidates = index.effort(asked, 5)
    for number in range(len(asked)):
        steps = walk(codes, asked[number : number + 1], 32, index.substrings, 5).steps
        assert sum(step.buckets for step in steps) == buckets[number]
        assert sum(step.candidates for step in steps) == candidates[number]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"query": np.zeros((2, 1), np.uint8)}, "one query, got 2"), ({"k": 0}, "k must be"),
     ({"parts": np.array([[0, 1], [1, 2]])}, "no bit twice"), ({"parts": np.arange(4)}, "one row"),
     ({"parts": np.array([[0, 8]])}, "no bit 8"), ({"parts": np.array([[-1]])}, "no bit"),
     ({"order": "at random"}, "order must be one of")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change, message):
    given_ = {
        "codes": np.zeros((3, 1), np.uint8), "query": np.zeros((1, 1), np.uint8), "bits": 8,
        "parts": np.array([[0, 1], [2, 3]]), "k": 1, "order": "cheapest",
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        walk(**given_ | change)
