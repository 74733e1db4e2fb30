import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import Photos
from mvs_lib.queries import locations
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import OVERHEAD, PayloadError, pack, unpack
from mvs_lib.queries.tiled_surf import GRID, TiledSurf


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def system(split):
    return TiledSurf(words=300).fit(split.source)


def test_the_payload_holds_the_cells_signs_and_levels_of_the_features(system, split):
    for photo in split.query.images[3:5]:
        payload = system.encode(photo)
        where, signs, levels = system.decode(payload)
        positions, true, descriptors = system.find(photo)
        cells = locations.cells(positions, 128)
        order = np.argsort(cells, kind="stable")
        assert len(where) > 50
        np.testing.assert_array_equal(where, cells[order])
        np.testing.assert_array_equal(signs, true[order])
        expected = [
            np.searchsorted(system.boundaries_[k], descriptors[order, k]) for k in range(64)
        ]
        np.testing.assert_array_equal(levels, np.transpose(expected))
        assert len(payload) < OVERHEAD + 2 + len(where) * (24 + 1.9)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_levels_are_as_likely_as_one_another(split, bits):
    system = TiledSurf(words=100, bits=bits).fit(split.source.take(slice(0, None, 2)))
    shares = np.bincount(system.levels_.ravel(), minlength=1 << bits) / system.levels_.size
    np.testing.assert_allclose(shares, 1 / (1 << bits), atol=0.01)
    values = system.values_
    assert (np.diff(values, axis=1) >= 0).all()
    assert (values[:, :-1] <= system.boundaries_ + 1e-6).all()
    assert (values[:, 1:] >= system.boundaries_ - 1e-6).all()
    payload = system.encode(split.query.images[3])
    _, _, levels = system.decode(payload)
    assert levels.max() < 1 << bits


def test_the_whole_photo_and_its_tiles_send_the_same_bytes(system, split):
    photo = split.query.images[4]
    tiled = TiledSurf(words=300, tile=64, flat=0.0)
    whole = TiledSurf(words=300, tile=None)
    for each in (tiled, whole):
        each.boundaries_ = system.boundaries_
    assert tiled.encode(photo) == whole.encode(photo)


def test_skipping_flat_tiles_loses_few_features(split):
    kept = [
        [len(TiledSurf(tile=64, flat=flat).find(photo)[1]) for flat in (0.0, 1.0)]
        for photo in split.source.images[:6]
    ]
    every, most = np.sum(kept, 0)
    assert 0.95 * every < most <= every


@settings(max_examples=60)
@given(st.binary(max_size=120))
def test_garbage_in_a_valid_envelope_is_refused_or_read(system, garbage):
    try:
        scores = system.search(pack(4, garbage))
    except PayloadError:
        return
    assert scores.shape == (24,) and np.isfinite(scores).all()


def test_damage_is_refused(system, split):
    payload = system.encode(split.query.images[3])
    with pytest.raises(PayloadError, match="altered"):
        system.search(payload[:9] + bytes([payload[9] ^ 1]) + payload[10:])
    body = unpack(4, payload)
    for end in (0, 1, 20, len(body) - 1):
        with pytest.raises(PayloadError):
            system.search(pack(4, body[:end]))
    with pytest.raises(PayloadError, match="left over"):
        system.search(pack(4, body + b"\0"))


def test_it_finds_places_and_itself(system, split):
    measured = measure(system, split)
    assert measured.map > 0.52 and measured.top1 >= 0.5  # chance: 0.4 and a third
    assert measured.largest_bytes < 8000 and system.client_bytes == 64 * 7 * 4
    for index in (0, 6, 16):
        scores = system.search(system.encode(split.source.images[index]))
        assert scores.argmax() == index and scores.max() > 20


def test_a_flat_photo_sends_two_bytes_and_scores_nothing(system):
    payload = system.encode(np.full((256, 256, 3), 99, np.uint8))
    assert len(payload) == OVERHEAD + 2
    np.testing.assert_array_equal(system.search(payload), np.zeros(24))


def test_the_index_counts_features_as_they_are_stored(system):
    lists = 8 * system.matrix_.nnz + 300 * 65 * 4
    tables = 64 * (7 + 8) * 4
    features = len(system.signs_) * (64 + 1 + 8) + 8 * 25  # levels, sign, position; 24 photos
    assert system.index_bytes == lists + tables + features


def test_source_photos_without_features_score_zero(split):
    flat = Photos(np.full((3, 64, 64, 3), 90, np.uint8), np.arange(3), ("a", "b", "c"))
    empty = TiledSurf(words=20).fit(flat)
    payload = empty.encode(split.query.images[3])
    assert len(empty.decode(payload)[0]) > 50
    np.testing.assert_array_equal(empty.search(payload), np.zeros(3))
    assert empty.index_bytes > 0


def test_settings_out_of_range_are_refused(split):
    for wrong in ({"features": 0}, {"features": 5000}, {"bits": 0}, {"bits": 5}):
        with pytest.raises(ValueError, match="need 1 <= features"):
            TiledSurf(**wrong).fit(split.source)
    assert 2 <= len(GRID) <= 6 and all(TiledSurf(**each).bits for each in GRID)
