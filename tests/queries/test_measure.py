import numpy as np
import pytest

from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.queries.audio_visual import AudioVisual, StableAnswer
from mvs_lib.queries.measure import measure, send
from mvs_lib.queries.payload import OVERHEAD, pack, unpack
from mvs_lib.queries.progressive_features import enough_inliers
from mvs_lib.queries.system import System, progressive, receive

SOURCES, QUERIES, PLACES = 30, 12, 4


def photos(labels):
    """Photos that hold nothing but their own number."""
    images = np.zeros((len(labels), 16, 16, 3), np.uint8)
    images += np.arange(len(labels), dtype=np.uint8)[:, None, None, None]
    names = tuple(f"place {label}" for label in range(PLACES))
    return Photos(images, np.asarray(labels, np.int64), names)


@pytest.fixture
def split():
    random = np.random.default_rng(5)
    return Split(
        "numbers", photos(random.integers(0, PLACES, SOURCES)), photos(np.arange(QUERIES) % PLACES)
    )


class Known(System):
    """Sends a photo's number and ``number % 5`` filling bytes; its scores are known beforehand."""

    number, method, kind, source = 201, "known", "features", "nobody"

    def __init__(self, scores):
        self.scores = scores

    def fit(self, photos, progress=False):
        return self

    def encode(self, image, sensors=None):
        return pack(self.number, bytes([image[0, 0, 0]]) + bytes(image[0, 0, 0] % 5))

    def search(self, payload):
        return self.scores[unpack(self.number, payload)[0]]

    @property
    def index_bytes(self):
        return 7 * SOURCES


class Steps(Known):
    """Sends ``steps`` packets of 1, 2, 3 ... bytes; after t of them the best photo scores t."""

    method = "steps"

    def __init__(self, scores, steps=6, least=None):
        super().__init__(scores)
        self.steps, self.least, self.made, self.rules = steps, least, [], 0

    def packets(self, image, sensors=None):
        for step in range(1, self.steps + 1):
            self.made.append(int(image[0, 0, 0]))
            yield pack(self.number, bytes([image[0, 0, 0]]) * step)

    def search_packets(self, packets):
        asked = {unpack(self.number, packet)[0] for packet in packets}
        assert [len(each) - OVERHEAD for each in packets] == list(range(1, len(packets) + 1))
        scores = self.scores[asked.pop()]
        assert not asked
        return len(packets) * (scores / scores.max())

    def stopping_rule(self):
        self.rules += 1
        return None if self.least is None else enough_inliers(self.least)


def tied_scores(seed=0):
    """Few different values, so that ties are everywhere."""
    return np.random.default_rng(seed).integers(0, 4, (QUERIES, SOURCES)).astype(float)


def slow_average_precision(scores, labels, label, order):
    """Eq. 1 over the whole ranking: precision at the rank of each photo of the place, averaged."""
    place = {photo: rank for rank, photo in enumerate(order)}
    ranking = sorted(range(len(scores)), key=lambda photo: (-scores[photo], place[photo]))
    found, total = 0, 0.0
    for rank, photo in enumerate(ranking, start=1):
        if labels[photo] == label:
            found += 1
            total += found / rank
    return (total / found if found else 0.0), labels[ranking[0]] == label


@pytest.mark.parametrize("seed", [0, 3])
def test_map_and_top1_are_the_slow_ones_and_ties_go_by_the_seeded_shuffle(split, seed):
    scores = tied_scores()
    found = measure(Known(scores), split, seed=seed)
    order = np.random.default_rng(seed).permutation(SOURCES)
    slow = [
        slow_average_precision(scores[i], split.source.labels, label, order)
        for i, label in enumerate(split.query.labels)
    ]
    assert found.map == pytest.approx(np.mean([each[0] for each in slow]), abs=1e-12)
    assert found.top1 == pytest.approx(np.mean([each[1] for each in slow]), abs=1e-12)
    assert 0 < found.map < 1 and 0 < found.top1 < 1


def test_a_shuffle_keeps_source_photos_that_lie_by_place_from_gaining(split):
    flat = Known(np.zeros((QUERIES, SOURCES)))
    maps = {measure(flat, split, seed=seed).map for seed in range(4)}
    assert len(maps) == 4
    right = (split.query.labels[:, None] == split.source.labels).astype(float)
    assert measure(Known(right), split).map == 1.0
    assert measure(Known(1 - right), split).top1 == 0.0


