"""The methods on the campus: which lengths have which seeds, and that a trunk serves them all."""

from dataclasses import replace

import pytest

from mvs_lib.benchmarks import campus_methods, deep_methods
from mvs_lib.deep import recipe
from mvs_lib.deep.methods import SSDH, DeepHashing


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(deep_methods, "METHODS", {"ssdh": SSDH})
    monkeypatch.setattr(deep_methods, "VECTOR_METHODS", {"deephashing": DeepHashing})
    monkeypatch.setattr(campus_methods, "LENGTHS", (48, 12))
    brief = replace(recipe.PRETRAINING, precision="fp32")
    monkeypatch.setattr(campus_methods, "PRETRAINING", brief)
    monkeypatch.setattr(campus_methods, "HASHING", brief)


def test_the_first_length_has_every_seed_and_a_seed_one_trunk(few, monkeypatch):
    trunks, honest = [], recipe.pretrain
    monkeypatch.setattr(recipe, "pretrain", lambda *a, **o: trunks.append(a[2]) or honest(*a, **o))
    found = list(campus_methods.rows(seeds=2, quick=True))
    assert trunks == [0, 1]
    assert [(row["method"], row["bits"], row["seed"], row["features"]) for row in found] == [
        (name, bits, seed, features)
        for seed, bits in ((0, 48), (0, 12), (1, 48))
        for name, features in (
            ("ssdh", "trunk"), ("deephashing", "trunk"), ("deephashing", "descriptor")
        )
    ]  # fmt: skip
    for row in found:
        assert row["protocol"] == "campus: 240 source photos, 60 query photos, 12 places"
        assert row["bytes"] == (row["bits"] + 7) // 8 and 0 <= row["map"] <= 1
        assert row["labels_seen"] == {
            "ssdh": "by trunk and loss",
            "deephashing": "by trunk" if row["features"] == "trunk" else "none",
        }[row["method"]]  # fmt: skip
    assert found[2]["trunk"] == "none, global descriptor"
    assert found[0]["trunk"] == "small, from scratch"
    with pytest.raises(ValueError, match="no method vgg"):
        next(campus_methods.rows(only=["vgg"]))
