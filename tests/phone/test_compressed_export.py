"""A phone runs what compression leaves: every kind of layer, for any number of photos."""

import numpy as np
import pytest
import torch
from phone_photos import photos

from mvs_lib.compress.asymmetric import fewer_filters, fit_responses
from mvs_lib.compress.cp import from_factors
from mvs_lib.compress.fastfood import AdaptiveFastfood
from mvs_lib.compress.folding import scaled
from mvs_lib.compress.hashed_net import HashedLinear
from mvs_lib.compress.layers import replaced
from mvs_lib.compress.quantized_cnn import LookUp, quantized
from mvs_lib.compress.svd import biclustered, monochromatic, split_linear
from mvs_lib.compress.vector_quantization import QuantizedWeights, product, residual
from mvs_lib.deep.network import HashNetwork
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.export import export_onnx

CONV, LINEAR, FIRST = "trunk.stages.5.body.0", "trunk.vector.1", "trunk.stages.1.0"


def network():
    torch.manual_seed(0)
    return HashNetwork(bits=16, classes=4, width=4, features=20).eval()


def layers():
    conv, linear, first = (network().get_submodule(name) for name in (CONV, LINEAR, FIRST))
    y, n, m = torch.randn(50, 16), *linear.weight.shape
    factors = [torch.randn(size, 4) for size in (16, 16, 3, 3)]
    return {
        "split": (LINEAR, split_linear(linear, 3)),
        "codewords": (LINEAR, QuantizedWeights(linear, product(linear.weight, 4, 8))),
        "stages": (LINEAR, QuantizedWeights(linear, residual(linear.weight, 2, 8))),
        "hashed": (LINEAR, HashedLinear(m, n, 50)),
        "fastfood": (LINEAR, AdaptiveFastfood(m, n)),
        "look-up linear": (LINEAR, LookUp(linear, quantized(linear, 4, 6))),
        "look-up conv": (CONV, LookUp(conv, quantized(conv, 4, 6))),
        "cp": (CONV, from_factors(conv, factors)),
        "filters": (CONV, fewer_filters(conv, fit_responses(y, y, 4))),
        "blocks": (CONV, biclustered(conv, (2, 2), (2, 2))),
        "colours": (FIRST, monochromatic(first, 2)),
    }


@pytest.mark.parametrize("kind", list(layers()))
def test_every_kind_of_layer_runs_on_a_phone_for_any_number_of_photos(kind, tmp_path):
    name, layer = layers()[kind]
    given = scaled(replaced(network(), {name: layer}))
    encoder = Encoder(export_onnx(given, tmp_path / "encoder.onnx", size=32))
    images = photos(5, seed=3)
    with torch.no_grad():
        wanted = given(torch.from_numpy(images)).projection.numpy()
    sure = np.abs(wanted) > 1e-4 * np.abs(wanted).max()
    for n in (1, 5):
        codes = encoder.encode_pixels(images[:n])
        on = np.unpackbits(codes, axis=1, count=16).astype(bool)
        assert np.array_equal(on[sure[:n]], (wanted[:n] >= 0)[sure[:n]])
