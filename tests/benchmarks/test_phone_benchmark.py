"""The benchmark of the phone: each file's figures are its own, predictions those of the model."""

import numpy as np
import pytest
import torch
from torch import nn

from mvs_lib.benchmarks import phone
from mvs_lib.codes import unpack
from mvs_lib.compress.folding import folded
from mvs_lib.compress.pruning import pruned, settled
from mvs_lib.compress.weight_sharing import shared
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep import encode
from mvs_lib.deep.settings import Settings
from mvs_lib.deep.training import build_network
from mvs_lib.phone import measurement
from mvs_lib.phone.devices import DEVICES, predict
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.network_costs import measured_cost


def some(count, seed):
    images = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return Photos(images, np.arange(count) % 4, ("a", "b", "c", "d"))


SPLIT = Split("noise", some(60, 0), some(30, 1))


@pytest.fixture(scope="module")
def networks():
    network = build_network(Settings(seed=1), bits=16, classes=4, width=8, features=32)
    with torch.no_grad():
        network.train()(torch.from_numpy(SPLIT.source.images))
        network.eval()
        projection = network(torch.from_numpy(SPLIT.source.images)).projection
        network.hash.bias -= projection.mean(0)
    network = folded(network)
    network.classifier = nn.Identity()
    layers = dict.fromkeys(
        name for name, each in network.named_modules() if isinstance(each, nn.Conv2d | nn.Linear)
    )
    sparse = pruned(network, dict.fromkeys(layers, 0.3))
    return network, settled(shared(sparse, dict.fromkeys(layers, 7)))


@pytest.fixture(scope="module")
def found(networks):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(phone, "photos", lambda quick: (SPLIT, {"data": "noise"}))
        patched.setattr(phone, "campus_networks", lambda: networks)
        taken = {lean: measurement.Measured(30.0, 2.0, 3.0, 60, 20 - lean) for lean in (0, 1)}
        patched.setattr(phone.measurement, "measure", lambda file, lean: taken[lean])
        return list(phone.rows(quick=True))


def test_each_file_is_measured_against_the_network_it_is_of(found, networks, tmp_path):
    files = phone.campus_files(*networks, SPLIT.source.images, tmp_path)
    measured = {row["method"]: row for row in found if row["net"] == "campus"}
    assert list(files) == ["exported", "8 bits", "packed", "compressed, packed"]
    for method, (file, made_of) in files.items():
        row, images = measured[method], SPLIT.query.images
        codes = Encoder(file).encode_pixels(images)
        equal = unpack(codes, 16) == unpack(encode(made_of, images), 16)
        assert row["bits_equal"] == pytest.approx(equal.mean())
        assert row["bytes"] == file.stat().st_size and row["bits"] == 16
        assert (row["cold_ms"], row["median_ms"], row["p90_ms"]) == (30, 2, 3)
        assert (row["base_bytes"], row["peak_bytes"]) == (60, 20)
    assert measured["exported"]["bits_equal"] > 0.999
    assert measured["compressed, packed"]["bits_equal"] > 0.999
    assert 0.8 < measured["8 bits"]["bits_equal"] < 1
    assert measured["packed"]["map"] == measured["exported"]["map"]
    lean = measured["compressed, packed, lean"]
    assert lean["bits_equal"] > 0.999 and lean["peak_bytes"] == 19
    assert lean["bytes"] == measured["compressed, packed"]["bytes"]
    assert measured["compressed, packed"]["bytes"] < measured["packed"]["bytes"] / 4


def test_every_timed_device_has_a_prediction_with_its_error(found, networks):
    predicted = [row for row in found if row["method"] == "predicted"]
    timed = [name for name, each in DEVICES.items() if each.timed]
    assert [(row["device"], row["net"]) for row in predicted] == [
        (name, net) for name in timed for net in ("campus", "AlexNet")
    ]
    cost = measured_cost(networks[0], torch.from_numpy(SPLIT.query.images[:1]))
    for row in predicted[::2]:
        said = predict(row["device"], cost)
        assert row["predicted_ms"] == pytest.approx(said.milliseconds, abs=0.006)
        assert row["low_ms"] <= row["predicted_ms"] <= row["high_ms"]
        assert row["error"] == pytest.approx(said.typical_error, abs=0.001)


def test_what_was_measured_in_2016_stands_beside_what_is_said(found):
    rows = [row for row in found if row["method"].startswith("2016")]
    assert [row["measured_ms"] for row in rows] == [2930, 950, 55.3, 262]
    assert [row["net"] for row in rows] == ["AlexNet", "AlexNet", "AlexNet", "YOLO"]
    assert rows[0]["error"] == rows[1]["error"] == 0 and 0 < abs(rows[2]["error"]) < 0.05
    for row in rows:
        assert row["error"] == pytest.approx(row["predicted_ms"] / row["measured_ms"] - 1, abs=1e-3)


def test_without_the_compressed_network_it_says_what_makes_it(monkeypatch, tmp_path):
    monkeypatch.setenv("MVS_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="bench compress makes it"):
        phone.campus_networks()
