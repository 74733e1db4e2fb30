"""What streaming brings is measured in a process of its own; AlexNet's shape beats the paper."""

import subprocess
import sys

import numpy as np
import pytest

from mvs_lib.phone import streamed_measurement
from mvs_lib.phone.process_memory import forget, status
from mvs_lib.phone.streamed import StreamedEncoder, weights_beside
from mvs_lib.phone.streamed_measurement import (
    measure_runtime,
    measure_streamed,
    pipelining_ratio,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A small network with one layer of 50 MB, streamed: 216 features, 60,000 units."""
    from small_alexnet import small_alexnet

    from mvs_lib.phone.streamed_export import export_streamed

    path = tmp_path_factory.mktemp("large") / "large.onnx"
    return export_streamed(*small_alexnet(wide=60_000), path, size=32)


@linux
def test_a_chunk_is_all_that_is_in_memory(large):
    """The layers: 216 x 60,000 and 60,000 x 50 numbers, 52 and 12 MB; the largest is 52."""
    taken = {
        chunk: measure_streamed(large, runs=2, cold_runs=1, chunk_bytes=chunk)
        for chunk in (2**18, 2**28)
    }
    at_once, streamed = taken[2**28], taken[2**18]
    assert 40e6 < at_once.peak_bytes - streamed.peak_bytes < 60e6
    assert streamed.open_peak_bytes <= streamed.peak_bytes < 30e6
    # Mapped pages count in the peak, and lie in no memory that is the process's own.
    assert abs(at_once.anonymous_bytes - streamed.anonymous_bytes) < 5e6
    for each in taken.values():
        assert 0 < each.fastest_ms <= each.median_ms <= each.p90_ms
        assert each.open_ms > 0 and each.first_ms > 0 and each.base_bytes > 2**20


@linux
def test_pipelining_holds_one_chunk_more_at_most(large):
    one, two = (
        measure_streamed(large, 1, 0, chunk_bytes=2**24, pipelined=each).peak_bytes
        for each in (False, True)
    )
    # None more where the thread was given no time while the other chunk was multiplied.
    assert abs(two - one) < 1.3 * 2**24
    assert measure_streamed(large, 1, 0).cold_ms is None


def test_pipelined_and_not_are_compared(large):
    for cold in (False, True):
        assert 0.01 < pipelining_ratio(large, turns=2, cold=cold) < 100


def test_onnx_runtime_is_measured_with_its_options(encoder_file):
    for options in ({}, {"from_bytes": True}, {"arena": False, "prepacking": False}):
        taken = measure_runtime(encoder_file, 2, level="basic", **options)
        assert 0 < taken.fastest_ms <= taken.p90_ms and taken.cold_ms is None


def test_what_cannot_be_measured_is_refused(large, encoder_file, tmp_path):
    with pytest.raises(ValueError, match="runs and turns must be >= 1, got 0"):
        measure_streamed(large, runs=0)
    with pytest.raises(ValueError, match="unknown level 'most'"):
        measure_runtime(encoder_file, level="most")
    for call in (measure_streamed, measure_runtime, pipelining_ratio):
        with pytest.raises(FileNotFoundError):
            call(tmp_path / "none.onnx")
    with pytest.raises(ValueError, match="chunk_bytes"):
        pipelining_ratio(large, 0)
    with pytest.raises(RuntimeError, match="the measurement failed"):
        streamed_measurement._child("runtime", weights_beside(large), 1, 0, {})


# The process's account


ALLOCATE = """
import numpy as np
from mvs_lib.phone.process_memory import reset_peak, status
for _ in range(2):
    reset_peak()
    before = status("VmHWM")
    assert np.ones(4 * 2**20).sum() == 4 * 2**20  # 32 MiB for a moment
    assert 30 * 2**20 < status("VmHWM") - before < 40 * 2**20
assert status("VmRSS") <= status("VmHWM")
"""


@linux
def test_the_peak_is_the_most_since_it_was_set_back():
    # In a process that has just begun: of a large one the system takes pages back meanwhile.
    subprocess.run([sys.executable, "-c", ALLOCATE], check=True)


def test_what_is_not_told_is_none():
    assert status("NoSuchLine") is None


@linux
def test_a_forgotten_file_keeps_its_content(tmp_path):
    path, content = tmp_path / "file", np.random.default_rng(0).bytes(2**22)
    path.write_bytes(content)
    assert forget(path) in (True, False)  # not every file system can
    assert path.read_bytes() == content
    with pytest.raises(FileNotFoundError):
        forget(tmp_path / "none")


# AlexNet


@linux
def test_the_memory_of_the_paper_is_beaten_by_the_real_shapes(tmp_path):
    """57 million parameters, 224 pixels: 229 MB of weights in less than 74.65 MB of memory."""
    import torch

    from mvs_lib.phone.streamed_export import alexnet_shaped, export_streamed, split
    from mvs_lib.phone.streamed_table import PAPER_BYTES

    network = alexnet_shaped(bits=48)
    assert sum(p.numel() for p in network.parameters()) > 57_000_000
    path = export_streamed(*split(network), tmp_path / "alexnet.onnx")
    assert weights_beside(path).stat().st_size > 228e6
    taken = measure_streamed(path, runs=2, cold_runs=0)
    assert 15e6 < taken.peak_bytes < 0.7 * PAPER_BYTES
    images = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    with torch.no_grad(), StreamedEncoder(path) as encoder:
        expected = network(torch.from_numpy(images)).projection.numpy()
        found = encoder.project(images)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    sure = np.abs(expected) > 1e-3
    assert np.array_equal((found >= 0)[sure], (expected >= 0)[sure]) and sure.mean() > 0.99
