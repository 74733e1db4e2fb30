"""Row by row, a layer gives what it gives at once; the two files are a pair or are refused."""

import itertools
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phone_photos import photos
from small_alexnet import small_alexnet

from mvs_lib.codes import pack, unpack
from mvs_lib.phone.streamed import StreamedEncoder, StreamedLayers, weights_beside
from mvs_lib.phone.weight_file import WeightFile, write


def layers_file(path, widths, seed=0):
    random, tensors = np.random.default_rng(seed), {}
    for number, (columns, rows) in enumerate(itertools.pairwise(widths)):
        weight = random.normal(size=(rows, columns)) / np.sqrt(columns)
        tensors[f"linear.{number}.weight"] = weight.astype(np.float32)
        tensors[f"linear.{number}.bias"] = random.normal(size=rows).astype(np.float32)
    write(path, tensors)
    return WeightFile(path), tensors


def reference(tensors, x):
    """The layers as written: one number after another, in double precision."""
    x = [[float(value) for value in row] for row in x]
    count = len(tensors) // 2
    for number in range(count):
        weight, bias = (tensors[f"linear.{number}.{kind}"].tolist() for kind in ("weight", "bias"))
        x = [
            [sum(w * v for w, v in zip(row, one, strict=True)) + b
             for row, b in zip(weight, bias, strict=True)]
            for one in x
        ]  # fmt: skip
        if number < count - 1:
            x = [[max(value, 0.0) for value in one] for one in x]
    return np.array(x)


@settings(max_examples=40)
@given(
    widths=st.lists(st.integers(1, 30), min_size=2, max_size=4),
    chunk_bytes=st.integers(1, 3000),
    n=st.integers(1, 3),
    pipelined=st.booleans(),
)
def test_streamed_layers_are_the_layers(tmp_path_factory, widths, chunk_bytes, n, pipelined):
    weights, tensors = layers_file(tmp_path_factory.mktemp("w") / "w", widths)
    x = np.random.default_rng(1).normal(size=(n, widths[0])).astype(np.float32)
    streamed = StreamedLayers(weights, chunk_bytes, pipelined)
    assert (streamed.columns, streamed.rows) == (widths[0], widths[-1])
    for _ in range(2):  # pages that were given back are read again
        np.testing.assert_allclose(streamed(x), reference(tensors, x), rtol=1e-4, atol=1e-4)
    streamed.close()


@settings(max_examples=40)
@given(widths=st.lists(st.integers(1, 50), min_size=2, max_size=4), chunk=st.integers(1, 5000))
def test_chunks_are_all_rows_once_and_no_larger_than_asked_for(tmp_path_factory, widths, chunk):
    weights, tensors = layers_file(tmp_path_factory.mktemp("w") / "w", widths)
    rows = []
    for layer, start, stop in StreamedLayers(weights, chunk)._chunks:
        row = 4 * tensors[f"linear.{layer}.weight"].shape[1]
        assert start < stop and (stop == start + 1 or (stop - start) * row <= chunk)
        rows += [(layer, number) for number in range(start, stop)]
    assert rows == [(n, row) for n, width in enumerate(widths[1:]) for row in range(width)]


@pytest.mark.parametrize("pipelined", [False, True])
def test_chunks_in_memory_at_a_time(tmp_path, monkeypatch, pipelined):
    """One, and with pipelining the next one as well; each is read before it is multiplied."""
    weights, _ = layers_file(tmp_path / "w", [64, 100, 20])
    streamed, inside, most = StreamedLayers(weights, 10 * 256, pipelined), set(), []
    read, drop = streamed._read, streamed._drop

    def count(chunk):
        inside.add(chunk)
        most.append(len(inside))
        return read(chunk)

    def forget(chunk):
        inside.remove(chunk)
        drop(chunk)

    monkeypatch.setattr(streamed, "_read", count)
    monkeypatch.setattr(streamed, "_drop", forget)
    streamed(np.ones((1, 64), np.float32))
    assert len(most) == len(streamed._chunks) and not inside
    assert max(most) <= 1 + pipelined
    streamed.close()


def test_pipelined_the_next_chunk_is_read_before_this_one_is_done(tmp_path, monkeypatch):
    """No chunk is let go before the next one has been read: without overlap it would never come."""
    weights, tensors = layers_file(tmp_path / "w", [64, 100, 20])
    streamed = StreamedLayers(weights, 10 * 256, pipelined=True)
    chunks, there = streamed._chunks, {chunk: threading.Event() for chunk in streamed._chunks}
    read, drop = streamed._read, streamed._drop

    def announce(chunk):
        read(chunk)
        there[chunk].set()

    def wait(chunk):
        after = chunks[chunks.index(chunk) + 1 :][:1]
        assert all(there[each].wait(timeout=20) for each in after), "nobody reads ahead"
        drop(chunk)

    monkeypatch.setattr(streamed, "_read", announce)
    monkeypatch.setattr(streamed, "_drop", wait)
    x = np.ones((1, 64), np.float32)
    np.testing.assert_allclose(streamed(x), reference(tensors, x), rtol=1e-4, atol=1e-4)
    streamed.close()


