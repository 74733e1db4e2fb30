import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payload_refusals import refuses, takes_or_refuses

from mvs_lib import codes
from mvs_lib.datasets import campus
from mvs_lib.features.local import LocalFeatures, detect, root
from mvs_lib.queries import word_discriminants
from mvs_lib.queries.global_signature import GlobalSignature
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import pack

FLAT = np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def fitted(split):
    return GlobalSignature(words=48, dimensions=20).fit(split.source)


def test_the_power_law_keeps_signs():
    values = np.array([-4.0, 0.0, 9.0])
    np.testing.assert_allclose(word_discriminants.power(values, 0.5), [-2, 0, 3])


def test_matches_are_mutual_and_clear():
    random = np.random.default_rng(0)
    one = root(random.integers(0, 255, (30, 128)).astype(np.uint8))
    other = one[random.permutation(30)[:20]]
    rows = word_discriminants.matches(one, other)
    assert len(rows) == 20
    np.testing.assert_array_equal(one[rows[:, 0]], other[rows[:, 1]])
    # five have a second neighbour about as near as the first: they say nothing
    twice = np.concatenate([other, other[:5]]) + 0.01 * random.normal(size=(25, 128))
    twice /= np.linalg.norm(twice, axis=1, keepdims=True)
    assert len(word_discriminants.matches(one, twice)) == 15
    assert not len(word_discriminants.matches(one[:1], other))


def test_only_photos_of_one_place_are_mined_and_their_matches_are_theirs():
    random = np.random.default_rng(1)
    base = random.integers(0, 255, (2, 40, 128)).astype(np.uint8)
    photos = np.concatenate([base[0], base[1], base[0][::-1], base[1]])
    blank = np.zeros(160, np.float32)
    offsets = np.arange(0, 161, 40)
    features = LocalFeatures(np.zeros((160, 2), np.float32), blank, blank, blank, photos, offsets)
    labels = np.array([0, 1, 0, 1])
    rows, pairs = word_discriminants.mine(features, labels, 100, np.random.default_rng(0))
    assert sorted(map(tuple, pairs)) == [(0, 2), (1, 3)]
    assert len(rows) == 80
    np.testing.assert_array_equal(photos[rows[:, 0]], photos[rows[:, 1]])


def test_the_directions_beat_all_others_in_the_paper_s_trace():
    # one word; what matches differs along axes 0..3, what does not match along axes 4..7 most
    random = np.random.default_rng(2)
    spread = np.array([3, 3, 3, 3, 0.1, 0.1, 0.1, 0.1])
    centres = random.normal(size=(40, 8)) * [0.1, 0.1, 0.1, 0.1, 2, 2, 2, 2]
    values = np.repeat(centres, 20, axis=0) + random.normal(size=(800, 8)) * spread
    labels = np.repeat(np.arange(40), 20)
    same = np.arange(800).reshape(-1, 2)
    found = word_discriminants.directions(
        values.__getitem__, np.zeros(800, int), labels, same, 1, 4, np.random.default_rng(0)
    )[0].astype(float)
    assert found.shape == (8, 4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(found[:4], 0, atol=0.05)
    apart = values[same[:, 0]] - values[same[:, 1]]
    inner = apart.T @ apart / len(same)
    pairs = np.random.default_rng(5).integers(0, 800, (20_000, 2))
    pairs = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]]
    apart = values[pairs[:, 0]] - values[pairs[:, 1]]
    outer = apart.T @ apart / len(pairs)

    def trace(a):
        return np.trace(np.linalg.solve(a.T @ inner @ a, a.T @ outer @ a))

    best = trace(found)
    for _ in range(50):
        assert trace(np.linalg.qr(random.normal(size=(8, 4)))[0]) < best
        assert trace(found + 0.1 * random.normal(size=(8, 4))) < best


