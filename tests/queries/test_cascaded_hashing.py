from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payload_refusals import refuses, takes_or_refuses

from mvs_lib import codes
from mvs_lib.datasets import campus
from mvs_lib.features.local import describe_all, detect, root
from mvs_lib.queries.cascaded_hashing import CascadedHashing, join, probe
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import pack

FLAT = np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def fitted(split):
    return CascadedHashing(levels=6).fit(split.source)


@settings(max_examples=40)
@given(st.integers(0, 9999), st.integers(1, 6))
def test_the_cascade_reaches_exactly_the_cells_asked_for(seed, levels):
    random = np.random.default_rng(seed)
    base = random.integers(0, 8, (200, levels))
    keys = np.sort(join(base))
    cells, turns = base[0], random.integers(-1, 2, levels)
    wanted = set()
    for moves in product(*[(0, turn) if turn else (0,) for turn in turns]):
        cell = cells + moves
        if ((cell >= 0) & (cell < 8)).all():
            wanted.add(int(join(cell[None])[0]))
    ranges = probe(cells, turns, 3, keys)
    found = np.concatenate([np.arange(*each) for each in ranges])
    np.testing.assert_array_equal(np.sort(found), np.flatnonzero(np.isin(keys, list(wanted))))
    assert len(set(found)) == len(found) and (ranges[:, 0] < ranges[:, 1]).all()


def test_cells_and_signatures_are_those_of_the_definition(fitted):
    descriptors = np.random.default_rng(0).integers(0, 200, (50, 128)).astype(np.uint8)
    places, signatures = fitted.describe(descriptors)
    z = (root(descriptors).astype(float) - fitted.mean_) @ fitted.projection_
    cells = np.floor(z[:, :6] / fitted.steps_).clip(-4, 3) + 4
    assert (places >> 2 == cells).mean() > 0.99  # rounding at a border
    bits = z[:, 6:] >= fitted.medians_
    assert (codes.unpack(signatures, 64) == bits).mean() > 0.999
    product_ = fitted.projection_.T @ fitted.projection_
    np.testing.assert_allclose(product_, np.eye(70), atol=1e-5)


def test_medians_balance_the_signature_and_steps_follow_the_spread(fitted, split):
    features = describe_all(split.source.images, 300)
    _, signatures = fitted.describe(features.descriptors)
    bits = codes.unpack(signatures, 64)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.01
    z = (root(features.descriptors) - fitted.mean_) @ fitted.projection_[:, :6]
    np.testing.assert_allclose(fitted.steps_, 2 * z.std(axis=0), rtol=1e-3)
    assert (np.diff(fitted.steps_) <= 0).all()


def slow_scores(system, features, places, signatures):
    base_places, base_signatures = system.describe(features.descriptors)
    base, photo = base_places >> 2, features.photo
    photos = photo.max() + 1
    scores = np.zeros(photos)
    apart = codes.hamming_distance(signatures, base_signatures)
    for row, place in enumerate(places):
        inside = (place % 4 + 0.5) / 4
        turn = np.where(inside < system.tolerance, -1, inside > 1 - system.tolerance)
        offset = base - (place >> 2)
        reached = ((offset == 0) | ((offset == turn) & (turn != 0))).all(axis=1)
        best = np.zeros(photos)
        for other in np.flatnonzero(reached & (apart[row] <= system.within)):
            held = set(photo[(base == base[other]).all(axis=1)])
            best[photo[other]] = max(best[photo[other]], np.log(photos / len(held)))
        scores += best
    return scores / len(places)


@pytest.mark.parametrize("tolerance", [0.0, 0.25, 0.5])
def test_the_score_against_a_slow_search_by_the_rule(split, tolerance):
    system = CascadedHashing(levels=5, tolerance=tolerance, within=20).fit(split.source)
    payload = system.encode(split.query.images[0])
    features = describe_all(split.source.images, 300)
    expected = slow_scores(system, features, *system.decode(payload))
    np.testing.assert_allclose(system.search(payload), expected, rtol=1e-5, atol=1e-7)
    assert expected.max() > 0


def test_a_tolerance_and_a_looser_check_only_add_matches(split):
    payload = split.query.images[3]

    def scores(**settings_):
        system = CascadedHashing(levels=6, **settings_).fit(split.source)
        return system.search(system.encode(payload))

    strict, near, loose = scores(tolerance=0.0), scores(tolerance=0.5), scores(within=30)
    assert (near >= strict - 1e-9).all() and (loose >= scores() - 1e-9).all()
    assert near.sum() > strict.sum()


def test_the_payload_holds_what_the_phone_saw(fitted, split):
    image = split.query.images[0]
    places, signatures = fitted.describe(detect(image, 300).descriptors)
    payload = fitted.encode(image)
    got = fitted.decode(payload)
    np.testing.assert_array_equal(got[0], places)
    np.testing.assert_array_equal(got[1], signatures)
    assert len(payload) == 3 + -(-(12 + len(places) * (6 * 5 + 64)) // 8)


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_garbage_is_refused_and_nothing_else(fitted, body):
    takes_or_refuses(fitted, body)


def test_cut_and_foreign_payloads_are_refused(fitted, split):
    payload = fitted.encode(split.query.images[1])
    refuses(fitted, payload[:-1], b"", pack(11, payload[1:-2]), pack(14, payload[1:-4]))


def test_a_flat_photo_sends_no_feature_and_finds_nothing(fitted):
    payload = fitted.encode(FLAT)
    assert len(payload) == 3 + 2 and not fitted.search(payload).any()


def test_it_finds_source_photos_and_places(fitted, split):
    for index in (0, 9, 20):
        assert np.argmax(fitted.search(fitted.encode(split.source.images[index]))) == index
    found = measure(fitted, split)
    assert found.map > 0.5
    assert fitted.client_bytes == 4 * (128 + 128 * 70 + 6 + 64)
    assert fitted.index_bytes == pytest.approx(24 * found.index_bytes)


@pytest.mark.parametrize("wrong", [{"levels": 13}, {"bits": 125}, {"step": 0}, {"tolerance": 0.6}])
def test_settings_out_of_range_are_refused(split, wrong):
    with pytest.raises(ValueError, match="need"):
        CascadedHashing(**wrong).fit(split.source)
