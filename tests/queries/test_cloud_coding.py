import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.datasets import campus
from mvs_lib.features.local import LocalFeatures, detect
from mvs_lib.queries import cloud_codec as inside
from mvs_lib.queries import locations, picture
from mvs_lib.queries.cloud_codec import CloudCodec
from mvs_lib.queries.cloud_coding import GRID, CloudCoding
from mvs_lib.queries.cloud_painting import paint
from mvs_lib.queries.fidelity import psnr, ssim
from mvs_lib.queries.homography import Verified
from mvs_lib.queries.measure import measure
from mvs_lib.queries.payload import PayloadError, pack, unpack
from mvs_lib.queries.server import BagOfWordsServer


@pytest.fixture(scope="module")
def split():
    return campus.load(places=3, source=24, query=6, size=256, progress=False)


@pytest.fixture(scope="module")
def system(split):
    return CloudCoding(server=BagOfWordsServer(words=300)).fit(split.source)


def near_duplicate(photo):
    """Another camera's view of a photo: turned, nearer, darker."""
    matrix = np.float32([[1, 0.05, -8], [0.02, 1.05, -5], [1e-4, 0, 1]])
    moved = cv2.warpPerspective(photo, matrix, (256, 256), borderMode=cv2.BORDER_REFLECT)
    return np.clip(moved * 0.8 + 15, 0, 255).astype(np.uint8)


@settings(max_examples=25)
@given(st.integers(0, 12), st.integers(0, 10_000), st.sampled_from([1, 8, 40, 255]))
def test_features_come_back_within_half_a_step(system, count, seed, step):
    random = np.random.default_rng(seed)
    features = LocalFeatures(
        random.random((count, 2), np.float32),
        (2.0 ** -random.uniform(1, 7.5, count)).astype(np.float32),
        random.uniform(0, 2 * np.pi, count).astype(np.float32),
        np.ones(count, np.float32),
        random.integers(0, 256, (count, 128)).astype(np.uint8),
        np.array([0, count]),
    )
    codec, image = CloudCodec(step=step), random.integers(0, 256, (256, 256, 3)).astype(np.uint8)
    for name in ("shape_", "mean_", "blurred_", "trust_"):
        setattr(codec, name, getattr(system.codec_, name))
    thumbnail, found = codec.decode(codec.encode(image, features))
    np.testing.assert_array_equal(thumbnail, picture.read(codec.thumbnail(image)))
    order = np.argsort(locations.cells(features.positions, 256) if count else [], kind="stable")
    assert len(found) == count
    assert np.abs(found.positions - features.positions[order]).max(initial=0) <= 0.5 / 256 + 1e-6
    octaves = np.log2(found.scales / features.scales[order])
    assert np.abs(octaves).max(initial=0) <= 0.25 + 1e-5
    turn = np.angle(np.exp(1j * (found.angles - features.angles[order])))
    assert np.abs(turn).max(initial=0) <= np.pi / 32 + 1e-5
    lost = found.descriptors.astype(float) - features.descriptors[order]
    assert np.abs(lost).max(initial=0) <= step / 2 + 0.5


def test_prediction_saves_bytes_and_trusts_large_patches_more(system, split):
    plain = CloudCodec(predict=False).fit(
        split.source.images[:2], [detect(i, 9) for i in split.source.images[:2]]
    )
    sizes = []
    for photo in split.query.images:
        features = detect(photo, 64)
        sizes.append([len(codec.encode(photo, features)) for codec in (system.codec_, plain)])
    predicted, unpredicted = np.sum(sizes, 0)
    assert predicted < 0.9 * unpredicted
    trust = system.codec_.trust_
    assert trust[3] < trust[5] < trust[8] <= 1 and trust[8] > 0.8


def test_trust_is_least_squares(split):
    image = split.source.images[0]
    features = detect(image, 100)
    codec = CloudCodec().fit(image[None], [features])
    cells, level, turn = inside._geometry(features)
    large = codec.enlarge(picture.read(codec.thumbnail(image)))
    blurred = inside._describe(large, *inside._shares(cells, level, turn))
    common = np.bincount(level).argmax()
    x = (blurred - codec.blurred_)[level == common].ravel()[:, None]
    y = (features.descriptors - codec.mean_)[level == common].ravel()
    slope = np.linalg.lstsq(x, y, rcond=None)[0]
    assert codec.trust_[common] == pytest.approx(np.clip(slope[0], 0, 1), abs=1e-3)


def test_a_near_duplicate_is_found_and_painted_beyond_its_thumbnail(system, split):
    gains, likeness = [], []
    for index in (0, 6, 15, 18):
        photo = near_duplicate(split.source.images[index])
        payload = system.encode(photo)
        scores = system.search(payload)
        assert scores.argmax() == index and scores.max() > 20
        painted, thumbnail = system.reconstruct(payload), system.thumbnail(payload)
        assert painted.shape == photo.shape and painted.dtype == np.uint8
        gains.append(psnr(photo, painted) - psnr(photo, thumbnail))
        likeness.append(ssim(photo, painted) - ssim(photo, thumbnail))
        assert len(payload) < photo.nbytes / 40
    assert min(gains) > 1 and min(likeness) > 0.08, (gains, likeness)


