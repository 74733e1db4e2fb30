"""start.py, with a tiny package in the place of the course."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
ROOT = Path(__file__).resolve().parents[1]
PACKAGE = """
import os, sys, time
if sys.argv[1:] == ["serve", "--fetch"]:
    sys.exit("no registry")
print("arguments", sys.argv[1:], "in", os.getcwd(), flush=True)
if sys.argv[1:] == ["wait"]:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(0.6)  # longer than subprocess.call would wait before it kills
        print("in order", flush=True)
        sys.exit(7)
sys.exit(5)
"""


def copy(folder):
    (folder / "mvs_lib").mkdir(parents=True)
    shutil.copy(ROOT / "start.py", folder)
    (folder / "requirements.txt").write_text("# nothing\n")
    (folder / "pyproject.toml").write_text("")
    (folder / "mvs_lib" / "__main__.py").write_text(PACKAGE)
    return folder


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return copy(tmp_path_factory.mktemp("a") / "folder, with spaces and ü")


@pytest.fixture
def start(course):
    """Return a function that starts start.py from another folder than its own."""

    def run(*arguments):
        elsewhere = course.parent / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, str(course / "start.py"), *arguments],
            cwd=elsewhere,
            env=os.environ | {"PYTHONPATH": str(course), "PYTHONUTF8": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    return run


def test_it_installs_once_and_hands_over_arguments_folder_and_status(start, course):
    process = start("doctor", "--json")
    said, _ = process.communicate(timeout=120)
    elsewhere = course.parent / "elsewhere"
    assert said.endswith(f"arguments ['doctor', '--json'] in {elsewhere}\n")
    assert said.count("Making a virtual environment") == said.count("Installing") == 1
    assert said.count("no registry\nOnly the phone page needs that") == 1
    assert process.returncode == 5
    process = start()
    said, _ = process.communicate(timeout=30)
    assert said == f"arguments ['demo'] in {elsewhere}\n"
    assert process.returncode == 5


def test_ctrl_c_is_the_commands_own_affair(start, course):
    process = start("wait")
    lines = [process.stdout.readline()]
    while "arguments" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert said == "in order\n"
    assert process.returncode == 7


def load(folder):
    specification = importlib.util.spec_from_file_location("start_copy", folder / "start.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("error", [subprocess.CalledProcessError(1, "ensurepip"), OSError("no")])
def test_a_missing_python3_venv_leaves_nothing_behind(tmp_path, monkeypatch, capsys, error):
    module = load(copy(tmp_path / "course"))

    def create(folder, **_):
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").symlink_to(sys.executable)
        raise error

    monkeypatch.setattr("venv.create", create)
    assert module.main([]) == 2
    assert "sudo apt install python3-venv" in capsys.readouterr().out
    assert not (tmp_path / "course" / ".venv").exists()


def test_an_environment_without_pip_is_made_anew(tmp_path, monkeypatch, capfd):
    module = load(copy(tmp_path / "course"))
    asked = []
    module.PYTHON.parent.mkdir(parents=True)
    module.PYTHON.write_text("#!/bin/sh\nexit 1\n")
    module.PYTHON.chmod(0o755)
    monkeypatch.setattr("venv.create", lambda folder, **options: asked.append(options))
    assert module.make_environment()
    assert asked == [{"with_pip": True, "clear": True}]


def test_a_failed_installation_is_not_taken_for_a_good_one(tmp_path, capfd):
    module = load(copy(tmp_path / "course"))
    module.PYTHON.parent.mkdir(parents=True)
    module.PYTHON.write_text("#!/bin/sh\necho Collecting this\nexit 3\n")
    module.PYTHON.chmod(0o755)
    assert not module.install()
    assert "The installation failed" in capfd.readouterr().out
    assert not module.up_to_date()


def test_changed_requirements_and_a_moved_folder_are_installed_anew(tmp_path):
    module = load(copy(tmp_path / "course"))
    module.PYTHON.parent.mkdir(parents=True)
    module.PYTHON.touch()
    module.STAMP.write_text(module.wanted())
    assert module.up_to_date()
    module.REQUIREMENTS.write_text("numpy==0\n")
    assert not module.up_to_date()
    module.STAMP.write_text(module.wanted())
    moved = load(shutil.move(tmp_path / "course", tmp_path / "moved"))
    assert not moved.up_to_date()


def test_an_old_python_is_told_so(tmp_path, monkeypatch, capsys):
    module = load(copy(tmp_path / "course"))
    monkeypatch.setattr(module.sys, "version_info", (3, 10, 4, "final", 0))
    assert module.main([]) == 2
    assert "needs Python 3.11" in capsys.readouterr().out
