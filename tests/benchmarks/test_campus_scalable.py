"""Cutting a code of DRSCH: the weights choose, and every figure is that of the codes left."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mvs_lib.benchmarks import campus_methods, campus_scalable
from mvs_lib.codes import pack
from mvs_lib.datasets.collection import Photos, Split
from mvs_lib.deep import recipe
from mvs_lib.deep.methods import DRSCH
from mvs_lib.deep.network import HashNetwork
from mvs_lib.metrics import mean_average_precision


@pytest.fixture
def brief(monkeypatch):
    settings = replace(recipe.PRETRAINING, precision="fp32")
    monkeypatch.setattr(campus_methods, "PRETRAINING", settings)
    monkeypatch.setattr(campus_methods, "HASHING", settings)
    monkeypatch.setattr(campus_scalable, "DRAWS", 3)


def test_a_network_a_seed_serves_all_lengths(brief, monkeypatch):
    learned, honest = [], campus_scalable.Comparison.learn
    monkeypatch.setattr(
        campus_scalable.Comparison,
        "learn",
        lambda *args: learned.append(args[1:]) or honest(*args),
    )
    found = list(campus_scalable.rows(seeds=1, quick=True))
    assert learned == [("drsch", 48)]
    ways = ("weights", "weights, which count", "dice")
    assert [(row["bits"], row["chosen_by"]) for row in found] == [
        (bits, way) for bits in campus_scalable.LENGTHS for way in ways
    ]
    whole = found[:3]
    assert whole[0]["map"] == whole[2]["map"] == whole[2]["map_least"], "nothing was left out"
    assert all(row["weight_share"] == 1 for row in whole[:2])
    shares = [row["weight_share"] for row in found if row["chosen_by"] == "weights"]
    assert shares == sorted(shares, reverse=True)


@pytest.fixture
def told(monkeypatch):
    """Codes of 48 bits: the first six tell eight classes apart, the others are noise."""
    random = np.random.default_rng(0)

    def part(each):
        labels = np.repeat(np.arange(8), each)
        bits = random.integers(0, 2, (len(labels), 48))
        bits[:, :3] = bits[:, 3:6] = (labels[:, None] >> np.arange(3)) & 1
        return Photos(np.zeros((len(labels), 1, 1, 3), np.uint8), labels, tuple("abcdefgh")), bits

    (query, asked), (source, stored) = part(2), part(20)
    codes = {id(query.images): pack(asked), id(source.images): pack(stored)}
    monkeypatch.setattr(campus_scalable, "encode", lambda _, images, **__: codes[id(images)])
    return Split("told", source, query), asked, stored


def test_the_weights_choose_and_count(told):
    split, asked, stored = told
    method = DRSCH()
    method.prepare(split.source, 48, 0)
    with torch.no_grad():
        method.bit_weights[:6] = torch.tensor([9.0, -8, 7, 6, -5, 4])
        method.bit_weights[6:] = 0.5
    found = campus_scalable.cut_rows(HashNetwork(bits=48, classes=8), method, split, seed=0)
    for bits in (24, 6):
        chosen = np.arange(48)[np.argsort(-np.abs(method.bit_weights.detach().numpy()))][:bits]
        codes = pack(asked[:, np.sort(chosen)]), pack(stored[:, np.sort(chosen)])
        wanted = mean_average_precision(
            codes[0], split.query.labels, codes[1], split.source.labels, ties="expected"
        )
        assert abs(found["weights", bits]["map"] - wanted) < 0.15  # which of the noise, is open
    assert found["weights", 6]["map"] == found["weights, which count", 6]["map"] == 1
    assert found["weights, which count", 48]["map"] > found["weights", 48]["map"] + 0.1
    assert found["dice", 6]["map"] < 0.8
    least, most = (found["dice", 6][f"map_{which}"] for which in ("least", "most"))
    assert least < found["dice", 6]["map"] < most
    squared = np.array([81, 64, 49, 36, 25, 16, *[0.25] * 42])
    assert found["weights", 4]["weight_share"] == round(squared[:4].sum() / squared.sum(), 4)
