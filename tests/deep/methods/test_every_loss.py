"""Losses of triplets against loops; every loss goes downhill and has its place in the survey."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_cases import REFERENCES, VIEWS, WEIGHTED, from_projection, outputs_of, prepared

from mvs_lib.deep.methods import METHODS
from mvs_lib.deep.methods.method import GROUPS, taxonomy

NAMES = sorted(REFERENCES)


def of(name, seed, n, bits, classes):
    outputs, labels = outputs_of(seed, n, bits, classes, VIEWS.get(name, 1))
    method, extra = prepared(name, labels, bits, classes, seed, **WEIGHTED[name][0])
    return method, outputs, labels, extra


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(3, 8), st.integers(1, 9), st.integers(2, 3))
def test_the_terms_are_those_of_the_loops(name, seed, n, bits, classes):
    method, outputs, labels, extra = of(name, seed, n, bits, classes)
    if name == "drsch":  # weights that are not all alike
        values = np.random.default_rng(seed).uniform(0.2, 2, bits)
        method.bit_weights.data = torch.tensor(values, dtype=torch.float64)
    terms = method(outputs, labels, *extra)
    expected = REFERENCES[name](method, outputs, labels)
    assert terms._fields == ("total", *expected)
    for term, value in zip(terms[1:], expected.values(), strict=True):
        assert float(term.detach()) == pytest.approx(value, rel=1e-5, abs=1e-7)
    total = sum(WEIGHTED[name][1][term] * value for term, value in expected.items())
    assert float(terms.total.detach()) == pytest.approx(total, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_any_other_sign_or_weight_would_show(name):
    """The check above can fail: each term matters, and each wrong weight is far from the right."""
    method, outputs, labels, extra = of(name, 1, 8, 7, 3)
    total = float(method(outputs, labels, *extra).total.detach())
    expected, weights = REFERENCES[name](method, outputs, labels), WEIGHTED[name][1]
    for term, value in expected.items():
        for factor in (-1, 0, 2):
            wrong = dict(weights, **{term: factor * weights[term]})
            if weights[term]:
                assert total != pytest.approx(sum(wrong[t] * v for t, v in expected.items()), 1e-3)
        assert value != 0


@pytest.mark.parametrize("name", ["drsch", "dsrh"])
def test_its_gradient_is_the_numeric_one(name):
    method, outputs, labels, extra = of(name, 2, 6, 4, 3)
    method.eval()  # no schedule moves between two evaluations

    def terms(projection):
        return tuple(method(from_projection(projection, 2, 3), labels, *extra))

    assert torch.autograd.gradcheck(terms, outputs.projection.requires_grad_())


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_few_steps_on_its_own_slope_lower_it(name):
    outputs, labels = outputs_of(3, 9, 6, 3, VIEWS.get(name, 1))
    method, extra = prepared(name, labels, 6, 3)
    projection = outputs.projection.requires_grad_()
    totals = []
    for _ in range(60):
        total = method(from_projection(projection, 3, 3), labels, *extra).total
        (slope,) = torch.autograd.grad(total, projection)
        totals.append(float(total.detach()))
        projection = (projection - 2.0 * slope).detach().requires_grad_()
    assert totals[-1] < totals[0] - 0.01


def test_every_method_has_its_place_in_the_survey():
    rows = taxonomy(METHODS)
    assert [row["group"] for row in rows] == sorted(
        (row["group"] for row in rows), key=GROUPS.index
    )
    for row in rows:
        method = METHODS[row["method"]]
        assert method.__name__.lower() == row["method"]
        assert all(row.values()) and row["stages"] in ("simultaneous", "separate")
        assert method.head in ("linear", "slices")
    with pytest.raises(ValueError, match="the group is 'none'"):
        taxonomy({"odd": type("Odd", (METHODS["ssdh"],), {"group": "none"})})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dnnh", {"eps": 0.6}), ("dnnh", {"margin": 0}), ("drsch", {"weight": -1}),
        ("drsch", {"growth": -1}), ("dsrh", {"alpha": -1}), ("dsrh", {"margin": -1}),
    ],
)  # fmt: skip
def test_weights_out_of_range_are_refused(name, options):
    with pytest.raises(ValueError, match="need"):
        METHODS[name](**options)
