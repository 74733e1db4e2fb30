"""The encoder by ExecuTorch has the bits of torch and of ONNX Runtime."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from phone_photos import photos

from mvs_lib import paths
from mvs_lib.codes import unpack
from mvs_lib.datasets import campus
from mvs_lib.deep import HashNetwork, checkpoint, encode, project
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.executorch_encoder import ExecuTorchEncoder, seal
from mvs_lib.phone.executorch_export import export_pte
from mvs_lib.phone.export import export_onnx
from mvs_lib.phone.measurement import measure, time_ratio

needs_executorch = pytest.mark.skipif(
    importlib.util.find_spec("executorch") is None,
    reason='the extra is not installed: pip install -e ".[executorch]"',
)


@pytest.fixture(scope="module")
def small(exported, tmp_path_factory):
    """The network of 13 bits, and its two files: ONNX Runtime's and ExecuTorch's."""
    network, onnx_file = exported(13)
    path = tmp_path_factory.mktemp("executorch") / "new" / "encoder.pte"
    assert export_pte(network, str(path), size=32) == path
    assert os.listdir(path.parent) == ["encoder.pte"] and not network.training
    return network, onnx_file, path


@pytest.fixture(scope="module")
def on_campus(tmp_path_factory):
    """The shipped network, its three files (ONNX, .pte, .pte of 8 bits), and photos to encode."""
    folder = tmp_path_factory.mktemp("campus")
    network, _ = checkpoint.load(paths.checkpoints() / "campus_ssdh_48.safetensors")
    split = campus.load(places=3, source=60, query=30, progress=False)
    files = (
        export_onnx(network, folder / "encoder.onnx"),
        export_pte(network, folder / "encoder.pte"),
        export_pte(network, folder / "int8.pte", images=split.source.images),
    )
    return network, files, split.query.images


def agree(found, network, onnx_file, images):
    """The codes found are those of torch and of ONNX Runtime, but for what rounding decides."""
    projection = project(network, images)
    bits = unpack(found, network.bits)  # refuses padding bits that are not zero
    for codes in (encode(network, images), Encoder(onnx_file).encode_pixels(images)):
        assert found.dtype == codes.dtype and found.shape == codes.shape
        equal = bits == unpack(codes, network.bits)
        assert equal.mean() >= 0.999
        assert np.abs(projection[~equal]).max(initial=0) < 1e-4
    assert 0.2 < bits.mean() < 0.8


@needs_executorch
def test_bits_are_those_of_torch_and_of_onnx_runtime(small):
    network, onnx_file, path = small
    encoder, images = ExecuTorchEncoder(path), photos(400, seed=1)
    assert (encoder.bits, encoder.size) == (13, 32)
    codes = encoder.encode_pixels(images)
    agree(codes, network, onnx_file, images)
    assert len(np.unique(codes, axis=0)) > 20


@needs_executorch
def test_bits_of_campus_photos_and_of_noise_are_the_same_too(on_campus):
    network, (onnx_file, path, _), images = on_campus
    encoder = ExecuTorchEncoder(path)
    assert (encoder.bits, encoder.size) == (48, 128)
    agree(encoder.encode_pixels(images), network, onnx_file, images)
    noise = np.random.default_rng(2).integers(0, 256, (20, 128, 128, 3), dtype=np.uint8)
    bits = unpack(encoder.encode_pixels(noise), 48)
    assert (bits == unpack(encode(network, noise), 48)).mean() >= 0.999


@needs_executorch
def test_eight_bits_hardly_change_the_codes_and_take_a_quarter_of_the_bytes(on_campus):
    network, (_, path, int8), images = on_campus
    equal = unpack(ExecuTorchEncoder(int8).encode_pixels(images), 48) == unpack(
        encode(network, images), 48
    )
    assert 0.97 < equal.mean() < 1
    # a bit that changed was near its threshold
    projection = np.abs(project(network, images))
    assert projection[~equal].mean() < 0.5 * projection.mean()
    assert int8.stat().st_size < 0.3 * path.stat().st_size


@needs_executorch
def test_xnnpack_takes_the_network_on_both_sides_of_the_pooling(small):
    from executorch.exir._serialize._program import deserialize_pte_binary

    (plan,) = (
        plan
        for plan in deserialize_pte_binary(small[2].read_bytes()).program.execution_plan
        if plan.name == "forward"
    )
    assert [delegate.id for delegate in plan.delegates] == ["XnnpackBackend"] * 2
    portable = {operator.name for operator in plan.operators}
    assert "aten::_adaptive_avg_pool2d" in portable
    assert not any("conv" in name or "linear" in name for name in portable)


@needs_executorch
def test_any_runtime_reads_the_sealed_file(small):
    import torch

    from mvs_lib.phone.executorch_encoder import import_runtime

    images = photos(5, seed=3)
    method = import_runtime().load_program(small[2]).load_method("forward")
    for image, code in zip(images, encode(small[0], images), strict=True):
        found, projection = method.execute((torch.from_numpy(image[None].copy()),))
        assert np.array_equal(found.numpy()[0], code)
        assert np.array_equal(np.packbits(projection.numpy()[0] >= 0), code)


@needs_executorch
def test_the_same_network_makes_the_same_file_without_a_trace_of_this_machine(small, tmp_path):
    network, _, path = small
    content = export_pte(network, tmp_path / "again.pte", size=32).read_bytes()
    assert content == path.read_bytes()
    for trace in (b".py", b"stack_trace", os.fsencode(os.getcwd()), b"mvs_lib", b"classifier"):
        assert trace not in content


@needs_executorch
def test_it_runs_on_one_thread_and_says_nothing_of_its_own(small):
    program = (
        "import sys, numpy as np\n"
        "from mvs_lib.phone.executorch_encoder import ExecuTorchEncoder\n"
        "encoder = ExecuTorchEncoder(sys.argv[1])\n"
        "print(encoder.encode_pixels(np.zeros((1, 32, 32, 3), np.uint8)).tobytes().hex())\n"
        "from executorch.extension.pybindings.portable_lib import _threadpool_get_thread_count\n"
        "assert _threadpool_get_thread_count() == 1\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(small[2])], capture_output=True, text=True, check=True
    )
    expected = encode(small[0], np.zeros((1, 32, 32, 3), np.uint8)).tobytes().hex()
    assert (answer.stdout, answer.stderr) == (f"{expected}\n", "")


@needs_executorch
def test_turned_and_read_only_and_no_photos(small):
    encoder, images = ExecuTorchEncoder(small[2]), photos(6, seed=6)[::-1, ::-1]
    images.flags.writeable = False
    assert np.array_equal(encoder.encode_pixels(images), encoder.encode_pixels(images.copy()))
    assert encoder.encode_pixels(images[:0]).shape == (0, 2)
    for wrong in (
        images[0],
        images.astype(float),
        photos(2, size=64),
        images.transpose(0, 3, 1, 2),
    ):
        with pytest.raises(ValueError, match=r"takes photos uint8 \(n, 32, 32, 3\), got"):
            encoder.encode_pixels(wrong)


@needs_executorch
def test_a_failed_export_keeps_the_old_file(small, tmp_path, monkeypatch):
    path = tmp_path / "encoder.pte"
    path.write_bytes(b"old")

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        export_pte(small[0], path, size=32)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["encoder.pte"]


@needs_executorch
def test_it_is_measured_like_the_other_runtime(small):
    _, onnx_file, path = small
    found = measure(path, runs=5)
    assert 0 < found.median_ms <= found.p90_ms and found.cold_ms > found.median_ms
    if sys.platform == "linux":
        assert found.base_bytes > 2 * measure(onnx_file, runs=1).base_bytes, "torch is in it"
        assert 0 <= found.peak_bytes < 200 * 2**20
    assert time_ratio(onnx_file, path, turns=3) > 0


# From here on nothing needs the extra but where it says so.


def without_the_extra(monkeypatch):
    """Make every import of ExecuTorch fail, as if it were not there."""
    loaded = [name for name in sys.modules if name.split(".")[0] == "executorch"]
    for name in {"executorch", *loaded}:
        monkeypatch.setitem(sys.modules, name, None)


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    without_the_extra(monkeypatch)
    path = tmp_path / "encoder.pte"
    path.write_bytes(b"program" + seal(b"program"))
    message = r'which the extra \[executorch\] brings: pip install -e "\.\[executorch\]"'
    with pytest.raises(ModuleNotFoundError, match=message):
        ExecuTorchEncoder(path)
    with pytest.raises(ModuleNotFoundError, match=message):
        measure(path)
    network = HashNetwork(bits=8, classes=2, width=4, features=16)
    with pytest.raises(ModuleNotFoundError, match=message):
        export_pte(network, tmp_path / "new.pte", size=32)
    assert os.listdir(tmp_path) == ["encoder.pte"]


def test_damaged_and_foreign_files_never_reach_the_runtime(tmp_path, monkeypatch):
    without_the_extra(monkeypatch)  # reaching it would be another error
    path, whole = tmp_path / "encoder.pte", bytes(range(200)) + seal(bytes(range(200)))
    for length in (0, 5, 39, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="not an encoder of this course, or cut off"):
            ExecuTorchEncoder(path)
    for position in (0, 100, 199, len(whole) - 1):
        altered = bytearray(whole)
        altered[position] ^= 4
        path.write_bytes(altered)
        with pytest.raises(ValueError, match="was altered"):
            ExecuTorchEncoder(path)
    for absent in (tmp_path / "absent.pte", tmp_path):
        with pytest.raises(FileNotFoundError, match="export one with export_pte"):
            ExecuTorchEncoder(absent)


@needs_executorch
def test_sealed_files_that_hold_no_encoder_are_refused(small, tmp_path, capfd):
    import torch

    from mvs_lib.phone.executorch_encoder import quietly

    with quietly():
        from executorch.exir import to_edge

        example = (torch.zeros(2),)
        foreign = to_edge(torch.export.export(torch.nn.ReLU(), example)).to_executorch().buffer
    path, program = tmp_path / "encoder.pte", small[2].read_bytes()[:-40]
    for content in (b"", b"rubbish" * 50, program[:2000], bytes(foreign)):
        path.write_bytes(content + seal(content))
        with pytest.raises(ValueError, match=r"not an encoder of this course \(\w+\)"):
            ExecuTorchEncoder(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "images", [photos(0), photos(2, size=64), photos(2).astype(float), photos(2)[0]]
)
def test_photos_that_cannot_calibrate_are_refused(tmp_path, images):
    network = HashNetwork(bits=8, classes=2, width=4, features=16)
    with pytest.raises(ValueError, match=r"calibrate with some photos uint8 \(n, 32, 32, 3\)"):
        export_pte(network, tmp_path / "encoder.pte", size=32, images=images)
    assert os.listdir(tmp_path) == []
