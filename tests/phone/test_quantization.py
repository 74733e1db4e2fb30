"""An encoder of 8 bits: smaller, nearly the same codes, and a file like any other."""

import numpy as np
import onnx
import pytest
from phone_photos import photos

from mvs_lib.codes import unpack
from mvs_lib.phone.encoder import Encoder
from mvs_lib.phone.packing import pack
from mvs_lib.phone.quantization import quantize


@pytest.fixture(scope="module")
def both(exported, tmp_path_factory):
    encoder = exported(16)[1]
    return encoder, quantize(
        encoder, tmp_path_factory.mktemp("int8") / "encoder.onnx", photos(96, seed=4)
    )


def test_codes_hardly_change(both):
    images = photos(300, seed=5)
    whole, eight = (unpack(Encoder(file).encode_pixels(images), 16) for file in both)
    assert 0.9 < (whole == eight).mean() < 1
    assert 0.2 < eight.mean() < 0.8


def test_weights_are_bytes_and_the_scale_of_each_is_the_range_of_its_channel(both):
    """Dequantised, every weight is within half a step of what it was."""
    whole, eight = (onnx.load(file) for file in both)
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in eight.graph.initializer}
    large = [values for values in arrays.values() if values.size > 100]
    assert {values.dtype for values in large} <= {np.dtype(np.int8), np.dtype(np.int32)}
    eights = [values.astype(int) for values in large if values.dtype == np.int8]
    assert max(2 * 255 * np.abs(values).max() for values in eights) < 2**15  # no sum overflows
    assert both[1].stat().st_size < 1.1 * both[0].stat().st_size
    weights = {each.name: onnx.numpy_helper.to_array(each) for each in whole.graph.initializer}
    found = 0
    for name, values in weights.items():
        quantised, scale = arrays.get(f"{name}_quantized"), arrays.get(f"{name}_scale")
        if quantised is None or values.ndim < 2:
            continue
        axis = [i for i, n in enumerate(values.shape) if n == scale.size][:1]
        steps = scale.reshape([scale.size if [i] == axis else 1 for i in range(values.ndim)])
        assert np.abs(quantised * steps - values).max() <= 0.51 * scale.max()
        found += 1
    assert found >= 2


def test_what_does_not_fit_is_refused(both, tmp_path):
    with pytest.raises(FileNotFoundError, match="no encoder file"):
        quantize(tmp_path / "none.onnx", tmp_path / "a.onnx", photos(4, seed=0))
    with pytest.raises(ValueError, match="some photos"):
        quantize(both[0], tmp_path / "a.onnx", photos(4, seed=0)[:0])
    with pytest.raises(ValueError, match="this encoder takes photos"):
        quantize(both[0], tmp_path / "a.onnx", np.zeros((2, 8, 8, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []
    pack(both[0], tmp_path / "packed.encoder")
    with pytest.raises(ValueError, match="is packed"):
        quantize(tmp_path / "packed.encoder", tmp_path / "a.onnx", photos(4, seed=0))
    assert [file.name for file in tmp_path.iterdir()] == ["packed.encoder"]
