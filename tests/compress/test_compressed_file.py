"""A compressed network comes back bit-equal from a small file, and no other file comes in."""

import hashlib
import json
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import nn

from mvs_lib.compress import compressed_file
from mvs_lib.compress.asymmetric import fewer_filters, fit_responses
from mvs_lib.compress.compressed_file import read, write
from mvs_lib.compress.cp import from_factors
from mvs_lib.compress.fastfood import AdaptiveFastfood
from mvs_lib.compress.hashed_net import HashedLinear
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.pruning import pruned
from mvs_lib.compress.quantized_cnn import LookUp, quantized
from mvs_lib.compress.structure import build as build_layer
from mvs_lib.compress.structure import describe
from mvs_lib.compress.svd import biclustered, monochromatic, split_linear
from mvs_lib.compress.tensor_coding import decode_tensor, encode_tensor
from mvs_lib.compress.vector_quantization import QuantizedWeights, product, residual
from mvs_lib.compress.weight_sharing import shared

CONFIG = {"width": 8}


def build(config):
    torch.manual_seed(0)
    width = config["width"]
    return nn.Sequential(
        nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 12, 3),
        nn.Flatten(), nn.Linear(12 * 16, 20),
    )  # fmt: skip


def bits_of(array):
    return array.reshape(-1).view(np.uint8).tobytes(), array.dtype, array.shape


@given(st.data())
def test_any_tensor_comes_back_to_the_last_bit(data):
    kind = data.draw(st.sampled_from([np.float32, np.float16, np.int64, np.uint8, np.bool_]))
    values = data.draw(arrays(kind, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9)))
    facts, pieces = encode_tensor(values)
    facts = json.loads(json.dumps(facts))
    assert bits_of(decode_tensor(facts, pieces)) == bits_of(values)


def test_the_shortest_way_is_taken():
    random = np.random.default_rng(0)
    plain = random.normal(size=4000).astype(np.float32)
    few = random.choice(np.float32([-1, -0.5, 0.5, 2]), 4000)
    there = random.random(4000) < 0.05
    sparse, pruned_only = (np.where(there, values, np.float32(0)) for values in (few, plain))
    sizes, ways = {}, {"raw": plain, "dense": few, "sparse": sparse, "gaps": pruned_only}
    for name, values in ways.items():
        facts, pieces = encode_tensor(values)
        assert facts["coding"] == name
        sizes[name] = sum(map(len, pieces))
    assert sizes["raw"] == 16_000 and sizes["dense"] == 1000 + 16 + 4
    share = 0.05
    entropy = -share * np.log2(share / 4) - (1 - share) * np.log2(1 - share)
    assert sizes["sparse"] < 1.4 * 4000 * entropy / 8
    where = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    kept = 4 * there.sum()
    assert kept < sizes["gaps"] < kept + 1.6 * 4000 * where / 8 < len(zlib.compress(pruned_only))
    signs = np.float32([0.0, -0.0, np.nan, np.inf] * 50)
    assert bits_of(decode_tensor(*encode_tensor(signs))) == bits_of(signs)


def layers():
    network, torch_linear = build(CONFIG), nn.Linear(192, 20)
    conv = network[3]
    y = torch.randn(50, 12)
    factors = [torch.randn(n, 4) for n in (12, 8, 3, 3)]
    return {
        "split": ("5", split_linear(torch_linear, 3)),
        "pooled": ("4", nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.ReLU(inplace=True),
                                      nn.Identity(), nn.Flatten())),
        "normalised conv": ("3", nn.Sequential(conv, nn.BatchNorm2d(12, eps=1e-3))),
        "normalised linear": ("5", nn.Sequential(torch_linear, nn.BatchNorm1d(20), nn.ReLU())),
        "blocks": ("3", biclustered(conv, (2, 3), (2, 2))),
        "colours": ("0", monochromatic(network[0], 3)),
        "cp": ("3", from_factors(conv, factors)),
        "filters": ("3", fewer_filters(conv, fit_responses(y, y, 4))),
        "codewords": ("5", QuantizedWeights(torch_linear, product(torch_linear.weight, 4, 8))),
        "stages": ("5", QuantizedWeights(torch_linear, residual(torch_linear.weight, 2, 8))),
        "hashed": ("5", HashedLinear(192, 20, 50, seed=3)),
        "fastfood": ("5", AdaptiveFastfood(192, 20, seed=3)),
        "look-up conv": ("3", LookUp(conv, quantized(conv, 4, 6))),
        "look-up linear": ("5", LookUp(torch_linear, quantized(torch_linear, 8, 6))),
    }  # fmt: skip


