import collections
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mvs_lib.deep import checkpoint


@pytest.fixture
def saved(fresh, tmp_path):
    path = tmp_path / "network.safetensors"
    checkpoint.save(fresh(bits=5, width=1, features=4), path, names=["bridge", "hall", "tower"])
    return path


def test_a_network_comes_back_equal_with_what_is_known_of_it(fresh, photos, tmp_path):
    network = fresh(bits=13)
    network(torch.from_numpy(photos.images))  # moves the running means, which are stored too
    path = tmp_path / "new" / "folder" / "network.safetensors"
    facts = {
        "names": ("a", "b", "ç"),
        "size": 32,
        "seed": 0,
        "map": 0.5,
        "versions": {"torch": "2"},
    }
    checkpoint.save(network, path, **facts)
    again, about = checkpoint.load(path)
    assert not again.training and again.config == network.config
    stored = again.state_dict()
    assert stored.keys() == network.state_dict().keys()
    for name, value in network.state_dict().items():
        assert torch.equal(stored[name], value) and stored[name].dtype == value.dtype
    assert about == {
        "format": "mvs-hash-network",
        "version": 1,
        "network": network.config,
        **facts,
        "names": ["a", "b", "ç"],
    }
    assert os.listdir(path.parent) == ["network.safetensors"]


def test_the_same_network_makes_the_same_file(fresh, tmp_path):
    for name in ("a", "b"):
        checkpoint.save(fresh(), tmp_path / name, method="ssdh", seed=0)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_half_precision_is_stored_as_such_and_read_as_float32(fresh, tmp_path):
    full, half = tmp_path / "full", tmp_path / "half"
    checkpoint.save(fresh(), full)
    network = fresh().half()
    checkpoint.save(network, half)
    assert half.stat().st_size < 0.8 * full.stat().st_size
    again, _ = checkpoint.load(half)
    assert again.hash.weight.dtype == torch.float32
    assert torch.equal(again.hash.weight, network.hash.weight.float())


