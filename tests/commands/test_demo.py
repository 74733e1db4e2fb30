import json

import numpy as np
import pytest
from PIL import Image

from mvs_lib.commands import demo
from mvs_lib.metrics import top1
from mvs_lib.service.demonstration import prepare


@pytest.fixture
def small(small_world, monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(small_world.data))
    monkeypatch.setattr(demo, "load_campus", lambda: small_world.split)
    monkeypatch.chdir(tmp_path)
    return small_world


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = 6  # taken with the phone upright
    image.save(tmp_path / "my photo.jpg", exif=exif)
    return tmp_path / "my photo.jpg"


def test_it_shows_a_line_a_photo_and_measures_all(small, here, tmp_path):
    status, said, _ = here("demo")
    assert status == 0
    lines = [line for line in said.splitlines() if " of 12  " in line]
    assert [line[:22].strip() for line in lines] == list(small.split.query.names)
    assert all(line.endswith(("right", "WRONG")) for line in lines)
    right = sum(line.endswith("right") for line in lines)
    words = " ".join(said.split())
    assert f"{right} of these 6 are right" in words
    assert "A code of 2 bytes went out" in words
    assert "All 18 query photos" in said
    assert "easier than life" in said
    assert "start.py lab" in said
    with Image.open(tmp_path / "demo" / "answers.png") as picture:
        assert picture.width > 500


def test_json_is_one_object_and_its_figures_are_the_measured_ones(small, here, tmp_path):
    status, said, progress = here("demo", "--json", "--output", tmp_path / "elsewhere")
    assert status == 0
    found = json.loads(said)
    recognizer, _ = prepare(small.split.source, small.checkpoint)
    codes = recognizer.encoder_.encode_pixels(small.split.query.images)
    database = recognizer.index_.codes, recognizer.labels_
    measured = top1(codes, small.split.query.labels, *database, ties="stable", seed=0)
    assert found["top1"] == round(measured, 4)
    assert 0 < found["map"] <= 1
    assert 0 < found["recognised"] <= 1
    assert found["bytes_per_query"] == 2
    assert found["photos"] == 30
    assert found["queries"] == 18
    assert min(found["encode_ms"], found["search_ms"], found["seconds"]) > 0
    assert found["picture"] == str(tmp_path / "elsewhere" / "answers.png")
    assert "The picture of it" in progress
    assert "answers" not in found


def test_a_photo_of_any_shape_is_answered_with_a_word_of_caution(small, here, photo, tmp_path):
    status, said, _ = here("demo", "--photo", photo)
    assert status == 0
    assert f"Your photo my photo.jpg: {photo.stat().st_size:,} bytes; the phone sent 2." in said
    words = " ".join(said.split())
    assert "does not know what your photo shows" in words
    assert "notebook 13" in words and "photos.load" in words
    assert "WRONG" not in words
    assert (tmp_path / "demo" / "your_photo.png").exists()


def test_a_photo_s_answers_are_in_the_json(small, here, photo):
    status, said, _ = here("demo", "--photo", photo, "--json")
    assert status == 0
    answers = json.loads(said)["answers"]
    assert 1 <= len(answers) <= demo.SHOWN
    recognizer, _ = prepare(small.split.source, small.checkpoint)
    expected = recognizer.recognize(photo.read_bytes(), k=demo.VOTES)
    expected = sorted(expected, key=lambda each: each.distance)[: demo.SHOWN]
    assert answers == [
        {"place": each.place, "distance": each.distance, "votes": each.votes} for each in expected
    ]


def test_a_bad_photo_is_one_line_and_costs_nothing(mvs, tmp_path):
    text = tmp_path / "notes.jpg"
    text.write_text("no photo")
    for path, reason in [
        (text, "is no JPEG, PNG or WebP photo"),
        (tmp_path / "none.jpg", "is missing"),
        (tmp_path, "is no file"),
    ]:
        done = mvs("demo", "--json", "--photo", path, "--output", tmp_path / "new")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"demo: {path} {reason}\n"
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_told_before_the_work(here, monkeypatch, tmp_path):
    def load():
        raise AssertionError("too late")

    monkeypatch.setattr(demo, "load_campus", load)
    (tmp_path / "file").touch()
    status, _, said = here("demo", "--output", tmp_path / "file")
    assert (status, said) == (1, f"demo: {tmp_path / 'file'}: File exists\n")


def test_a_course_without_its_checkpoint_says_so(small, here, monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path / "empty"))
    status, _, said = here("demo")
    assert status == 1
    assert said.startswith("demo: no trained network ")
    assert said.count("\n") == 1
