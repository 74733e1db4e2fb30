"""The file of a multi-index: equal answers, and no damage goes unseen."""

import hashlib
import json
import os
import struct

import numpy as np
import pytest
from search_cases import brute_force, case, same

from mvs_lib.search import index_file
from mvs_lib.search.multi_index import FORMAT, MultiIndex


def built(codes, bits, **options):
    index = MultiIndex(bits, **options)
    index.add(codes)
    return index


@pytest.fixture(scope="module")
def index():
    codes, _ = case(0, 700, 44, "clustered")
    return built(codes, 44, tables=4, width=8)


@pytest.fixture
def saved(index, tmp_path):
    return index.save(tmp_path / "codes.index")


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize(("n", "bits"), [(0, 44), (1, 44), (600, 44), (600, 64), (600, 129)])
def test_saved_and_loaded_index_answers_alike(tmp_path, n, bits, mmap, verify):
    codes, queries = case(n, n, bits, "clustered")
    index = built(codes, bits, tables=4, width=7, partition="greedy", seed=3)
    path = index.save(tmp_path / "codes.index")
    again = MultiIndex.load(path, mmap=mmap, verify=verify, threads=2)
    assert (again.bits, len(again), again.partition, again.seed) == (bits, n, "greedy", 3)
    assert np.array_equal(again.codes, codes)
    assert np.array_equal(again.substrings, index.substrings)
    for way in ("auto", "tables", "scan", "batch"):
        again.way = way
        assert same(again.search(queries, 5), brute_force(queries, codes, 5))
    assert same(again.range_search(queries, 9), index.range_search(queries, 9))
    assert os.listdir(tmp_path) == ["codes.index"]


@pytest.mark.parametrize("mmap", [False, True])
def test_a_loaded_index_goes_on_and_leaves_the_file_alone(saved, index, mmap):
    before = saved.read_bytes()
    more, queries = case(1, 900, 44, "uniform")
    again = MultiIndex.load(saved, mmap=mmap)
    again.remove(np.arange(10))
    again.add(more)
    everything = np.concatenate([index.codes[10:], more])
    ids = np.concatenate([np.arange(10, 700), np.arange(700, 1600)])
    assert same(again.search(queries, 9), brute_force(queries, everything, 9, ids))
    assert saved.read_bytes() == before
    again.save(saved)  # in the place of the file that it is mapped from
    assert same(again.search(queries, 9), brute_force(queries, everything, 9, ids))
    third = MultiIndex.load(saved)
    assert np.array_equal(third.ids, ids)
    assert same(third.search(queries, 9), brute_force(queries, everything, 9, ids))


def test_ids_survive_when_codes_closed_up(tmp_path):
    codes, queries = case(2, 300, 32, "duplicates")
    index = built(codes, 32)
    index.remove(np.arange(0, 200))
    index.remove(np.array([250]))
    again = MultiIndex.load(index.save(tmp_path / "few.index"), mmap=True)
    left = np.setdiff1d(np.arange(200, 300), [250])
    assert np.array_equal(again.ids, left)
    assert same(again.search(queries, 20), brute_force(queries, codes[left], 20, left))


def test_a_failed_save_keeps_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()
    real = index_file._pieces

    def fail(arrays):
        yield next(iter(real(arrays)))
        raise OSError("disk full")

    other = built(np.zeros((1, 2), np.uint8), 16)
    monkeypatch.setattr(index_file, "_pieces", fail)
    with pytest.raises(OSError, match="disk full"):
        other.save(saved)
    assert saved.read_bytes() == before and os.listdir(saved.parent) == ["codes.index"]


@pytest.mark.parametrize("mmap", [False, True])
def test_every_truncation_is_refused(saved, tmp_path, mmap):
    whole = saved.read_bytes()
    cut = tmp_path / "cut"
    for percent in range(100):
        cut.write_bytes(whole[: len(whole) * percent // 100])
        with pytest.raises(ValueError, match="index"):
            MultiIndex.load(cut, mmap=mmap)
        with pytest.raises(ValueError, match="index"):
            MultiIndex.load(cut, mmap=mmap, verify=False)
    cut.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="cut off"):
        MultiIndex.load(cut, mmap=mmap)
    cut.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="grew"):
        MultiIndex.load(cut, mmap=mmap)


@pytest.mark.parametrize("mmap", [False, True])
def test_every_flipped_bit_is_refused(saved, tmp_path, mmap):
    random = np.random.default_rng(0)
    whole = saved.read_bytes()
    header = index_file.START + struct.unpack("<Q", whole[40:48])[0]
    places = [*random.integers(0, header, 150), *random.integers(0, len(whole), 350)]
    path = tmp_path / "flipped"
    for place in places:
        altered = bytearray(whole)
        altered[place] ^= 1 << random.integers(8)
        path.write_bytes(altered)
        with pytest.raises(ValueError, match="index"):
            MultiIndex.load(path, mmap=mmap)


