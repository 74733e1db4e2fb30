"""The networks that come with the course: small, listed, and exactly what the list says."""

import hashlib
import re

import numpy as np
import pytest
import torch

from mvs_lib import paths
from mvs_lib.benchmarks import shipped
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep import checkpoint, compressed
from mvs_lib.deep.head import HeadSettings
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import build_network


def test_the_list_says_what_lies_beside_it():
    folder = paths.checkpoints()
    listed = (folder / shipped.LIST).read_text(encoding="utf-8")
    assert listed == shipped.provenance()
    sums = re.findall(r"\| ([\w.]+) \| (\d+) \| (\w{64}) \|", listed)
    there = {file.name for file in folder.iterdir()} - {shipped.LIST}
    assert {name for name, _, _ in sums} == there
    for name, size, digest in sums:
        content = (folder / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (int(size), digest)


def test_what_ships_is_under_forty_megabytes():
    files = [file for folder in (paths.checkpoints(), paths.results()) for file in folder.iterdir()]
    assert len(files) > 10 and sum(file.stat().st_size for file in files) < 40_000_000


def test_a_network_is_shipped_in_16_bits_with_its_figures_and_renews_the_list(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    photos = Photos(np.zeros((2, 32, 32, 3), np.uint8), np.arange(2), ("a", "b"))
    network = build_network(Settings(seed=1), bits=12, classes=2, width=8)
    row = {"method": "dnnh", "data": "campus", "bits": 12, "seed": 4, "map": 0.5, "top1": 0.25}
    file = shipped.ship(network, row, photos, "campus_methods", Settings(), HeadSettings())
    assert file == tmp_path / "checkpoints" / "campus_dnnh_12.safetensors"
    tensors, about = checkpoint.read_tensors(file, checkpoint.FORMAT)
    assert all(t.dtype == torch.float16 for t in tensors.values() if t.is_floating_point())
    facts = {"method": "dnnh", "seed": 4, "map": 0.5, "top1": 0.25, "names": ["a", "b"], "size": 32}
    assert facts.items() <= about.items() and "map_at_1000" not in about
    listed = (tmp_path / "checkpoints" / shipped.LIST).read_text(encoding="utf-8")
    assert (
        "| DNNH, 12 bits, small trunk | 0.5 | `python -m mvs_lib bench campus_methods` | 4 |"
        in (listed)
    )
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"not a readable safetensors file|altered"):
        shipped.provenance()


def test_a_compressed_network_is_shipped_and_listed_beside_the_others(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    photos = Photos(np.zeros((2, 32, 32, 3), np.uint8), np.arange(2), ("a", "b"))
    network = build_network(Settings(seed=1), bits=12, classes=2, width=8)
    row = {"method": "deep compression", "data": "campus", "bits": 12, "seed": 0, "map": 0.5}
    file = shipped.ship_small(network, row, photos, "compress", "campus_small")
    assert file == tmp_path / "checkpoints" / "campus_small.small"
    again, about = compressed.load(file)
    assert (again.bits, about["size"], about["names"], about["map"]) == (12, 32, ["a", "b"], 0.5)
    for name, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    listed = (tmp_path / "checkpoints" / shipped.LIST).read_text(encoding="utf-8")
    assert "| deep compression, 12 bits | 0.5 | `python -m mvs_lib bench compress` | 0 |" in listed
