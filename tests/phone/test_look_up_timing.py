"""Both kernels compute the layer that the network computes; without vectors there are none."""

import json
import os
import platform
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mvs_lib.benchmarks import look_up
from mvs_lib.compress.quantized_cnn import Codewords, LookUp
from mvs_lib.phone.look_up_timing import WITHOUT_VECTORS, layer_parts, time_layer, ways
from mvs_lib.phone.paper_stack import LookUpLayer, alexnet_layers

COMPILED = """
from mvs_lib.phone import look_up_kernels, look_up_timing
from mvs_lib.phone.paper_stack import LookUpLayer
layer = LookUpLayer(16, 32, 3, 6, 6, 1, 1, 1, 4, 16)
for compute in list(look_up_timing.ways(layer, look_up_timing.layer_parts(layer)).values())[:2]:
    compute()
for kernel in (look_up_kernels.multiplied, look_up_kernels.looked_up):
    print(*kernel.inspect_asm().values())
"""
PACKED = r"\bv?(?:add|mul|fmadd\d+)ps\b"
SINGLE = r"\bv?(?:add|mul|fmadd\d+)ss\b"


@st.composite
def layers(draw):
    """Small layers of every shape."""
    groups, length, pieces = (draw(st.integers(1, 3)) for _ in range(3))
    kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    padding, side = draw(st.integers(0, 2)), draw(st.integers(3, 7))
    return LookUpLayer(
        groups * pieces * length, groups * draw(st.integers(1, 20)), kernel, side,
        (side + 2 * padding - kernel) // stride + 1, stride, padding, groups, length,
        draw(st.integers(1, 16)),
    )  # fmt: skip


@settings(max_examples=40)
@given(layers(), st.integers(0, 99))
def test_three_ways_say_the_same(layer, seed):
    multiplied, looked_up, library = (
        compute() for compute in ways(layer, layer_parts(layer, seed)).values()
    )
    assert multiplied.shape == (layer.side_out, layer.side_out, layer.outputs)
    for said in (multiplied, looked_up):
        np.testing.assert_allclose(said, library, rtol=1e-4, atol=1e-4)


def test_looking_up_is_what_the_network_s_layer_does():
    layer = LookUpLayer(8, 12, 3, 6, 3, 2, 1, 1, 4, 16)
    (part,) = parts = layer_parts(layer)
    convolution = nn.Conv2d(8, 12, 3, 2, padding=1, bias=False)
    books = torch.from_numpy(part.codebooks).transpose(1, 2)
    module = LookUp(convolution, Codewords(books, torch.from_numpy(part.labels).long()))
    photo = torch.from_numpy(part.photo[1:-1, 1:-1]).permute(2, 0, 1)[None]
    with torch.no_grad():
        expected = module(photo)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ways(layer, parts)["looked_up_ms"](), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="another assembly")
def test_without_vectors_no_instruction_does_two_things():
    compiled = {
        vectors: subprocess.run(
            [sys.executable, "-c", COMPILED], capture_output=True, text=True, check=True,
            env=os.environ | ({} if vectors else WITHOUT_VECTORS),
        ).stdout
        for vectors in (False, True)
    }  # fmt: skip
    assert re.search(SINGLE, compiled[False]) and not re.search(PACKED, compiled[False])
    assert re.search(PACKED, compiled[True])


def test_a_layer_is_timed_in_a_process_of_its_own():
    timed = time_layer(LookUpLayer(8, 16, 3, 6, 6, 1, 1, 2, 4, 16), vectors=False, turns=2)
    assert min(timed) > 0


def test_the_benchmark_counts_what_the_layers_cost(monkeypatch):
    monkeypatch.setattr(look_up, "time_layer", lambda layer, vectors, turns: look_up.Timed(6, 3, 1))
    found = list(look_up.rows())
    assert [row["layer"] for row in found] == 2 * [*alexnet_layers(), "all"]
    every = found[-1]
    assert (every["operations_ratio"], every["mebibytes"]) == (4.16, 12.75)  # facts of the authors
    assert (every["time_ratio"], every["library_ratio"]) == (2, 0.33)
    assert (every["multiplied_ms"], every["library_ms"]) == (48, 8)
    assert json.loads(json.dumps(found)) == found
    assert len(list(look_up.rows(quick=True))) == 6


def test_what_cannot_be_timed_is_refused():
    layer = LookUpLayer(8, 16, 3, 6, 6, 1, 1, 2, 4, 16)
    with pytest.raises(ValueError, match="turns must be"):
        time_layer(layer, True, 0)
    for change, why in (
        ({"k": 257}, "1 to 256"), ({"groups": 3}, "do not share"), ({"length": 3}, "pieces of 3"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=why):
            time_layer(layer._replace(**change), True)