def test_bytes_are_a_mean_over_the_queries_with_their_envelopes(split):
    found = measure(Known(tied_scores()), split)
    sizes = [OVERHEAD + 1 + query % 5 for query in range(QUERIES)]
    assert found.bytes == pytest.approx(np.mean(sizes)) and found.largest_bytes == max(sizes)
    assert found.packets == 1 and found.index_bytes == 7 and found.encode_ratio > 0


def test_scores_of_too_few_photos_are_refused(split):
    with pytest.raises(ValueError, match=r"known scored \(29,\) photos, the split has 30"):
        measure(Known(tied_scores()[:, 1:]), split)


def test_only_the_packets_that_were_needed_are_made_counted_and_scored(split):
    scores = np.random.default_rng(2).random((QUERIES, SOURCES))
    system = Steps(scores, steps=6, least=3)
    found = measure(system, split)
    assert system.made == [query for query in range(QUERIES) for _ in range(3)]
    assert found.packets == 3 and found.largest_bytes == found.bytes == 1 + 2 + 3 + 3 * OVERHEAD
    assert system.rules == QUERIES  # a rule may remember: each query gets its own
    assert found.map == pytest.approx(measure(Known(scores), split).map)
    never = measure(Steps(scores, steps=4, least=99), split)
    assert never.packets == 4 and never.bytes == 1 + 2 + 3 + 4 + 4 * OVERHEAD


def test_the_scores_at_the_stop_are_the_ones_that_count(split):
    class Learns(Steps):
        def search_packets(self, packets):
            return super().search_packets(packets) * (1 if len(packets) > 1 else -1)

    right = (split.query.labels[:, None] == split.source.labels) + 0.1
    assert measure(Learns(right, least=-1), split).top1 == 0  # stops after the first
    assert measure(Learns(right, least=2), split).map == 1


def test_without_a_rule_a_system_of_many_packets_sends_one_payload(split):
    system = Steps(tied_scores(), least=None)
    found = measure(system, split)
    assert system.made == [] and found == measure(Known(tied_scores()), split)._replace(
        encode_ratio=found.encode_ratio
    )
    assert Known(tied_scores()).stopping_rule() is None


def test_the_server_s_time_is_not_the_phone_s(split, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("mvs_lib.queries.measure.time.perf_counter", lambda: clock[0])

    class Slow(Steps):
        def packets(self, image, sensors=None):
            for packet in super().packets(image, sensors):
                clock[0] += 2
                yield packet

        def search_packets(self, packets):
            clock[0] += 1000
            return super().search_packets(packets)

    sent = send(Slow(tied_scores(), least=3), split.query.images[1])
    assert sent.seconds == 3 * 2 and sent.packets == 3
    to_the_end = send(Slow(tied_scores(), steps=4, least=9), split.query.images[1])
    assert to_the_end.seconds == 4 * 2 and to_the_end.bytes == 10 + 4 * OVERHEAD


def test_a_system_that_sends_no_packet_is_refused(split):
    with pytest.raises(ValueError, match="steps sent no packet"):
        send(Steps(tied_scores(), steps=0, least=1), split.query.images[0])


def test_receiving_takes_a_packet_only_when_it_is_needed(split):
    system = Steps(tied_scores())
    packets = system.packets(split.query.images[3])
    steps = list(receive(system, packets, enough_inliers(2)))
    assert [size for size, _ in steps] == [1 + OVERHEAD, 3 + 2 * OVERHEAD]
    assert len(list(packets)) == 4  # the rest was never made
    everything = list(progressive(system, split.query.images[3]))
    assert len(everything) == 6 and everything[1][0] == steps[1][0]


def test_a_clip_ends_by_the_stable_answer_unless_it_is_sent_whole():
    system = AudioVisual(unchanged=3, gap=1.2)
    system.labels_ = np.array([0, 1])
    one, other = system.stopping_rule(), system.stopping_rule()
    assert isinstance(one, StableAnswer) and one is not other
    assert (one.unchanged, one.gap) == (3, 1.2)
    assert AudioVisual(unchanged=None).stopping_rule() is None
