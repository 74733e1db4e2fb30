"""What is written is read, bit by bit; anything else is refused; opening loads nothing."""

import hashlib
import json
import os
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvs_lib.phone import weight_file
from mvs_lib.phone.process_memory import reset_peak, status
from mvs_lib.phone.weight_file import PAGE, START, WeightFile, places, write


def random_tensors(shapes, seed=0):
    random = np.random.default_rng(seed)
    bits = {f"t{n}": random.integers(0, 2**32, shape, np.uint32) for n, shape in enumerate(shapes)}
    return {name: value.view(np.float32) for name, value in bits.items()}  # NaN and infinity too


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "some.weights"
    tensors = random_tensors([(3, 5), (2000,), (1, 1, 2, 2)])
    assert write(path, tensors, bits=13, name="it") == path.stat().st_size
    return path, tensors


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=3), min_size=1, max_size=5))
def test_what_is_written_is_read(tmp_path_factory, shapes):
    path, tensors = tmp_path_factory.mktemp("w") / "w", random_tensors(shapes)
    length = write(path, tensors, x=[1, None])
    opened = WeightFile(path)
    assert opened.about == {"x": [1, None]} and len(opened.mapped) == length
    for name, tensor in tensors.items():
        read = opened[name]
        assert name in opened and read.dtype == np.float32 and read.shape == tensor.shape
        assert read.tobytes() == tensor.tobytes() and not read.flags.writeable
        at = opened.places[name]
        assert at % PAGE == 0 and path.read_bytes()[at : at + tensor.nbytes] == tensor.tobytes()
    assert "t99" not in opened


@given(st.lists(st.lists(st.integers(1, 90), max_size=3), max_size=6))
def test_places_are_pages_that_do_not_overlap(shapes):
    end = PAGE
    for (_, at), shape in zip(places(dict(enumerate(shapes))).items(), shapes, strict=True):
        assert at % PAGE == 0 and end <= at < end + PAGE
        end = at + 4 * int(np.prod(shape, dtype=int))


def test_turned_tensors_are_written_row_by_row(tmp_path):
    tensor = np.arange(12, dtype=np.float32).reshape(3, 4).T
    write(tmp_path / "w", {"t": tensor})
    assert np.array_equal(WeightFile(tmp_path / "w")["t"], tensor)


def test_opening_a_file_of_64_megabytes_takes_hardly_any_memory(tmp_path):
    if status("VmHWM") is None:
        pytest.skip("memory is read from /proc")
    path, large = tmp_path / "w", np.ones((4096, 4096), np.float32)
    write(path, {"large": large})
    del large
    reset_peak()
    before = status("VmRSS")
    opened = WeightFile(path)
    assert status("VmHWM") - before < 4 * 2**20
    assert opened["large"].sum() == 4096**2  # touched, the pages are there, and count
    assert status("VmRSS") - before > 60 * 2**20


# What is refused


def test_every_truncation_and_appendix_is_refused(written, tmp_path):
    path, whole = tmp_path / "other", written[0].read_bytes()
    for length in (*(len(whole) * share // 10 for share in range(10)), len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"its checksum does not fit|is no weight file"):
            WeightFile(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="its checksum does not fit"):
        WeightFile(path)


def test_every_altered_byte_is_refused(written, tmp_path):
    path, whole, random = tmp_path / "other", written[0].read_bytes(), np.random.default_rng(0)
    for position in [*range(60), *random.integers(0, len(whole), 60)]:
        altered = bytearray(whole)
        altered[position] ^= 1 << int(random.integers(8))
        path.write_bytes(altered)
        with pytest.raises(ValueError, match=r"its checksum does not fit|is no weight file"):
            WeightFile(path)


def forge(path, change):
    """Change the header and set the checksum right again."""
    content = bytearray(path.read_bytes())
    (length,) = struct.unpack_from("<I", content, START)
    header = json.loads(content[START + 4 : START + 4 + length])
    change(header)
    text = json.dumps(header).encode()
    content[START : START + 4 + len(text)] = struct.pack("<I", len(text)) + text
    content[START - 32 : START] = hashlib.sha256(content[START:]).digest()
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.update(version=2), "version 2, this library reads 1: update the course"),
        (lambda h: h["tensors"][0].update(at=0), "do not lie one behind the other"),
        (lambda h: h["tensors"][2].update(shape=[2**40]), "do not lie one behind the other"),
        (lambda h: h["tensors"][2].update(shape=[-1, -4]), r"has the shape \(-1, -4\)"),
        (lambda h: h["tensors"][2].update(shape=[1.5]), "has the shape"),
        (lambda h: h["tensors"].pop(), "do not lie one behind the other"),
        (lambda h: h["tensors"][1].update(name="t0"), "do not lie one behind the other"),
        (lambda h: h.pop("tensors"), "does not hold what it claims"),
        (lambda h: h.update(tensors=[3]), "does not hold what it claims"),
        (lambda h: h.update(about=3), "does not hold what it claims"),
    ],
)
def test_forged_headers_are_refused(written, change, message):
    forge(written[0], change)
    with pytest.raises(ValueError, match=message):
        WeightFile(written[0])


def test_a_header_longer_than_its_page_is_refused(written):
    content = bytearray(written[0].read_bytes())
    content[START : START + 4] = struct.pack("<I", 2**31)
    content[START - 32 : START] = hashlib.sha256(content[START:]).digest()
    written[0].write_bytes(content)
    with pytest.raises(ValueError, match="is longer than a page"):
        WeightFile(written[0])


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no weight file"):
        WeightFile(tmp_path / "none")
    for content in (b"", b"hello", bytes(10_000)):
        (tmp_path / "odd").write_bytes(content)
        with pytest.raises(ValueError, match="is no weight file"):
            WeightFile(tmp_path / "odd")


def test_what_cannot_be_written_leaves_the_old_file(written, monkeypatch):
    path, old = written[0], written[0].read_bytes()
    with pytest.raises(ValueError, match="t is float64: a weight file holds float32"):
        write(path, {"t": np.zeros(3)})
    with pytest.raises(ValueError, match="must fit one page"):
        write(path, {}, long="x" * PAGE)
    with pytest.raises(TypeError):
        write(path, {}, odd=object())

    def fail(file):
        raise OSError("disk full")

    monkeypatch.setattr(weight_file, "_digest", fail)
    with pytest.raises(OSError, match="disk full"):
        write(path, {"t": np.zeros(3, np.float32)})
    assert path.read_bytes() == old and os.listdir(path.parent) == [path.name]
