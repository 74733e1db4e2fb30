"""Photos that are compressed once more: how much they lose, and that all of them do."""

import numpy as np
import pytest

from mvs_lib.benchmarks import cifar10_p2_reasons as reasons
from mvs_lib.datasets import campus, cifar
from mvs_lib.datasets.collection import Photos, Split


@pytest.fixture
def photos():
    source = campus.load(places=10, source=30, query=10, progress=False).source
    images = np.ascontiguousarray(source.images[:, 48:80, 48:80])
    return Photos(images, source.labels, cifar.NAMES)


def test_a_second_compression_hurts_only_where_its_blocks_are_moved(photos):
    once = reasons.compressed(photos, turn=1)  # on the photos' own grid
    assert once.images.shape == photos.images.shape and once.images.dtype == np.uint8
    np.testing.assert_array_equal(once.labels, photos.labels)
    again, moved = reasons.compressed(once, turn=1), reasons.compressed(once, turn=0)
    assert reasons._noise(once, again) > reasons._noise(once, moved) + 6
    assert 20 < reasons._noise(once, moved) < 40
    # Nothing is shifted: each photo still fits its own place best.
    for step in (-1, 1):
        rolled = Photos(np.roll(moved.images, step, axis=2), once.labels, once.names)
        assert reasons._noise(once, rolled) < reasons._noise(once, moved)


def test_a_row_a_number_of_compressions_and_all_photos_of_one_version(
    photos, monkeypatch, tmp_path
):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    split = Split("CIFAR-10 (in small)", photos, photos.take(np.arange(10)))
    monkeypatch.setattr(cifar, "load", lambda **options: split)
    seen, honest = [], reasons.describe
    monkeypatch.setattr(reasons, "describe", lambda *a, **o: seen.append(a[1]) or honest(*a, **o))
    found = list(reasons.rows(seeds=1, quick=True))
    assert [row["compressed_again"] for row in found] == [0, 1, 2]
    assert found[0]["noise_db"] is None and found[1]["noise_db"] > found[2]["noise_db"] > 20
    for query, source in zip(seen[::2], seen[1::2], strict=True):
        np.testing.assert_array_equal(query, source[:10])
    assert not np.array_equal(seen[0], seen[2]) and not np.array_equal(seen[2], seen[4])
