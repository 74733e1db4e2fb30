"""A recogniser's folder: what goes in comes out, and nothing of anybody else's is lost."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from recognizers import png, with_codes

from mvs_lib.search.linear import LinearIndex
from mvs_lib.service import recognizer as room
from mvs_lib.service.recognizer import Recognizer


@pytest.fixture
def saved(fitted, tmp_path):
    fitted.save(tmp_path / "campus")
    return tmp_path / "campus"


def test_a_saved_and_loaded_recogniser_answers_alike(fitted, saved, small_world):
    assert sorted(os.listdir(saved)) == ["encoder.onnx", "index.npz", "places.json"]
    again = Recognizer.load(saved)
    assert (again.bits, again.method, again.names_) == (12, "ssdh", fitted.names_)
    assert again.labels_.dtype == np.int64 and np.array_equal(again.labels_, fitted.labels_)
    for image in small_world.split.query.images:
        assert again.recognize(image) == fitted.recognize(image)
    again.save(saved.parent / "copy")
    for name in os.listdir(saved):
        assert (saved.parent / "copy" / name).read_bytes() == (saved / name).read_bytes()


def test_names_in_any_script_survive(fitted, tmp_path):
    named = with_codes(12, np.eye(12, dtype=int), np.arange(12) % 2)
    named.names_ = ("Café “Zürich”", "図書館 🏛")
    named.encoder_, named._onnx = fitted.encoder_, fitted._onnx
    named.save(str(tmp_path / "deep" / "folder"))
    assert Recognizer.load(str(tmp_path / "deep" / "folder")).names_ == named.names_


def test_loading_and_recognising_need_no_torch(fitted, saved, source):
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from mvs_lib.service.recognizer import Recognizer\n"
        "recognizer = Recognizer.load(sys.argv[1])\n"
        "for answer in recognizer.recognize(sys.stdin.buffer.read()):\n"
        "    print(answer.label, answer.distance, answer.votes, answer.photo)\n"
        "assert sys.modules['torch'] is None and 'onnx' not in sys.modules\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(saved)],
        input=png(source.images[3]),
        capture_output=True,
        check=True,
    )
    rows = [[int(part) for part in line.split()] for line in run.stdout.decode().splitlines()]
    assert rows == [list(answer[1:]) for answer in fitted.recognize(source.images[3])]


def test_an_existing_recogniser_is_replaced_whole(fitted, saved):
    other = with_codes(12, np.zeros((2, 12), int), [0, 1])
    other.encoder_, other._onnx = fitted.encoder_, fitted._onnx
    (saved / ".DS_Store").write_bytes(b"left by the system")
    other.save(saved)
    assert Recognizer.load(saved).names_ == ("place 0", "place 1")
    assert sorted(os.listdir(saved)) == ["encoder.onnx", "index.npz", "places.json"]
    assert os.listdir(saved.parent) == ["campus"]


def test_an_empty_folder_is_filled(fitted, tmp_path):
    (tmp_path / "empty").mkdir()
    fitted.save(tmp_path / "empty")
    assert len(Recognizer.load(tmp_path / "empty").index_) == 30


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_that_holds_anything_else_is_left_alone(fitted, saved, tmp_path):
    (saved / "notes.txt").write_text("my own")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    other = tmp_path / "other"  # another program's, of the same name
    other.mkdir()
    (other / "places.json").write_text('{"format": "gazetteer"}')
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "places.json").write_text("[1, 2")
    halved = tmp_path / "halved"
    halved.mkdir()
    (halved / "encoder.onnx").write_bytes(b"somebody's network")
    for folder, message in [
        (saved, "holds 'notes.txt', which would be lost: choose another"),
        (foreign, "holds 'thesis.tex', which would be lost"),
        (other, "holds no recogniser: choose another"),
        (broken, "holds no recogniser"),
        (halved, "holds no recogniser"),
    ]:
        before = contents(folder)
        with pytest.raises(ValueError, match=message):
            fitted.save(folder)
        assert contents(folder) == before
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(ValueError, match="is a file: give a folder"):
        fitted.save(file)
    assert file.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == sorted(
        ["broken", "campus", "file", "foreign", "halved", "other"]
    )


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failed_save_keeps_the_old_recogniser(fitted, saved, monkeypatch, failing):
    """Wherever the renaming fails: before the old folder is moved aside, or after."""
    before, replaced, calls = contents(saved), os.replace, []
    other = with_codes(12, np.zeros((2, 12), int), [0, 1])
    other.encoder_, other._onnx = fitted.encoder_, fitted._onnx
    index_save = LinearIndex.save
    monkeypatch.setattr(LinearIndex, "save", lambda *a: _quietly(monkeypatch, index_save, *a))

    def fail(source, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError("disk full")
        replaced(source, target)

    monkeypatch.setattr(room.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        other.save(saved)
    monkeypatch.undo()
    assert contents(saved) == before and os.listdir(saved.parent) == ["campus"]


def _quietly(monkeypatch, save, index, path):
    """Let the index rename its own file: that renaming is not the one under test."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", os.rename)
        return save(index, path)


@pytest.mark.parametrize("name", ["encoder.onnx", "index.npz", "places.json"])
def test_missing_files_are_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"holds no recogniser: it lacks {name}"):
        Recognizer.load(saved)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent holds no recogniser: it lacks"):
        Recognizer.load(tmp_path / "absent")


@pytest.mark.parametrize("name", ["encoder.onnx", "index.npz", "places.json"])
def test_truncated_and_altered_files_are_refused(saved, name):
    path, random = saved / name, np.random.default_rng(0)
    whole = path.read_bytes()
    damaged = [whole[: len(whole) * share // 10] for share in range(10)]
    for position in random.integers(0, len(whole), 60):
        altered = bytearray(whole)
        altered[position] ^= 1 << int(random.integers(8))
        damaged.append(bytes(altered))
    for content in damaged:
        path.write_bytes(content)
        try:
            again = Recognizer.load(saved)
        except ValueError as error:
            assert str(saved) in str(error)
        else:  # white space between the parts of places.json may become another kind of it
            assert json.loads(content) == json.loads(whole)
            assert name == "places.json" and len(again.index_) == 30
    path.write_bytes(whole)
    assert len(Recognizer.load(saved).index_) == 30


def test_files_of_two_recognisers_do_not_go_together(fitted, saved, tmp_path):
    other = with_codes(12, np.zeros((30, 12), int), fitted.labels_)
    other.encoder_, other._onnx, other.names_ = fitted.encoder_, fitted._onnx, fitted.names_
    other.save(tmp_path / "other")
    os.replace(tmp_path / "other" / "index.npz", saved / "index.npz")
    with pytest.raises(ValueError, match="altered, or comes from another recogniser"):
        Recognizer.load(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "gazetteer"}, "not a recogniser of this version"),
        ({"version": 2}, "not a recogniser of this version"),
        ({"names": ["a"] * 6}, "altered"),
        ({"labels": [0] * 30}, "altered"),
        ({"sha256": None}, "altered"),
    ],
)
def test_rewritten_places_are_refused(saved, changes, message):
    path = saved / "places.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(ValueError, match=message):
        Recognizer.load(saved)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe\xff", b"12"])
def test_what_is_no_list_of_places_is_refused(saved, content):
    (saved / "places.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"places\.json is damaged"):
        Recognizer.load(saved)
