"""An encoder larger than the memory it takes: linear layers streamed from their file.

Of AlexNet's weights 96 % lie in its linear layers, and each of them is used once a photo.
Rallapalli, Qiu, Bency, Karthikeyan, Govindan, Manjunath and Urgaonkar (2016, "Are very deep neural
networks feasible on mobile devices?") split such a layer into parts that are loaded and run one by
one,

    y = concat_p (W_p x + b_p),   W_p some rows of W,

so that weights take max_p |W_p| instead of |W|, and *pipelined* what can go on side by side (there,
linear layers on the CPU and the next frame's convolutions on the GPU). Here a thread may read the
next chunk of rows while one is multiplied; two chunks are then in memory instead of one. The
convolutions run in ONNX Runtime, which maps their weights out of the same file. Nothing of torch is
needed. Taught in notebook 08; `mvs_lib.phone.streamed_measurement` measures what it brings.
"""

import hashlib
import mmap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from mvs_lib.codes import binarize
from mvs_lib.phone.pixels import checked_pixels
from mvs_lib.phone.weight_file import WeightFile

__all__ = ["CHUNK", "StreamedEncoder", "StreamedLayers", "weights_beside"]

# Bytes of rows at a time: so few that the peak is that of the convolutions before them, and enough
# that starting on a chunk costs little beside multiplying it.
CHUNK = 2**20
# A fault maps the pages around it, too (Linux: 64 KiB), so a chunk leaves some of its neighbour's.
AROUND = 2**16


class Chunk(NamedTuple):
    """Some rows of a layer."""

    layer: int
    start: int
    stop: int


