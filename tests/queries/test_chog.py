import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.datasets import campus
from mvs_lib.features.local import describe_all, detect
from mvs_lib.queries import locations, measure, payload, type_coding
from mvs_lib.queries.chog import GRID, Chog, divergences
from mvs_lib.queries.colour_descriptors import ColourDescriptors
from mvs_lib.queries.geometric_verification import inliers
from mvs_lib.queries.payload import PayloadError


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def system(split):
    return Chog(words=200).fit(split.source)


@settings(max_examples=25)
@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_what_is_written_is_what_is_read(count, seed):
    system = Chog()
    random = np.random.default_rng(seed)
    positions = random.random((count, 2))
    codes = random.integers(0, 330, (count, 9)).astype(np.uint16)
    places, again = system.read(system.write(positions, codes))
    order = np.argsort(locations.cells(positions.reshape(-1, 2), 64), kind="stable")
    np.testing.assert_array_equal(again, codes[order])
    assert count == 0 or np.abs(places - positions[order]).max() <= 0.5 / 64 + 1e-6


def test_a_descriptor_takes_the_bits_it_should():
    assert Chog(m=5, n=5).descriptor_bits == 9 * 7
    assert [Chog(**each).descriptor_bits for each in GRID] == [63, 81, 99, 143, 187]
    few, many = (len(Chog().write(np.zeros((n, 2)), np.zeros((n, 9), np.uint16))) for n in (0, 80))
    assert many - few >= 80 * 81 // 8


def test_damage_is_seen(system, split):
    sent = system.encode(split.query.images[0])
    with pytest.raises(PayloadError, match="altered"):
        system.search(sent[:-1])
    random = np.random.default_rng(0)
    refused = 0
    for size in (0, 1, 2, 3, 40, 400):
        garbage = payload.pack(system.number, random.bytes(size))
        try:
            assert system.search(garbage).shape == (24,)
        except PayloadError:
            refused += 1
    assert refused >= 5
    wrong = system.write(np.zeros((1, 2)), np.full((1, 9), 511, np.uint16))
    with pytest.raises(PayloadError, match="type 511"):
        system.search(wrong)


def test_the_divergence_is_kullback_and_leibler_s_both_ways():
    p = type_coding.smooth(type_coding.unrank(np.arange(330), 5, 7))
    table = divergences(p)
    for i, j in ((0, 329), (3, 200), (17, 17)):
        slow = sum(a * np.log(a / b) + b * np.log(b / a) for a, b in zip(p[i], p[j], strict=True))
        assert table[i, j] == pytest.approx(slow, abs=1e-6)
    assert (table >= 0).all() and np.allclose(table, table.T) and (np.diag(table) < 1e-6).all()


def slow_distances(some, others):
    """Decode the types and sum their divergences, no table and no shortcut."""
    p, q = (type_coding.smooth(type_coding.unrank(each, 5, 7)) for each in (some, others))
    p, q = p[:, None], q[None]
    return ((p - q) * np.log(p / q)).sum((2, 3))


def test_matches_are_the_clearly_nearest_of_the_decoded_histograms(system):
    codes = system.codes_[: system.offsets_[1]]
    pairs = system.matches(codes[:40], 0)
    np.testing.assert_array_equal(pairs[:, 0], pairs[:, 1])  # each finds itself
    assert len(pairs) > 30
    found = 0
    for photo in (1, 2, 5, 14):
        apart = slow_distances(codes, system.codes_[slice(*system.offsets_[photo : photo + 2])])
        near = np.sort(apart, axis=1)
        expected = np.flatnonzero(near[:, 0] < system.ratio * near[:, 1])
        pairs = system.matches(codes, photo)
        np.testing.assert_array_equal(pairs[:, 0], expected)
        np.testing.assert_array_equal(pairs[:, 1], apart[expected].argmin(1))
        found += len(pairs)
    assert found > 20
    assert system.matches(codes[:0], 1).shape == (0, 2)


def test_a_photo_with_one_feature_gets_no_vote(system):
    alone = Chog()
    alone.codes_, alone.offsets_ = system.codes_[:1], np.array([0, 1, 1])
    alone.divergence_ = system.divergence_
    for photo in (0, 1):  # nothing to be clearly nearer than, and nothing at all
        assert alone.matches(system.codes_[:5], photo).shape == (0, 2)


def test_a_score_is_the_inliers_of_the_matches_and_the_cosine_below_one(system, split):
    for image in split.query.images[:5]:
        positions, codes = system.read(system.encode(image))
        cosine, scores = system.cosine(codes), system.score(positions, codes)
        short = system.candidates(cosine)
        assert len(short) == min(system.shortlist, (cosine > 0).sum())
        for photo in range(len(scores)):
            found = 0
            if photo in short:
                here, there = system.matches(codes, photo).T
                found = inliers(positions[here], system.places(photo)[there]).sum()
                found *= found >= 5  # fewer are chance
            assert scores[photo] == pytest.approx(found + min(cosine[photo], 0.999), rel=1e-6)


def test_the_index_counts_all_that_the_search_reads(system, split):
    lists, words = system.matrix_, system.vocabulary_
    features = system.offsets_[-1]
    least = 8 * lists.nnz + 4 * (words.centres_.size + words.words) + features * (9 + 1) * 2
    tables = 4 * (330 * 330 + 330 * 5) + 8 * (24 + 1)
    assert system.index_bytes == least + tables
    assert not hasattr(system, "features_")  # neither SIFT descriptors nor float positions


def test_opencv_has_the_caller_s_threads_after_a_fit(system, split):
    before, photos = cv2.getNumThreads(), split.source.take(np.arange(12))
    describe_all(photos.images)  # from here on from the cache
    try:
        cv2.setNumThreads(3)
        Chog(words=20).fit(photos)
        ColourDescriptors().fit(photos)
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_a_source_photo_finds_itself_and_queries_find_their_place(system, split):
    for index in (0, 9, 23):
        assert system.search(system.encode(split.source.images[index])).argmax() == index
    reached = measure.measure(system, split)
    assert reached.map > 0.45 and reached.top1 > 0.5  # a third by chance
    assert system.index_bytes > 24 * 100


def test_a_flat_photo_sends_little_and_scores_nothing(system):
    sent = system.encode(np.full((256, 256, 3), 80, np.uint8))
    assert len(sent) == payload.OVERHEAD + 2
    np.testing.assert_array_equal(system.search(sent), np.zeros(24))
    assert len(system.read(sent)[0]) == len(detect(np.zeros((64, 64, 3), np.uint8)))


def test_wrong_settings_are_refused(split):
    for wrong in ({"m": 1}, {"cells": 8}, {"radius": 0.0}, {"n": 500}):
        with pytest.raises(ValueError, match=r"need m|layouts"):
            Chog(**wrong).fit(split.source)
