import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from mvs_lib.commands import lab
from mvs_lib.course.notebook import make, text


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = tmp_path / "the notebooks"
    (folder / "source").mkdir(parents=True)
    for name in ("00_start_here", "02_hash_bits"):
        (folder / "source" / f"{name}.py").write_text("# %%\n1\n")
        (folder / f"{name}.ipynb").write_text(text(make(name, "student", folder)))
    monkeypatch.setattr(lab, "FOLDER", folder)
    return folder


@pytest.mark.parametrize("name", ["02", "02_hash_bits", "02_hash_bits.ipynb", "notebooks/02_hash"])
def test_a_notebook_is_found_by_its_beginning(course, name):
    assert lab.find(name, course) == course / "02_hash_bits.ipynb"


@pytest.mark.parametrize("name", ["7", "", "hash"])
def test_an_unknown_notebook_is_told_with_those_there_are(course, name):
    with pytest.raises(ValueError, match=f"no notebook '{name}'.*00_start_here, 02_hash_bits"):
        lab.find(name, course)


@pytest.mark.parametrize(
    ("environment", "platform", "opened"),
    [
        ({}, "linux", False),
        ({"DISPLAY": "", "SSH_CONNECTION": "a b"}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "/usr/bin/wslview"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_browser_is_opened_where_there_is_a_desktop(environment, platform, opened):
    assert (lab.without_desktop(environment, platform) is None) == opened


@pytest.mark.parametrize("reason", [None, "This machine has no desktop"])
def test_without_a_desktop_the_way_in_is_shown(course, here, monkeypatch, reason):
    started = []
    monkeypatch.setattr(lab.subprocess, "Popen", started.append)
    monkeypatch.setattr(lab, "wait", lambda process: 3)
    monkeypatch.setattr(lab, "without_desktop", lambda environment: reason)
    status, _, said = here("lab", "02", "--port", "8899")
    assert status == 3
    assert ("--no-browser" in started[0]) == bool(reason)
    assert ("ssh -L 8899:localhost:8899" in said) == bool(reason)
    assert "--LabApp.default_url=/lab/tree/02_hash_bits.ipynb" in started[0]
    assert f"--ServerApp.root_dir={course}" in started[0]


@pytest.fixture
def serve(tmp_path):
    """Return a function that starts a command which serves JupyterLab at a port given to it."""
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "HOME": "."}
    environment = os.environ | {name: str(tmp_path / each) for name, each in own.items()}
    environment |= {"JUPYTER_TOKEN": "sesame", "IPYTHONDIR": str(tmp_path / "ipython")}
    started = []

    def start(folder, *command):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = tmp_path / "log"
        with open(log, "w") as file:
            process = subprocess.Popen(
                [sys.executable, *(str(each).format(port=port) for each in command)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        started.append(process)

        def ask(path):
            for _ in range(300):
                assert process.poll() is None, log.read_text()
                try:
                    address = f"http://127.0.0.1:{port}{path}?token=sesame"
                    with urllib.request.urlopen(address, timeout=5) as page:
                        return page.url.split("?")[0], page.read()
                except OSError:
                    time.sleep(0.2)
            raise AssertionError(log.read_text())

        return process, port, ask

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_jupyterlab_opens_the_course_and_ctrl_c_ends_it(course, serve, tmp_path):
    code = (
        "import sys; from pathlib import Path; from mvs_lib.commands import lab\n"
        "from mvs_lib.__main__ import main; lab.FOLDER = Path(sys.argv[1])\n"
        "sys.exit(main(['lab', '--no-browser', '--port', sys.argv[2]]))"
    )
    process, port, ask = serve(tmp_path, "-c", code, course, "{port}")
    assert ask("/")[0].endswith("/lab/tree/00_start_here.ipynb")
    assert b'"02_hash_bits.ipynb"' in ask("/api/contents/")[1]
    # Once asks, twice is a yes; there is no keyboard here to answer with.
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.5)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    process.wait(20)
    with socket.socket() as probe:  # the server is gone, too
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_who_ends_the_command_ends_jupyterlab():
    code = (
        "import subprocess, sys; from mvs_lib.commands import lab\n"
        "process = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(process.pid, flush=True); sys.exit(lab.wait(process) != 0)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as own:
        child = int(own.stdout.readline())
        time.sleep(0.2)
        own.terminate()
        assert own.wait(20) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
