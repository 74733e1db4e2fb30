from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payload_refusals import refuses, takes_or_refuses

from mvs_lib import codes
from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import detect
from mvs_lib.queries import fingerprint
from mvs_lib.queries.hash_bits import as_words
from mvs_lib.queries.measure import measure, sensors_of
from mvs_lib.queries.payload import pack
from mvs_lib.queries.ssfs import SpaceSaliencyFingerprints

FLAT = np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def fitted(split):
    return SpaceSaliencyFingerprints().fit(split.source)


def clustered(seed, rows=60, bits=40):
    random = np.random.default_rng(seed)
    centres = random.integers(0, 2, (12, bits))
    noisy = centres[random.integers(0, 12, rows)] ^ (random.random((rows, bits)) < 0.08)
    packed = codes.pack(noisy)
    return packed, codes.hamming_distance(packed, packed)


def test_headings_fall_into_their_sectors():
    compass = np.array([0, 44.9, 45, 180, 359.9, 360, -1, np.nan])
    np.testing.assert_array_equal(fingerprint.sectors_of(compass, 8), [0, 0, 1, 4, 7, 0, 7, -1])


@settings(max_examples=20)
@given(st.integers(0, 999), st.sampled_from([1, 2, 3, 8]), st.integers(0, 12))
def test_support_is_the_number_of_near_photos_with_a_close_code(seed, circle, within):
    packed, distance = clustered(seed)
    random = np.random.default_rng(seed)
    offsets = np.array([0, 10, 10, 25, 40, 60])
    photo = np.repeat(np.arange(5), np.diff(offsets))
    sectors = random.integers(-1, circle, 5)
    expected = np.zeros(60, int)
    for row in range(60):
        for other in set(range(5)) - {photo[row]}:
            a, b = sectors[photo[row]], sectors[other]
            turn = min((a - b) % circle, (b - a) % circle)
            near = a < 0 or b < 0 or turn <= 1
            expected[row] += near and (distance[row, photo == other] <= within).any()
    got = fingerprint.supports(as_words(packed), offsets, sectors, circle, within)
    np.testing.assert_array_equal(got, expected)


def test_nearest_and_holders_against_all_distances():
    packed, distance = clustered(3)
    offsets = np.array([0, 20, 20, 45, 60])
    got = fingerprint.nearest(as_words(packed), as_words(packed), offsets)
    slow = [distance[:, a:b].min(axis=1, initial=255) for a, b in pairwise(offsets)]
    np.testing.assert_array_equal(got, np.stack(slow, axis=1))
    own = np.repeat([0, 2, 3], [20, 25, 15])
    held = fingerprint.holders(as_words(packed), own, as_words(packed), offsets, 9)
    others = [sum(slow[g][row] <= 9 for g in range(4) if g != own[row]) for row in range(60)]
    np.testing.assert_array_equal(held, others)


def slow_select(values, distance, sectors, most, least, penalty, within):
    chosen = []
    while len(chosen) < min(most, len(values)):
        gains = values.copy()
        for row in chosen:
            gains -= penalty * np.maximum(0, 1 - distance[row] / (within + 1))
        gains[chosen] = -np.inf
        left = [s for s in sectors[[r for r in range(len(values)) if r not in chosen]] if s >= 0]
        short = {s for s in left if (sectors[chosen] == s).sum() < least}
        if short:
            gains[~np.isin(sectors, list(short))] = -np.inf
        elif gains.max() <= 0:
            break
        chosen.append(int(np.argmax(gains)))
    return chosen


@settings(max_examples=25)
@given(st.integers(0, 999), st.integers(1, 70), st.integers(0, 6), st.sampled_from([0, 0.1, 0.9]))
def test_the_greedy_choice_against_its_definition(seed, most, least, penalty):
    packed, distance = clustered(seed)
    random = np.random.default_rng(seed)
    values, sectors = random.random(60), random.integers(-1, 4, 60)
    values[random.random(60) < 0.2] = 0
    got = fingerprint.select(values, as_words(packed), sectors, most, least, penalty, 8)
    expected = slow_select(values, distance, sectors, most, least, penalty, 8)
    assert got.tolist() == expected


def test_coverage_and_redundancy_do_what_they_say():
    packed, _ = clustered(1)
    values = np.linspace(1, 0.4, 60)
    sectors = np.repeat([0, 1, 2], 20)
    greedy = fingerprint.select(values, as_words(packed), sectors, 12, 0, 0, 8)
    assert greedy.tolist() == list(range(12))
    covered = fingerprint.select(values, as_words(packed), sectors, 12, 3, 0, 8)
    assert np.bincount(sectors[covered]).tolist() == [6, 3, 3]

    def spread(penalty):
        rows = fingerprint.select(values, as_words(packed), sectors, 12, 0, penalty, 8)
        return codes.hamming_distance(packed[rows], packed[rows]).sum()

    assert spread(1.0) > spread(0.0)


