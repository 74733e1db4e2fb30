"""A network's two files for streaming: convolutions for ONNX Runtime, and weights. See notebook 08.

The ``.onnx`` file holds the layers up to the last convolution and no large weight; the ``.weights``
file beside it (`mvs_lib.phone.weight_file`) holds all of them, those of the convolutions (ONNX
calls that *external data*) and those of the linear layers, which only
`mvs_lib.phone.streamed.StreamedEncoder` runs. The weight file knows the other one's checksum.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from torch import nn

from mvs_lib import paths
from mvs_lib.deep.network import HashNetwork
from mvs_lib.deep.trunks import AlexNetTrunk
from mvs_lib.phone import weight_file
from mvs_lib.phone.export import to_onnx
from mvs_lib.phone.streamed import weights_beside

__all__ = ["Convolutions", "alexnet_shaped", "export_streamed", "split"]

INSIDE = 1024  # bytes; smaller tensors (biases, shapes) stay in the ONNX file


class Convolutions(nn.Module):
    """Photo, uint8 ``(n, size, size, 3)``, to what the first linear layer reads, ``(n, columns)``.

    Args:
        layers: take normalised photos ``(n, 3, size, size)``; what they give is flattened.
        mean, std: of natural photos on the 0..255 scale, ``(1, 3, 1, 1)``.
    """

    def __init__(self, layers: nn.Module, mean: torch.Tensor, std: torch.Tensor):
        super().__init__()
        self.layers = layers
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        """Return the features."""
        x = (photo.permute(0, 3, 1, 2).to(self.std.dtype) - self.mean) / self.std
        return self.layers(x).flatten(1)


def alexnet_shaped(bits: int = 48, seed: int = 0) -> HashNetwork:
    """Return AlexNet with a hash layer behind fc7, its weights random: for time and memory only.

    57.0 million parameters for 224 x 224 pixels. The weights are drawn as He, Zhang, Ren and Sun
    (2015, "Delving deep into rectifiers") do, so that values neither fade nor grow from layer to
    layer.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = HashNetwork(bits=bits, classes=2, trunk="alexnet")
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    return network.eval()


def split(network: HashNetwork) -> tuple[Convolutions, list[nn.Linear]]:
    """Return a hash network with AlexNet's trunk in its two parts, sharing its weights.

    Raises:
        ValueError: another trunk, or another hash layer than a linear one.
    """
    trunk = network.trunk
    if not isinstance(trunk, AlexNetTrunk) or not isinstance(network.hash, nn.Linear):
        raise ValueError(
            "only networks of trunk='alexnet' and head='linear' are split: other trunks hold "
            "hardly any weights in linear layers, export them whole with export_onnx()"
        )
    layers = nn.Sequential(trunk.network.features, trunk.network.avgpool)
    # Between them lie ReLUs alone: the trunk leaves dropout out.
    linear = [layer for layer in trunk.network.classifier if isinstance(layer, nn.Linear)]
    return Convolutions(layers, network.mean, network.std), [*linear, network.hash]


def export_streamed(
    convolutions: Convolutions, linear: Sequence[nn.Linear], path: str | Path, size: int = 224
) -> Path:
    """Write an encoder as two files, each whole or not at all: ``path`` and its weights beside it.

    Args:
        convolutions: moved to the CPU and left in evaluation mode; see `split`.
        linear: layers with a bias, ReLU between them; the last one gives the projection.
        path: the ``.onnx`` file; its folder is made if missing. The ``.weights`` file has the same
            name otherwise, by which ONNX Runtime finds it: neither can be renamed.
        size: side of the square photo in pixels.

    Returns:
        The path.

    Raises:
        ValueError: linear layers without bias, or that do not fit behind each other.
        OSError: a file cannot be written.
    """
    path, beside = Path(path), weights_beside(path)
    if path == beside:
        raise ValueError(f"{path} cannot end in {beside.suffix}: that is its weights' ending")
    convolutions = convolutions.cpu().eval()
    with torch.no_grad():
        photo = torch.zeros((1, size, size, 3), dtype=torch.uint8)
        width = convolutions(photo).shape[1]
    for number, layer in enumerate(linear):
        if layer.bias is None or layer.in_features != width:
            raise ValueError(
                f"linear layer {number} takes {layer.in_features} features, has "
                f"{'no' if layer.bias is None else 'a'} bias, and stands behind {width} features: "
                "give layers with a bias that fit behind each other"
            )
        width = layer.out_features
    model = to_onnx(convolutions, size, ["features"])
    onnx.checker.check_model(model, full_check=True)
    tensors = _moved_out(model, beside.name)
    for number, layer in enumerate(linear):
        for name, value in (("weight", layer.weight), ("bias", layer.bias)):
            tensors[f"linear.{number}.{name}"] = value.detach().cpu().float().numpy()
    graph = model.SerializeToString(deterministic=True)
    checksum = hashlib.sha256(graph).hexdigest()
    weight_file.write(beside, tensors, convolutions=checksum, bits=width, size=size)
    with paths.whole_file(path) as part:
        part.write_bytes(graph)
    return path


def _moved_out(model: onnx.ModelProto, location: str) -> dict:
    """Take the large weights out of a model; leave word that they lie in the weight file."""
    large = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and tensor.ByteSize() >= INSIDE
    }
    at = weight_file.places({name: value.shape for name, value in large.items()})
    for tensor in model.graph.initializer:
        if tensor.name in large:
            length = large[tensor.name].nbytes
            tensor.raw_data = b""  # the helper refuses a tensor whose data lie elsewhere
            onnx.external_data_helper.set_external_data(tensor, location, at[tensor.name], length)
            tensor.ClearField("raw_data")
    return large
