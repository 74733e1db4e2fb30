"""Photos as people keep them: turned, broken, copied, oddly named; and a stable split.

A little over 300 lines because every kind of broken file is made here by hand.
"""

import io
import os
import random
import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mvs_lib.datasets import photo_file, photos


def picture(seed, width=40, height=30):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(array, kind="PNG", **options):
    buffer = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else encoded(content))


def folder_of(root, **counts):
    for place, count in counts.items():
        for i in range(count):
            write(root / place / f"{i}.png", picture([len(place), ord(place[0]), i]))
    return root


def load(folder, size=8, **options):
    return photos.load(folder, size=size, progress=False, **options)


def rows(images):
    return {image.tobytes() for image in images}


# One photo


def test_centre_crop_and_area_resize():
    array = picture(0, width=48, height=32)
    square = array[:, 8:40].astype(float)  # the centred 32 x 32
    blocks = square.reshape(8, 4, 8, 4, 3).mean((1, 3))
    got = photos.read(encoded(array), 8)
    assert got.dtype == np.uint8 and got.shape == (8, 8, 3)
    assert np.abs(got - blocks).max() <= 1.0


def test_what_lies_outside_the_square_changes_nothing():
    array = picture(0, width=35, height=150)  # so tall that Pillow would shrink columns first
    square = array[57:92]
    np.testing.assert_array_equal(photos.read(encoded(array), 8), photos.read(encoded(square), 8))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = picture(1, 16, 16)
    turns = {  # how a camera stores the upright picture under each orientation (EXIF 2.3, 0x0112)
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(np.ascontiguousarray(turns[orientation]), exif=exif)
    assert np.array_equal(photos.read(content, 16), upright)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_formats(kind, tmp_path):
    flat = np.full((20, 30, 3), (200, 100, 50), np.uint8)
    write(tmp_path / "photo.any", encoded(flat, kind))
    got = photos.read(tmp_path / "photo.any", 4).astype(int)
    assert np.abs(got - (200, 100, 50)).max() <= 4


def test_modes_become_eight_bit_rgb():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.repeat(grey[..., None], 3, 2)
    deep = (grey.astype(np.uint16) << 8) + 7
    clear = np.dstack([expected, np.where(grey < 128, 0, 255).astype(np.uint8)])
    seen = np.where(grey[..., None] < 128, 255, expected)
    for image, wanted in (
        (Image.fromarray(grey), expected),
        (Image.fromarray(deep), expected),
        (Image.fromarray(clear), seen),
        (Image.fromarray(expected).quantize(256), expected),
        (Image.fromarray(grey).convert("LA"), expected),
        (Image.fromarray(np.where(grey > 99, 255, 0).astype(np.uint8)).convert("1"), None),
    ):
        got = photos.read(encoded(image), 16)
        assert got.shape == (16, 16, 3) and got.dtype == np.uint8
        assert wanted is None or np.array_equal(got, wanted), image.mode
    cmyk = photos.read(encoded(Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "JPEG"), 3).astype(int)
    assert np.abs(cmyk - (255, 0, 0)).max() < 12


def png_header(width, height):
    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def animation(kind):
    frames = [Image.fromarray(picture(i)) for i in range(3)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


BROKEN = {
    "empty.jpg": (b"", "is empty"),
    "cut.jpg": (encoded(picture(0, 300, 300), "JPEG")[:9000], "damaged or cut off"),
    "cut.png": (encoded(picture(0, 300, 300))[:9000], "damaged or cut off"),
    "cut.webp": (encoded(picture(0, 300, 300), "WEBP")[:2000], "damaged or cut off|is no JPEG"),
    "notes.jpg": (b"this is text", "is no JPEG"),
    "old.gif": (animation("GIF"), "is no JPEG"),
    "moving.webp": (animation("WEBP"), "is animated"),
    "moving.png": (animation("PNG"), "is animated"),
    "IMG_1.HEIC": (b"\0\0\0\x18ftypheic" + b"\0" * 40, "is HEIC.*convert it to JPEG"),
    "large.png": (png_header(10_001, 10_000), "megapixels"),
    "bomb.png": (png_header(60_000, 60_000), "megapixels"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_unusable_photos_say_why(name, tmp_path):
    content, reason = BROKEN[name]
    write(tmp_path / name, content)
    for photo in (content, tmp_path / name):
        with pytest.raises(ValueError, match=reason):
            photos.read(photo, 8)


def test_the_limit_of_pixels(monkeypatch):
    monkeypatch.setattr(photo_file, "LARGEST", 40 * 30)
    assert photos.read(encoded(picture(0, 40, 30)), 8).shape == (8, 8, 3)
    with pytest.raises(ValueError, match="megapixels"):
        photos.read(encoded(picture(0, 41, 30)), 8)


def test_missing_photo_folder_and_bad_size(tmp_path):
    with pytest.raises(ValueError, match="is missing"):
        photos.read(tmp_path / "absent.jpg")
    with pytest.raises(ValueError, match="is no file"):
        photos.read(tmp_path)
    for size in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="size must be"):
            photos.read(encoded(picture(0)), size)


def test_a_phone_jpeg_with_a_second_view_counts_as_one_photo():
    first, second = (Image.fromarray(np.full((16, 16, 3), v, np.uint8)) for v in (60, 200))
    content = encoded(first, "MPO", save_all=True, append_images=[second])
    assert np.abs(photos.read(content, 4).astype(int) - 60).max() <= 2


def with_gps(readings, array):
    exif = Image.Exif()
    exif[0x8825] = readings
    return encoded(array, "JPEG", exif=exif)


def test_positions(tmp_path):
    readings = {
        "a": ({1: "N", 2: (48.0, 30.0, 36.0), 3: "W", 4: (2.0, 15.0, 0.0)}, (48.51, -2.25)),
        "b": ({1: "S", 2: (33.0, 0.0, 0.0), 3: "E", 4: (151.5, 0.0, 0.0)}, (-33, 151.5)),
        "c": ({1: "N", 2: (48.0, 30.0, 36.0)}, (np.nan, np.nan)),
        "d": ({1: "N", 2: (99.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, (np.nan, np.nan)),
        "e": (None, (np.nan, np.nan)),
    }
    for name, (reading, _) in readings.items():
        photo = encoded(picture(ord(name))) if reading is None else with_gps(reading, picture(0))
        write(tmp_path / name / "photo", photo)  # same pixels in a..d: all stay in the source
    split, _ = load(tmp_path)
    expected = np.array([position for _, position in readings.values()])
    assert len(split.query) == 0
    for column, sensor in enumerate(("latitude", "longitude")):
        assert split.source.sensors[sensor].dtype == np.float64
        assert np.allclose(split.source.sensors[sensor], expected[:, column], equal_nan=True)


def test_damaged_exif_does_not_cost_the_photo():
    content = encoded(picture(0), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff nonsense")
    assert photos.read(content, 8).shape == (8, 8, 3)
    orientation = struct.pack(">HHIHH", 0x0112, 3, 1, 3, 0)  # upside down
    text = struct.pack(">HHI4s", 0xA005, 2, 4, b"abc\0")  # text where an address is expected
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + orientation + text + bytes(4)
    flat = np.zeros((16, 16, 3), np.uint8)
    flat[:8] = 200
    got = photos.read(encoded(flat, "JPEG", exif=exif), 2)
    assert (got[0] < 5).all() and (got[1] > 195).all()


# A folder


def test_a_folder_with_everything_in_it(tmp_path):
    folder_of(tmp_path, gate=5, library=4, alone=1)
    (tmp_path / "void").mkdir()
    for name, (content, _) in BROKEN.items():
        write(tmp_path / "gate" / name, content)
    write(tmp_path / "ruin" / "only.jpg", b"")
    write(tmp_path / "library" / "2024" / "June" / "deep.png", picture(77))
    write(tmp_path / "stray.png", picture(78))
    for name in (".DS_Store", "Thumbs.db", ".hidden/x.png", "desktop.ini", "__MACOSX/y.png"):
        write(tmp_path / "gate" / name, b"x")
    write(tmp_path / ".git" / "z.png", b"x")
    split, report = load(tmp_path)
    assert split.source.names == ("alone", "gate", "library")
    assert report.read == 5 + 5 + 1 == len(split.source) + len(split.query)
    assert np.bincount(split.query.labels, minlength=3).tolist() == [0, 1, 1]
    reasons = dict(report.skipped)
    assert set(reasons) == {f"gate/{n}" for n in BROKEN} | {"stray.png", "void", "ruin/only.jpg"}
    assert "outside" in reasons["stray.png"] and "no photos" in reasons["void"]
    text = str(report)
    assert text.startswith("11 photos read, 14 left out\n") and "HEIC" in text
    assert "alone: too few" in text and "ruin: no photo" in text


def test_no_query_is_in_the_source_and_all_photos_are_used(tmp_path):
    split, report = load(folder_of(tmp_path, gate=10, hall=2), query_share=0.3)
    assert not rows(split.source.images) & rows(split.query.images)
    assert len(rows(split.source.images) | rows(split.query.images)) == 12 == report.read
    assert np.bincount(split.query.labels).tolist() == [3, 1]
    assert report.skipped == [] and report.warnings == []


def test_copies_stay_on_one_side(tmp_path):
    folder_of(tmp_path, gate=6, hall=6)
    for i in range(6):
        shutil.copy(tmp_path / "gate" / f"{i}.png", tmp_path / "gate" / f"copy {i}.png")
    same = Image.fromarray(picture([4, ord("h"), 0]))  # the pixels count, not the bytes
    write(tmp_path / "hall" / "again.webp", encoded(same, "WEBP", lossless=True))
    shutil.copy(tmp_path / "hall" / "1.png", tmp_path / "gate" / "wrong place.png")
    contested = photos.read(tmp_path / "hall" / "1.png", 8).tobytes()
    for seed in range(10):
        split, report = load(tmp_path, query_share=0.5, seed=seed)
        assert not rows(split.source.images) & rows(split.query.images)
        assert len(split.query) >= 6
        assert split.query.images.tobytes().count(contested) == 0
        assert split.source.images.tobytes().count(contested) == 2
    assert len(report.warnings) == 8
    assert "gate/copy 3.png is a copy of" in str(report) or "gate/3.png is a copy of" in str(report)
    assert sum("another place" in line for line in report.warnings) == 1


def test_the_split_depends_on_names_and_seed_only(tmp_path, monkeypatch):
    folder_of(tmp_path, gate=9, Hall=9, école=9)
    one, _ = load(tmp_path)
    walk, listing = os.walk, os.listdir
    shuffle = random.Random(0).sample

    def shuffled_walk(top):
        for path, folders, files in walk(top):
            yield path, folders, shuffle(files, len(files))

    monkeypatch.setattr(photos.os, "walk", shuffled_walk)
    monkeypatch.setattr(os, "listdir", lambda path: shuffle(listing(path), len(listing(path))))
    two, _ = load(tmp_path)
    assert one.source.names == two.source.names == ("gate", "Hall", "école")
    for part in ("source", "query"):
        assert np.array_equal(getattr(one, part).images, getattr(two, part).images)
        assert np.array_equal(getattr(one, part).labels, getattr(two, part).labels)
    three, _ = load(tmp_path, seed=1)
    assert rows(three.query.images) != rows(one.query.images)


def test_a_new_place_leaves_the_other_places_alone(tmp_path):
    one, _ = load(folder_of(tmp_path, gate=9, hall=9))
    two, _ = load(folder_of(tmp_path, arch=9))
    assert rows(one.query.images) < rows(two.query.images)


def test_names_that_cannot_be_printed_or_are_composed_otherwise(tmp_path):
    folder_of(tmp_path, gate=2)
    for i, name in enumerate(("cafe\u0301", "caf\u00e9")):  # one name on a Mac, two on Linux
        write(tmp_path / name / f"{i}.png", picture(i))
    odd = os.fsencode(tmp_path) + b"/gate/\xff.png"
    with open(odd, "wb") as file:
        file.write(b"")
    split, report = load(tmp_path)
    assert split.source.names == ("caf\u00e9", "gate")
    assert report.read == 4 and "gate/?.png: is empty" in str(report)
    str(report).encode()


def test_nothing_to_load_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        load(tmp_path / "absent")
    with pytest.raises(ValueError, match="one subfolder for each place"):
        load(tmp_path)
    write(tmp_path / "gate" / "a.jpg", b"")
    with pytest.raises(ValueError, match=r"one subfolder(.|\n)*gate/a.jpg: is empty"):
        load(tmp_path)
    for share in (0, 1, -0.1, float("nan")):
        with pytest.raises(ValueError, match="query_share"):
            load(tmp_path, query_share=share)
