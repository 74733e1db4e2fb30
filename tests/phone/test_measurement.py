"""Times and memory are those of a process that runs the encoder and nothing else."""

import platform
import sys

import pytest

from mvs_lib.phone import measurement
from mvs_lib.phone.measurement import measure, time_ratio


def test_an_encoder_is_measured_in_a_process_without_torch(encoder_file):
    found = measure(encoder_file, runs=5)
    assert 0 < found.median_ms <= found.p90_ms and found.cold_ms > found.median_ms
    if sys.platform == "linux":
        assert 2**20 < found.base_bytes < 400 * 2**20, "torch alone would take more"
        assert 0 < found.peak_bytes < 200 * 2**20


def test_a_larger_network_takes_more_memory(exported, encoder_file, tmp_path):
    if sys.platform != "linux":
        pytest.skip("memory is read from /proc")
    import torch

    from mvs_lib.deep import HashNetwork
    from mvs_lib.phone.export import export_onnx

    with torch.random.fork_rng(devices=[]):
        large = HashNetwork(bits=13, classes=3, width=4, features=60_000)
    path = export_onnx(large, tmp_path / "large.onnx", size=32)
    weights = path.stat().st_size
    more = measure(path, runs=1).peak_bytes - measure(encoder_file, runs=1).peak_bytes
    assert 0.8 * weights < more < 6 * weights


def test_a_lean_encoder_takes_less_memory(tmp_path):
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("memory is read from /proc; other processors' layers are not reordered")
    import torch

    from mvs_lib.deep import HashNetwork
    from mvs_lib.phone.export import export_onnx

    with torch.random.fork_rng(devices=[]):
        wide = HashNetwork(bits=13, classes=3, width=96, features=64)
    path = export_onnx(wide, tmp_path / "wide.onnx", size=64)
    usual, lean = (measure(path, runs=1, lean=lean) for lean in (False, True))
    assert lean.peak_bytes < usual.peak_bytes - path.stat().st_size / 4  # its weights only once


def test_an_encoder_is_as_fast_as_itself(encoder_file):
    assert 0.5 < time_ratio(encoder_file, encoder_file, turns=9) < 2


def test_what_cannot_be_measured_is_refused(encoder_file, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError):
        measure(tmp_path / "none.onnx")
    with pytest.raises(ValueError, match="runs must be"):
        measure(encoder_file, runs=0)
    with pytest.raises(ValueError, match="no lean way"):
        measure(tmp_path / "encoder.pte", lean=True)
    (tmp_path / "odd.onnx").write_bytes(b"odd")
    with pytest.raises(ValueError, match="not an encoder"):
        time_ratio(encoder_file, tmp_path / "odd.onnx")
    with pytest.raises(RuntimeError, match="the measurement failed"):
        measurement._child("measure", tmp_path / "odd.onnx", 1)
