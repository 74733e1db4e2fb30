"""The benchmark of search: its data, its race and its count of exact cases."""

import faiss
import numpy as np
import pytest

from mvs_lib.benchmarks import search, search_data, search_exactness
from mvs_lib.codes import check_codes, hamming_distance, unpack
from mvs_lib.datasets import campus, cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.search.multi_index import MultiIndex


@pytest.mark.parametrize("name", search_data.GENERATORS)
@pytest.mark.parametrize("bits", [48, 61])
def test_data_have_a_seed_and_clean_padding(name, bits):
    generate = search_data.GENERATORS[name]
    codes = generate(300, bits, seed=1)
    assert len(check_codes(codes, bits)) == 300
    assert np.array_equal(codes, generate(300, bits, seed=1))
    assert not np.array_equal(codes, generate(300, bits, seed=2))
    queries = search_data.queries_near(codes, bits, 200)
    nearest = hamming_distance(queries, codes).min(axis=1)
    assert 0.02 * bits < nearest.mean() < 0.06 * bits  # flips of p = 0.05, or a nearer one


def test_clustered_bits_are_unbalanced_and_correlated():
    values = unpack(search_data.clustered(20_000, 64), 64).astype(float)
    fair = unpack(search_data.uniform(20_000, 64), 64).astype(float)
    assert np.abs(values.mean(axis=0) - 0.5).mean() > 10 * np.abs(fair.mean(axis=0) - 0.5).mean()
    assert np.abs(np.corrcoef(values.T)).mean() > 3 * np.abs(np.corrcoef(fair.T)).mean()


@pytest.mark.parametrize("at_hand", [True, False])
def test_the_networks_that_ship_make_the_codes(monkeypatch, capsys, at_hand):
    photos = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    source = Photos(photos, np.arange(8), tuple("abcdefgh"))
    split = Split("photos", source, source.take(np.arange(3)))

    def load(**options):
        if not at_hand:
            raise ValueError("no CIFAR-10: fetch it")
        return split

    monkeypatch.setattr(campus, "load", lambda: split)
    monkeypatch.setattr(cifar, "load", load)
    found = search_data.network_codes()
    assert {"campus ssdh", "campus dlbh"} <= set(found) and not any("auto" in n for n in found)
    assert ("cifar10 ssdh" in found) == at_hand
    said = capsys.readouterr()
    assert at_hand or "fetch it" in said.err
    assert "CIFAR" not in said.out  # which --json keeps for the results
    for codes, queries in found.values():
        assert codes.shape == (8, 6) and np.array_equal(queries, codes[:3])


def test_no_random_case_differs():
    assert search_exactness.exactness(cases=1_000, seed=5) == {
        "method": "multi_index", "data": "random cases", "mode": "exactness", "cases": 1_000,
        "mismatches": 0, "seed": 5,
    }  # fmt: skip


def test_a_difference_is_counted(monkeypatch):
    """The count can rise: an index that swaps two answers, and one that forgets some."""
    real = MultiIndex.search

    def swapped(self, codes, k):
        distances, ids = real(self, codes, k)
        return distances, ids[:, ::-1]

    monkeypatch.setattr(MultiIndex, "search", swapped)
    assert search_exactness.exactness(cases=300)["mismatches"] > 20
    monkeypatch.undo()
    near = MultiIndex.range_search
    monkeypatch.setattr(
        MultiIndex,
        "range_search",
        lambda self, codes, radius: near(self, codes, max(0, radius - 1)),
    )
    assert search_exactness.exactness(cases=2_000)["mismatches"] > 20


@pytest.mark.parametrize("mode", search.MODES)
def test_a_race_answers_alike_and_says_so(mode):
    codes = search_data.clustered(3_000, 64)
    queries = search_data.queries_near(codes, 64, 1_000)
    index, flat, built = search._build(codes, 64)
    found = search.race(index, flat, queries, 10, mode)
    assert found["queries"] == search.MODES[mode] * search.TURNS[mode]
    assert found["ratio_to_flat"] > 0 and found["slowest_ratio"] > 0
    assert built["bytes_per_code"] > 8
    other = faiss.IndexBinaryFlat(64)
    other.add(codes[::-1].copy())
    with pytest.raises(RuntimeError, match="the answers differ"):
        search.race(index, other, queries, 10, mode)


def test_rows_of_a_rehearsal(monkeypatch):
    monkeypatch.setattr(search, "SIZES", (200, 400, 800))
    monkeypatch.setattr(search, "OTHER_BITS", (40,))
    monkeypatch.setattr(search, "TURNS", {"chunks": 1, "alternated": 2, "batches": 1})
    threads = faiss.omp_get_max_threads()
    rows = list(search.rows(quick=True))
    assert faiss.omp_get_max_threads() == threads
    assert rows[0]["mode"] == "exactness" and rows[0]["mismatches"] == 0
    measured = [row for row in rows if "ratio_to_flat" in row]
    for data in ("clustered", "uniform"):
        for n in (200, 400, 800):
            for mode, k in ((mode, k) for mode in search.MODES for k in search.NEIGHBOURS):
                key = {"data": data, "n": n, "bits": 64, "k": k, "mode": mode}
                assert sum(key.items() <= row.items() for row in measured) == 1


def test_the_exponent_is_the_slope():
    rows = [
        {"data": "x", "n": n, "bits": 64, "seed": 0, "k": 10, "mode": "chunks",
         "microseconds": 3 * n**0.4, "flat_microseconds": 2.0 * n}
        for n in (10_000, 100_000, 1_000_000, 10_000_000)
    ]  # fmt: skip
    (growth,) = search._growth(rows)
    assert (growth["exponent"], growth["flat_exponent"], growth["n"]) == (0.4, 1.0, 10_000_000)
    assert list(search._growth(rows[:3])) == []