@pytest.mark.parametrize("kind", list(layers()))
def test_every_kind_of_layer_comes_back(kind, tmp_path):
    name, layer = layers()[kind]
    network = replaced(build(CONFIG), {name: layer}).eval()
    size = write(tmp_path / "a.small", network, CONFIG, build, method=kind, map=0.5)
    assert size == (tmp_path / "a.small").stat().st_size
    again, about = read(tmp_path / "a.small", build)
    assert about == {"method": kind, "map": 0.5} and not again.training
    for ours, theirs in zip(network.state_dict().items(), again.state_dict().items(), strict=True):
        assert ours[0] == theirs[0] and torch.equal(ours[1], theirs[1])
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(again(x), network(x))
    assert describe(build_layer(describe(layer))) == describe(layer)


def test_pruned_and_shared_weights_make_a_small_file(tmp_path):
    network = build({"width": 64})
    whole = write(tmp_path / "whole.small", network, {"width": 64}, build)
    sparse = pruned(network, {"3": 0.1, "5": 0.1})
    small = shared(sparse, {"3": 15, "5": 15})
    size = write(tmp_path / "small.small", small, {"width": 64}, build)
    assert size < whole / 5
    again, _ = read(tmp_path / "small.small", build)
    assert torch.equal(again[5].weight, small[5].weight)
    plain = zlib.compress(small[5].weight.detach().numpy().tobytes(), 9)
    facts, pieces = encode_tensor(small[5].weight.detach().numpy())
    assert facts["coding"] == "sparse" and sum(map(len, pieces)) < 0.8 * len(plain)


@pytest.fixture
def file(tmp_path):
    network = shared(pruned(build(CONFIG), {"3": 0.2, "5": 0.2}), {"3": 7, "5": 7})
    write(tmp_path / "a.small", network, CONFIG, build, name="ä")
    return tmp_path / "a.small"


