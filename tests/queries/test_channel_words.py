import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.datasets import campus
from mvs_lib.queries import measure, payload
from mvs_lib.queries.channel_words import ChannelWords, boost, draw_triplets
from mvs_lib.queries.payload import PayloadError


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def system(split):
    settings = {"words": 300, "chosen": 100, "photos_each": 8, "margin": 20.0}
    return ChannelWords(**settings).fit(split.source)


def slow_boost(seen, triplets, most):
    """AdaBoost as the books write it: votes +1, 0, -1, half the usual alpha, weights exp(-a h)."""
    weights, words, alphas = np.ones(len(triplets)) / len(triplets), [], []
    for _ in range(most):
        errors = np.full(seen.shape[1], 1.0)
        for word in set(range(seen.shape[1])) - set(words):
            votes = [int(seen[q, word] & seen[r, word]) - int(seen[q, word] & seen[i, word])
                     for q, r, i in triplets]  # fmt: skip
            errors[word] = sum(weights * (1 - np.array(votes)) / 2)
        word = int(errors.argmin())
        if errors[word] >= 0.5 - 1e-6:
            break
        votes = np.array([int(seen[q, word] & seen[r, word]) - int(seen[q, word] & seen[i, word])
                          for q, r, i in triplets])  # fmt: skip
        alpha = np.log((1 - errors[word]) / errors[word]) / 2
        weights *= np.exp(-alpha * votes)
        weights /= weights.sum()
        words.append(word)
        alphas.append(2 * alpha)
    return words, alphas


def test_the_facts_update_of_weights_is_rankboost():
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 4)
    seen = random.random((12, 9)) < np.where(random.random((3, 9)) < 0.4, 0.8, 0.2)[labels]
    triplets = draw_triplets(labels, 60, random)
    words, alphas = boost(seen, triplets, 6)
    slow_words, slow_alphas = slow_boost(seen, triplets, 6)
    np.testing.assert_array_equal(words, slow_words)
    np.testing.assert_allclose(alphas, slow_alphas, rtol=1e-4)
    assert len(words) >= 3 and (alphas > 0).all()


def test_a_word_that_marks_a_place_is_chosen_and_a_common_one_is_not():
    labels = np.repeat(np.arange(2), 5)
    seen = np.zeros((10, 4), bool)
    seen[:, 0] = True  # everywhere
    seen[:5, 1], seen[5:, 2] = True, True  # one place each
    words, _ = boost(seen, draw_triplets(labels, 200, np.random.default_rng(0)), 4)
    assert set(words) == {1, 2}
    nothing = boost(np.ones((10, 4), bool), np.empty((0, 3), np.int64), 4)
    assert len(nothing[0]) == len(nothing[1]) == 0


def test_triplets_are_what_they_say():
    labels = np.array([4, 0, 4, 2, 0, 7])
    triplets = draw_triplets(labels, 500, np.random.default_rng(1))
    query, relevant, irrelevant = labels[triplets].T
    assert (query == relevant).all() and (query != irrelevant).all()
    assert (triplets[:, 0] != triplets[:, 1]).all()
    assert set(query) == {0, 4}  # lone photos have no relevant other


@settings(max_examples=40)
@given(st.data())
def test_what_is_written_is_what_is_read(system, data):
    channel = data.draw(st.integers(0, len(system.chosen_) - 1))
    count = len(system.chosen_[channel])
    hits = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    again = system.read(system.write(channel, hits))
    assert again[0] == channel
    np.testing.assert_array_equal(again[1], hits)


def test_damage_is_seen(system, split):
    with pytest.raises(PayloadError, match="altered"):
        system.search(system.encode(split.query.images[0])[:-1])
    for size in (0, 1, 2, 8, 100, 800):
        for body in (bytes(size), b"\xff" * size, np.random.default_rng(size).bytes(size)):
            with pytest.raises(PayloadError):
                system.search(payload.pack(system.number, b"\x00" + body))
    short = system.write(0, np.ones(len(system.chosen_[0]), bool))
    body = payload.unpack(system.number, short) + b"\x80"
    with pytest.raises(PayloadError, match="left over"):
        system.search(payload.pack(system.number, body))


def test_the_channel_follows_the_position_and_falls_back_without_one(system):
    assert len(system.centres_) >= 2
    for row, (east, north) in enumerate(system.centres_):
        here = {"east": east, "north": north, "accuracy": 10.0}
        assert system.channel(here) == row + 1
        assert system.channel({**here, "accuracy": 500.0}) == 0
        assert system.channel({**here, "east": np.nan}) == 0
    assert system.channel(None) == system.channel({}) == 0


def test_every_channel_has_two_places_to_tell_apart(system, split):
    alone = ChannelWords(words=100, chosen=20, photos_each=2, margin=0.0).fit(split.source)
    assert len(alone.centres_) > len(system.centres_)
    for fitted in (alone, system):
        for members in fitted.members_:
            assert len(np.unique(split.source.labels[members])) >= 2
    assert all(len(words) > 0 for words in system.chosen_)


def test_a_query_without_a_position_is_answered_by_the_whole_campus(system, split):
    for index in (2, 12, 22):
        scores = system.search(system.encode(split.source.images[index]))
        assert scores.argmax() == index and scores.min() >= 0


def test_who_is_outside_the_channel_comes_after_who_is_inside(system, split):
    east, north = system.centres_[0]
    sensors = {"east": east, "north": north, "accuracy": 5.0}
    scores = system.search(system.encode(split.source.images[0], sensors))
    inside = system.members_[1]
    assert 0 < inside.sum() < len(inside)
    assert scores[inside].min() > scores[~inside].max()


def test_queries_find_their_place_in_few_bytes(system, split):
    reached = measure.measure(system, split)
    assert reached.map > 0.55 and reached.bytes < 80
    assert system.client_bytes < system.index_bytes


def test_a_flat_photo_sends_little_and_scores_nothing(system):
    sent = system.encode(np.full((256, 256, 3), 80, np.uint8))
    assert len(sent) == payload.OVERHEAD + 1
    np.testing.assert_array_equal(system.search(sent), np.zeros(24))


def test_one_place_is_refused(split):
    with pytest.raises(ValueError, match="two or more"):
        ChannelWords(words=50).fit(split.source.take(split.source.labels == 0))
