import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn

from mvs_lib.codes import unpack as unpack_bits
from mvs_lib.datasets import campus
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import OVERHEAD, PayloadError, pack, unpack
from mvs_lib.queries.sketch import GRID, Sketch, describe
from mvs_lib.queries.sketch_drawing import SIDE, contours, draw


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def system(split):
    return Sketch(bits=48).fit(split.source)


def rectangle(size=256):
    photo = np.full((size, size, 3), 60, np.uint8)
    photo[size // 4 : 3 * size // 4, size // 4 : size // 2] = 200
    return photo


def test_contours_are_the_strong_edges_and_nothing_else():
    ink = contours(rectangle())
    row, column = np.nonzero(ink)
    assert ink.shape == (SIDE, SIDE) and 150 < ink.sum() < 260  # around 64 x 32
    near_side = np.minimum(abs(column - 31.5), abs(column - 63.5)) < 2
    near_end = np.minimum(abs(row - 31.5), abs(row - 95.5)) < 2
    assert (near_side | near_end).all()
    weak = rectangle() // 16 + 100  # a step of 9 grey levels
    assert not contours(weak).any() and not contours(np.zeros((9, 9, 3), np.uint8)).any()


def test_texture_is_no_contour(split):
    noisy = rectangle().astype(int) + np.random.default_rng(0).integers(-40, 41, (256, 256, 3))
    ink = contours(np.clip(noisy, 0, 255).astype(np.uint8))
    clean = contours(rectangle())
    far = describe_distance(clean)[ink]
    assert (far <= 2).mean() > 0.9


def describe_distance(ink):
    """Measure how far each pixel is from the nearest ink, pair by pair."""
    row, column = np.nonzero(ink)
    y, x = np.mgrid[:SIDE, :SIDE]
    squares = (y[..., None] - row) ** 2 + (x[..., None] - column) ** 2
    return np.sqrt(squares.min(-1))


def test_the_feature_is_the_cosine_transform_of_the_clipped_distance(split):
    ink = contours(split.source.images[0])
    clipped = np.minimum(describe_distance(ink), 10) / 10
    expected = dctn(clipped, norm="ortho")
    terms = [expected[u, v] for u in range(7) for v in range(7 - u)][1:]
    np.testing.assert_allclose(describe(ink, 10, 7), terms, atol=2e-3)
    assert len(describe(ink)) == 16 * 17 // 2 - 1


def test_a_drawing_of_another_size_is_resized():
    ink = np.zeros((256, 512), bool)
    ink[64:66, 100:400] = ink[200, 100:400] = True
    small = np.zeros((128, 128), bool)
    small[32, 25:100] = small[100, 25:100] = True
    apart = np.linalg.norm(describe(ink) - describe(small)) / np.linalg.norm(describe(small))
    assert apart < 0.05
    assert not describe(np.zeros((50, 50), bool)).any()


def test_a_steady_hand_draws_the_contours(split):
    photo, random = split.source.images[8], np.random.default_rng(0)
    steady = draw(photo, random, jitter=0, dropout=0)
    assert (steady >= contours(photo)).all()
    assert steady.sum() < 1.3 * contours(photo).sum()  # gaps closed, nothing else
    assert not draw(photo, random, dropout=1).any()
    for jitter, dropout in ((-1, 0), (1, -0.1), (1, 1.1)):
        with pytest.raises(ValueError, match="jitter"):
            draw(photo, random, jitter, dropout)


@pytest.mark.parametrize("jitter", [1.0, 2.0, 4.0])
def test_points_move_as_far_as_the_jitter_says(jitter):
    away, clean = [], contours(rectangle())
    distance = describe_distance(clean)
    for seed in range(6):
        ink = draw(rectangle(), np.random.default_rng(seed), jitter, 0)
        away.append(distance[ink])
    away = np.concatenate(away)  # of a line, only the step across it shows
    assert 0.5 * jitter < np.sqrt((away**2).mean()) < 1.4 * jitter


def test_dropout_leaves_out_its_share(split):
    shares = []
    for index in range(0, 24, 2):
        photo = split.source.images[index]
        whole = draw(photo, np.random.default_rng(0), 0, 0).sum()
        shares += [
            draw(photo, np.random.default_rng(seed), 0, 0.4).sum() / whole
            for seed in range(8)
            if whole > 100
        ]
    assert len(shares) > 40 and 0.5 < np.mean(shares) < 0.7


def test_drawings_depend_on_the_seed_and_the_photo_only(system, split):
    photo = split.query.images[0]
    first = system.drawing(photo)
    np.testing.assert_array_equal(first, system.drawing(photo.copy()))
    assert (first != Sketch(random_state=1).drawing(photo)).any()
    assert (first != system.drawing(split.query.images[1])).any()
    # Three places have two directions between them; what more bits ask is left to rounding.
    first, again = (Sketch(bits=2).fit(split.source) for _ in range(2))
    np.testing.assert_array_equal(again.codes_, first.codes_)


def test_the_payload_is_the_sign_of_the_projection(system, split):
    for photo in split.query.images:
        ink = system.drawing(photo)
        payload = system.encode(photo)
        assert payload == system.encode_sketch(ink) and len(payload) == OVERHEAD + 6
        code = np.frombuffer(unpack(13, payload), np.uint8)[None]
        values = (describe(ink) - system.mean_) @ system.projection_
        np.testing.assert_array_equal(unpack_bits(code, 48)[0], values >= 0)
        scores = system.search(payload)
        bits = unpack_bits(system.codes_, 48)
        np.testing.assert_array_equal(scores, (bits == unpack_bits(code, 48)).sum(1))


def test_directions_solve_the_generalised_eigenproblem():
    random = np.random.default_rng(0)
    group = np.repeat(np.arange(30), 8)
    means = np.zeros((30, 20))
    means[:, 3:7] = random.normal(0, 3, (30, 4))  # only four numbers tell groups apart
    features = means[group] + random.normal(0, 1, (240, 20))
    features[:, 12] *= 8  # a loud one that tells nothing
    system = Sketch(bits=4, frequencies=6, ridge=1e-6)
    system._learn(features, group)
    energy = (system.projection_**2).sum(1)
    assert energy[3:7].sum() / energy.sum() > 0.85
    centres = np.array([features[group == each].mean(0) for each in range(30)])[group]
    total, within = np.cov(features.T, bias=True), np.cov((features - centres).T, bias=True)
    values, vectors = np.linalg.eig(np.linalg.solve(within, total))
    best = np.linalg.qr(vectors[:, np.argsort(-values.real)[:4]].real)[0]
    ours = np.linalg.qr(system.projection_)[0]
    np.testing.assert_allclose(ours @ ours.T, best @ best.T, atol=1e-4)
    values = (features - system.mean_) @ system.projection_
    centres = np.array([values[group == each].mean(0) for each in range(30)])[group]
    assert ((centres**2).sum() / (values**2).sum()) > 0.85


@settings(max_examples=80)
@given(st.binary(max_size=12))
def test_garbage_in_a_valid_envelope_is_refused_or_read(system, garbage):
    if len(garbage) in (0, 6):
        assert system.search(pack(13, garbage)).shape == (24,)
    else:
        with pytest.raises(PayloadError, match="48 bits"):
            system.search(pack(13, garbage))


def test_damage_and_padding_are_refused(system, split):
    payload = system.encode(split.query.images[0])
    with pytest.raises(PayloadError, match="altered"):
        system.search(bytes([payload[0], payload[1] ^ 8]) + payload[2:])
    odd = Sketch(bits=20).fit(split.source)
    with pytest.raises(PayloadError, match="20 bits"):
        odd.search(pack(13, b"\xff\xff\xff"))


@pytest.mark.parametrize("groups", ["place", "photo"])
def test_it_finds_places_by_sketches(groups):
    many = campus.load(places=3, source=24, query=24, size=256, progress=False)
    found = [
        measure(Sketch(groups=groups, random_state=seed).fit(many.source), many)
        for seed in range(6)
    ]
    for value in ("map", "top1"):  # chance: 0.4 and a third
        assert np.mean([getattr(each, value) for each in found]) > 0.5
    assert {each.bytes for each in found} == {OVERHEAD + 8}


def test_a_sketch_finds_its_own_photo_and_bits_are_small(system, split):
    best = [system.search(system.encode(photo)) for photo in split.source.images]
    rank = [(scores > scores[index]).sum() for index, scores in enumerate(best)]
    assert np.mean(np.array(rank) < 3) > 0.7
    assert system.codes_.nbytes * 80 <= system.raw_bytes
    assert system.client_bytes == system.index_bytes


def test_an_empty_sheet_sends_nothing_and_scores_nothing(system):
    payload = system.encode(np.full((256, 256, 3), 128, np.uint8))
    assert len(payload) == OVERHEAD
    np.testing.assert_array_equal(system.search(payload), np.zeros(24))


def test_settings_out_of_range_are_refused(split):
    for wrong, message in (
        ({"bits": 0}, "bits must be"),
        ({"bits": 200}, "bits <= 135"),
        ({"frequencies": 1}, "frequencies"),
        ({"clip": 0}, "clip > 0"),
        ({"groups": "street"}, "groups"),
        ({"copies": 0}, "copies"),
    ):
        with pytest.raises(ValueError, match=message):
            Sketch(**wrong).fit(split.source)
    assert 2 <= len(GRID) <= 6 and all(Sketch(**each).bits for each in GRID)
