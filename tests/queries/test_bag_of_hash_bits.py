from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payload_refusals import refuses, takes_or_refuses

from mvs_lib import codes
from mvs_lib.datasets import campus
from mvs_lib.features import saliency
from mvs_lib.features.local import detect
from mvs_lib.queries import length_ratios, locations, shape_spectrum
from mvs_lib.queries.bag_of_hash_bits import BagOfHashBits
from mvs_lib.queries.bit_tables import BitTables
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.hash_bits import HashBits, as_words, read_codes, write_codes
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import pack

FLAT = np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def fitted(split):
    return BagOfHashBits(boundary=0.1, tables=6).fit(split.source)


def near_copies(seed, rows=400, queries=30, bits=80, flip=0.1):
    random = np.random.default_rng(seed)
    database = random.integers(0, 2, (rows, bits))
    query = database[random.integers(0, rows, queries)] ^ (random.random((queries, bits)) < flip)
    return codes.pack(query), codes.pack(database)


@settings(max_examples=15, deadline=None)
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


@settings(max_examples=20, deadline=None)
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


def test_bits_are_balanced_and_the_projection_keeps_lengths():
    random = np.random.default_rng(0)
    descriptors = (random.gamma(0.5, 20, (4000, 128)) * np.linspace(0.2, 3, 128)).astype(np.uint8)
    hasher = HashBits(80).fit(descriptors)
    product = hasher.projection_.T @ hasher.projection_
    np.testing.assert_allclose(product, np.eye(80), atol=1e-4)
    bits = codes.unpack(hasher.encode(descriptors), 80)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.001
    correlation = np.corrcoef(bits.T.astype(float)) - np.eye(80)
    assert np.abs(correlation).mean() < 0.05
    with pytest.raises(ValueError, match="more than 80 features"):
        HashBits(80).fit(descriptors[:80])


def test_bits_tell_near_descriptors_from_far_ones(fitted, split):
    some = detect(split.source.images[0], 200).descriptors
    noisy = np.clip(some + np.random.default_rng(0).normal(0, 3, some.shape), 0, 255)
    distance = codes.hamming_distance(
        fitted.hash_.encode(some), fitted.hash_.encode(noisy.astype(np.uint8))
    )
    assert np.median(np.diag(distance)) < 12 < 30 < np.median(distance)


@settings(deadline=None)
@given(st.integers(0, 20), st.sampled_from([1, 7, 8, 80, 93]), st.integers(0, 99))
def test_codes_come_back(count, bits, seed):
    given_ = codes.pack(np.random.default_rng(seed).integers(0, 2, (count, bits)))
    writer = BitWriter()
    write_codes(writer, given_, bits)
    assert len(writer) == count * bits
    np.testing.assert_array_equal(read_codes(BitReader(writer.getvalue()), count, bits), given_)


def test_words_keep_the_distance():
    query, database = near_copies(5)
    words = np.bitwise_count(as_words(query)[:, None] ^ as_words(database)[None]).sum(2)
    np.testing.assert_array_equal(words, codes.hamming_distance(query, database))


def slow_agreement(query, source, which, width, reach):
    scores = []
    for matches in which.T:
        rows = np.flatnonzero(matches >= 0)
        bins = np.zeros(int(np.ceil(2 * reach / width)))
        for a, i in enumerate(rows):
            for j in rows[:a]:
                p = np.linalg.norm(query[i] - query[j])
                q = np.linalg.norm(source[matches[i]] - source[matches[j]])
                if p > 0 and q > 0:
                    at = int(np.floor((np.log(p / q) + reach) / width))
                    if 0 <= at < len(bins):
                        bins[at] += 1
        pairs = len(rows) * (len(rows) - 1) / 2
        scores.append(bins.max() / pairs if pairs else 0)
    return np.array(scores)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.sampled_from([(0.3, 3.0), (0.1, 1.0)]))
