"""onnxruntime-web: fetched from a registry (a small one, on this machine), checked, kept whole."""

import base64
import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mvs_lib.service import browser_runtime

CONTENTS = {"a.mjs": b"export {}", "a.wasm": b"\0asm" * 50}


def package(contents):
    """Return the bytes of an npm package with these files in its dist folder, and one more."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in {**contents, "other.js": b"no"}.items():
            about = tarfile.TarInfo(f"package/dist/{name}")
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Serve one package at the address that the environment names; hand out what was asked."""

    class Registry(BaseHTTPRequestHandler):
        content, asked = package(CONTENTS), []

        def do_GET(self):
            self.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.content)))
            self.end_headers()
            self.wfile.write(self.content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("MVS_DATA", str(tmp_path))
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{server.server_port}/npm/")
        monkeypatch.delenv("npm_config_registry", raising=False)
        digest = base64.b64encode(hashlib.sha512(Registry.content).digest()).decode()
        monkeypatch.setattr(browser_runtime, "INTEGRITY", f"sha512-{digest}")
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
        monkeypatch.setattr(browser_runtime, "FILES", hashes)
        yield Registry
        server.shutdown()
        thread.join()


def kept(tmp_path):
    """Return everything in the cache folder, by its path there."""
    cache = tmp_path / "cache"
    return {
        p.relative_to(cache).as_posix(): p.read_bytes() for p in cache.rglob("*.*") if p.is_file()
    }


def test_the_wanted_files_are_fetched_once(registry, tmp_path):
    version = browser_runtime.VERSION
    folder = browser_runtime.fetch(progress=False)
    assert folder == browser_runtime.folder() == browser_runtime.fetch(progress=False)
    assert registry.asked == [f"/npm/onnxruntime-web/-/onnxruntime-web-{version}.tgz"]
    assert kept(tmp_path) == {f"{folder.name}/{name}": CONTENTS[name] for name in CONTENTS}


def test_before_that_it_is_told_what_to_do(registry):
    with pytest.raises(FileNotFoundError, match="fetch it once with python -m mvs_lib serve --f"):
        browser_runtime.folder()


def test_another_package_is_not_kept(registry, tmp_path):
    registry.content = package({**CONTENTS, "a.mjs": b"evil"})
    with pytest.raises(ValueError, match="is not what was published"):
        browser_runtime.fetch(progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_a_damaged_file_is_seen_and_fetched_again(registry, tmp_path, damage):
    path = browser_runtime.fetch(progress=False) / "a.wasm"
    if damage == "altered":
        path.write_bytes(b"\0asm")
    else:
        path.unlink()
    with pytest.raises(FileNotFoundError, match="with python -m mvs_lib serve --fetch"):
        browser_runtime.folder()
    browser_runtime.fetch(progress=False)
    assert path.read_bytes() == CONTENTS["a.wasm"]
    assert len(registry.asked) == 2


def test_an_interrupted_write_leaves_nothing(registry, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(browser_runtime.os, "replace", fail)
    with pytest.raises(OSError, match="the disk is full"):
        browser_runtime.fetch(progress=False)
    assert kept(tmp_path) == {}
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_registry_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    with pytest.raises(OSError, match=r"127\.0\.0\.1:1/.* cannot be fetched .*connect to the net"):
        browser_runtime.fetch(progress=False)
    assert list(tmp_path.iterdir()) == []


def test_too_much_is_refused(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(browser_runtime, "LARGEST", 50)
    with pytest.raises(OSError, match="cannot be fetched"):
        browser_runtime.fetch(progress=False)


def test_the_registry_is_the_one_that_npm_would_ask(tmp_path, monkeypatch):
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    settings = tmp_path / "npmrc"
    monkeypatch.setenv("npm_config_userconfig", str(settings))
    assert browser_runtime.registry() == "https://registry.npmjs.org"
    settings.write_text("; mine\nfund=false\n//host/:_authToken=x\n")
    assert browser_runtime.registry() == "https://registry.npmjs.org"
    settings.write_text('fund=false\nregistry = "https://mirror.example/npm/"\n')
    assert browser_runtime.registry() == "https://mirror.example/npm"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://other.example")
    assert browser_runtime.registry() == "http://other.example"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "file:///etc")
    with pytest.raises(ValueError, match="is no web address: mend npm_config_registry"):
        browser_runtime.registry()


def test_the_shipped_pin_is_one_of_npm():
    method, _, digest = browser_runtime.INTEGRITY.partition("-")
    assert method == "sha512"
    assert len(base64.b64decode(digest, validate=True)) == 64
    assert all(len(bytes.fromhex(each)) == 32 for each in browser_runtime.FILES.values())