def test_every_truncation_is_refused(saved):
    whole = saved.read_bytes()
    for share in range(10):
        saved.write_bytes(whole[: len(whole) * share // 10])
        with pytest.raises(ValueError, match=r"network\.safetensors"):
            checkpoint.load(saved)
    saved.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        checkpoint.load(saved)


def test_every_altered_byte_is_refused(saved):
    """Safetensors alone would let nearly half of these pass: all those in the weights."""
    whole = saved.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    random = np.random.default_rng(0)
    positions = {*range(0, start, 11), *random.integers(start, len(whole), 150).tolist()}
    reasons = collections.Counter()
    for position in positions:
        altered = bytearray(whole)
        altered[position] ^= 1 << int(random.integers(8))
        saved.write_bytes(altered)
        try:
            tensors, about = checkpoint.read_tensors(saved, "mvs-hash-network")
        except ValueError as error:
            reasons["altered" if "was altered" in str(error) else "unreadable"] += 1
            assert position < start or "checksum does not fit" in str(error)
        else:  # JSON allows a space to become another kind of white space
            saved.write_bytes(whole)
            good, facts = checkpoint.read_tensors(saved, "mvs-hash-network")
            assert position < start and about == facts and tensors.keys() == good.keys()
            assert all(torch.equal(tensors[name], good[name]) for name in good)
            reasons["harmless"] += 1
    assert reasons["altered"] > 150 and reasons["unreadable"] > 50
    assert reasons["harmless"] < 0.02 * len(positions)


def test_a_flipped_sign_of_zero_or_a_swap_of_equal_tensors_is_still_seen(tmp_path):
    """The checksum is of the bytes and of their names, not of the values."""
    path, about = tmp_path / "file", {"format": "test"}
    tensors = {"a": torch.zeros(3), "b": torch.ones(3)}
    checkpoint.write_tensors(path, tensors, about)
    header = json.loads(checkpoint_header(path)["__metadata__"]["about"])
    for wrong in (
        {"a": -torch.zeros(3), "b": torch.ones(3)},
        {"a": torch.ones(3), "b": torch.zeros(3)},
        {"a": torch.zeros(3, 1), "b": torch.ones(3)},
        {"a": torch.zeros(3, dtype=torch.int32), "b": torch.ones(3)},
        {"a": torch.zeros(3)},
    ):
        save_file(wrong, path, {"about": json.dumps(header)})
        with pytest.raises(ValueError, match="altered"):
            checkpoint.read_tensors(path, "test")
    save_file(tensors, path, {"about": json.dumps(header)})
    assert checkpoint.read_tensors(path, "test")[1] == about


def checkpoint_header(path):
    content = path.read_bytes()
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def test_any_kind_of_tensor_goes_in(tmp_path):
    tensors = {
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 4),
        "transposed": torch.arange(6.0).view(2, 3).T,
        "bf16": torch.ones(3, dtype=torch.bfloat16),
        "flags": torch.tensor([True, False]),
        "learned": torch.nn.Parameter(torch.ones(2)),
    }
    checkpoint.write_tensors(tmp_path / "file", tensors, {"format": "test", "2": {10: "x", 9: "y"}})
    again, about = checkpoint.read_tensors(tmp_path / "file", "test")
    assert about == {"format": "test", "2": {"10": "x", "9": "y"}}
    for name, tensor in tensors.items():
        assert torch.equal(again[name], tensor) and again[name].dtype == tensor.dtype


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "file"
    for content in (b"", b"hello", b"PK\3\4" + bytes(100), bytes(1000)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a readable safetensors file"):
            checkpoint.load(path)
    for header in (None, {"about": "null"}, {"about": '{"format": "something"}'}):
        save_file({"a": torch.zeros(2)}, path, header)
        with pytest.raises(ValueError, match="not of the format 'mvs-hash-network'"):
            checkpoint.load(path)
    save_file({"a": torch.zeros(2)}, path, {"about": "{"})
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        checkpoint.load(path)
    save_file({"a": torch.zeros(2)}, path, {"about": '{"format": "mvs-hash-network"}'})
    with pytest.raises(ValueError, match="checksum"):
        checkpoint.load(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(FileNotFoundError, match="no file"):
            checkpoint.load(path)


def rewritten(path, network, changes):
    """A file with a right checksum and a wrong header."""
    header = {"format": "mvs-hash-network", "version": 1, "network": network.config, **changes}
    checkpoint.write_tensors(path, network.state_dict(), header)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "has version 2, this library reads 1: update the course"),
        ({"version": None}, "has version None"),
        ({"network": None}, "do not fit the network it names"),
        ({"network": {"bits": 5, "classes": 4, "width": 1, "features": 4}}, "do not fit"),
        ({"network": {"bits": 5, "depth": 4}}, "do not fit"),
        ({"network": {"trunk": "vgg"}}, "unknown trunk 'vgg'"),
    ],
)
def test_headers_that_do_not_fit_are_refused(fresh, tmp_path, changes, message):
    rewritten(tmp_path / "file", fresh(bits=5, width=1, features=4), changes)
    with pytest.raises(ValueError, match=message):
        checkpoint.load(tmp_path / "file")


def test_a_failed_save_keeps_the_old_file(saved, fresh, monkeypatch):
    before = saved.read_bytes()

    def half(path, content):
        path.open("wb").close()
        raise OSError("disk full")

    def refuse(source, target):
        raise OSError("disk full")

    for module, name, fail in ((Path, "write_bytes", half), (os, "replace", refuse)):
        with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
            patch.setattr(module, name, fail)
            checkpoint.save(fresh(), saved)
        assert saved.read_bytes() == before and os.listdir(saved.parent) == [saved.name]


def test_facts_that_json_cannot_hold_or_the_file_needs_itself_are_refused(saved, fresh):
    before = saved.read_bytes()
    with pytest.raises(TypeError, match="JSON"):
        checkpoint.save(fresh(), saved, map=np.float32(0.5))
    with pytest.raises(ValueError, match=r"\['format', 'version'\]"):
        checkpoint.save(fresh(), saved, version="1.2", format="x", seed=0)
    assert saved.read_bytes() == before
