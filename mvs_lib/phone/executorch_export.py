"""From the trained network to ExecuTorch's file, a second runtime beside ONNX. See notebook 08.

The graph is the one that `mvs_lib.phone.export` gives to ONNX Runtime: a uint8 photo in, packed
code bytes out. XNNPACK's kernels take the layers of the network; reading the photo's bytes, pooling
to cells of any size, thresholding and packing stay with ExecuTorch's portable kernels.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from mvs_lib import paths
from mvs_lib.deep.network import HashNetwork
from mvs_lib.phone.executorch_encoder import quietly, seal
from mvs_lib.phone.export import PhoneGraph

__all__ = ["export_pte"]


def export_pte(
    network: HashNetwork, path: str | Path, size: int = 128, images: np.ndarray | None = None
) -> Path:
    """Write the phone's encoder as a ``.pte`` file for ExecuTorch, whole or not at all.

    Args:
        network: trained; it is moved to the CPU and left in evaluation mode.
        path: the ``.pte`` file; its folder is made if missing.
        size: side of the square photo in pixels.
        images: photos to calibrate an encoder of 8 bits with, uint8 ``(n, size, size, 3)``, a
            hundred or more; source photos, never queries. None: float32.

    Returns:
        The path. Input: a photo uint8 ``(1, size, size, 3)``, one at a time: ExecuTorch plans its
        memory before it runs. Outputs: code uint8 ``(1, ceil(bits / 8))``, projection float32
        ``(1, bits)``. The file's methods ``bits`` and ``size`` give these numbers; behind the
        program stands a checksum that `mvs_lib.phone.executorch_encoder.ExecuTorchEncoder` verifies
        and other runtimes do not read.

    Raises:
        ImportError: the extra ``[executorch]`` is missing, or does not fit this torch.
        ValueError: no photos to calibrate with, or of another shape or dtype.
        OSError: the file cannot be written; an earlier one is then left as it was.
    """
    path, bits = Path(path), network.bits
    if images is not None:
        images = np.asarray(images)
        if not images.size or images.dtype != np.uint8 or images.shape[1:] != (size, size, 3):
            raise ValueError(
                f"calibrate with some photos uint8 (n, {size}, {size}, 3), got "
                f"{images.dtype} {images.shape}"
            )
    example = (torch.zeros((1, size, size, 3), dtype=torch.uint8),)
    with quietly(), torch.no_grad():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        graph: nn.Module = PhoneGraph(network.cpu()).eval()
        if images is not None:
            graph = _quantized(graph, example, images)
        lowered = to_edge_transform_and_lower(
            torch.export.export(graph, example),
            partitioner=[XnnpackPartitioner()],
            constant_methods={"bits": bits, "size": size},
        )
        program = bytes(lowered.to_executorch().buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    with paths.whole_file(path) as beside:
        beside.write_bytes(program + seal(program))
    return path


def _quantized(graph: nn.Module, example: tuple[torch.Tensor], images: np.ndarray) -> nn.Module:
    """Return the graph with XNNPACK's kind of 8 bits: weights by channel, ranges from photos."""
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer().set_global(
        get_symmetric_quantization_config(is_per_channel=True)
    )
    prepared = prepare_pt2e(torch.export.export(graph, example).module(), quantizer)
    for index in range(len(images)):  # the exported graph takes one photo
        prepared(torch.from_numpy(images[index : index + 1].copy()))
    return convert_pt2e(prepared)
