"""The encoder in whole numbers of 8 bits: today's yardstick. Taught in notebook 07.

A weight or a value x becomes q = round(x / s) + z, a number of 8 bits; scales s and zero points z
are fixed before, for weights by their range, one a channel, for what layers say by the range that
it has on some photos (*static* quantisation). ONNX Runtime does it, on the file that a phone runs:
`mvs_lib.phone.encoder.Encoder` takes the quantised file like any other.

Weights use seven of the eight bits. A processor with AVX2 and no instructions for neural networks
(VNNI) adds two products at a time in 16 bits, where two large weights overflow: of a code of 16
bits, nearly three were then wrong. With weights of -64..64 no sum can, and every processor gives
the same code.
"""

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnxruntime import quantization

from mvs_lib import paths
from mvs_lib.phone import packed_encoder
from mvs_lib.phone.encoder import Encoder, seal

__all__ = ["quantize"]


class _Photos(quantization.CalibrationDataReader):
    """Photos, some at a time, as ONNX Runtime's calibration asks for them."""

    def __init__(self, images: np.ndarray, batch_size: int = 32):
        starts = range(0, len(images), batch_size)
        self._batches = ({"photo": images[start : start + batch_size]} for start in starts)

    def get_next(self) -> dict | None:
        """Return the next photos, None after the last."""
        return next(self._batches, None)


def quantize(encoder: str | Path, path: str | Path, images: np.ndarray) -> Path:
    """Write an encoder whose convolutions and linear layers compute in 8 bits.

    Args:
        encoder: a file from `mvs_lib.phone.export.export_onnx`.
        path: the ``.onnx`` file to write, whole or not at all; its folder is made if missing.
        images: photos to calibrate with, uint8 ``(n, size, size, 3)``, a hundred or more; source
            photos, never queries.

    Returns:
        The path.

    Raises:
        FileNotFoundError: there is no such encoder.
        ValueError: it is none of this course's, it is packed, or the photos do not fit it.
        OSError: the file cannot be written; an earlier one is then left as it was.
    """
    whole, path, images = Encoder(encoder), Path(path), np.asarray(images)
    if packed_encoder.is_packed(Path(encoder).read_bytes()):
        raise ValueError(
            f"{encoder} is packed: give the exported .onnx file, and pack what comes out"
        )
    if not len(images):
        raise ValueError("give some photos to calibrate with")
    whole.encode_pixels(images[:1])  # refuses photos that do not fit
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger().addFilter(_silent := lambda record: False)
        try:
            prepared, made = (Path(folder) / name for name in ("prepared.onnx", "made.onnx"))
            quantization.quant_pre_process(str(encoder), str(prepared), skip_symbolic_shape=True)
            quantization.quantize_static(
                str(prepared), str(made), _Photos(images),
                quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8, reduce_range=True,
                op_types_to_quantize=["Conv", "Gemm", "MatMul", "Add", "MaxPool", "Relu"],
            )  # fmt: skip
        finally:
            logging.getLogger().removeFilter(_silent)
        model = onnx.load(made)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {"bits": str(whole.bits), "size": str(whole.size)})
    content = model.SerializeToString(deterministic=True)
    with paths.whole_file(path) as beside:
        beside.write_bytes(content + seal(content))
    return path
