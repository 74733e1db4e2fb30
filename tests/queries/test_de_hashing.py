import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.codes import hamming_distance, unpack
from mvs_lib.datasets import campus
from mvs_lib.features.local import detect, root
from mvs_lib.queries.de_hashing import GRID, POSITION, DeHashing, decoder
from mvs_lib.queries.measure import measure, sensors_of
from mvs_lib.queries.payload import OVERHEAD, PayloadError, pack
from mvs_lib.queries.payload import unpack as unpack_payload

BITS = 20  # not whole bytes, so that padding would show


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def system(split):
    made = DeHashing(BITS, centres=6, dimensions=8, words=80, nearest=3, neighbours=5, limit=100)
    return made.fit(split.source)


def signs(system, code):
    return 2.0 * unpack(code, BITS)[0] - 1


def explicit_vlad(system, image):
    """Return a photo's VLAD in the slow way."""
    vector = np.zeros((6, 8))
    for descriptor in root(detect(image, 100).descriptors):
        short = (descriptor - system.descriptor_mean_) @ system.axes_
        away = np.linalg.norm(system.vocabulary_.centres_ - short, axis=1)
        vector[away.argmin()] += short - system.vocabulary_.centres_[away.argmin()]
    vector = [block / max(np.linalg.norm(block), 1e-9) for block in vector]
    return np.ravel(vector) / np.linalg.norm(vector)


@pytest.mark.parametrize("shape", [(12, 5), (5, 12)])
@pytest.mark.parametrize("ridge", [0.1, 3.0])
def test_the_decoder_minimises_the_papers_objective(shape, ridge):
    random = np.random.default_rng(0)
    projection, code = random.normal(size=shape), random.choice([-1.0, 1.0], shape[1])
    found = decoder(projection, ridge) @ code
    square = projection @ projection.T + ridge * np.eye(shape[0])
    np.testing.assert_allclose(found, np.linalg.inv(square) @ projection @ code, atol=1e-10)
    slope = projection @ (projection.T @ found - code) + ridge * found
    np.testing.assert_allclose(slope, 0, atol=1e-10)


def test_the_code_is_the_signs_of_the_projected_vlad(system, split):
    for index, image in enumerate(split.query.images):
        sensors = sensors_of(split.query, index)
        payload = system.encode(image, sensors)
        code, place = system._read(unpack_payload(16, payload))
        values = (explicit_vlad(system, image) - system.mean_) @ system.projection_
        clear = np.abs(values) > 1e-5
        assert np.array_equal(signs(system, code)[clear] > 0, values[clear] > 0)
        known = np.isfinite([sensors["east"], sensors["north"], sensors["accuracy"]]).all()
        assert len(payload) == 3 + OVERHEAD + (POSITION.size if known else 0)
        if known:
            assert np.abs(np.array(place[:2]) - [sensors["east"], sensors["north"]]).max() <= 0.5
        assert system.encode(image) == pack(16, code.tobytes())


def test_the_gain_brings_the_rebuilt_features_nearest(system, split):
    vectors = np.array([explicit_vlad(system, image) for image in split.source.images])
    rebuilt = np.array([system.decoder_ @ signs(system, code[None]) for code in system.codes_])

    def error(gain):
        return np.square(vectors - system.mean_ - gain * rebuilt).sum()

    assert error(system.gain_) < min(error(0.99 * system.gain_), error(1.01 * system.gain_))
    assert error(system.gain_) < 0.8 * error(0)


def test_words_are_read_off_the_rebuilt_feature(system):
    code = system.codes_[3:4]
    vector = system.mean_ + system.gain_ * system.decoder_ @ signs(system, code)
    words = np.zeros(80)
    for j, block in enumerate(vector.reshape(6, 8)):
        weight = np.linalg.norm(block)
        descriptor = system.vocabulary_.centres_[j] + system.lengths_[j] * block / weight
        away = np.linalg.norm(system.word_centres_ - descriptor, axis=1)
        near = away.argsort()[:3]
        shares = np.exp(-(away[near] ** 2) / (2 * 0.2**2))
        words[near] += weight * shares / shares.sum()
    words *= system.server_.vocabulary_.idf_
    np.testing.assert_allclose(system.rebuild(code), words / np.linalg.norm(words), atol=1e-6)


@pytest.mark.parametrize("near", [None, 0, 4])
def test_the_context_is_a_ridge_regression_on_the_codes_near_by(system, split, near):
    code = system.codes_[10:11]
    place, there = None, np.arange(24)
    if near is not None:
        east, north = (split.source.sensors[name] for name in ("east", "north"))
        known = np.flatnonzero(np.isfinite(east))[near]
        place = (round(east[known]), round(north[known]), 7)
        there = np.flatnonzero(np.hypot(east - place[0], north - place[1]) <= 67)
        assert 0 < len(there) < 24
    order = np.argsort(hamming_distance(code, system.codes_[there])[0], kind="stable")
    chosen = there[order[:5]]
    columns = np.array([signs(system, system.codes_[i : i + 1]) for i in chosen]).T
    padded = np.vstack([columns, np.sqrt(BITS) * np.eye(len(chosen))])
    target = np.concatenate([signs(system, code), np.zeros(len(chosen))])
    weights = np.maximum(np.linalg.lstsq(padded, target, rcond=None)[0], 0)
    words = weights @ system.server_.matrix_[chosen].toarray()
    expected = words / np.linalg.norm(words)
    np.testing.assert_allclose(system.context(code, place), expected, atol=1e-6)


