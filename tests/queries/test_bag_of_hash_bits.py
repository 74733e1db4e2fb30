import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payload_refusals import refuses, takes_or_refuses
from slow_length_ratios import slow_agreement

from mvs_lib import codes
from mvs_lib.datasets import campus
from mvs_lib.features import saliency
from mvs_lib.features.local import detect
from mvs_lib.queries import length_ratios, locations, shape_spectrum
from mvs_lib.queries.bag_of_hash_bits import BagOfHashBits
from mvs_lib.queries.bitstream import BitReader, BitWriter
from mvs_lib.queries.hash_bits import HashBits, read_codes, write_codes
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import pack

FLAT = np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def fitted(split):
    return BagOfHashBits(boundary=0.1, tables=6).fit(split.source)


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


@given(st.integers(0, 20), st.sampled_from([1, 7, 8, 80, 93]), st.integers(0, 99))
def test_codes_come_back(count, bits, seed):
    given_ = codes.pack(np.random.default_rng(seed).integers(0, 2, (count, bits)))
    writer = BitWriter()
    write_codes(writer, given_, bits)
    assert len(writer) == count * bits
    np.testing.assert_array_equal(read_codes(BitReader(writer.getvalue()), count, bits), given_)


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


@settings(max_examples=60)
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