def test_length_ratios_against_the_definition(seed, bins):
    random = np.random.default_rng(seed)
    query, source = random.random((12, 2)), random.random((40, 2))
    which = np.where(random.random((12, 5)) < 0.6, random.integers(0, 40, (12, 5)), -1)
    share = slow_agreement(query, source, which, *bins)
    got = length_ratios.agreement(query, source, which, *bins, chance=False)
    np.testing.assert_allclose(got, share)
    expected = length_ratios.by_chance(*bins)[(which >= 0).sum(axis=0)]
    beyond = [
        max(0, (a - e) / (1 - e)) if e < 1 else 0 for a, e in zip(share, expected, strict=True)
    ]
    got = length_ratios.agreement(query, source, which, *bins)
    np.testing.assert_allclose(got, beyond, atol=1e-12)


def test_chance_is_the_mean_of_random_layouts_and_falls_with_the_matches():
    expected = length_ratios.by_chance(0.3, 3.0)
    assert (expected[:3] == 1).all() and len(expected) == 65
    random = np.random.default_rng(7)  # other layouts than those it was measured on
    for m in (3, 4, 8, 20, 60):
        which = np.arange(m)[:, None]
        drawn = [
            slow_agreement(random.random((m, 2)), random.random((m, 2)), which, 0.3, 3.0)[0]
            for _ in range(40 if m < 20 else 8)
        ]
        error = np.std(drawn) * np.sqrt(1 / len(drawn) + 1 / 400)
        assert abs(np.mean(drawn) - expected[m]) < 4 * error
    assert (np.diff(expected[2:24:3]) < 0).all()


def test_random_matches_score_nothing_on_average_however_many_they_are():
    random = np.random.default_rng(3)
    for m in (4, 10, 40, 150):
        which, share, beyond = np.arange(m)[:, None], [], []
        for query, source in random.random((150, 2, m, 2)):
            share.append(length_ratios.agreement(query, source, which, chance=False)[0])
            beyond.append(length_ratios.agreement(query, source, which)[0])
        expected = length_ratios.by_chance(0.3, 3.0)[min(m, 64)]
        # beyond 64 matches the share of 64 is taken away
        assert abs((np.mean(share) - expected) / (1 - expected)) < 0.04
        assert np.mean(beyond) < 0.1


def test_two_matches_prove_nothing_and_whole_cells_agree_as_their_centres_do():
    random = np.random.default_rng(5)
    cells = random.integers(0, 128, (30, 2)).astype(np.uint8)
    which = np.where(random.random((12, 6)) < 0.5, random.integers(0, 30, (12, 6)), -1)
    query = random.integers(0, 128, (12, 2)) + 0.5
    got = length_ratios.agreement(query, cells, which)
    np.testing.assert_allclose(got, length_ratios.agreement(query, cells + 0.5, which))
    which[2:] = -1
    assert not length_ratios.agreement(query, cells, which).any()


def test_a_shifted_turned_and_enlarged_photo_agrees_fully_and_a_shuffled_one_does_not():
    random = np.random.default_rng(0)
    query = random.random((30, 2))
    turn = 2.2 * np.array([[0.6, -0.8], [0.8, 0.6]])
    source = np.concatenate([query @ turn + [3, 1], random.random((30, 2))])
    which = np.stack([np.arange(30), 30 + random.permutation(30)], axis=1)
    same, other = length_ratios.agreement(query, source, which)
    assert same == pytest.approx(1) and other < 0.1