def test_words_without_pairs_get_the_average_directions():
    random = np.random.default_rng(3)
    values = random.normal(size=(300, 5))
    words = np.repeat([0, 1], [298, 2])  # word 2 has no feature at all
    found = word_discriminants.directions(
        values.__getitem__, words, np.arange(300) // 2, np.arange(298).reshape(-1, 2), 3, 2, random
    )
    assert found.shape == (3, 5, 2) and np.isfinite(found).all()
    with pytest.raises(ValueError, match="no matching"):
        word_discriminants.directions(
            values.__getitem__, words, np.arange(300), np.empty((0, 2), int), 3, 2, random
        )
    with pytest.raises(ValueError, match="no non-matching"):
        word_discriminants.directions(
            values.__getitem__, words, np.zeros(300), np.arange(298).reshape(-1, 2), 3, 2, random
        )


def slow_signature(system, features):
    words = system.vocabulary_.assign(root(features.descriptors))
    visited = np.zeros(system.words, bool)
    bits = np.zeros((system.words, system.dimensions), int)
    for word in set(words):
        mean = root(features.descriptors)[words == word].mean(0) - system.vocabulary_.centres_[word]
        mean = np.sign(mean) * np.abs(mean) ** system.exponent - system.mean_[word]
        visited[word], bits[word] = True, mean @ system.directions_[word] >= 0
    return visited, bits


def test_the_payload_holds_the_signature_of_the_definition(fitted, split):
    for image in split.query.images[:3]:
        visited, bits = slow_signature(fitted, detect(image, fitted.features_))
        payload = fitted.encode(image)
        sent, signs = fitted.decode(payload)
        np.testing.assert_array_equal(sent, visited)
        # a projection that is 0 up to rounding may fall to either side
        assert (codes.unpack(signs, 20)[visited] != bits[visited]).mean() < 0.002
        assert not signs[~visited].any()
        assert len(payload) == 3 + -(-(48 + 20 * visited.sum()) // 8)


def test_source_photos_have_the_signature_the_phone_would_send(fitted, split):
    for index in (0, 23):
        visited, signs = fitted.decode(fitted.encode(split.source.images[index]))
        np.testing.assert_array_equal(visited, fitted.visited_[index])
        apart = np.bitwise_count(signs ^ fitted.signatures_[index]).sum()
        assert apart <= 2  # rounding at 0


def test_the_score_against_the_formula(fitted, split):
    payload = fitted.encode(split.query.images[2])
    visited, signs = fitted.decode(payload)
    expected = []
    for theirs, code in zip(fitted.visited_, fitted.signatures_, strict=True):
        total = 0.0
        for word in np.flatnonzero(visited & theirs):
            h = int((codes.unpack(signs[[word]], 20) != codes.unpack(code[[word]], 20)).sum())
            total += fitted.weights_[h] * (1 - 2 * h / 20)
        expected.append(total / np.sqrt(visited.sum() * theirs.sum()))
    np.testing.assert_allclose(fitted.search(payload), expected)
    assert (np.diff(fitted.weights_) <= 0).all() and 0 <= fitted.weights_.min()
    assert fitted.weights_[0] > 0.8 > fitted.weights_[12]


def test_the_number_of_features_is_the_best_of_those_tried(fitted):
    assert set(fitted.validation_) == {75, 150, 300}
    assert fitted.validation_[fitted.features_] == max(fitted.validation_.values())


@settings(max_examples=60)
@given(st.binary(max_size=120))
def test_garbage_is_refused_and_nothing_else(fitted, body):
    takes_or_refuses(fitted, body)


def test_cut_and_foreign_payloads_are_refused(fitted, split):
    payload = fitted.encode(split.query.images[1])
    refuses(fitted, payload[:-1], b"", pack(11, payload[1:-2]), pack(9, payload[1:-4]))


def test_a_flat_photo_visits_no_word_and_finds_nothing(fitted):
    payload = fitted.encode(FLAT)
    assert len(payload) == 3 + 6 and not fitted.search(payload).any()


def test_it_finds_source_photos_and_places(fitted, split):
    for index in (0, 9, 20):
        assert np.argmax(fitted.search(fitted.encode(split.source.images[index]))) == index
    found = measure(fitted, split)
    assert found.map > 0.45 and found.bytes < 200 and found.index_bytes < 200
    assert fitted.client_bytes == 4 * 48 * 128 * (2 + 20)


def test_settings_out_of_range_are_refused(split):
    with pytest.raises(ValueError, match="dimensions <= 128"):
        GlobalSignature(dimensions=200).fit(split.source)