def test_every_truncation_and_a_thousand_flips_are_refused(file):
    data = file.read_bytes()
    for percent in range(100):
        file.write_bytes(data[: len(data) * percent // 100])
        with pytest.raises(ValueError, match=r"no compressed network|cut off or altered"):
            read(file, build)
    random = np.random.default_rng(0)
    for place, bit in zip(random.integers(0, len(data), 1000), random.integers(0, 8, 1000),
                          strict=True):  # fmt: skip
        wrong = bytearray(data)
        wrong[place] ^= 1 << int(bit)
        file.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"no compressed network|cut off or altered"):
            read(file, build)


def forge(file, change):
    """Write the file anew with another header, and a checksum that fits."""
    content = file.read_bytes()[40:]
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(zlib.decompress(content[4 : 4 + length]))
    rest = change(header)
    rest = content[4 + length :] if rest is None else rest
    text = zlib.compress(json.dumps(header).encode())
    content = struct.pack("<I", len(text)) + text + rest
    file.write_bytes(b"MVSSMALL" + hashlib.sha256(content).digest() + content)


def tensor(header, name):
    return next(facts for facts in header["tensors"] if facts["name"] == name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.update(version=2), "version 2, this library reads 1"),
        (lambda h: h.update(config={"width": 9}), "not those of its network"),
        (lambda h: h.update(config={"width": 2**40}), "does not hold"),
        (lambda h: h.update(config=3), "does not hold"),
        (lambda h: h.update(layers={"3": {"kind": "pickle"}}), "no kind of layer"),
        (lambda h: h.update(layers={"3": {"kind": "linear", "in_features": 2**40,
                                          "out_features": 1, "bias": True}}), "no number"),
        (lambda h: h.update(layers={"5": {"kind": "batch_norm1d", "num_features": 20,
                                          "eps": float("nan")}}), "no number"),
        (lambda h: h.update(layers={"5": {"kind": "hashed_linear", "inputs": 2**20, "k": 2,
                                          "outputs": 2**20, "seed": 0, "bias": False}}),
         "more than"),
        (lambda h: h.update(layers={"9": {"kind": "identity"}}), "no layer '9'"),
        (lambda h: h.update(tensors=h["tensors"][1:]), "not those of its network"),
        (lambda h: tensor(h, "5.weight").update(shape=[20, 2**30]), "not those of its network"),
        (lambda h: tensor(h, "5.weight").update(coding="zip"), "coded as 'zip'"),
        (lambda h: tensor(h, "5.weight").update(count=10**12), "does not hold"),
        (lambda h: tensor(h, "5.weight").update(count=-1), "does not hold"),
        (lambda h: tensor(h, "5.weight").update(dtype="i8"), "does not hold"),
        (lambda h: tensor(h, "5.weight").update(bytes=[1, 2]), "does not hold"),
        (lambda h: tensor(h, "0.weight").update(bytes=[10**9]), "beyond its end"),
        (lambda h: b"", "beyond its end"),
    ],
)  # fmt: skip
def test_forged_files_are_refused(file, change, message):
    forge(file, change)
    with pytest.raises(ValueError, match=message):
        read(file, build)


def test_a_claim_of_a_huge_network_takes_no_memory(file, monkeypatch):
    """The header and the network agree, and the file is far too small for either."""

    def huge(header):
        width = 2**14
        header["config"] = {"width": width}
        with torch.device("meta"):
            shapes = build({"width": width}).state_dict()
        header["layers"] = {}
        for facts in header["tensors"]:
            facts["shape"] = list(shapes[facts["name"]].shape)

    forge(file, huge)
    monkeypatch.setattr(compressed_file, "decode_tensor", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ValueError, match=r"entries in \d+ bytes"):
        read(file, build)


def test_a_header_that_inflates_without_end_is_cut_short(file):
    text = zlib.compress(b" " * 10**8, 9)
    content = struct.pack("<I", len(text)) + text
    file.write_bytes(b"MVSSMALL" + hashlib.sha256(content).digest() + content)
    with pytest.raises(ValueError, match="longer than"):
        read(file, build)


def test_labels_beyond_a_codebook_are_refused(tmp_path):
    linear = nn.Linear(192, 20)
    layer = QuantizedWeights(linear, product(linear.weight, 4, 8))
    layer.labels[0, 0] = 8
    network = replaced(build(CONFIG), {"5": layer})
    write(tmp_path / "a.small", network, CONFIG, build)
    with pytest.raises(ValueError, match="labels of 5 lead beyond its 8 values"):
        read(tmp_path / "a.small", build)


def test_what_a_file_cannot_hold_and_a_failed_write_leave_the_old_one(file, monkeypatch):
    before = file.read_bytes()
    with pytest.raises(ValueError, match="cannot hold a GRU"):
        write(file, replaced(build(CONFIG), {"5": nn.GRU(3, 3)}), CONFIG, build)
    with pytest.raises(ValueError, match="not float64"):
        write(file, build(CONFIG).double(), CONFIG, build)
    with pytest.raises(TypeError):
        write(file, build(CONFIG), CONFIG, build, odd={1, 2})
    assert file.read_bytes() == before and len(list(file.parent.iterdir())) == 1
    with pytest.raises(FileNotFoundError):
        read(file.with_name("b.small"), build)
