"""The encoder as a phone runs it: ONNX Runtime on one thread, no torch. See notebooks 08 and 10."""

import hashlib
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from tqdm.auto import tqdm

from mvs_lib.datasets import photos
from mvs_lib.phone import packed_encoder
from mvs_lib.phone.pixels import checked_pixels

__all__ = ["Encoded", "Encoder", "seal"]

_SEAL = (
    b"\x72\x4a\x0a\x06sha256\x12\x40"  # ModelProto: one more of metadata_props, its key and value
)


def seal(model: bytes) -> bytes:
    """Return the 76 bytes that, put behind an ONNX file, add its SHA-256 to its own metadata.

    Messages of protocol buffers that follow each other are merged, so the sealed file is an ONNX
    file like any other. Neither ONNX nor ONNX Runtime would notice a weight that has changed.
    """
    return _SEAL + hashlib.sha256(model).hexdigest().encode()


class Encoded(NamedTuple):
    """One photo's code and what it cost."""

    code: bytes  # ceil(bits / 8) bytes: what the phone sends
    decode_ms: float  # image file to square pixels
    network_ms: float  # pixels to code


class Encoder:
    """An exported encoder file, ready to run.

    Args:
        path: an ``.onnx`` file written by `mvs_lib.phone.export.export_onnx`, or one that
            `mvs_lib.phone.packing.pack` made of it.
        lean: take less memory for nearly twice the time: ONNX Runtime then leaves the layers in
            the order of numbers that they were exported in, and keeps no memory for later.

    Attributes:
        bits: length of the code.
        size: side of the photo in pixels.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not an encoder that this course exported, or damaged.
    """

    def __init__(self, path: str | Path, lean: bool = False):
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no encoder file {path}: export one with export_onnx()")
        content = path.read_bytes()
        model, end = content[:-76], content[-76:]
        if end.startswith(_SEAL) and end != seal(model):
            raise ValueError(
                f"{path} was altered: its checksum does not fit; export it again with export_onnx()"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if lean:
            level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            options.graph_optimization_level = level
            options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        try:
            if packed_encoder.is_packed(content):
                self._session, self.bits, self.size = packed_encoder.open_session(content, options)
                return
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            properties = self._session.get_modelmeta().custom_metadata_map
            self.bits, self.size = int(properties["bits"]), int(properties["size"])
        except Exception as error:  # ONNX Runtime's errors share no base class
            why = error if isinstance(error, ValueError) else type(error).__name__
            raise ValueError(
                f"{path} is not an encoder of this course ({why}): export it again with "
                "export_onnx()"
            ) from None

    def encode_pixels(
        self, images: np.ndarray, batch_size: int = 64, progress: bool = False
    ) -> np.ndarray:
        """Return codes, uint8 ``(n, ceil(bits / 8))``, for photos, uint8 ``(n, size, size, 3)``.

        Raises:
            ValueError: other shape or dtype, or ``batch_size`` below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        images = checked_pixels(images, self.size)
        batches = range(0, len(images), batch_size)
        codes = [
            self._session.run(["codes"], {"photo": images[start : start + batch_size]})[0]
            for start in tqdm(batches, "encode", disable=not progress, leave=False)
        ]
        return np.concatenate(codes) if codes else np.empty((0, (self.bits + 7) // 8), np.uint8)

    def encode(self, image: bytes) -> Encoded:
        """Return the code of one image file's bytes (JPEG, PNG, ...), with the time it took.

        Raises:
            ValueError: the bytes are not a readable photo.
        """
        start = time.perf_counter()
        pixels = photos.read(image, size=self.size)
        decoded = time.perf_counter()
        code = self.encode_pixels(pixels[None])[0].tobytes()
        end = time.perf_counter()
        return Encoded(code, 1000 * (decoded - start), 1000 * (end - decoded))
