"""Does looking up pay? AlexNet's layers, with and without vector instructions. See notebook 07.

Wu et al. (2016) counted operations and timed programs that did one at a time. Here both ways of a
layer (`mvs_lib.phone.look_up_kernels`) are timed in a process of its own, twice: compiled without
vector instructions, as their time had it, and with those of this processor. Beside them stands
torch, whose library multiplies as fast as the processor can. All on one thread, by turns, so that
whatever else the machine does meets every way; a time is the median over the turns.

Values are drawn at random: no way is quicker for the sake of a value.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from mvs_lib.phone import fresh_process
from mvs_lib.phone.look_up_kernels import looked_up, multiplied
from mvs_lib.phone.paper_stack import LookUpLayer

__all__ = ["Parts", "Timed", "layer_parts", "time_layer", "ways"]

WITHOUT_VECTORS = {"NUMBA_LOOP_VECTORIZE": "0", "NUMBA_SLP_VECTORIZE": "0"}


class Timed(NamedTuple):
    """One layer, one photo: milliseconds, the median over the turns."""

    multiplied_ms: float  # by plain loops
    looked_up_ms: float  # by plain loops
    library_ms: float  # torch


class Parts(NamedTuple):
    """What the kernels take of a group of a layer."""

    photo: np.ndarray  # float32 (h, w, C), with its border
    weights: np.ndarray  # float32 (d d, C, T), those that the labels mean
    codebooks: np.ndarray  # float32 (M, C', K)
    labels: np.ndarray  # uint8 (d d, M, T)


def time_layer(layer: LookUpLayer, vectors: bool, turns: int = 7) -> Timed:
    """Time a layer in a fresh process on one thread.

    Args:
        layer: its shape, with at most 256 codewords.
        vectors: whether the loops may use vector instructions; the library always does.
        turns: that are timed, at least 1.

    Raises:
        ValueError: no turn, more codewords than a byte names, or pieces that do not fit.
        RuntimeError: the process failed.
    """
    if turns < 1:
        raise ValueError(f"turns must be >= 1, got {turns}")
    _check(layer)
    environment = {"OMP_NUM_THREADS": "1"} | ({} if vectors else WITHOUT_VECTORS)
    words = json.dumps(layer._asdict()), turns
    return Timed(
        **fresh_process.answer("mvs_lib.phone.look_up_timing", *words, environment=environment)
    )


def layer_parts(layer: LookUpLayer, seed: int = 0) -> list[Parts]:
    """Draw the arrays of a layer, a `Parts` a group.

    Raises:
        ValueError: more codewords than a byte names, or pieces that do not fit.
    """
    _check(layer)
    random, parts = np.random.default_rng(seed), []
    channels, outputs = layer.channels // layer.groups, layer.outputs // layer.groups
    pieces, places = channels // layer.length, layer.kernel**2
    side = layer.side_in + 2 * layer.padding
    for _ in range(layer.groups):
        photo = np.zeros((side, side, channels), np.float32)
        inside = slice(layer.padding, layer.padding + layer.side_in)
        photo[inside, inside] = random.random((layer.side_in, layer.side_in, channels), np.float32)
        codebooks = random.standard_normal((pieces, layer.length, layer.k), np.float32)
        labels = random.integers(layer.k, size=(places, pieces, outputs), dtype=np.uint8)
        meant = codebooks[np.arange(pieces)[:, None], :, labels]  # (d d, M, T, C')
        weights = np.ascontiguousarray(meant.swapaxes(2, 3)).reshape(places, channels, outputs)
        parts.append(Parts(photo, weights, codebooks, labels))
    return parts


def _check(layer: LookUpLayer) -> None:
    if not 1 <= layer.k <= 256:
        raise ValueError(f"a byte names 1 to 256 codewords, got {layer.k}")
    if layer.channels % layer.groups or layer.outputs % layer.groups:
        raise ValueError(f"{layer.groups} groups do not share the channels and outputs of {layer}")
    if layer.channels // layer.groups % layer.length:
        raise ValueError(f"the channels of {layer} do not go into pieces of {layer.length}")


def ways(layer: LookUpLayer, parts: list[Parts]) -> dict[str, Callable[[], np.ndarray]]:
    """Return three functions that compute the layer, float32 ``(H, W, T)`` of all groups."""

    def by_loops(kernel, *names) -> Callable[[], np.ndarray]:
        def compute():
            said = np.zeros((layer.groups, layer.side_out, layer.side_out, outputs), np.float32)
            for group, part in zip(said, parts, strict=True):
                arrays = [getattr(part, name) for name in names]
                kernel(part.photo, *arrays, layer.kernel, layer.stride, group)
            return np.concatenate(said, axis=2)

        return compute

    outputs = layer.outputs // layer.groups
    photo = np.concatenate([part.photo for part in parts], axis=2)
    weights = np.concatenate([part.weights.transpose(2, 1, 0) for part in parts])  # (T, C, d d)
    photo = torch.from_numpy(photo.transpose(2, 0, 1)[None].copy())
    weights = torch.from_numpy(weights).unflatten(2, (layer.kernel, layer.kernel)).contiguous()

    def library() -> np.ndarray:
        if layer.kernel == layer.side_in == 1:
            said = functional.linear(photo[..., 0, 0], weights[..., 0, 0])
            return said.numpy()[0, None, None]
        said = functional.conv2d(photo, weights, stride=layer.stride, groups=layer.groups)
        return said[0].permute(1, 2, 0).numpy()

    return {
        "multiplied_ms": by_loops(multiplied, "weights"),
        "looked_up_ms": by_loops(looked_up, "codebooks", "labels"),
        "library_ms": library,
    }


def _timed(layer: LookUpLayer, turns: int) -> dict[str, float]:
    torch.set_num_threads(1)
    functions = ways(layer, layer_parts(layer))
    spent: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(1 + turns):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if turn:  # the first one compiles
                spent[name].append(1000 * (time.perf_counter() - start))
    return {name: float(np.median(times)) for name, times in spent.items()}


if __name__ == "__main__":
    print(json.dumps(_timed(LookUpLayer(**json.loads(sys.argv[1])), int(sys.argv[2]))))
