import inspect
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.datasets import campus, capture
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.features.local import describe_all, detect
from mvs_lib.queries import geometric_verification, payload
from mvs_lib.queries.chog import Chog
from mvs_lib.queries.measure import measure, send
from mvs_lib.queries.payload import PayloadError
from mvs_lib.queries.progressive_context import ProgressiveContext, greedy, worth
from mvs_lib.queries.progressive_features import (
    ProgressiveFeatures,
    enough_inliers,
    enough_margin,
    stop,
)


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module", params=[ProgressiveFeatures, ProgressiveContext])
def system(request, split):
    return request.param(words=200, limit=90, packet=25, shortlist=8).fit(split.source)


def small_photo(seed, count=9):
    random = np.random.default_rng(seed)
    near = geometric_verification.neighbours(random.random((count, 2)), 3)
    np.fill_diagonal(near, True)
    return random.random(count), random.integers(0, 5, count), near


WEIGHTS = st.tuples(st.floats(0, 2), st.floats(0, 2), st.integers(1, 4))


@settings(max_examples=25)
@given(st.integers(0, 10**6), WEIGHTS)
def test_the_greedy_order_is_nearly_the_best_at_every_length(seed, weights):
    photo = small_photo(seed)
    order = greedy(*photo, *weights)
    assert sorted(order) == list(range(9))
    for size in (1, 2, 3, 4):
        sets = combinations(range(9), size)
        best = max(worth(np.array(each), *photo, *weights) for each in sets)
        reached = worth(order[:size], *photo, *weights)
        assert reached <= best + 1e-9
        assert reached >= (1 - 1 / np.e) * best - 1e-9
    assert worth(order, *photo, *weights) == pytest.approx(1 + weights[0] + weights[1])


@settings(max_examples=40)
@given(st.integers(0, 10**6), WEIGHTS)
def test_every_choice_is_the_best_next_one_and_gains_shrink(seed, weights):
    photo = small_photo(seed)
    order = greedy(*photo, *weights)
    gains = []
    for size in range(9):
        before = worth(order[:size], *photo, *weights)
        after = [worth([*order[:size], one], *photo, *weights) for one in order[size:]]
        assert after[0] >= max(after) - 1e-9
        gains.append(after[0] - before)
    assert (np.diff(gains) <= 1e-9).all()


def test_more_weight_on_coverage_covers_more():
    photo = small_photo(3)
    alone, spread = greedy(*photo, 0, 0, 1), greedy(*photo, 100, 0, 1)
    np.testing.assert_array_equal(alone, np.argsort(-photo[0]))
    cells = len(np.unique(photo[1]))
    assert len(np.unique(photo[1][spread[:cells]])) == cells
    with pytest.raises(ValueError, match="group >= 1"):
        greedy(*photo, 1, 1, 0)


def test_inliers_are_those_that_moved_together():
    random = np.random.default_rng(0)
    here = random.random((30, 2))
    there = here @ [[0.7, -0.4], [0.4, 0.7]] + 0.2
    there[:12] = random.random((12, 2))
    np.testing.assert_array_equal(geometric_verification.inliers(here, there), np.arange(30) >= 12)
    mirrored = here * [1, -1]
    assert not geometric_verification.inliers(here, mirrored).any()
    assert not geometric_verification.inliers(here[:3], here[:3]).any()
    assert not geometric_verification.inliers(np.zeros((9, 2)), np.zeros((9, 2))).any()


def test_confirmed_matches_are_the_slow_count():
    random = np.random.default_rng(1)
    places = random.random((2, 12, 2))
    query, photo = (geometric_verification.neighbours(each, 4) for each in places)
    assert (query.sum(1) == 4).all() and not query.diagonal().any()
    pairs = np.stack([np.arange(0, 12, 2), random.permutation(12)[:6]], 1)
    slow = [sum(query[a, c] and photo[b, d] for c, d in pairs) for a, b in pairs]
    rows = geometric_verification.neighbours(places[1], 4, pairs[:, 1])
    np.testing.assert_array_equal(rows, photo[pairs[:, 1]])
    np.testing.assert_array_equal(geometric_verification.confirmed(pairs, query, rows), slow)
    same = geometric_verification.confirmed(np.stack([np.arange(12)] * 2, 1), query, query)
    np.testing.assert_array_equal(same, np.full(12, 4))
    assert geometric_verification.neighbours(np.zeros((1, 2)), 3).sum() == 0
    assert geometric_verification.neighbours(np.zeros((0, 2)), 3).shape == (0, 0)