class StreamedLayers:
    """Linear layers with ReLU between them (none behind the last), streamed from a weight file.

    Args:
        weights: holds ``linear.0.weight`` ``(rows, columns)``, ``linear.0.bias`` ``(rows,)``,
            ``linear.1.weight``, and so on.
        chunk_bytes: of rows that are in memory at a time; at least one row is.
        pipelined: read the next chunk in a thread while this one is multiplied. Linux reads ahead
            of a mapping by itself, so that this gains little where the file lies in the page cache
            or on a fast disk, and loses where no second core is free; hence it is off by default.

    Attributes:
        columns: how many numbers go in.
        rows: how many come out.

    Raises:
        ValueError: fewer than one byte a chunk, or layers that do not fit together.
    """

    def __init__(self, weights: WeightFile, chunk_bytes: int = CHUNK, pipelined: bool = False):
        if chunk_bytes < 1:
            raise ValueError(f"chunk_bytes must be >= 1, got {chunk_bytes}")
        self._file, self._layers = weights, []
        while (name := f"linear.{len(self._layers)}") + ".weight" in weights:
            if f"{name}.bias" not in weights:
                raise ValueError(f"{name} has no bias: export the network again")
            self._layers.append((weights[f"{name}.weight"], weights[f"{name}.bias"]))
        before = None
        for number, (weight, bias) in enumerate(self._layers):
            if weight.ndim != 2 or bias.shape != weight.shape[:1] or before not in (
                None, weight.shape[1]
            ):  # fmt: skip
                raise ValueError(
                    f"linear layer {number} of shape {weight.shape}, bias {bias.shape}, does not "
                    f"fit behind one of {before} rows: export the network again"
                )
            before = len(weight)
        if not self._layers:
            raise ValueError("the weight file holds no linear layers: export the network again")
        self.columns, self.rows = self._layers[0][0].shape[1], len(self._layers[-1][0])
        self._chunks = [
            Chunk(number, start, min(start + step, len(weight)))
            for number, (weight, _) in enumerate(self._layers)
            for step in [max(1, chunk_bytes // (4 * weight.shape[1]))]
            for start in range(0, len(weight), step)
        ]
        self._reader = ThreadPoolExecutor(1, "reader") if pipelined else None

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return the last layer's values, float32 ``(n, rows)``, for float32 ``(n, columns)``.

        Raises:
            ValueError: another shape.
        """
        x = np.ascontiguousarray(features, np.float32)
        if x.ndim != 2 or x.shape[1] != self.columns:
            raise ValueError(f"features must have shape (n, {self.columns}), got {x.shape}")
        waiting = self._read_ahead(0)
        for number, chunk in enumerate(self._chunks):
            waiting.result() if waiting else self._read(chunk)
            waiting = self._read_ahead(number + 1)
            weight, bias = self._layers[chunk.layer]
            if chunk.start == 0:
                y = np.empty((len(x), len(weight)), np.float32)
            rows = slice(chunk.start, chunk.stop)
            np.matmul(x, weight[rows].T, out=y[:, rows])
            self._drop(chunk)
            if chunk.stop == len(weight):
                y += bias
                if chunk.layer + 1 < len(self._layers):
                    np.maximum(y, 0, out=y)
                x = y
        return x

    def close(self) -> None:
        """End the reading thread."""
        if self._reader:
            self._reader.shutdown()

    def _read_ahead(self, number: int):
        if self._reader and number < len(self._chunks):
            return self._reader.submit(self._read, self._chunks[number])
        return None

    def _place(self, chunk: Chunk) -> tuple[int, int]:
        """Return the chunk's first byte in the file and the byte behind its last."""
        weight, _ = self._layers[chunk.layer]
        at, row = self._file.places[f"linear.{chunk.layer}.weight"], 4 * weight.shape[1]
        return at + chunk.start * row, at + chunk.stop * row

    def _read(self, chunk: Chunk) -> None:
        """Bring a chunk's pages into memory by touching each one."""
        start, stop = self._place(chunk)
        # NumPy lets the other thread run meanwhile. Asking for the pages first (MADV_WILLNEED) was
        # slower: Linux then reads them one by one, but large pieces where it reads ahead by itself.
        np.frombuffer(self._file.mapped, np.uint8, stop - start, start)[:: mmap.PAGESIZE].max()

    def _drop(self, chunk: Chunk) -> None:
        """Give a chunk's pages back: the file still holds them."""
        start, stop = self._place(chunk)
        start = max(0, (start - AROUND) // mmap.PAGESIZE * mmap.PAGESIZE)
        if hasattr(mmap, "MADV_DONTNEED"):  # Windows has none, and pages out by itself
            self._file.mapped.madvise(mmap.MADV_DONTNEED, start, stop - start)


class StreamedEncoder:
    """An exported encoder whose linear layers are streamed, ready to run.

    Args:
        path: the ``.onnx`` file from `mvs_lib.phone.streamed_export.export_streamed`; its weights
            lie beside it.
        chunk_bytes: see `StreamedLayers`.
        pipelined: see `StreamedLayers`.

    Attributes:
        bits: length of the code.
        size: side of the photo in pixels.

    Raises:
        FileNotFoundError: one of the two files is missing.
        ValueError: they are damaged, not a pair, or not an encoder of this course.
    """

    def __init__(self, path: str | Path, chunk_bytes: int = CHUNK, pipelined: bool = False):
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no encoder file {path}: export one with export_streamed()")
        weights = WeightFile(weights_beside(path))
        if hashlib.sha256(path.read_bytes()).hexdigest() != weights.about.get("convolutions"):
            raise ValueError(
                f"{path} and {weights_beside(path).name} are not a pair, or {path.name} was "
                "altered: export both again with export_streamed()"
            )
        self._layers = StreamedLayers(weights, chunk_bytes, pipelined)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:  # by path: ONNX Runtime then maps the weights, which it would copy out of bytes
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            self.bits, self.size = int(weights.about["bits"]), int(weights.about["size"])
            (features,) = self._session.get_outputs()
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise ValueError(
                f"{path} is not an encoder of this course ({type(error).__name__}): export it "
                "again with export_streamed()"
            ) from None
        if features.shape[1:] != [self._layers.columns] or self._layers.rows != self.bits:
            raise ValueError(
                f"{path} says {features.shape[1:]} features and {self.bits} bits, its linear "
                f"layers take {self._layers.columns} and give {self._layers.rows}: export it again"
            )

    def project(self, images: np.ndarray, batch_size: int = 1) -> np.ndarray:
        """Return projections, float32 ``(n, bits)``, for photos, uint8 ``(n, size, size, 3)``.

        Every batch streams the linear layers once.

        Raises:
            ValueError: other shape or dtype, or ``batch_size`` below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        images = checked_pixels(images, self.size)
        found = np.empty((len(images), self.bits), np.float32)
        for start in range(0, len(images), batch_size):
            batch = slice(start, start + batch_size)
            (features,) = self._session.run(None, {"photo": images[batch]})
            found[batch] = self._layers(features)
        return found

    def encode_pixels(self, images: np.ndarray, batch_size: int = 1) -> np.ndarray:
        """Return codes, uint8 ``(n, ceil(bits / 8))``; see `project`."""
        return binarize(self.project(images, batch_size))

    def close(self) -> None:
        """End the reading thread."""
        self._layers.close()

    def __enter__(self) -> "StreamedEncoder":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def weights_beside(path: str | Path) -> Path:
    """Return where the weights of a streamed encoder lie: beside it, with another ending."""
    return Path(path).with_suffix(".weights")
