"""A packed encoder gives the bits of the one it was made of, in few bytes, or refuses clearly."""

import hashlib
import json
import struct
import subprocess
import sys
import zlib

import hypothesis.extra.numpy as arrays
import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from phone_photos import photos

from mvs_lib.compress.folding import folded, scaled
from mvs_lib.compress.pruning import pruned
from mvs_lib.compress.weight_sharing import shared
from mvs_lib.phone import packed_encoder, packing
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.export import export_onnx
from mvs_lib.phone.packing import pack
from mvs_lib.phone.process import PhoneEncoder


@pytest.fixture(scope="module")
def packed(encoder_file, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "encoder.packed"
    pack(encoder_file, path)
    return path


def test_it_gives_the_same_bits_and_the_same_facts(encoder_file, packed):
    plain, small = Encoder(encoder_file), Encoder(packed)
    assert (small.bits, small.size) == (plain.bits, plain.size)
    images = photos(200, seed=3)
    assert np.array_equal(small.encode_pixels(images), plain.encode_pixels(images))
    with PhoneEncoder(packed) as phone:
        assert (phone.bits, phone.size) == (13, 32)


def test_every_weight_comes_back_to_the_last_bit(encoder_file, packed):
    given_ = {
        each.name: onnx.numpy_helper.to_array(each)
        for each in onnx.load(encoder_file).graph.initializer
    }
    header, graph, weights = packed_encoder._parsed(packed.read_bytes()[packed_encoder.START :])
    assert len(weights) >= 8 and len(graph) == header["graph"]
    for name, values in weights.items():
        assert values.shape == given_[name].shape
        assert np.array_equal(values.view(np.uint32), given_[name].view(np.uint32))


@settings(max_examples=150)
@given(
    arrays.arrays(
        np.uint32, arrays.array_shapes(max_dims=3, max_side=40),
        elements=st.sampled_from([0, 0, 0, 0x3F800000, 0x80000000, 0x7FC00001, 0xBE99999A]),
    )
)  # fmt: skip
def test_any_tensor_comes_back_to_the_last_bit(patterns):
    facts, pieces = packing._shortest(patterns.view(np.float32))
    back = packed_encoder._tensor(json.loads(json.dumps(facts)), pieces)
    assert back.shape == patterns.shape and np.array_equal(back.view(np.uint32), patterns)


@pytest.mark.parametrize("normalised", [False, True])
def test_what_deep_compression_leaves_is_a_tenth(exported, tmp_path, normalised):
    """Of a network that learned with its normalisations, too: the exporter must not fold them."""
    network = exported(13)[0] if normalised else folded(exported(13)[0])
    layers = [
        name for name, each in network.named_modules()
        if isinstance(each, torch.nn.Conv2d | torch.nn.Linear) and name != "classifier"
    ]  # fmt: skip
    small = shared(pruned(network, dict.fromkeys(layers, 0.1)), dict.fromkeys(layers, 15))
    whole = export_onnx(scaled(small), tmp_path / "small.onnx", size=32)
    size = pack(whole, tmp_path / "small.packed")
    graph = packed_encoder._parsed((tmp_path / "small.packed").read_bytes()[40:])[1]
    weights = sum(
        4 * np.prod(each.dims) for each in onnx.load(whole).graph.initializer if each.dims
    )
    assert size - len(zlib.compress(graph, 9)) < weights / 10
    images = photos(50, seed=1)
    assert np.array_equal(
        Encoder(tmp_path / "small.packed").encode_pixels(images),
        Encoder(whole).encode_pixels(images),
    )


def test_cut_off_or_altered_it_is_refused(packed, tmp_path):
    content, path = packed.read_bytes(), tmp_path / "damaged"
    random = np.random.default_rng(0)
    for cut in np.linspace(1, len(content) - 1, 40).astype(int):
        path.write_bytes(content[:cut])
        with pytest.raises(ValueError, match="not an encoder of this course"):
            Encoder(path)
    for place in random.integers(0, len(content), 60):
        damaged = bytearray(content)
        damaged[place] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="not an encoder of this course"):
            Encoder(path)


def forged(packed, change):
    """Return the content with another header, and a checksum that fits it."""
    content = packed.read_bytes()[packed_encoder.START :]
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(zlib.decompressobj(-15).decompress(content[4 : 4 + length]))
    change(header)
    text = packing._deflated(json.dumps(header).encode())
    content = struct.pack("<I", len(text)) + text + content[4 + length :]
    return packed_encoder.MAGIC + hashlib.sha256(content).digest() + content


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda h: h.update(version=9), "version 9"),
        (lambda h: h["tensors"][0].update(shape=[2**20, 2**20]), "too large"),
        (lambda h: h["tensors"][0].update(shape=[-1, -1]), "no tensor has the shape"),
        (lambda h: h["tensors"][0].update(bytes=[10**12]), "beyond its end"),
        (lambda h: h["tensors"][0].update(coding="magic"), "coded as 'magic'"),
        (lambda h: h.update(graph=2**40), "no piece has"),
        (lambda h: h["tensors"].pop(), "something lies behind"),
        (lambda h: h.pop("tensors"), "tensors"),
    ],
)
def test_a_forged_header_is_refused_before_memory_is_taken(packed, tmp_path, change, why):
    path = tmp_path / "forged"
    path.write_bytes(forged(packed, change))
    with pytest.raises(ValueError, match=why):
        Encoder(path)


def test_a_piece_that_inflates_beyond_its_size_is_refused():
    bomb = packing._deflated(bytes(10**6))
    with pytest.raises(ValueError, match="should"):
        packed_encoder._inflated(bomb, 1000)


def test_only_an_encoder_is_packed_and_nothing_is_written_otherwise(tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(b"no encoder")
    with pytest.raises(ValueError, match="not an encoder"):
        pack(other, tmp_path / "out.packed")
    with pytest.raises(FileNotFoundError, match="no encoder file"):
        pack(tmp_path / "missing.onnx", tmp_path / "out.packed")
    assert [each.name for each in tmp_path.iterdir()] == ["other.onnx"]


def test_a_packed_encoder_is_not_packed_again(packed, tmp_path):
    with pytest.raises(ValueError, match="packed already: give the exported"):
        pack(packed, tmp_path / "twice.packed")
    assert not list(tmp_path.iterdir())


def test_the_phone_needs_neither_torch_nor_onnx_nor_numba(packed):
    code = (
        f"import sys\nfrom mvs_lib.phone.encoder import Encoder\nEncoder({str(packed)!r})\n"
        "print(sorted({'torch', 'onnx', 'numba'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
