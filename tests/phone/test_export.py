import os
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from phone_photos import photos

from mvs_lib.codes import pack, unpack
from mvs_lib.deep import encode, project
from mvs_lib.phone import export
from mvs_lib.phone.export import PhoneGraph, export_onnx


def run(path, images):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["codes", "projection"], {"photo": images})


@pytest.mark.parametrize("bits", [13, 16])
def test_the_phones_codes_are_the_networks(exported, bits):
    network, path = exported(bits)
    images = photos(400, seed=1)
    codes, projection = run(path, images)
    assert codes.dtype == np.uint8 and codes.shape == (400, (bits + 7) // 8)
    assert projection.dtype == np.float32 and projection.shape == (400, bits)
    np.testing.assert_allclose(projection, project(network, images), atol=1e-4)
    on = unpack(codes, bits)  # refuses padding bits that are not zero
    equal = on == unpack(encode(network, images), bits)
    assert equal.mean() >= 0.999
    # and what they may disagree on is what rounding decides
    assert np.abs(projection[~equal]).max(initial=0) < 1e-4
    assert 0.2 < on.mean() < 0.8 and len(np.unique(codes, axis=0)) > 20


@pytest.mark.parametrize("bits", [13, 16])
def test_the_order_of_the_bits_is_that_of_packbits_padded_with_zeros(exported, bits):
    codes, projection = run(exported(bits)[1], photos(200, seed=2))
    assert np.array_equal(codes, np.packbits(projection >= 0, axis=1))
    assert np.array_equal(codes, pack(projection >= 0))


class Spoken(torch.nn.Module):
    """A network that says given projections."""

    def __init__(self, projection):
        super().__init__()
        self.bits, self.projection = projection.shape[1], projection

    def forward(self, photo):
        return self


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 12, 13, 24])
def test_the_graph_packs_any_number_of_bits_zero_counting_as_on(bits):
    random = np.random.default_rng(bits)
    projection = torch.from_numpy(random.normal(size=(50, bits)).astype(np.float32))
    projection[::3] = 0.0
    codes, same = PhoneGraph(Spoken(projection))(None)
    assert codes.dtype == torch.uint8 and same is projection
    assert np.array_equal(codes.numpy(), np.packbits(projection.numpy() >= 0, axis=1))
    assert (codes[::3, 0].numpy() & 128).all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_any_number_of_photos_may_go_in(exported, n):
    path, images = exported(13)[1], photos(5, seed=3)
    assert np.array_equal(run(path, images[:n])[0], run(path, images)[0][:n])


def test_the_classifier_stays_behind(exported):
    network, path = exported(13)
    model = onnx.load(path)
    stored = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    assert stored < sum(p.numel() for p in network.parameters()) + 100
    assert not any("classifier" in tensor.name for tensor in model.graph.initializer)


def test_the_file_says_what_it_is(exported):
    model = onnx.load(exported(13)[1])
    onnx.checker.check_model(model, full_check=True)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties.keys() == {"bits", "size", "sha256"}
    assert (properties["bits"], properties["size"]) == ("13", "32")
    assert [i.name for i in model.graph.input] == ["photo"]
    assert [o.name for o in model.graph.output] == ["codes", "projection"]


def test_the_file_holds_the_weights_and_no_traces_of_this_machine(exported):
    """The exporter notes Python's call stack on every node: half of a small file, and our paths."""
    network, path = exported(13)
    content = path.read_bytes()
    for trace in (b".py", b"stack_trace", os.fsencode(os.getcwd()), b"mvs_lib"):
        assert trace not in content
    weights = sum(4 * p.numel() for p in network.parameters())
    assert len(content) < weights + 8_000


def test_the_same_network_makes_the_same_file(exported, tmp_path):
    network, path = exported(13)
    again = export_onnx(network, str(tmp_path / "new" / "encoder.onnx"), size=32)
    assert again == tmp_path / "new" / "encoder.onnx"
    assert again.read_bytes() == path.read_bytes()
    assert os.listdir(tmp_path / "new") == ["encoder.onnx"]


def test_the_network_is_left_in_evaluation_mode(exported):
    assert not exported(13)[0].training


def test_a_failed_export_keeps_the_old_file(exported, tmp_path, monkeypatch):
    network, good = exported(13)
    path = tmp_path / "encoder.onnx"
    path.write_bytes(b"old")
    program = SimpleNamespace(model_proto=onnx.load(good))
    monkeypatch.setattr(export.torch.onnx, "export", lambda *a, **k: program)

    def fail(*arguments, **options):
        raise OSError("disk full")

    for module, name in ((export.onnx.checker, "check_model"), (os, "replace")):
        with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
            patch.setattr(module, name, fail)
            export_onnx(network, path, size=32)
        assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["encoder.onnx"]
    export_onnx(network, path, size=32)
    assert path.read_bytes() == good.read_bytes()
