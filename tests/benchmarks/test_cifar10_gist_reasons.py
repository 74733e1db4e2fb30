import numpy as np
import pytest

from mvs_lib import metrics
from mvs_lib.benchmarks import cifar10_gist_reasons as reasons
from mvs_lib.codes import pack
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.hashing import ITQ, ITQCCA, SH


def noise(each, seed):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(10), each)
    images = random.integers(0, 256, (len(labels), 32, 32, 3), dtype=np.uint8)
    return Photos(images, labels, cifar.NAMES)


@pytest.fixture
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    split = Split("CIFAR-10 (in small)", noise(40, seed=0), noise(2, seed=1))
    monkeypatch.setattr(cifar, "load", lambda **options: split)
    return split


def test_a_row_a_condition_length_and_seed_and_no_query_teaches(small, monkeypatch):
    lessons = []
    for hasher in (SH, ITQ, ITQCCA):
        honest = hasher._fit

        def fit(self, features, labels, honest=honest):
            lessons.append(len(features))
            return honest(self, features, labels)

        monkeypatch.setattr(hasher, "_fit", fit)
    taught = []
    honest_choice = reasons._taught
    monkeypatch.setattr(
        reasons, "_taught", lambda *given: taught.append(honest_choice(*given)) or taught[-1]
    )
    monkeypatch.setattr(reasons, "LENGTHS", (12, 24))
    found = list(reasons.rows(seeds=2, quick=True))
    once = sum(
        (each["method"], each["taught"]) == ("sh", "database") for each in reasons.CONDITIONS
    )
    assert len(found) == 2 * (2 * len(reasons.CONDITIONS) - once)
    for row, positions, lesson in zip(found, taught, lessons, strict=True):
        assert lesson == len(positions) == len(set(positions)) == row["trained_on"]
        assert row["trained_on"] == (200 if row["taught"] == "labelled" else 400)
        assert 0 <= positions.min() and positions.max() < len(small.source)
        assert 0 < row["map"] < 1 and 0 < row["query_error"] < 0.1
        assert ("width" in row) == ("range" in row) == (row["method"] == "sh")


def test_what_was_measured_is_kept(small, monkeypatch):
    monkeypatch.setattr(reasons, "LENGTHS", (12,))
    monkeypatch.setattr(reasons, "CONDITIONS", reasons.CONDITIONS[-1:])
    first = list(reasons.rows(seeds=1))
    monkeypatch.setattr(reasons, "_measured", lambda *_: pytest.fail("measured again"))
    assert list(reasons.rows(seeds=1)) == first


def test_photos_are_drawn_by_the_seed(small):
    row = {"taught": "drawn", "trained_on": 50, "seed": 3}
    drawn = reasons._taught(row, small)
    np.testing.assert_array_equal(drawn, reasons._taught(row, small))
    assert len(drawn) == 50 and not np.array_equal(
        drawn, reasons._taught({**row, "seed": 4}, small)
    )


def test_percentiles_narrow_the_box_and_nothing_else():
    random = np.random.default_rng(0)
    features = random.normal(size=(4000, 6)) * [6, 5, 4, 3, 2, 1]
    plain, narrowed = SH(bits=8).fit(features), SH(bits=8).fit(features)
    before = plain.encode(features)
    assert reasons._lay_box(plain, features, "extremes") > 6
    np.testing.assert_array_equal(plain.encode(features), before)
    # 90 % of a normal distribution lie within 1.645 deviations of its mean
    assert reasons._lay_box(narrowed, features, "percentiles") == pytest.approx(3.29, rel=0.03)
    np.testing.assert_array_equal(narrowed.directions_, plain.directions_)
    assert (narrowed.range_ < plain.range_).all()
    first = narrowed.modes_[:, 0] == 0
    along = (features - narrowed.mean_) @ narrowed.directions_[:, 0]
    position = (along - narrowed.lower_[0]) / narrowed.range_[0]
    wave = np.cos(np.pi * narrowed.modes_[first, 1] * position[:, None])
    np.testing.assert_allclose(narrowed.project(features)[:, first], wave, atol=1e-9)


def test_the_scores_average_to_map_and_err_as_their_spread_says():
    random = np.random.default_rng(1)
    codes, database = (pack(random.integers(0, 2, (n, 10))) for n in (120, 300))
    labels, others = random.integers(0, 3, 120), random.integers(0, 3, 300)
    scores = reasons._expected_scores(codes, labels, database, others)
    expected = metrics.mean_average_precision(codes, labels, database, others, ties="expected")
    assert scores.mean() == pytest.approx(expected, abs=1e-12)
    # many means of samples drawn class by class spread as the formula says of one of them
    strata = np.repeat(np.arange(4), 25)
    samples = random.normal(size=(3000, 100)) * (1 + strata) + 10 * strata
    errors = [reasons._stratified_error(sample, strata) for sample in samples[:200]]
    assert np.mean(errors) == pytest.approx(samples.mean(axis=1).std(), rel=0.05)


def test_the_summary_keeps_conditions_apart():
    row = {"method": "sh", "descriptor": "32 px", "taught": "drawn", "range": "extremes"}
    row |= {"bits": 12, "map_expected": 0.1, "query_error": 0.01, "published": 0.131, "width": 9.0}
    rows = [
        {**row, "trained_on": count, "seed": seed, "map": value}
        for count, values in ((500, (0.12, 0.14)), (1000, (0.15,)))
        for seed, value in enumerate(values)
    ]
    few, many = reasons.summary(rows)
    assert (few["trained_on"], few["seeds"], many["trained_on"], many["seeds"]) == (500, 2, 1000, 1)
    assert few["map"] == pytest.approx(0.13) and few["above"] == pytest.approx(-0.001)
    assert few["seed_error"] == pytest.approx(0.01) and many["seed_error"] is None
    assert few["width"] == 9.0