def test_the_payload_holds_what_the_phone_saw(fitted, split):
    image, sensors = split.query.images[0], {"east": -12.4, "north": 350.6}
    position, sent = fitted.decode(fitted.encode(image, sensors))
    assert position.tolist() == [-12, 351]
    expected = fitted.hash_.encode(detect(image, 300).descriptors)
    np.testing.assert_array_equal(sent, expected)
    for absent in (None, {}, {"east": np.nan, "north": 3.0}):
        position, sent = fitted.decode(fitted.encode(image, absent))
        assert position is None
        np.testing.assert_array_equal(sent, expected)
    far, _ = fitted.decode(fitted.encode(image, {"east": 1e9, "north": -1e9}))
    assert far.tolist() == [32767, -32768]


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_garbage_is_refused_and_nothing_else(fitted, body):
    takes_or_refuses(fitted, body)


def test_cut_and_foreign_payloads_are_refused(fitted, split):
    payload = fitted.encode(split.query.images[1])
    refuses(fitted, payload[:-1], b"", pack(11, payload[1:-2]), pack(18, payload[1:-3]))


def test_a_flat_photo_sends_no_feature_and_finds_nothing(fitted):
    payload = fitted.encode(FLAT, {"east": 0.0, "north": 0.0})
    assert len(payload) == 3 + 6 and not fitted.search(payload).any()


def test_the_position_orders_places_before_the_votes(fitted, split):
    labels = split.source.labels
    image, sensors = split.query.images[0], sensors_of(split.query, 0)
    blind = fitted.search(fitted.encode(image))
    for place in range(3):
        assert len(set(blind[labels == place])) == 1
        east, north = fitted.positions_[place]
        within = np.linalg.norm(fitted.positions_ - [east, north], axis=1) <= fitted.radius
        scores = fitted.search(fitted.encode(image, {**sensors, "east": east, "north": north}))
        near = within[labels]
        assert near.all() or scores[near].min() > scores[~near].max()
        np.testing.assert_allclose(scores[near], blind[near])
    # nobody lives there: all places compete, as without a position
    nowhere = fitted.search(fitted.encode(image, {"east": 30_000.0, "north": 30_000.0}))
    np.testing.assert_allclose(nowhere, blind)


def test_it_finds_places_by_small_fingerprints(fitted, split):
    found = measure(fitted, split)
    assert found.map > 0.7 and found.index_bytes < 3000
    assert (np.diff(fitted.offsets_) <= fitted.most).all()
    blind = SpaceSaliencyFingerprints(radius=None, salient=0).fit(split.source)
    assert measure(blind, split).map > 0.5
    assert fitted.client_bytes == blind.client_bytes > 0


def test_the_index_is_counted_to_the_byte(fitted):
    photos, codes_held = 24, len(fitted.codes_)
    assert codes_held > 100
    # codes of 10 bytes, a 32-bit offset a place and one more, two 32-bit metres, a byte a label
    assert fitted.index_bytes == 10 * codes_held + 4 * 4 + 3 * 8 + photos


def test_names_without_photos_change_nothing(fitted, split):
    photos = split.source
    names = (*photos.names, *(f"nowhere {i}" for i in range(300)))
    more = Photos(photos.images, photos.labels, names, photos.sensors)
    other = SpaceSaliencyFingerprints().fit(more)
    assert other.known_ == fitted.known_ == 3 and len(other.positions_) == 303
    np.testing.assert_array_equal(other.codes_, fitted.codes_)
    for index in range(3):
        payload = fitted.encode(split.query.images[index], sensors_of(split.query, index))
        np.testing.assert_allclose(other.search(payload), fitted.search(payload))


def test_votes_weigh_a_feature_by_the_places_it_matched(fitted, split):
    payload = fitted.encode(split.query.images[0])
    _, sent = fitted.decode(payload)
    whole = codes.hamming_distance(sent, fitted.codes_)
    close = np.stack(
        [whole[:, a:b].min(axis=1) <= fitted.within for a, b in pairwise(fitted.offsets_)], axis=1
    )
    expected = np.zeros(3)
    for feature in close:
        expected += np.log(3 / max(feature.sum(), 1)) * feature / len(sent)
    np.testing.assert_allclose(fitted.search(payload), expected[fitted.labels_], atol=1e-12)


def test_it_needs_no_sensors(split):
    photos = split.source
    bare = Photos(photos.images, photos.labels, photos.names)
    fitted = SpaceSaliencyFingerprints(most=50).fit(bare)
    assert np.isnan(fitted.positions_).all()
    payload = fitted.encode(split.query.images[0], {"east": 1.0, "north": 2.0})
    assert fitted.search(payload).max() > 0


def test_settings_out_of_range_are_refused(split):
    for wrong in ({"radius": 0}, {"most": 0}, {"features": 5000}):
        with pytest.raises(ValueError, match="need features"):
            SpaceSaliencyFingerprints(**wrong).fit(split.source)