def forged(path, change):
    """Change the header of a file, and make its checksum fit again."""
    whole = path.read_bytes()
    length = struct.unpack("<Q", whole[40:48])[0]
    start = index_file.START
    header = json.loads(whole[start : start + length])
    change(header)
    text = json.dumps(header).encode()
    packed = struct.pack("<Q", len(text))
    digest = hashlib.sha256(packed + text).digest()
    path.write_bytes(index_file.MAGIC + digest + packed + text + whole[start + length :])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header.update(format="something"), "holds 'something'"),
        (lambda header: header.update(version=2), "version 2"),
        (lambda header: header.update(bits=65), "does not fit together"),
        (lambda header: header.update(bits="44"), "does not fit together"),
        (lambda header: header.update(size=701), "does not fit together"),
        (lambda header: header.update(size=None), "does not fit together"),
        (lambda header: header.update(next_id=3), "does not fit together"),
        (lambda header: header.update(removed=1), "does not fit together"),
        (lambda header: header.update(built=701), "does not fit together"),
        (lambda header: header.update(stride=10), "does not fit together"),
        (lambda header: header.update(plan={"speed": 1}), "does not fit together"),
        (lambda header: header.update(plan={"scan": "x", "batch": 1, "probe": []}), "together"),
        (lambda header: header.update(partition="best"), "does not fit together"),
        (lambda header: header.pop("seed"), "does not fit together"),
        (lambda header: header.pop("bytes"), "says nothing"),
        (lambda header: header.update(arrays=3), "says nothing"),
        (lambda header: header["arrays"].pop("copies"), "does not fit together"),
        (lambda header: header["arrays"]["copies"].update(offset=1 << 40), "do not fit"),
        (lambda header: header["arrays"]["copies"].update(offset=3), "do not fit"),
        (lambda header: header["arrays"]["copies"].update(shape=[-1]), "do not fit"),
        (lambda header: header["arrays"]["copies"].update(dtype="O"), "do not fit"),
        (lambda header: header["arrays"]["copies"].update(dtype="<f8"), "copies must be"),
        (lambda header: header["arrays"]["offsets"].update(shape=[1]), "offsets must be"),
    ],
)
def test_consistently_rewritten_headers_are_refused(saved, change, message):
    forged(saved, change)
    with pytest.raises(ValueError, match=message):
        MultiIndex.load(saved)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("offsets", lambda a: a.__setitem__((0, 5), 4_000_000), "lead outside"),
        ("positions", lambda a: a.__setitem__((1, 5), 4_000_000), "lead outside"),
        ("positions", lambda a: a.__setitem__((1, 5), -1), "lead outside"),
        ("places", lambda a: a.__setitem__((0, 0), 64), "no code has"),
        ("places", lambda a: a.__setitem__((0, 0), a[1, 0]), "two substrings"),
        ("masks", lambda a: a.__setitem__(0, 0), "masks are not"),
    ],
)
def test_tables_that_lead_astray_are_refused(saved, tmp_path, name, change, message):
    header, arrays = index_file.read(saved, FORMAT, 1)
    change(arrays[name])
    kept = {key: header[key] for key in header if key not in ("arrays", "bytes", "sha256")}
    index_file.write(tmp_path / "astray", kept, arrays)
    with pytest.raises(ValueError, match=message):
        MultiIndex.load(tmp_path / "astray")


def test_foreign_files(tmp_path):
    path = tmp_path / "file"
    for content in (b"", b"hello", b"PK" + bytes(100), index_file.MAGIC, bytes(1000)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not an index file"):
            MultiIndex.load(path)
    path.write_bytes(index_file.MAGIC + bytes(1000))
    with pytest.raises(ValueError, match="damaged"):
        MultiIndex.load(path)
    with pytest.raises(FileNotFoundError):
        MultiIndex.load(tmp_path / "absent")


def test_an_array_of_every_shape_comes_back(tmp_path):
    arrays = {
        "empty": np.empty((0, 3), np.int32),
        "one": np.float64([[2.5]]),
        "strided": np.arange(40, dtype=np.uint16).reshape(5, 8)[:, ::2],
    }
    path = index_file.write(tmp_path / "a", {"format": "x", "version": 1, "note": "é"}, arrays)
    for mmap in (False, True):
        header, found = index_file.read(path, "x", 1, mmap=mmap)
        assert header["note"] == "é" and list(found) == list(arrays)
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype and np.array_equal(found[name], array)
    path = index_file.write(tmp_path / "b", {"format": "x", "version": 1}, {})
    assert index_file.read(path, "x", 1)[1] == {}
