"""A file is written whole or not at all, whatever happens on the way."""

import os

import pytest

from mvs_lib import paths


def write(path, content, error=None):
    with paths.whole_file(path) as beside:
        beside.write_text(content)
        if error:
            raise error


def test_a_new_content_takes_the_place_of_the_old_at_the_end_only(tmp_path):
    path = tmp_path / "file.txt"
    write(path, "old")
    with paths.whole_file(path) as beside:
        beside.write_text("new")
        assert beside.parent == tmp_path and path.read_text() == "old"
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path, error):
    path = tmp_path / "file.txt"
    write(path, "old")
    with pytest.raises(type(error)):
        write(path, "ne", error)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file.txt"]


def test_a_refused_renaming_leaves_the_old_file_too(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write(path, "old")

    def refuse(source, target):
        raise OSError("in use")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="in use"):
        write(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file.txt"]
