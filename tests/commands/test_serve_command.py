"""The command ``serve``: in a process of its own, until Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from mvs_lib.commands import serve
from mvs_lib.service import browser_runtime
from mvs_lib.service.recognizer import Recognizer

# In the place of onnxruntime-web, which is not needed where no browser is.
STAND_IN = """
import sys
from pathlib import Path
from mvs_lib.service import browser_runtime
browser_runtime.folder = browser_runtime.fetch = lambda progress=False: Path({folder!r})
from mvs_lib.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def places(small_world, tmp_path_factory):
    """Return the folder of a recogniser of the small world."""
    folder = tmp_path_factory.mktemp("places") / "recognizer"
    split = small_world.split
    Recognizer().fit(split.source, small_world.network, progress=False).save(folder)
    return folder


@pytest.fixture
def started(places):
    """Return a function that starts the command and reads what it says until it listens."""
    running = []

    def start(*options):
        code = STAND_IN.format(folder=str(places))
        line = [sys.executable, "-c", code, "serve", "--recognizer", places, *options]
        process = subprocess.Popen(
            [*map(str, line)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        )
        running.append(process)
        said = []
        for each in process.stdout:
            said.append(each)
            if each.startswith("What comes in"):
                break
        return process, "".join(said)

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise there")
def test_it_serves_the_page_tells_each_code_and_ends_in_order(started):
    process, said = started("--host", "127.0.0.1", "--port", "8765")
    (address,) = re.findall(r"on this computer +(http://127\.0\.0\.1:\d+/)", said)
    assert "on a phone" not in said
    assert "a phone\ntakes a photo instead" in said
    with urllib.request.urlopen(address) as reply:
        assert b"Which place is this?" in reply.read()
    request = urllib.request.Request(
        f"{address}recognize", b"\0\0", {"Content-Type": "application/octet-stream"}
    )
    with urllib.request.urlopen(request) as reply:
        assert reply.status == 200
    assert re.fullmatch(
        r"  \d\d:\d\d:\d\d  00 00  [\w ]+, \d+ bits away\n", process.stdout.readline()
    )
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "\nThe page is closed.\n"
    assert process.returncode == 0


def test_in_a_network_it_shows_a_qr_code(capsys):
    class Page:
        here, address = "http://localhost:8000/", "http://192.168.1.20:8000/"

    serve.invite(Page, 48)
    said = capsys.readouterr().out
    assert "on a phone         http://192.168.1.20:8000/" in said
    assert "▄▄▄▄▄" in said


def test_fetching_alone_serves_nothing(here, monkeypatch, tmp_path):
    monkeypatch.setattr(browser_runtime, "fetch", lambda progress: tmp_path)
    status, said, _ = here("serve", "--fetch")
    assert status == 0
    assert said == f"onnxruntime-web {browser_runtime.VERSION} is in {tmp_path}\n"


def test_without_a_registry_it_says_what_to_do(here, monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    status, _, said = here("serve")
    assert status == 1
    assert said.startswith("serve: http://127.0.0.1:1/onnxruntime-web/")
    assert "python -m mvs_lib serve --fetch" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--recognizer", "nowhere"], "serve: nowhere holds no recogniser"),
        (["--certificate", "nowhere.pem"], "serve: the certificate nowhere.pem cannot be used"),
        (["--key", "nowhere.pem"], "serve: a key needs its certificate"),
    ],
)
def test_what_is_missing_is_told_in_one_line(here, monkeypatch, tmp_path, options, said):
    monkeypatch.setattr(browser_runtime, "fetch", lambda progress: tmp_path)
    status, _, words = here("serve", *options)
    assert status == 1
    assert words.startswith(said) and words.count("\n") == 1


def test_without_the_extra_it_says_what_to_install(here, monkeypatch, tmp_path):
    monkeypatch.setattr(browser_runtime, "fetch", lambda progress: tmp_path)
    monkeypatch.delitem(sys.modules, "mvs_lib.service.phone_page", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    status, _, said = here("serve")
    assert status == 1
    assert said.startswith("serve: the package 'uvicorn' is missing, which the extra [serve]")


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_port_is_a_number_in_its_range(here, port, capsys):
    with pytest.raises(SystemExit):
        here("serve", "--port", port)
    assert f"'{port}' is no port between 1 and 65535" in capsys.readouterr().err