def test_far_from_every_photo_the_context_looks_everywhere(system):
    code = system.codes_[10:11]
    far = system.context(code, (30_000, -30_000, 5))
    np.testing.assert_array_equal(far, system.context(code))


@given(
    body=st.binary(min_size=3, max_size=3), photo=st.integers(0, 23),
    east=st.integers(-60, 60), north=st.integers(-60, 60), accuracy=st.integers(0, 255),
)  # fmt: skip
def test_the_context_speaks_only_words_of_photos_within_reach(
    system, body, photo, east, north, accuracy
):
    code = np.frombuffer(body, np.uint8)[None] & np.array([255, 255, 240], np.uint8)
    x, y = np.nan_to_num(system.positions_[photo])
    place = (round(x) + east, round(y) + north, accuracy)
    away = np.hypot(*(system.positions_ - place[:2]).T)
    within = away <= 60 + accuracy
    words = system.context(code, place)
    if within.any():
        said = system.server_.matrix_[np.flatnonzero(within)].toarray().any(axis=0)
        assert not words[~said].any()
    else:
        np.testing.assert_array_equal(words, system.context(code))


def test_a_position_brings_the_photos_of_its_place_forward(system, split):
    labels = split.source.labels
    middles = [np.nanmedian(system.positions_[labels == place], axis=0) for place in range(3)]
    positions = [POSITION.pack(*np.rint(middle).astype(int), 5) for middle in middles]
    for image in split.query.images:
        code = unpack_payload(16, system.encode(image))
        scores = [system.search(pack(16, code + position)) for position in (b"", *positions)]
        for place in range(3):
            there = labels == place
            lead = [each[there].mean() - each[~there].mean() for each in scores]
            nowhere, here = lead[0], lead[1 + place]
            elsewhere = [lead[1 + other] for other in range(3) if other != place]
            assert here >= nowhere - 1e-6 and here > max(elsewhere)


def test_it_finds_places_and_a_position_helps(system, split):
    found = measure(system, split)
    assert found.map > 0.6 and found.top1 > 0.6  # chance: 0.4 and a third
    assert found.bytes <= 3 + 5 + OVERHEAD
    system.position = False
    try:
        alone = measure(system, split)
    finally:
        system.position = True
    assert found.map > alone.map + 0.05 and found.bytes > alone.bytes == 3 + OVERHEAD


def test_a_flat_photo_sends_nothing_and_scores_nothing(system, split):
    payload = system.encode(np.full((64, 64, 3), 90, np.uint8), sensors_of(split.query, 0))
    assert len(payload) == OVERHEAD and not system.search(payload).any()


def test_a_phone_may_keep_its_position_to_itself(system, split):
    sensors = {"east": 3.2, "north": -4.7, "accuracy": 12.0}
    image = split.query.images[0]
    assert len(system.encode(image, sensors)) == 3 + POSITION.size + OVERHEAD
    for missing in sensors:
        assert len(system.encode(image, {**sensors, missing: np.nan})) == 3 + OVERHEAD
    system.position = False
    try:
        assert system.encode(image, sensors) == system.encode(image)
    finally:
        system.position = True
    far = system.encode(image, {"east": 1e9, "north": -1e9, "accuracy": 4000.0})
    assert system._read(unpack_payload(16, far))[1] == (32767, -32768, 255)


@given(body=st.binary(max_size=12))
def test_any_body_is_a_query_or_refused(system, body):
    try:
        scores = system.search(pack(16, body))
    except PayloadError as error:
        assert "20 bits" in str(error)
    else:
        assert len(body) in (0, 3, 8) and scores.shape == (24,) and np.isfinite(scores).all()


def test_altered_and_foreign_payloads_are_refused(system, split):
    payload = system.encode(split.query.images[0])
    with pytest.raises(PayloadError, match="altered"):
        system.search(bytes([payload[0], payload[1] ^ 1, *payload[2:]]))
    with pytest.raises(PayloadError, match="system 15, not by 16"):
        system.search(pack(15, b"abc"))


def test_settings_that_cannot_be_are_said(split):
    with pytest.raises(ValueError, match=r"1\.\.23 bits"):
        DeHashing(24).fit(split.source)
    with pytest.raises(ValueError, match=r"mix lies in 0\.\.1"):
        DeHashing(8, mix=1.5).fit(split.source)


def test_the_grid_is_short_and_can_be_made():
    assert 2 <= len(GRID) <= 6 and all(DeHashing(**each).bits for each in GRID)
