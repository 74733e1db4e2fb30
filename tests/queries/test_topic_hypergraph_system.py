import numpy as np
import pytest

from mvs_lib.codes import binarize, hamming_distance
from mvs_lib.datasets import campus
from mvs_lib.datasets.collection import Photos
from mvs_lib.features.local import detect, root
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import OVERHEAD, PayloadError, pack, unpack
from mvs_lib.queries.topic_hypergraph import TopicHypergraph, words_of


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=60, query=30, size=256, progress=False)


@pytest.fixture(scope="module")
def system(split):
    made = TopicHypergraph(bits=6, words=100, iterations=40, limit=100)
    return made.fit(split.source)


def test_words_are_those_of_the_names():
    names = ("Clock tower", "Water Tower", "Physics")
    images = np.zeros((4, 2, 2, 3), np.uint8)
    text = words_of(Photos(images, np.array([1, 0, 2, 0]), names))  # clock, physics, tower, water
    half = np.sqrt(0.5)
    expected = [[0, 0, half, half], [half, 0, half, 0], [0, 1, 0, 0], [half, 0, half, 0]]
    np.testing.assert_allclose(text, expected)


def test_the_payload_is_the_code_and_the_scores_are_shared_bits(system, split):
    source = binarize(system.codes_.source_values)
    for image in split.query.images:
        payload = system.encode(image)
        features = detect(image, 100)
        row = system.vocabulary_.bag(features, root(features.descriptors))
        code = binarize(row @ system.codes_.projection_ - system.codes_.median_)
        assert unpack(15, payload) == code.tobytes() and len(payload) == 1 + OVERHEAD
        expected = 6 - hamming_distance(code, source)[0]
        np.testing.assert_array_equal(system.search(payload), expected)


def test_it_finds_places_and_needs_no_text_for_a_query(system, split):
    found = measure(system, split)
    assert found.map > 0.42 and found.top1 > 0.5  # chance: 0.37 and 0.33
    assert found.index_bytes == 1
    assert system.client_bytes == 4 * (100 * 128 + 100 + 100 * 6 + 6)


def test_more_words_have_more_topics_and_never_more_than_photos(system, split):
    # Library, Dormitory 1, Canteen: four words, two topics for each
    assert system.factors_.topics.shape == (60, 8)
    many = TopicHypergraph(4, words=30, topics_per_word=50, iterations=1, limit=100)
    assert many.fit(split.source).factors_.topics.shape == (60, 60)


def test_a_flat_photo_sends_nothing_and_scores_nothing(system):
    payload = system.encode(np.full((64, 64, 3), 90, np.uint8))
    assert len(payload) == OVERHEAD and not system.search(payload).any()


def test_what_is_no_code_is_refused(system, split):
    payload = system.encode(split.query.images[0])
    for wrong, said in (
        (bytes([payload[0], payload[1] ^ 1, *payload[2:]]), "altered"),
        (pack(15, b"abc"), "6 bits has 1 bytes, got 3"),
        (pack(15, b"\xff"), "padding"),
        (pack(16, b"ab"), "system 16, not by 15"),
    ):
        with pytest.raises(PayloadError, match=said):
            system.search(wrong)
