"""The benchmark of compression: what a row says is so, and every method of both notebooks runs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mvs_lib import paths
from mvs_lib.benchmarks import compress, compress_figures, compress_networks
from mvs_lib.benchmarks.compress_figures import sent
from mvs_lib.benchmarks.compress_networks import with_large_head
from mvs_lib.benchmarks.compress_subject import Case, Subject, halved, shares
from mvs_lib.codes import unpack
from mvs_lib.compress.cost import cost
from mvs_lib.compress.folding import folded
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.pruning import pruned
from mvs_lib.compress.vector_quantization import QuantizedWeights, scalar
from mvs_lib.datasets import cifar
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep import checkpoint, compressed, encode
from mvs_lib.deep.methods import SSDH
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import build_network


def photos(count, seed):
    images = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return Photos(images, np.arange(count) % 4, ("a", "b", "c", "d"))


def case(name="small", width=8):
    split = Split("noise", photos(24, 0), photos(8, 1))
    config = {"trunk": "airbench"} if name == "airbench" else {"features": 32}
    network = build_network(
        Settings(seed=1), split.source, bits=16, classes=4, width=width, **config
    )
    if name == "head":
        network = with_large_head(network, 40)
    learn = compressed.learn_on(
        SSDH, split.source, Settings(epochs=1, batch_size=12, learning_rate=0.001), progress=False
    )
    with torch.no_grad():  # some running means, and bits that are on for half of the photos
        network.train()(torch.from_numpy(split.source.images))
    relu = name != "airbench"
    subject = Subject(folded(network), network, split.source.images, *[learn] * 3, relu=relu)
    return Case(name, subject, split, "8 queries", 0, "key")


@pytest.fixture
def quick(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    monkeypatch.setattr(compress, "NETWORKS", {"small": lambda quick: case()})
    monkeypatch.setattr(compress_figures.measurement, "time_ratio", lambda *_: 1.5)
    measured = compress_figures.measurement.Measured(1, 1, 1, 10, 20)
    monkeypatch.setattr(compress_figures.measurement, "measure", lambda *_: measured)


def test_a_row_says_what_its_network_does(quick, monkeypatch):
    given = case().subject.network
    half = given.get_submodule("trunk.vector.1")
    with torch.no_grad():
        half.weight[:, ::2] = 0

    def made(subject):
        yield "half of the vector's weights", given

    monkeypatch.setattr(compress, "METHODS", {"made": made})
    original, row = compress.rows(only=["made"])
    assert original["method"] == "original" and original["flipped_bits"] == 0
    assert original["map"] == original["map_before"] == original["map_mixed"]
    assert original["size_ratio"] == pytest.approx(1, abs=0.1)
    assert original["zlib_bytes"] < original["file_bytes"] * 1.1
    base = case()
    small = sent(given)
    flipped = total = 0
    for part in (base.split.query, base.split.source):
        before = unpack(encode(base.subject.network, part.images), 16)
        now = unpack(encode(small, part.images), 16)
        flipped, total = flipped + (before != now).sum(), total + now.size
    assert row["flipped_bits"] == pytest.approx(flipped / total, abs=1e-5) and flipped
    assert row["file_bytes"] < original["file_bytes"] and row["macs_ratio"] == 1
    assert (row["time_ratio"], row["peak_bytes"], row["last"]) == (1.5, 20, True)
    assert row["net"] == "small" and row["protocol"] == "8 queries"


def test_a_network_in_16_bits_is_measured_in_16_bits(quick, monkeypatch):
    given = case().subject.network
    two = iter([("32 bits", given), ("16 bits", halved(given))])
    monkeypatch.setattr(compress, "METHODS", {"made": lambda subject: two})
    _, whole, half = compress.rows(only=["made"])
    for name in ("file_bytes", "zlib_bytes"):
        assert half[name] < 0.65 * whole[name]
    assert half["macs_ratio"] == 1 and half["flipped_bits"] < 0.01


def test_small_layers_keep_more_and_large_linear_ones_what_they_are_told():
    subject = case("head").subject
    found = shares(subject, others=0.1, linear=0.02)
    sizes = {name: subject.network.get_submodule(name).weight.numel() for name in found}
    assert [found[name] for name in subject.large] == [0.02, 0.02]
    others = sorted(set(found) - set(subject.large), key=sizes.get)
    assert found[others[-1]] == 0.1 and "classifier" not in found and min(sizes.values()) > 1_000
    for name in others:
        wanted = min(0.8, 0.1 * np.sqrt(sizes[others[-1]] / sizes[name]))
        assert found[name] == pytest.approx(wanted)


def test_what_learns_on_has_its_normalisations_and_codebooks_go_by_sgd(monkeypatch):
    subject, heard = case("head").subject, []

    def learn_on(method, photos, settings, seed, muon):
        return lambda network: heard.append((network, muon))

    monkeypatch.setattr(compress_networks, "learn_on", learn_on)
    subject.trained.trunk.orthogonal = True
    learn = compress_networks._learning(subject.trained, photos(24, 0), Settings(), SSDH)
    name, layer = next(iter(subject.large.items()))
    book = QuantizedWeights(layer, scalar(layer.weight, 4))
    for each in (subject.network, subject.trained, replaced(subject.network, {name: book})):
        learn(each)
    learn(pruned(subject.trained, {name: 0.5}))
    for network, _ in heard:
        assert any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert [muon for _, muon in heard] == [True, True, False, True]


def test_the_classifier_is_not_sent():
    network = sent(case().subject.network)
    assert isinstance(network.classifier, nn.Identity)


@pytest.mark.parametrize(
    ("family", "name"),
    [(family, "head" if family == "matrices" else "small") for family in compress.METHODS]
    + [(family, "airbench") for family in compress.METHODS if family != "matrices"],
)
def test_every_method_of_a_family_makes_a_network_that_runs(family, name):
    width = (
        8 if (family, name) in (("fewer", "airbench"), ("chained", "airbench")) else 4
    )  # a sixth of 4 is no filter
    subject = case(name, width=width).subject
    before = {name: value.clone() for name, value in subject.network.state_dict().items()}
    names, sizes = [], []
    for name, network in compress.METHODS[family](subject):
        names.append(name)
        network = sent(network).float()
        codes = encode(network, subject.images[:4])
        assert codes.shape == (4, 2)
        sizes.append(cost(network, subject.photos[:1]))
    assert len(set(names)) == len(names) >= 2
    assert all(torch.equal(v, before[k]) for k, v in subject.network.state_dict().items())
    if family in ("separated", "canonical", "fewer", "chained"):
        whole = cost(sent(subject.network), subject.photos[:1]).macs
        assert min(size.macs for size in sizes) < whole / 1.6


def test_a_family_that_was_cut_off_goes_on_and_one_that_is_whole_is_read(quick, monkeypatch):
    made_now = []

    def made(subject):
        for name in ("one", "two", "three"):
            made_now.append(name)
            yield name, subject.network

    monkeypatch.setattr(compress, "METHODS", {"made": made})
    running = compress.rows(only=["made"])
    assert [next(running)["method"] for _ in range(2)] == ["original", "one"]
    running.close()
    made_now.clear()
    assert [row["method"] for row in compress.rows(only=["made"])] == [
        "original", "one", "two", "three",
    ]  # fmt: skip
    assert made_now == ["one", "two", "three"]
    made_now.clear()
    assert len(list(compress.rows(only=["made"]))) == 4 and made_now == []
    with pytest.raises(ValueError, match="nothing is called zip: choose from small, made"):
        next(compress.rows(only=["zip"]))


def test_the_one_that_comes_with_the_course_is_written_as_measured(quick, monkeypatch, tmp_path):
    given = case().subject.network
    monkeypatch.setattr(compress, "METHODS", {"made": lambda subject: iter([("as it is", given)])})
    monkeypatch.setattr(compress_figures, "SHIPPED", ("small", "as it is"))
    list(compress.rows(quick=True, only=["made"]))
    assert not (tmp_path / "checkpoints").exists()
    *_, row = compress.rows(only=["made"])
    (file,) = (tmp_path / "checkpoints").glob("*.small")
    network, about = compressed.load(file)
    assert about["map"] == row["map"] and about["method"] == "as it is"
    assert isinstance(network.classifier, nn.Identity) and about["size"] == 32
    images = photos(5, 3).images
    assert np.array_equal(encode(network, images), encode(given, images))


def test_the_eight_bit_encoder_stands_beside_them(quick, monkeypatch):
    monkeypatch.setattr(compress, "METHODS", {})
    monkeypatch.setattr(compress_figures, "CALIBRATED_ON", 16)
    rows = list(compress.rows())
    assert [row["method"] for row in rows] == ["original", "8 bits, ONNX Runtime"]
    assert 0 <= rows[1]["flipped_bits"] < 0.2 and rows[1]["macs_ratio"] == 1


def test_networks_and_families_can_be_chosen(quick, monkeypatch):
    monkeypatch.setattr(compress, "METHODS", {
        name: lambda subject, name=name: iter([(name, subject.network)]) for name in ("one", "two")
    })  # fmt: skip
    both = {name: lambda quick, name=name: replace(case(), name=name) for name in ("a", "b")}
    monkeypatch.setattr(compress, "NETWORKS", both)

    def found(*only):
        return [(row["net"], row["method"]) for row in compress.rows(quick=True, only=only)]

    assert found("b", "two") == [("b", "original"), ("b", "two")]
    assert [net for net, method in found("one") if method == "one"] == ["a", "b"]
    assert [method for _, method in found("a")] == [
        "original", "one", "two", "8 bits, ONNX Runtime",
    ]  # fmt: skip


def test_a_network_without_large_linear_layers_has_nothing_for_matrices():
    subject = case("airbench", width=4).subject
    assert not subject.large and not list(compress.METHODS["matrices"](subject))
    assert not [name for name, _ in compress.METHODS["denton"](subject) if "linear" in name]


def test_the_network_of_cifar10_is_the_shipped_one_folded(monkeypatch):
    split = Split("CIFAR-10", photos(80, 0), photos(40, 1))
    asked = []
    monkeypatch.setattr(cifar, "load", lambda **options: asked.append(options) or split)
    made = compress_networks.cifar10_network(quick=True)
    assert asked[0]["protocol"] == "P2" and not made.subject.relu
    np.testing.assert_array_equal(made.subject.images, split.source.images)
    np.testing.assert_array_equal(made.split.source.images, split.source.images[::5])
    np.testing.assert_array_equal(made.split.query.labels, split.query.labels[::5])
    shipped, _ = checkpoint.load(paths.checkpoints() / "cifar10_ssdh_48.safetensors")
    assert not any(isinstance(m, nn.BatchNorm2d) for m in made.subject.network.modules())
    said = [
        torch.from_numpy(unpack(encode(network, split.query.images), 48))
        for network in (shipped, made.subject.network)
    ]
    assert (said[0] == said[1]).float().mean() > 0.99


def test_the_large_head_is_trained_and_folded(monkeypatch):
    split = Split("campus", photos(80, 0), photos(8, 1))
    monkeypatch.setattr(compress_networks, "photos", lambda quick: (split, {"protocol": "p"}))
    monkeypatch.setattr(compress_networks, "WIDE", 24)
    made = compress_networks.large_head(quick=True)
    assert [layer.out_features for layer in made.subject.large.values()] == [64, 64]
    assert not any(isinstance(m, nn.BatchNorm1d) for m in made.subject.network.modules())
    assert made.subject.network.trunk.features == 64
