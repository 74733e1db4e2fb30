"""The phone's process: what goes through its pipes, and how it ends."""

import io
import os
import signal
import struct
import subprocess
import sys
from types import SimpleNamespace

import pytest
from phone_photos import jpeg, photos

from mvs_lib.phone import process
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.process import PhoneEncoder


@pytest.fixture(scope="module")
def phone(encoder_file):
    with PhoneEncoder(encoder_file) as phone:
        yield phone


def test_it_answers_as_the_encoder_does(phone, encoder_file):
    encoder = Encoder(encoder_file)
    assert (phone.bits, phone.size) == (13, 32)
    for image in photos(5, size=64):
        answer = phone.encode(jpeg(image))
        assert answer.code == encoder.encode(jpeg(image)).code
        assert answer.decode_ms > 0 and answer.network_ms > 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^is empty \(0 bytes\)$"),
        (b"rubbish", "^is no JPEG, PNG or WebP photo$"),
        (bytes(100_000), "^is no JPEG"),
        (jpeg(photos(1, size=64)[0])[:500], "^is damaged or cut off"),
        (b"\0\0\0\0ftypheic", "^is HEIC"),
    ],
)
def test_it_refuses_rubbish_with_the_reason_and_goes_on_answering(phone, content, message):
    photo = jpeg(photos(1, seed=3)[0])
    expected = phone.encode(photo).code
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            phone.encode(content)
    assert phone.encode(photo).code == expected


def test_large_photos_go_through_the_pipe(phone, encoder_file):
    content = jpeg(photos(1, size=1200)[0], quality=100)
    assert len(content) > 1_000_000  # a pipe holds 64 KiB at a time
    assert phone.encode(content).code == Encoder(encoder_file).encode(content).code


def test_the_stop_button_does_not_end_it(phone):
    """A notebook's stop button signals the whole group of processes."""
    photo = jpeg(photos(1, seed=5)[0])
    expected = phone.encode(photo).code
    os.kill(phone._process.pid, signal.SIGINT)
    assert phone.encode(photo).code == expected


def modules(program, *arguments):
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *program, *arguments],
        input=b"",
        capture_output=True,
        check=True,
    )
    lines = run.stderr.decode().splitlines()
    return {line.rsplit("|", 1)[-1].strip() for line in lines if line.startswith("import time:")}


def test_it_never_loads_torch(encoder_file):
    loaded = modules(["-m", "mvs_lib.phone.process"], str(encoder_file))
    assert {"onnxruntime", "numpy", "mvs_lib.phone.encoder"} <= loaded
    heavy = {"torch", "torchvision", "onnx", "faiss", "sklearn", "matplotlib", "cv2"}
    assert not {name.split(".")[0] for name in loaded} & heavy


def test_the_wire_is_as_described(encoder_file):
    """Spoken by hand: uint32 and bytes in; status, uint32 and bytes out."""
    photo = jpeg(photos(1, seed=6)[0])
    requests = b"".join(struct.pack("<I", len(c)) + c for c in (photo, b"rubbish", b"", photo))
    run = subprocess.run(
        [sys.executable, "-m", "mvs_lib.phone.process", str(encoder_file)],
        input=requests + b"\1",  # and a request that breaks off
        capture_output=True,
        check=True,
    )
    replies, left = [], run.stdout
    while left:
        status, length = struct.unpack("<BI", left[:5])
        replies.append((status, left[5 : 5 + length]))
        left = left[5 + length :]
    assert run.stderr == b""
    assert replies[0] == (0, struct.pack("<II", 13, 32))
    code = Encoder(encoder_file).encode(photo).code
    for status, answer in (replies[1], replies[4]):
        assert status == 0 and answer[:2] == code and len(answer) == 2 + 16
        assert all(0 < ms < 60_000 for ms in struct.unpack("<dd", answer[2:]))
    assert replies[2] == (1, b"is no JPEG, PNG or WebP photo")
    assert replies[3] == (1, b"is empty (0 bytes)")
    assert len(replies) == 5


def test_it_ends_cleanly(encoder_file):
    with PhoneEncoder(encoder_file) as phone:
        assert phone._process.poll() is None
    assert phone._process.returncode == 0
    assert phone._process.stdin.closed and phone._process.stdout.closed
    phone.close()  # twice is no error
    with pytest.raises(RuntimeError, match="has ended: start a new PhoneEncoder"):
        phone.encode(jpeg(photos(1)[0]))


def test_a_phone_that_died_says_so(encoder_file):
    with PhoneEncoder(encoder_file) as phone:
        phone._process.kill()
        phone._process.wait()
        for _ in range(2):
            with pytest.raises(RuntimeError, match="has ended: start a new PhoneEncoder"):
                phone.encode(jpeg(photos(1)[0]))


def test_a_broken_off_answer_is_not_taken_for_the_next_ones(encoder_file, monkeypatch):
    """After an interruption an old answer may lie in the pipe, and is no answer to a new photo."""
    first, second = (jpeg(photo) for photo in photos(2, size=64, seed=12))
    with PhoneEncoder(encoder_file) as phone:
        assert phone.encode(first).code != phone.encode(second).code
        receive = process.PhoneEncoder._receive

        def interrupt(self):
            raise KeyboardInterrupt

        monkeypatch.setattr(process.PhoneEncoder, "_receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            phone.encode(first)
        monkeypatch.setattr(process.PhoneEncoder, "_receive", receive)
        with pytest.raises(RuntimeError, match="has ended"):
            phone.encode(second)
        assert phone._process.returncode is not None


def test_half_an_answer_is_an_error():
    phone = object.__new__(PhoneEncoder)
    half = io.BytesIO(struct.pack("<BI", 0, 18) + b"1234")  # its process died while it answered
    phone._process = SimpleNamespace(stdout=half)
    with pytest.raises(RuntimeError, match="ended in the middle of an answer"):
        phone._receive()


def test_a_file_that_cannot_be_loaded_is_refused_and_leaves_no_process(tmp_path):
    path = tmp_path / "encoder.onnx"
    with pytest.raises(ValueError, match="no encoder file"):
        PhoneEncoder(path)
    path.write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"encoder\.onnx is not an encoder of this course"):
        PhoneEncoder(path)