def test_painting_a_photo_with_itself_gives_it_back_where_it_is_believed(split):
    photo = split.source.images[3]
    thumbnail = cv2.resize(photo, (40, 40), interpolation=cv2.INTER_AREA)
    everywhere = np.stack(np.meshgrid(*2 * [np.linspace(0, 1, 40)]), -1).reshape(-1, 2)
    same = Verified(np.eye(3), np.ones(len(everywhere), bool))
    painted = paint(thumbnail, (256, 256), [(photo, same, everywhere)])
    inner = (slice(24, -24), slice(24, -24))
    plain = paint(thumbnail, (256, 256), [])
    assert psnr(photo[inner], painted[inner]) > psnr(photo[inner], plain[inner]) + 8


def test_a_candidate_that_shows_something_else_paints_little(split):
    photo, other = split.source.images[3], split.source.images[16]
    thumbnail = cv2.resize(photo, (40, 40), interpolation=cv2.INTER_AREA)
    somewhere = np.random.default_rng(0).random((30, 2))
    wrong = Verified(np.eye(3), np.ones(30, bool))
    plain = paint(thumbnail, (256, 256), [])
    painted = paint(thumbnail, (256, 256), [(other, wrong, somewhere)])
    copied = paint(thumbnail, (256, 256), [(photo, wrong, somewhere)])
    strength = [np.abs(each.astype(float) - plain).mean() for each in (painted, copied)]
    assert strength[0] < 0.25 * strength[1]


def test_a_thumbnail_that_its_length_field_cannot_hold_is_refused(system):
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (256, 1024, 3)).astype(np.uint8)
    codec = CloudCodec(side=256, quality=100).fit(noise[None], [detect(noise, 4)])
    assert len(codec.thumbnail(noise)) > 0xFFFF
    with pytest.raises(ValueError, match=r"lower its side \(256\) or quality \(100\)"):
        codec.encode(noise, detect(noise, 4))


def test_the_server_takes_the_systems_seed(split):
    small = split.source.take(slice(0, None, 2))
    centres = [
        CloudCoding(random_state=seed).fit(small).server_.vocabulary_.centres_ for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(centres[0], centres[1])
    assert np.abs(centres[0] - centres[2]).max() > 0


def test_the_index_counts_what_search_reads_as_it_is_stored(system):
    count = len(system.server_.features_)
    features = count * (128 + 8) + 8 * 25  # SIFT and position; where each of 24 photos begins
    assert system.index_bytes == system.server_.words_bytes + features + system.client_bytes


def test_no_duplicates_leave_the_thumbnail(system):
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (256, 256, 3)).astype(np.uint8)
    payload = system.encode(noise)
    np.testing.assert_array_equal(system.reconstruct(payload), system.thumbnail(payload))


@settings(max_examples=60)
@given(st.binary(max_size=80), st.booleans())
def test_garbage_in_a_valid_envelope_is_refused_or_read(system, split, garbage, whole):
    if whole:  # behind a true thumbnail, garbage features; some of them are well formed
        file = system.codec_.thumbnail(split.query.images[0])
        garbage = len(file).to_bytes(2, "big") + file + garbage
    try:
        scores = system.search(pack(2, garbage))
    except PayloadError:
        return
    assert scores.shape == (24,) and np.isfinite(scores).all()


def test_damage_is_refused(system, split):
    payload = system.encode(split.query.images[4])
    with pytest.raises(PayloadError, match="altered"):
        system.search(payload[:90] + bytes([payload[90] ^ 4]) + payload[91:])
    for end in (0, 1, 2, 40, len(payload) - 20):
        with pytest.raises(PayloadError):
            system.reconstruct(pack(2, unpack(2, payload)[:end]))


def test_it_finds_places(system, split):
    measured = measure(system, split)
    assert measured.map > 0.55 and measured.top1 > 0.6  # chance: 0.4 and a third
    assert measured.bytes < 5000
    assert system.index_bytes > system.server_.words_bytes and 0 < system.client_bytes < 4096


def test_a_flat_photo_sends_its_thumbnail_and_scores_nothing(system):
    flat = np.full((256, 256, 3), 77, np.uint8)
    payload = system.encode(flat)
    np.testing.assert_array_equal(system.search(payload), np.zeros(24))
    assert len(payload) < 100 and psnr(system.reconstruct(payload), flat) > 40


def test_settings_out_of_range_are_refused(split):
    for wrong in ({"features": 0}, {"side": 2}, {"quality": 0}, {"step": 0}, {"painters": -1}):
        with pytest.raises(ValueError, match="must lie in"):
            CloudCoding(**wrong).fit(split.source)
    assert 2 <= len(GRID) <= 6 and all(CloudCoding(**each).step for each in GRID)