def test_layers_that_do_not_fit_are_refused(tmp_path):
    weights, tensors = layers_file(tmp_path / "w", [4, 3, 2])
    with pytest.raises(ValueError, match="chunk_bytes must be >= 1, got 0"):
        StreamedLayers(weights, 0)
    for shape in ((4,), (1, 5), (4, 2), (1, 1, 4)):
        with pytest.raises(ValueError, match=r"features must have shape \(n, 4\), got"):
            StreamedLayers(weights)(np.zeros(shape))
    for change, message in (
        ({"linear.1.weight": np.zeros((2, 4), np.float32)}, "does not fit behind one of 3 rows"),
        ({"linear.1.bias": np.zeros(3, np.float32)}, "does not fit"),
        ({"linear.1.bias": None}, "linear.1 has no bias"),
        (dict.fromkeys(tensors), "holds no linear layers"),
    ):
        changed = {k: v for k, v in (tensors | change).items() if v is not None}
        write(tmp_path / "other", changed)
        with pytest.raises(ValueError, match=message):
            StreamedLayers(WeightFile(tmp_path / "other"))


# The encoder


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The two parts of a network, and its exported files."""
    from mvs_lib.phone.streamed_export import export_streamed

    convolutions, linear = small_alexnet()
    path = tmp_path_factory.mktemp("streamed") / "encoder.onnx"
    return convolutions, linear, export_streamed(convolutions, linear, path, size=32)


@pytest.mark.parametrize("pipelined", [False, True])
@pytest.mark.parametrize("chunk_bytes", [1, 5000, 2**20])
def test_codes_are_torchs_wherever_rounding_does_not_decide(pair, chunk_bytes, pipelined):
    import torch

    convolutions, linear, path = pair
    images = photos(200, seed=1)
    with torch.no_grad():
        x = convolutions(torch.from_numpy(images))
        for layer in linear[:-1]:
            x = torch.relu(layer(x))
        expected = linear[-1](x).numpy()
    with StreamedEncoder(path, chunk_bytes, pipelined) as encoder:
        assert (encoder.bits, encoder.size) == (13, 32)
        codes = encoder.encode_pixels(images, batch_size=50)
        projection = encoder.project(images, batch_size=50)
    np.testing.assert_allclose(projection, expected, atol=1e-4)
    assert np.array_equal(codes, pack(projection >= 0))
    on, wanted = unpack(codes, 13), expected >= 0
    sure = np.abs(expected) > 1e-4
    assert np.array_equal(on[sure], wanted[sure]) and sure.mean() > 0.999
    assert 0.2 < on.mean() < 0.8 and len(np.unique(codes, axis=0)) > 20


def test_the_batch_size_changes_rounding_only(pair):
    encoder, images = StreamedEncoder(pair[2]), photos(20, seed=2)
    one = encoder.project(images)
    for batch_size in (7, 100):
        np.testing.assert_allclose(encoder.project(images, batch_size), one, atol=1e-5)
    assert encoder.encode_pixels(images[:0]).shape == (0, 2)


def test_other_photos_are_refused(pair):
    encoder = StreamedEncoder(pair[2])
    for wrong in (np.zeros((2, 32, 32, 3)), photos(2, size=64), photos(1)[0]):
        with pytest.raises(ValueError, match=r"takes photos uint8 \(n, 32, 32, 3\), got"):
            encoder.encode_pixels(wrong)
    with pytest.raises(ValueError, match="batch_size must be >= 1"):
        encoder.encode_pixels(photos(2), batch_size=0)


def copied(pair, folder):
    path = folder / "encoder.onnx"
    for copy, file in ((path, pair[2]), (weights_beside(path), weights_beside(pair[2]))):
        copy.write_bytes(file.read_bytes())
    return path


def test_a_copy_elsewhere_runs(pair, tmp_path):
    images = photos(5, seed=3)
    expected = StreamedEncoder(pair[2]).encode_pixels(images)
    assert np.array_equal(StreamedEncoder(copied(pair, tmp_path)).encode_pixels(images), expected)


def test_files_that_are_missing_or_no_pair_are_refused(pair, tmp_path):
    path = copied(pair, tmp_path)
    graph, beside = path.read_bytes(), weights_beside(path)
    for content in (b"", graph[:-5], bytes([graph[0] ^ 1]) + graph[1:], graph + b"\0"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"are not a pair, or encoder\.onnx was altered"):
            StreamedEncoder(path)
    path.write_bytes(graph)
    altered = bytearray(beside.read_bytes())
    altered[-5000] ^= 1
    beside.write_bytes(altered)
    with pytest.raises(ValueError, match="cut off or altered"):
        StreamedEncoder(path)
    beside.unlink()
    with pytest.raises(FileNotFoundError, match=r"encoder\.weights"):
        StreamedEncoder(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="export_streamed"):
        StreamedEncoder(path)


def test_renamed_files_are_refused(pair, tmp_path):
    path = copied(pair, tmp_path)
    path.rename(tmp_path / "new.onnx")
    weights_beside(path).rename(tmp_path / "new.weights")
    with pytest.raises(ValueError, match="is not an encoder of this course"):
        StreamedEncoder(tmp_path / "new.onnx")


def test_it_runs_where_torch_cannot_be_imported(pair):
    image = photos(1, seed=4)
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from mvs_lib.phone.streamed import StreamedEncoder\n"
        "image = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(1, 32, 32, 3)\n"
        "print(StreamedEncoder(sys.argv[1]).encode_pixels(image)[0].tobytes().hex())\n"
        "assert not {'onnx', 'PIL', 'matplotlib', 'sklearn', 'cv2'} & set(sys.modules)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(pair[2])],
        input=image.tobytes(), capture_output=True, check=True,
    )  # fmt: skip
    expected = StreamedEncoder(pair[2]).encode_pixels(image)[0].tobytes().hex()
    assert answer.stdout.decode().strip() == expected
