import numpy as np
import pytest

from mvs_lib.features import cached, gist, global_descriptor


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    monkeypatch.setattr(cached, "FEWEST", 3)
    return tmp_path / "cache"


@pytest.fixture
def counted(monkeypatch):
    """Count how many photos are really described."""
    calls, honest = [], global_descriptor.describe

    def describe(images, progress=False):
        calls.append(len(images))
        return honest(images, progress)

    monkeypatch.setattr(global_descriptor, "describe", describe)
    return calls


def photos(count, seed=0, size=16):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def test_the_second_time_it_reads_and_the_numbers_are_the_same(folder, counted):
    images = photos(4)
    first, second = cached.describe(images), cached.describe(images.copy())
    assert counted == [4]
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, global_descriptor.describe(images))
    assert [file.suffix for file in folder.iterdir()] == [".npz"]  # no part is left behind


def test_gist_alone_is_kept_by_its_size(folder, monkeypatch):
    images = photos(4, size=32)
    first = {size: cached.describe_gist(images, size) for size in (16, 32)}
    assert len(list(folder.iterdir())) == 2
    honest = gist.describe
    for size, kept in first.items():
        assert kept.shape == (4, 512)
        np.testing.assert_array_equal(kept, honest(images, size=size))
    monkeypatch.setattr(gist, "describe", None)
    for size, kept in first.items():
        np.testing.assert_array_equal(cached.describe_gist(images, size), kept)
    assert (first[16] != first[32]).any()


def test_few_photos_are_not_kept(folder, counted):
    assert cached.describe(photos(2)).shape == (2, 544)
    assert cached.describe(photos(0)).shape == (0, 544)
    assert not folder.exists()


def test_other_photos_another_order_or_another_shape_are_other_files(folder):
    images = photos(4)
    others = [images[::-1], images[:3], photos(4, seed=1), images.reshape(4, 8, 32, 3)]
    keys = {cached.key(each) for each in (images, *others)}
    assert len(keys) == 5
    assert cached.key(photos(8)[::2]) == cached.key(photos(8)[::2].copy())  # a view is no matter


def test_another_way_to_describe_is_another_file(tmp_path, monkeypatch):
    images, before = photos(3), cached.key(photos(3))
    edited = tmp_path / "gist.py"
    edited.write_text("SCALES = 5\n")
    monkeypatch.setattr(cached.gist, "__file__", str(edited))
    assert cached.key(images) != before


@pytest.mark.parametrize("harm", ["cut", "flip", "text", "empty", "shape", "pickle"])
def test_a_damaged_file_is_made_again(folder, counted, harm):
    images = photos(4)
    right = cached.describe(images)
    (file,) = folder.iterdir()
    stored = bytearray(file.read_bytes())
    if harm == "cut":
        file.write_bytes(stored[: len(stored) // 2])
    elif harm == "flip":
        stored[len(stored) // 2] ^= 1
        file.write_bytes(stored)
    elif harm == "text":
        file.write_text("not an archive")
    elif harm == "empty":
        file.write_bytes(b"")
    elif harm == "shape":
        np.savez(file, descriptors=right[:2])
    else:
        np.savez(file, descriptors=np.array([None, {}], object))
    np.testing.assert_array_equal(cached.describe(images), right)
    assert counted == [4, 4]
    np.testing.assert_array_equal(cached.describe(images), right)
    assert counted == [4, 4]


def test_it_refuses_what_the_descriptor_refuses(folder):
    with pytest.raises(ValueError, match="uint8"):
        cached.describe(np.zeros((4, 8, 8, 3)))