def test_packets_carry_every_feature_once_and_in_order(system, split):
    image = split.source.images[5]
    features = detect(image, 90)
    packets = list(system.packets(image))
    assert len(packets) == -(-len(features) // 25) > 1
    codes = system.compress(image, features)[system.order(features)]
    for start, packet in enumerate(packets):
        read = system.read(packet)[1]
        np.testing.assert_array_equal(
            np.unique(read, axis=0), np.unique(codes[25 * start :][:25], axis=0)
        )
    whole = system.search_packets(packets)
    at_once = system.search(system.encode(image))
    assert whole.shape == (24,) and whole.argmax() == at_once.argmax()
    np.testing.assert_allclose(whole - np.floor(whole), at_once - np.floor(at_once), atol=1e-5)


def test_a_known_photo_stops_early_and_a_flat_one_never(system, split):
    scores, sent, everything, packets = stop(
        system, split.source.images[5], enough=enough_inliers(10)
    )
    assert scores.argmax() == 5 and scores.max() >= 10 and packets >= 1
    assert sent < everything
    flat = np.full((256, 256, 3), 9, np.uint8)
    scores, sent, everything, packets = stop(system, flat, enough=enough_inliers(10))
    assert packets == 1 and sent == everything == payload.OVERHEAD + 2
    np.testing.assert_array_equal(scores, np.zeros(24))
    assert stop(system, split.source.images[5])[3] == len(
        list(system.packets(split.source.images[5]))
    )


def test_a_source_photo_is_found_from_a_turned_and_noisy_view(system, split):
    for index in (1, 10, 20):
        view = capture.apply(split.source.images[index], {"rotation": 0.3, "noise": 0.2}, seed=1)
        scores = stop(system, view)[0]
        assert scores.argmax() == index and scores.max() >= 5


def test_the_margin_is_between_places_and_not_between_photos():
    labels = np.array([0, 0, 1, 2])
    assert enough_margin(labels, 2)(np.array([9.0, 8.9, 4.5, 1]))
    assert not enough_margin(labels, 2)(np.array([9.0, 1, 4.6, 1]))
    assert not enough_margin(labels, 2)(np.zeros(4))
    assert enough_margin(np.zeros(2, int))(np.array([1.0, 0.5]))


def test_damaged_packets_are_refused(system, split):
    packets = list(system.packets(split.query.images[0]))
    with pytest.raises(PayloadError):
        system.search_packets([packets[0], packets[-1][:-1]])
    other = payload.pack(99, b"x")
    with pytest.raises(PayloadError, match="system 99"):
        system.search(other)
    for size in (0, 1, 3, 50):
        garbage = payload.pack(system.number, np.random.default_rng(size).bytes(size))
        with pytest.raises(PayloadError):
            system.search(garbage)


def test_empty_packets_are_refused(split):
    with pytest.raises(ValueError, match="at least one feature"):
        next(ProgressiveFeatures(packet=0).packets(split.query.images[0]))


@pytest.fixture(scope="module")
def easy(split):
    """Source photos again, a little turned and noisy."""
    rows = np.arange(1, 24, 2)
    views = [
        capture.apply(split.source.images[row], {"rotation": 0.1, "noise": 0.1}, seed=int(row))
        for row in rows
    ]
    asked = Photos(np.stack(views), split.source.labels[rows], split.source.names)
    return Split("easy", split.source, asked)


def same_index(system, **settings):
    """Return a system of this kind with other settings and the same fitted server."""
    other = type(system)(words=200, limit=90, shortlist=8, **settings)
    vars(other).update({name: value for name, value in vars(system).items() if name[-1] == "_"})
    return other


def test_easy_photos_cost_fewer_bytes_than_all_features_and_are_found_as_well(system, easy):
    chog = Chog(words=200, limit=90, shortlist=8).fit(easy.source)
    whole = measure(chog, easy)
    stopped = measure(same_index(system, packet=25, inliers=8), easy)
    assert whole.packets == 1 <= stopped.packets
    assert stopped.bytes < 0.7 * whole.bytes
    assert stopped.top1 >= whole.top1 - 0.1 and stopped.map > whole.map - 0.1


def test_a_higher_bar_sends_more_and_no_bar_sends_one_payload(system, easy):
    sizes = [measure(same_index(system, packet=15, inliers=bar), easy).bytes for bar in (4, 9, 99)]
    assert sizes[0] < sizes[1] < sizes[2]
    image = easy.query.images[0]
    whole = send(same_index(system, inliers=None), image)
    assert whole.packets == 1 and whole.bytes == len(system.encode(image))
    np.testing.assert_array_equal(whole.scores, system.search(system.encode(image)))
    packets = list(same_index(system, packet=15).packets(image))
    at_once = send(same_index(system, packet=15, inliers=99), image)
    assert at_once.bytes == sum(map(len, packets)) and at_once.packets == len(packets)


def test_what_is_sent_is_what_the_rule_says(system, easy):
    for image in easy.query.images[:4]:
        sent = send(same_index(system, packet=15, inliers=9), image)
        scores, size, _, packets = stop(
            same_index(system, packet=15), image, enough=enough_inliers(9)
        )
        np.testing.assert_array_equal(sent.scores, scores)
        assert (sent.bytes, sent.packets) == (size, packets)


def test_the_server_keeps_a_place_in_two_bytes(system, split):
    features = describe_all(split.source.images, 300)
    assert system.positions_.nbytes == 2 * len(features)
    kept = np.concatenate([system.places(photo) for photo in range(24)])
    assert np.abs(kept - features.positions).max() <= 0.5 / 256 + 1e-6


def test_counting_inliers_the_whole_photo_scores_as_in_one_payload_of_chog(split, easy):
    """What A5 and A6 change is the order: with everything sent, and one check, all three agree."""
    chog = Chog(words=200, limit=90, shortlist=8).fit(split.source)
    for kind, options in ((ProgressiveFeatures, {}), (ProgressiveContext, {"check": "inliers"})):
        system = same_index(kind(words=200, limit=90, shortlist=8), inliers=None, **options)
        vars(system).update({name: each for name, each in vars(chog).items() if name[-1] == "_"})
        for image in easy.query.images[:4]:
            expected = chog.search(chog.encode(image))
            assert expected.max() >= 5  # geometry has had its say
            np.testing.assert_array_equal(send(system, image).scores, expected)
    with pytest.raises(ValueError, match="'neighbours' or 'inliers', got 'both'"):
        ProgressiveContext(check="both").fit(split.source)


@pytest.mark.parametrize("kind", [ProgressiveFeatures, ProgressiveContext])
def test_the_benchmark_s_seed_is_taken_and_reaches_the_vocabulary(kind, split):
    assert "random_state" in inspect.signature(kind).parameters
    few = split.source.take(np.arange(4))
    one, again, other = (kind(words=30, random_state=seed).fit(few) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.vocabulary_.centres_, again.vocabulary_.centres_)
    assert not np.array_equal(one.vocabulary_.centres_, other.vocabulary_.centres_)
