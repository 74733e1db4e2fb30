import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from mvs_lib.features.vocabulary import Vocabulary, _means


def blobs(photos=20, each=30, width=8, seed=0):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(40, width))
    rows = centres[random.integers(0, 40, photos * each)] + 0.2 * random.normal(
        size=(photos * each, width)
    )
    return rows.astype(np.float32), np.arange(photos + 1) * each


class Branched(Vocabulary):
    """Branches already at a size that a test can afford."""

    EXACT, PROBES = 50, 6


def squares(rows, centres):
    return ((rows[:, None].astype(float) - centres) ** 2).sum(2)


def test_a_word_is_the_nearest_centre():
    rows, offsets = blobs()
    vocabulary = Vocabulary(25).fit(rows, offsets)
    assert vocabulary.centres_.shape == (25, 8) and vocabulary.centres_.dtype == np.float32
    fresh = np.random.default_rng(1).normal(size=(200, 8))
    np.testing.assert_array_equal(
        vocabulary.assign(fresh), squares(fresh, vocabulary.centres_).argmin(1)
    )
    assert vocabulary.assign(fresh[:0]).shape == (0,)


def test_branches_find_nearly_always_the_nearest():
    rows, offsets = blobs(60, 100)
    vocabulary = Branched(150).fit(rows, offsets)
    assert vocabulary.centres_.shape == (150, 8)
    found, true = vocabulary.assign(rows), squares(rows, vocabulary.centres_)
    assert (found == true.argmin(1)).mean() > 0.95
    alone = np.concatenate([vocabulary.assign(row[None]) for row in rows[:100]])
    np.testing.assert_array_equal(alone, found[:100])
    # All branches looked at: nothing is missed.
    vocabulary.index_.nprobe = vocabulary.index_.nlist
    np.testing.assert_array_equal(vocabulary.assign(rows), true.argmin(1))


@pytest.mark.parametrize("kind", [Vocabulary, Branched])
def test_centres_explain_more_than_a_random_sample_does(kind):
    rows, offsets = blobs(60, 100)
    centres = kind(80).fit(rows, offsets).centres_
    sample = rows[np.random.default_rng(0).choice(len(rows), 80, replace=False)]
    error, chance = squares(rows, centres).min(1).sum(), squares(rows, sample).min(1).sum()
    assert error < 0.8 * chance


def test_rounds_move_each_centre_to_the_mean_of_its_descriptors():
    class Once(Branched):
        ROUNDS, PROBES = 1, 99

    class Never(Branched):
        ROUNDS = 0

    rows, offsets = blobs(30, 40)
    before, after = (kind(60).fit(rows, offsets).centres_ for kind in (Never, Once))
    words = squares(rows, before).argmin(1)
    for word in range(60):
        np.testing.assert_allclose(after[word], rows[words == word].mean(0), atol=1e-5)


def test_a_centre_without_descriptors_stays():
    rows, centres = np.float32([[1, 2], [3, 4]]), np.float32([[0, 0], [5, 6], [7, 8]])
    found = _means(rows, np.array([2, 2]), centres)
    np.testing.assert_array_equal(found, [[0, 0], [5, 6], [2, 3]])


def test_idf_is_the_logarithm_of_photos_over_photos_with_the_word():
    rows, offsets = blobs()
    vocabulary = Vocabulary(60).fit(rows, offsets)
    words = vocabulary.assign(rows)
    for word in range(60):
        seen = sum(word in words[a:b] for a, b in pairwise(offsets))
        assert vocabulary.idf_[word] == pytest.approx(np.log(20 / max(seen, 1)), abs=1e-6)


def test_histograms_are_an_explicit_tf_idf():
    rows, offsets = blobs()
    vocabulary = Vocabulary(30).fit(rows, offsets)
    random = np.random.default_rng(2)
    words, offsets = random.integers(0, 6, 50), np.array([0, 30, 30, 31, 50])  # many repeats
    expected = np.zeros((4, 30))
    for photo in range(4):
        for word in words[offsets[photo] : offsets[photo + 1]]:
            expected[photo, word] += 1
    expected = np.sqrt(expected) * vocabulary.idf_
    length = np.sqrt((expected**2).sum(1, keepdims=True))
    expected = np.divide(expected, length, out=np.zeros_like(expected), where=length > 0)
    found = vocabulary.histograms(words, offsets)
    np.testing.assert_allclose(found.toarray(), expected, atol=1e-6)
    assert found.dtype == np.float32 and not found[[1]].nnz


def test_the_seed_decides():
    rows, offsets = blobs(60, 100)
    for kind in (Vocabulary, Branched):
        first, again, other = (kind(70, seed).fit(rows, offsets).centres_ for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


def test_the_number_of_threads_does_not_decide():
    code = (
        "import hashlib, numpy as np; from mvs_lib.features.vocabulary import Vocabulary\n"
        "Vocabulary.EXACT = 300\n"
        "rows = np.random.default_rng(0).random((6000, 32), np.float32)\n"
        "for words in (200, 400):\n"
        "    made = Vocabulary(words).fit(rows, np.arange(61) * 100)\n"
        "    both = made.centres_.tobytes() + made.assign(rows).tobytes()\n"
        "    print(hashlib.sha256(both).hexdigest())"
    )
    said = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "4")
    ]
    assert said[0] == said[1] == said[2] and len(set(said[0].split())) == 2


def test_too_few_descriptors_are_refused():
    rows, offsets = blobs(2, 5)
    with pytest.raises(ValueError, match="11 words need as many descriptors, got 10"):
        Vocabulary(11).fit(rows, offsets)
    assert Vocabulary(10).fit(rows, offsets).centres_.shape == (10, 8)
