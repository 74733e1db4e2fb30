"""The phone page's server over a real socket: what it answers, and what it refuses."""

import json
import socket
import threading
from http.client import HTTPConnection

import pytest

from mvs_lib.service import browser_runtime, server
from mvs_lib.service.phone_page import PhonePage

CODE = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def served(fitted, tmp_path_factory):
    """Return the page of the small world's recogniser (12 bits: 2 bytes) and what it heard."""
    folder = tmp_path_factory.mktemp("served")
    fitted.save(folder / "places")
    runtime = folder / "runtime"
    runtime.mkdir()
    (runtime / "ort.wasm.bundle.min.mjs").write_text("export {}")
    (runtime / "ort-wasm-simd-threaded.wasm").write_bytes(b"\0asm")
    heard = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(browser_runtime, "folder", lambda: runtime)
        page = PhonePage(
            fitted,
            folder / "places" / "encoder.onnx",
            host="127.0.0.1",
            port=0,
            heard=lambda *each: heard.append(each),
        )
    with page:
        page.encoder = folder / "places" / "encoder.onnx"
        page.heard = heard
        yield page


@pytest.fixture
def ask(served):
    """Return a function that sends a request: status, headers, body."""

    def send(method, path, body=None, headers=None):
        connection = HTTPConnection("127.0.0.1", served.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    return send


def code_of(fitted, source, i):
    return fitted.encoder_.encode_pixels(source.images[i : i + 1])[0].tobytes()


def test_a_code_gets_the_recogniser_s_own_answer(served, ask, fitted, source):
    served.heard.clear()
    code = code_of(fitted, source, 7)
    status, headers, body = ask("POST", "/recognize", code, CODE)
    answer = json.loads(body)
    best, *others = fitted.recognize_code(code)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert set(answer) == {"place", "distance", "alternatives", "search_ms"}
    assert (answer["place"], answer["distance"]) == (best.place, best.distance)
    assert answer["alternatives"] == [
        {"place": each.place, "distance": each.distance, "votes": each.votes} for each in others
    ]
    assert answer["search_ms"] > 0
    assert served.heard == [(code, [best, *others])]


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"", CODE, 400, "a code of 12 bits is 2 bytes long, got 0"),
        (b"\0", CODE, 400, "a code of 12 bits is 2 bytes long, got 1"),
        (b"\0\0\0", CODE, 400, "a code of 12 bits is 2 bytes long, got 3"),
        (b"\0\x0f", CODE, 400, "padding"),
        (b"\0\0", {}, 415, "send a code's bytes as application/octet-stream, not as nothing"),
        (b"\0\0", {"Content-Type": "text/plain"}, 415, "not as text/plain"),
        (b"\0\0", {"Content-Type": "multipart/form-data; boundary=a"}, 415, "multipart"),
        (b"\0" * 1025, CODE, 413, "photos stay on the phone"),
        (iter([b"\0" * 600] * 2), CODE, 413, "photos stay on the phone"),
    ],
    ids=["empty", "short", "long", "padding", "untyped", "text", "form", "large", "chunked"],
)
def test_what_is_no_code_is_refused(served, ask, body, headers, status, said):
    served.heard.clear()
    found, answered, text = ask("POST", "/recognize", body, headers)
    assert found == status
    assert said in json.loads(text)["error"]
    assert "'self'" in answered["content-security-policy"]
    assert served.heard == []


def test_a_parameter_of_the_type_does_no_harm(ask):
    headers = {"Content-Type": "Application/Octet-Stream; x=1"}
    assert ask("POST", "/recognize", b"\0\0", headers)[0] == 200


def test_a_connection_that_breaks_off_harms_nobody(served, ask):
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(
            b"POST /recognize HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Length: 2\r\n\r\n\0"
        )
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
    assert ask("POST", "/recognize", b"\0\0", CODE)[0] == 200


def test_a_code_that_does_not_come_is_not_waited_for(served, monkeypatch):
    monkeypatch.setattr(server, "PATIENCE", 0.2)
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(
            b"POST /recognize HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Length: 2\r\n\r\n\0"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def test_many_phones_at_once_get_their_own_answers(ask, fitted, source):
    codes = [code_of(fitted, source, i) for i in range(len(source))]
    found = {}

    def phone(i):
        found[i] = json.loads(ask("POST", "/recognize", codes[i], CODE)[2])["place"]

    threads = [threading.Thread(target=phone, args=(i,)) for i in range(len(codes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(len(codes))] == [
        fitted.recognize_code(code)[0].place for code in codes
    ]


def test_the_encoder_is_the_file_that_python_runs(served, ask):
    status, headers, body = ask("GET", "/encoder.onnx")
    assert status == 200
    assert headers["content-type"] == "application/octet-stream"
    assert body == served.encoder.read_bytes()


def test_the_page_is_told_what_it_needs(ask):
    assert json.loads(ask("GET", "/about.json")[2]) == {
        "bits": 12,
        "bytes": 2,
        "size": 32,
        "places": 6,
        "photos": 30,
    }


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/page.js", "text/javascript"),
        ("/style.css", "text/css"),
        ("/icon.svg", "image/svg+xml"),
        ("/runtime/ort.wasm.bundle.min.mjs", "text/javascript"),
        ("/runtime/ort-wasm-simd-threaded.wasm", "application/wasm"),
    ],
)
def test_files_have_their_types_and_are_not_sent_twice(ask, path, kind):
    status, headers, _ = ask("GET", path)
    assert status == 200
    assert headers["content-type"].startswith(kind)
    assert headers["cache-control"] == "no-cache"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert ask("GET", path, headers={"If-None-Match": headers["etag"]})[0] == 304


@pytest.mark.parametrize(
    "path",
    ["/../server.py", "/%2e%2e/server.py", "/runtime/../../places/index.npz", "/docs",
     "/openapi.json", "/runtime/", "/recognize"],
)  # fmt: skip
def test_nothing_else_is_given_away(ask, path):
    assert ask("GET", path)[0] in (404, 405)


def test_the_port_is_free_again_and_a_taken_one_is_passed_over(fitted, served, monkeypatch):
    monkeypatch.setattr(browser_runtime, "folder", lambda: served.encoder.parent)
    page = PhonePage(fitted, served.encoder, "127.0.0.1", served.port)
    assert served.port < page.port < served.port + 20
    assert page.address == page.here == f"http://127.0.0.1:{page.port}/"
    page.close()
    page.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", page.port))


def test_a_host_that_is_not_ours_is_told(fitted, served, monkeypatch):
    monkeypatch.setattr(browser_runtime, "folder", lambda: served.encoder.parent)
    with pytest.raises(OSError, match=r"no server can listen on 198\.51\.100\.1, port 8000"):
        PhonePage(fitted, served.encoder, "198.51.100.1")
