import json
import shutil
import socket
import struct
import sys

import pytest

from mvs_lib.commands import doctor as command
from mvs_lib.course import doctor
from mvs_lib.course.doctor import Finding


def test_python_must_be_new_enough():
    assert doctor.python((3, 11, 0)).status == "ok"
    old = doctor.python((3, 10, 9))
    assert old.status == "mend"
    assert "3.10.9" in old.found


def findings(tmp_path, text):
    path = tmp_path / "requirements.txt"
    path.write_text(f"# the lock\n{text}\n-e .\n")
    return list(doctor.packages(path))


def test_installed_packages_are_held_against_the_lock(tmp_path, monkeypatch):
    installed = {"numpy": "2.0.0", "torch": "2.15.0+cu132"}

    def version(name):
        if name not in installed:
            raise doctor.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(doctor, "version", version)
    (good,) = findings(tmp_path, "numpy==2.0.0\ntorch==2.15.0\nnone==1 ; sys_platform == 'mars'")
    assert good.status == "ok"
    assert "all 2" in good.found
    (other,) = findings(tmp_path, "numpy==2.1.0")
    assert other.status == "note"
    assert "numpy 2.0.0 (locked: ==2.1.0)" in other.found
    (torch,) = findings(tmp_path, "torch==2.14.0")
    assert torch.status == "mend"
    missing, other = findings(tmp_path, "numpy==2.1.0\nfaiss-cpu==1\ntqdm==4")
    assert missing.status == "mend"
    assert "1 of 3 installed; missing: faiss-cpu, tqdm" in missing.found
    assert f'"{sys.executable}" -m pip install -r' in missing.mend


def test_without_any_package_it_still_answers(monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    (found,) = doctor.packages()
    assert found.status == "mend"
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert doctor.memory().status == "ok"


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("print('1.2')", "ok", "1.2"),
        ("import no_such_package", "mend", "No module named 'no_such_package'"),
        ("import os; os.abort()", "mend", "the process ended with"),
    ],
)
def test_an_import_that_fails_or_dies_is_told(code, status, said):
    found = doctor.importable("it", code)
    assert found.status == status
    assert said in found.found


def test_torch_must_be_the_one_that_torchvision_was_built_for(monkeypatch):
    versions = {"torch": "2.15.0+cu132", "torchvision": "0.29.2"}
    monkeypatch.setattr(doctor, "version", versions.__getitem__)
    monkeypatch.setattr(doctor, "requires", lambda name: ["numpy", "torch==2.15.0"])
    assert doctor.matching().status == "ok"
    versions["torch"] = "2.13.0"
    assert doctor.matching().status == "mend"
    assert "wants torch 2.15.0, here is 2.13.0" in doctor.matching().found
    monkeypatch.setattr(doctor, "requires", lambda name: ["torch==2.15.0; python_version > '3'"])
    versions["torch"] = "2.15.0"
    assert doctor.matching().status == "ok"


def test_the_data_folder_is_tried_and_left_as_it_was(tmp_path, monkeypatch):
    written, disk = doctor.folder(tmp_path / "data")
    assert written.status == disk.status == "ok"
    assert list(tmp_path.iterdir()) == []

    def write_bytes(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.Path, "write_bytes", write_bytes)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda p: shutil._ntuple_diskusage(9, 9, 1))
    written, disk = doctor.folder(tmp_path)
    assert written.status == disk.status == "mend"
    assert "MVS_DATA" in written.mend


def test_checkpoints_are_there_and_whole(small_world, tmp_path):
    whole = small_world.checkpoint.read_bytes()
    path = tmp_path / doctor.CHECKPOINTS[0]

    def status(content):
        path.write_bytes(content)
        first, second = doctor.checkpoints(tmp_path)
        assert (second.found, second.status) == ("missing", "mend")
        return first

    assert status(whole).status == "ok"
    assert "cut off" in status(whole[:-1]).found
    foreign = b'{"__metadata__": {"about": "{}"}, "a": {"data_offsets": [0, 0]}}'
    for content, said in [
        (b"", "damaged"),
        (whole[:100], "no safetensors file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "no safetensors file"),
        (struct.pack("<Q", 2) + b"{}", "damaged"),
        (struct.pack("<Q", 2) + b"[]", "damaged"),
        (struct.pack("<Q", len(foreign)) + foreign, "holds no network"),
    ]:
        found = status(content)
        assert found.status == "mend"
        assert said in found.found


def test_notebooks_are_there_in_both_versions(tmp_path):
    assert doctor.notebooks(tmp_path).status == "mend"
    for name in ("source/00_a.py", "00_a.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    half = doctor.notebooks(tmp_path)
    assert half.status == "mend"
    assert "missing: solutions/00_a.ipynb" in half.found.replace("\\", "/")
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "00_a.ipynb").touch()
    assert doctor.notebooks(tmp_path).status == "ok"


def test_the_campus_is_drawn_or_not(tmp_path, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    assert "not drawn yet" in doctor.campus().found
    (tmp_path / "cache" / "campus-1").mkdir(parents=True)
    (tmp_path / "cache" / "campus-1" / "place000-4-2.npz").write_bytes(bytes(3_000_000))
    (tmp_path / "cache" / "campus-1" / "place000-9-9.npz").write_bytes(bytes(2_000_000))
    (tmp_path / "cache" / "campus-1" / "place001-4-2.npz").write_bytes(bytes(1_000_000))
    assert "2 places drawn, 6 MB" in doctor.campus().found
    assert doctor.campus().status == "ok"


def test_a_port_in_use_is_no_harm():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert doctor.listening(port).status == "note"
    assert doctor.listening(port).status == "ok"


GOOD, NOTE = Finding("disk", "much"), Finding("Chromium", "missing", "install it", False)
BAD = Finding("faiss", "missing", "install it")


@pytest.mark.parametrize(
    ("found", "status", "ending"),
    [
        ([GOOD, NOTE], 0, "Nothing essential is missing."),
        ([GOOD, BAD, NOTE], 1, "1 to mend: faiss."),
    ],
)
def test_only_what_is_essential_decides(here, monkeypatch, found, status, ending):
    monkeypatch.setattr(command.doctor, "examine", lambda: iter(found))
    code, said, _ = here("doctor")
    assert code == status
    assert said.splitlines()[-1] == ending
    assert said.count("what to do: install it") == len(found) - 1
    code, said, _ = here("doctor", "--json")
    assert code == status
    answer = json.loads(said)
    assert answer["ok"] == (status == 0)
    assert [each["status"] for each in answer["findings"]] == [each.status for each in found]


def test_here_torch_faiss_and_the_rest_are_well():
    found = [doctor.importable(name, doctor.IMPORTS[name]) for name in ("faiss", "OpenCV")]
    assert {each.status for each in [*found, doctor.matching(), *doctor.packages()]} <= {
        "ok",
        "note",
    }


def test_without_onnxruntime_web_only_the_phone_page_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    found = doctor.phone_page()
    assert found.status == "note"
    assert "python -m mvs_lib serve --fetch" in found.mend
    assert list(tmp_path.iterdir()) == []
