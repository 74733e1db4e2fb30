"""The two files hold the network once, and nothing of this machine."""

import hashlib
import os

import numpy as np
import onnx
import pytest
import torch
from small_alexnet import small_alexnet
from torch import nn

from mvs_lib.deep import HashNetwork
from mvs_lib.phone import weight_file
from mvs_lib.phone.memory_plan import weight_bytes
from mvs_lib.phone.streamed import weights_beside
from mvs_lib.phone.streamed_export import Convolutions, alexnet_shaped, export_streamed, split
from mvs_lib.phone.weight_file import WeightFile


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    convolutions, linear = small_alexnet()
    path = tmp_path_factory.mktemp("streamed") / "encoder.onnx"
    return convolutions, linear, export_streamed(convolutions, linear, path, size=32)


def test_the_weight_file_holds_every_large_weight_and_the_graph_none(made):
    convolutions, linear, path = made
    weights = WeightFile(weights_beside(path))
    for number, layer in enumerate(linear):
        for kind in ("weight", "bias"):
            stored = weights[f"linear.{number}.{kind}"]
            assert np.array_equal(stored, getattr(layer, kind).detach().numpy())
    graph = onnx.load(path)  # with the weights that lie beside it
    values = {t.name: onnx.numpy_helper.to_array(t) for t in graph.graph.initializer}
    for name, value in convolutions.state_dict().items():
        assert np.array_equal(values[name], value.numpy()), name
    large = [name for name, value in values.items() if value.nbytes > 1100]
    assert large and all(np.array_equal(weights[name], values[name]) for name in large)
    assert path.stat().st_size < 20_000 + sum(
        value.nbytes for name, value in values.items() if name not in large
    )
    assert sum(weight_bytes(path).values()) == sum(value.nbytes for value in values.values())


def test_the_pair_knows_itself_and_no_traces_of_this_machine(made):
    path = made[2]
    about = WeightFile(weights_beside(path)).about
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    assert about == {"convolutions": checksum, "bits": 13, "size": 32}
    for file in (path, weights_beside(path)):
        for trace in (b".py", b"stack_trace", os.fsencode(os.getcwd()), b"mvs_lib"):
            assert trace not in file.read_bytes()


def test_the_same_network_makes_the_same_files(made, tmp_path):
    again = export_streamed(made[0], made[1], tmp_path / "new" / "encoder.onnx", size=32)
    assert again.read_bytes() == made[2].read_bytes()
    assert weights_beside(again).read_bytes() == weights_beside(made[2]).read_bytes()
    assert sorted(os.listdir(again.parent)) == ["encoder.onnx", "encoder.weights"]


def test_layers_that_do_not_fit_are_refused_before_anything_is_written(made, tmp_path):
    convolutions, (first, second, last), _ = made
    path = tmp_path / "encoder.onnx"
    for linear, message in (
        ([second, last], r"layer 0 takes 60 features, has a bias, and stands behind 216"),
        ([first, last], r"layer 1 takes 50 features, has a bias, and stands behind 60"),
        ([first, nn.Linear(60, 5, bias=False)], "layer 1 takes 60 features, has no bias"),
    ):
        with pytest.raises(ValueError, match=message):
            export_streamed(convolutions, linear, path, size=32)
    with pytest.raises(ValueError, match="that is its weights' ending"):
        export_streamed(convolutions, [first], tmp_path / "encoder.weights", size=32)
    assert os.listdir(tmp_path) == []


def test_a_failed_export_keeps_the_old_files(made, tmp_path, monkeypatch):
    path = tmp_path / "encoder.onnx"
    for file in (path, weights_beside(path)):
        file.write_bytes(b"old")

    def fail(file):
        raise OSError("disk full")

    monkeypatch.setattr(weight_file, "_digest", fail)
    with pytest.raises(OSError, match="disk full"):
        export_streamed(made[0], made[1], path, size=32)
    assert path.read_bytes() == weights_beside(path).read_bytes() == b"old"
    assert len(os.listdir(tmp_path)) == 2


def test_alexnet_in_two_parts_is_alexnet():
    network = alexnet_shaped(bits=16)
    assert torch.equal(network.hash.weight, alexnet_shaped(bits=16).hash.weight)
    convolutions, linear = split(network)
    assert isinstance(convolutions, Convolutions)
    assert [(each.in_features, each.out_features) for each in linear] == [
        (9216, 4096), (4096, 4096), (4096, 16)
    ]  # fmt: skip
    photo = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    )
    with torch.no_grad():
        x = convolutions(photo)
        for layer in linear[:-1]:
            x = torch.relu(layer(x))
        expected = network(photo).projection
    torch.testing.assert_close(linear[-1](x), expected)
    assert expected.std() > 0.1  # values do not fade on their way


@pytest.mark.parametrize("options", [{"trunk": "small"}, {"trunk": "small", "head": "slices"}])
def test_other_networks_are_not_split(options):
    network = HashNetwork(bits=12, classes=2, **options)
    with pytest.raises(ValueError, match="only networks of trunk='alexnet'"):
        split(network)
