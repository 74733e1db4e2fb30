"""From the trained network to the one file a phone runs. Taught in notebook 08, used in 10.

The exported graph is the whole encoder: a uint8 photo goes in, packed code bytes come out.
Normalising, thresholding and packing are part of the graph, so that a phone, a browser and this
library cannot disagree about them.
"""

import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from mvs_lib import paths
from mvs_lib.codes import bytes_per_code
from mvs_lib.deep.network import HashNetwork
from mvs_lib.phone.encoder import seal

__all__ = ["PhoneGraph", "export_onnx", "to_onnx"]


class PhoneGraph(nn.Module):
    """Photo, uint8 ``(n, size, size, 3)``, to codes, uint8 ``(n, bytes)``, and the projection.

    The classifier stays behind: a phone sends bits, it does not name places.
    """

    def __init__(self, network: HashNetwork):
        super().__init__()
        self.network = network
        self.padding = 8 * bytes_per_code(network.bits) - network.bits
        # int32: the exporter's reference kernels lack unsigned sums; every value fits a byte.
        self.register_buffer("place_value", 2 ** torch.arange(7, -1, -1, dtype=torch.int32))

    def forward(self, photo: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ``codes`` in ``np.packbits`` order and the real ``projection`` before it."""
        projection = self.network(photo).projection
        bits = nn.functional.pad((projection >= 0).to(torch.int32), (0, self.padding))
        codes = (bits.unflatten(1, (-1, 8)) * self.place_value).sum(-1)
        return codes.to(torch.uint8), projection


def export_onnx(network: HashNetwork, path: str | Path, size: int = 128) -> Path:
    """Write the phone's encoder as an ONNX file, checked, whole or not at all.

    Args:
        network: trained; it is moved to the CPU and left in evaluation mode.
        path: the ``.onnx`` file; its folder is made if missing.
        size: side of the square photo in pixels.

    Returns:
        The path. Inputs: ``photo`` uint8 ``(n, size, size, 3)``, n free. Outputs: ``codes`` uint8
        ``(n, ceil(bits / 8))`` and ``projection`` float32 ``(n, bits)``. The file's metadata
        holds ``bits`` and ``size``, and a checksum that `mvs_lib.phone.encoder.Encoder` verifies.

    Raises:
        OSError: the file cannot be written; an earlier one is then left as it was.
    """
    path = Path(path)
    model = to_onnx(PhoneGraph(network.cpu()).eval(), size, ["codes", "projection"])
    onnx.helper.set_model_props(model, {"bits": str(network.bits), "size": str(size)})
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString(deterministic=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with paths.whole_file(path) as beside:
        beside.write_bytes(content + seal(content))
    return path


def to_onnx(graph: nn.Module, size: int, outputs: list[str]) -> onnx.ModelProto:
    """Return a module as an ONNX model, nothing of this machine in it.

    Args:
        graph: on the CPU, in evaluation mode; takes photos uint8 ``(n, size, size, 3)``.
        size: side of the square photo in pixels.
        outputs: names of what it gives, in order. The input is called ``photo``, n is free.
    """
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's deprecations are not the reader's
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            graph,
            (example,),
            dynamo=True,
            verbose=False,
            input_names=["photo"],
            output_names=outputs,
            dynamic_shapes={"photo": {0: torch.export.Dim("n", min=1)}},
        )
    model = program.model_proto  # made anew whenever it is asked for
    _forget_origin(model)
    return model


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes on each node: this machine's paths, and half of a small file."""
    graph = model.graph
    model.ClearField("metadata_props")
    values = (*graph.value_info, *graph.input, *graph.output)
    for part in (graph, *graph.node, *graph.initializer, *values):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
