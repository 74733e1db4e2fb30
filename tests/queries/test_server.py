import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.datasets import campus
from mvs_lib.features.local import LocalFeatures, detect, root
from mvs_lib.features.vocabulary import Vocabulary
from mvs_lib.queries import homography
from mvs_lib.queries.geometric_verification import inliers
from mvs_lib.queries.server import EACH, LEAST, BagOfWordsServer, clear_matches


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def server(split):
    return BagOfWordsServer(words=300).fit(split.source)


def test_words_score_by_an_explicit_cosine(server):
    words, vocabulary = np.array([3, 7, 7, 7, 7, 250]), server.vocabulary_
    assert (server.words_ == vocabulary.assign(root(server.features_.descriptors))).all()

    def row(words):
        counts = np.bincount(words, minlength=300)
        return np.sqrt(counts) * vocabulary.idf_

    query, offsets = row(words), server.features_.offsets
    for photo, found in enumerate(server.score_words(words)):
        other = row(server.words_[offsets[photo] : offsets[photo + 1]])
        cosine = query @ other / np.linalg.norm(query) / np.linalg.norm(other)
        assert found == pytest.approx(cosine, abs=1e-5)


def test_a_score_is_inliers_and_the_cosine(server, split):
    image = split.source.images[5, :230, 20:]  # cut
    features = detect(image, 300)
    descriptors = root(features.descriptors)
    cosine = server.score_words(server.vocabulary_.assign(descriptors))
    expected = np.clip(cosine, 0, 0.999).astype(float)
    for photo in range(24):
        there = server.features_.of(photo)
        pairs = homography.match(descriptors, root(there.descriptors), 0.85)
        places = there.positions.astype(np.float16)[pairs[:, 1]]
        agreed = inliers(features.positions[pairs[:, 0]], places, 0.03).sum()
        expected[photo] += agreed if agreed >= LEAST else 0
    assert expected.max() > 10
    np.testing.assert_allclose(server.score_features(features), expected, atol=1e-4)
    np.testing.assert_array_equal(server.score_image(image), server.score_features(features))


def test_geometry_puts_the_true_photo_above_the_same_words_scrambled(monkeypatch, split):
    random = np.random.default_rng(0)
    seen = random.integers(0, 256, (60, 128)).astype(np.uint8)
    at = random.random((60, 2)).astype(np.float32)
    worn = np.clip(seen + random.normal(0, 25, seen.shape), 0, 255).astype(np.uint8)
    others = random.integers(0, 256, (4 * 60, 128)).astype(np.uint8)
    moved = at @ np.float32([[0.7, 0.2], [-0.2, 0.7]]) + 0.1
    places = [moved, random.permutation(at), random.random((240, 2))]
    photos = features_of(np.concatenate([worn, seen, others]), np.concatenate(places), 6)
    monkeypatch.setattr("mvs_lib.queries.server.describe_all", lambda *_, **__: photos)
    server = BagOfWordsServer(words=100).fit(split.source.take(slice(0, 6)))
    query = features_of(seen, at, 1)
    words = server.vocabulary_.assign(root(seen))
    assert server.score_words(words).argmax() == 1
    scores = server.score_features(query)
    assert scores.argmax() == 0 and 50 < scores[0] < 61 and scores[1] < 10
    assert (server.verify(query, np.array([0, 5])) == np.floor(scores[[0, 5]])).all()
    # Without a short list the words alone decide.
    blind = BagOfWordsServer(words=100, shortlist=0).fit(split.source.take(slice(0, 6)))
    assert blind.score_features(query).argmax() == 1
    np.testing.assert_allclose(
        blind.score_features(query), server.score_words(words).clip(0, 0.999)
    )
    narrow = BagOfWordsServer(words=100, shortlist=1).fit(split.source.take(slice(0, 6)))
    assert narrow.score_features(query)[0] < 1  # the true one is second by its words


def features_of(descriptors, positions, photos):
    nothing = np.zeros(len(descriptors), np.float32)
    offsets = np.arange(photos + 1) * (len(descriptors) // photos)
    places = np.float32(positions)
    return LocalFeatures(places, nothing, nothing, nothing, descriptors, offsets)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 1000))
def test_clear_matches_are_those_of_the_general_rule(m, n, seed):
    random = np.random.default_rng(seed)
    photo = root(random.integers(0, 256, (n, 12)))
    query = root(random.integers(0, 256, (m, 12)))
    if n:
        query = root((0.7 * photo[random.integers(0, n, m)] + 0.3 * query) ** 2)
    found = clear_matches(query, photo, 0.8)
    assert found.shape[1] == 2 and found.dtype == np.int64
    assert found.tolist() == homography.match(query, photo, 0.8).tolist()


def test_a_row_that_stands_twice_is_never_a_clear_match():
    random = np.random.default_rng(0)
    for _ in range(20):
        photo = root(random.integers(0, 256, (40, 128)))
        assert clear_matches(photo, photo, 0.85).tolist() == [[i, i] for i in range(40)]
        # Up to rounding, either product of a doubled row can be the larger one, or exceed 1.
        assert clear_matches(photo, np.tile(photo, (2, 1)), 0.85).tolist() == []


def test_the_seed_reaches_the_vocabulary(split):
    few = split.source.take(slice(0, 8))
    made = [BagOfWordsServer(words=50, random_state=seed).fit(few) for seed in (3, 3, 4)]
    first, again, other = (server.vocabulary_.centres_ for server in made)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    expected = Vocabulary(50, 3).fit(root(made[0].features_.descriptors), made[0].features_.offsets)
    np.testing.assert_array_equal(first, expected.centres_)
    np.testing.assert_array_equal(made[0].vocabulary_.idf_, expected.idf_)


def test_the_index_is_counted_whole(server, split):
    features = len(server.features_)
    shown = len(np.unique(np.stack([server.features_.photo, server.words_]), axis=1).T)
    words = 8 * shown + 300 * 128 * 4 + 300 * 4
    assert server.index_bytes == words + features * (128 + 4)
    assert BagOfWordsServer(words=300, shortlist=0).fit(split.source).index_bytes == words


def test_the_vocabulary_suits_a_small_base_by_itself(split):
    server = BagOfWordsServer().fit(split.source)
    assert server.vocabulary_.words == len(server.features_) // EACH
    assert server.words is None


def test_a_flat_photo_scores_nothing_and_settings_out_of_range_are_refused(server, split):
    np.testing.assert_array_equal(server.score_image(np.full((256, 256, 3), 90, np.uint8)), 0)
    for wrong in ({"shortlist": -1}, {"ratio": 0}, {"ratio": 1.1}, {"tolerance": 0}):
        with pytest.raises(ValueError, match="shortlist"):
            BagOfWordsServer(**wrong).fit(split.source)
    with pytest.raises(ValueError, match="words need as many descriptors"):
        BagOfWordsServer(words=10**6).fit(split.source)
