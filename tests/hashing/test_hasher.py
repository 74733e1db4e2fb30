import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from mvs_lib.codes import hamming_distance, pack
from mvs_lib.hashing import ITQ, ITQCCA, KSH, LSH, PCAH, SH, SupervisedDiscreteHashing

LINEAR = [LSH(bits=4), PCAH(bits=4), ITQ(bits=4), ITQCCA(bits=4)]
SUPERVISED = [ITQCCA(bits=4), KSH(bits=4), SupervisedDiscreteHashing(bits=4)]
LABELS = np.arange(60) % 7  # only supervised hashers look at them
HASHERS = [*LINEAR, SH(bits=4), *SUPERVISED[1:]]


@pytest.fixture
def features():
    random = np.random.default_rng(0)
    return random.normal(size=(60, 10)) @ random.normal(size=(10, 10)) + 5


EXPECTED_FAILURES = {
    "check_fit_score_takes_y": "fit's second argument is called labels here, not y; scikit-learn's "
    "pipelines pass it by position"
}


@parametrize_with_checks(
    [
        LSH(bits=2),
        PCAH(bits=2),
        SH(bits=2),
        ITQ(bits=2, iterations=5),
        ITQCCA(bits=2, iterations=5),
        KSH(bits=2, steps=5),
        SupervisedDiscreteHashing(bits=2),
    ],
    expected_failed_checks=lambda hasher: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("hasher", HASHERS, ids=str)
class TestEveryHasher:
    def test_encodes_the_sign_of_the_projection(self, hasher, features):
        projection = hasher.fit(features, LABELS).project(features)
        np.testing.assert_array_equal(hasher.encode(features), pack(projection >= 0))
        np.testing.assert_array_equal(hasher.transform(features), projection)
        assert projection.shape == (60, 4) and projection.dtype == np.float64

    def test_translation_of_all_features_changes_nothing(self, hasher, features):
        codes = hasher.fit(features, LABELS).encode(features)
        moved = features + np.linspace(-3, 8, 10)
        np.testing.assert_array_equal(hasher.fit(moved, LABELS).encode(moved), codes)

    def test_is_reproducible_and_takes_float32(self, hasher, features):
        features = features.astype(np.float32)
        first = hasher.fit(features, LABELS).encode(features)
        np.testing.assert_array_equal(
            hasher.fit(features.astype(float), LABELS).encode(features), first
        )

    def test_centred_directions_split_the_data(self, hasher, features):
        bits = hasher.fit(features, LABELS).project(features) >= 0
        assert (bits.any(axis=0) & ~bits.all(axis=0)).all()

    def test_changing_bits_after_fit_does_not_change_the_codes(self, hasher, features):
        hasher = type(hasher)(bits=4).fit(features, LABELS)
        hasher.set_params(bits=200)
        assert hasher.encode(features).shape == (60, 1)
        assert len(hasher.get_feature_names_out()) == 4

    @pytest.mark.parametrize("bits", [0, -1, 2.0, "8", True])
    def test_refuses_bits(self, hasher, features, bits):
        with pytest.raises(ValueError, match="bits must be a positive whole number"):
            type(hasher)(bits=bits).fit(features, LABELS)

    def test_refuses_nan_wrong_width_and_use_before_fit(self, hasher, features):
        hasher = type(hasher)(bits=4)
        with pytest.raises(NotFittedError):
            hasher.encode(features)
        missing = features.copy()
        missing[3, 4] = np.nan
        with pytest.raises(ValueError, match="contains NaN"):
            hasher.fit(missing, LABELS)
        with pytest.raises(NotFittedError):  # the failed fit left nothing half-fitted
            hasher.encode(features)
        hasher.fit(features, LABELS)
        with pytest.raises(ValueError, match="contains NaN"):
            hasher.encode(missing)
        with pytest.raises(ValueError, match=r"9 features.*expecting 10 features"):
            hasher.encode(features[:, :9])


@pytest.mark.parametrize("hasher", LINEAR, ids=str)
def test_zero_is_on_the_positive_side(hasher, features):
    hasher.fit(features, LABELS)
    codes = hasher.encode(hasher.mean_[None])
    np.testing.assert_array_equal(codes, [[0b11110000]])


@pytest.mark.parametrize("method", [PCAH, ITQ])
class TestPrincipalHashers:
    def test_refuses_more_bits_than_features_naming_both(self, method, features):
        with pytest.raises(ValueError, match=r"bits=11 .* only 10"):
            method(bits=11).fit(features)

    def test_refuses_more_bits_than_rows_can_teach(self, method, features):
        with pytest.raises(ValueError, match=r"bits=8 needs at least 9 rows .* got 8"):
            method(bits=8).fit(features[:8])
        method(bits=8).fit(features[:9])

    def test_refuses_more_bits_than_directions(self, method, features):
        features[:, 3:] = 1
        with pytest.raises(ValueError, match=r"bits=4 .* only 3"):
            method(bits=4).fit(features)
        features[:] = 1
        with pytest.raises(ValueError, match=r"bits=1 .* only 0"):
            method(bits=1).fit(features)


@pytest.mark.parametrize("hasher", SUPERVISED, ids=str)
class TestSupervisedHashers:
    def test_refuses_labels_that_are_missing_or_misshapen(self, hasher, features):
        name = type(hasher).__name__
        hasher = type(hasher)(bits=4)
        with pytest.raises(ValueError, match=rf"{name} .*it learns from labels"):
            hasher.fit(features)
        for labels in (LABELS[:59], LABELS[:, None], np.eye(7)[LABELS], 3):
            with pytest.raises(ValueError, match=r"one class a row, \(60,\)"):
                hasher.fit(features, labels)
        with pytest.raises(ValueError, match=r"all 60 labels are .*5"):
            hasher.fit(features, np.full(60, 5))
        with pytest.raises(ValueError, match="continuous"):
            hasher.fit(features, features[:, 0])
        with pytest.raises(NotFittedError):
            hasher.encode(features)

    def test_only_equality_of_labels_matters(self, hasher, features):
        codes = hasher.fit(features, LABELS).encode(features)
        names = np.array(["ape", "bee", "cat", "dog", "elk", "fox", "gnu"])
        for labels in (LABELS * 10 - 3, names[LABELS], list(LABELS)):
            np.testing.assert_array_equal(hasher.fit(features, labels).encode(features), codes)
        assert hasher.fit(features, names[LABELS]).classes_.tolist() == names.tolist()
        other = hasher.fit(features, np.roll(LABELS, 1) // 2).encode(features)
        assert (other != codes).any()


def test_fits_into_a_pipeline(features):
    steps = make_pipeline(StandardScaler(), ITQ(bits=4))
    scaled = StandardScaler().fit_transform(features)
    expected = ITQ(bits=4).fit(scaled).project(scaled)
    np.testing.assert_allclose(steps.fit_transform(features, np.arange(60)), expected)


def test_more_bits_keep_nearer_neighbours(features):
    # the reason for hashing: with many bits, the nearest code belongs to a near feature
    codes = LSH(bits=2048).fit(features).encode(features)
    centred = features - features.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    angle = np.arccos(np.clip(unit @ unit.T, -1, 1))
    np.testing.assert_allclose(hamming_distance(codes, codes) / 2048, angle / np.pi, atol=0.06)