def test_an_outline_s_spectrum_ignores_shift_size_turn_and_start():
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    radius = 10 + 3 * np.cos(3 * angle) + np.sin(5 * angle)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    one = shape_spectrum.spectrum(points)
    turn = 1.7 * np.array([[0.6, -0.8], [0.8, 0.6]])
    moved = shape_spectrum.spectrum(np.roll(points, 117, axis=0) @ turn + [50, -20])
    np.testing.assert_allclose(moved, one, atol=2e-3)
    # points on a line are no outline; a circle has no waves
    circle = shape_spectrum.spectrum(10 * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    assert circle.max() < 1e-3 < one.max() and one.shape == (16,)
    assert not shape_spectrum.spectrum(points[:2]).any()
    alike = shape_spectrum.similarity(
        shape_spectrum.quantise(one), shape_spectrum.quantise(np.stack([moved, circle]))
    )
    assert alike[0] > 0.98 > alike[1]


def test_the_salient_square_is_found():
    photo = FLAT.copy()
    photo[16:40, 24:56] = [200, 30, 30]
    map_ = saliency.saliency(photo)
    assert map_.shape == (96, 96) and map_.mean() == pytest.approx(1, abs=1e-4)
    assert map_[40, 60] > 3 * map_[5, 5]
    line = saliency.outline(photo) / 96 * 64
    np.testing.assert_allclose([line.min(0), line.max(0)], [[24, 16], [56, 40]], atol=2)
    assert len(saliency.outline(FLAT)) == 0 and (saliency.saliency(FLAT) == 1).all()


def test_the_payload_holds_what_the_phone_saw(fitted, split):
    image = split.query.images[0]
    features = detect(image, 300)
    payload = fitted.encode(image)
    positions, sent, shape = fitted.decode(payload)
    where = locations.cells(features.positions, fitted.grid)
    order = np.argsort(where, kind="stable")
    np.testing.assert_array_equal(positions, locations.centres(where[order], fitted.grid))
    np.testing.assert_array_equal(sent, fitted.hash_.encode(features.descriptors)[order])
    np.testing.assert_array_equal(shape, shape_spectrum.spectrum_of(image))
    per_feature = 8 * (len(payload) - 3 - 16 - 1.5) / len(features)
    assert 80 < per_feature < 95


def test_votes_count_once_a_feature_and_weigh_rare_matches_more(fitted):
    matched = np.zeros((4, 24), bool)
    matched[0, :2] = matched[1, 2] = matched[2, :] = True
    got = fitted.votes(matched)
    np.testing.assert_allclose(got[:4], np.log([12, 12, 24, 1]) / 4, atol=1e-12)
    plain = BagOfHashBits(idf=False).votes(matched)
    np.testing.assert_allclose(plain[:4], [0.5, 0.5, 0.5, 0.25])


def test_the_score_is_the_sum_of_its_parts(fitted, split):
    payload = fitted.encode(split.source.images[0])
    positions, sent, shape = fitted.decode(payload)
    which, distance = fitted.tables_.match(sent, fitted.radius, fitted.within)
    assert distance[which >= 0].max() <= fitted.within
    expected = fitted.votes(which >= 0)
    here, there = positions.astype(float), (fitted.positions_ + 0.5) / fitted.grid
    for photo in range(24):
        if (which[:, photo] >= 0).sum() > fitted.least:
            share = slow_agreement(here, there, which[:, [photo]], 0.3, 3.0)[0]
            by_chance = length_ratios.by_chance(0.3, 3.0)[min((which[:, photo] >= 0).sum(), 64)]
            agreed = max(0, (share - by_chance) / (1 - by_chance))
            expected[photo] *= 1 + fitted.geometry * agreed
            apart = (shape.astype(float) - fitted.shapes_[photo]) / 256
            expected[photo] += fitted.boundary * np.exp(-np.sqrt((apart**2).sum()))
    np.testing.assert_allclose(fitted.search(payload), expected, rtol=1e-6)
    assert ((which >= 0).sum(axis=0) > fitted.least).any()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60))
def test_garbage_is_refused_and_nothing_else(fitted, body):
    takes_or_refuses(fitted, body)


def test_cut_and_foreign_payloads_are_refused(fitted, split):
    payload = fitted.encode(split.query.images[1])
    refuses(fitted, payload[:-1], payload[:40], b"", pack(12, payload[1:-2]))
    refuses(fitted, pack(11, payload[1:-4]))


def test_a_flat_photo_sends_no_feature_and_finds_nothing(fitted):
    payload = fitted.encode(FLAT)
    assert len(payload) <= 3 + 2 + 16 and not fitted.search(payload).any()


def test_it_finds_source_photos_and_places(fitted, split):
    for index in (0, 9, 20):
        assert np.argmax(fitted.search(fitted.encode(split.source.images[index]))) == index
    found = measure(fitted, split)
    assert found.map > 0.5 and found.bytes < 4000
    assert fitted.client_bytes == 4 * (128 + 128 * 80 + 80) and fitted.index_bytes > 0
    assert fitted.index_bytes == pytest.approx(24 * found.index_bytes)


def test_settings_out_of_range_are_refused(split):
    with pytest.raises(ValueError, match="features <= 4095"):
        BagOfHashBits(features=5000).fit(split.source)
