"""How much memory a network's tensors need, and where each one goes. Taught in notebook 08.

A network that keeps every tensor that it computes needs the sum of them all. Yet a tensor is needed
only from the layer that writes it to the last one that reads it (its *life*), and two tensors whose
lives do not meet may lie in the same place. Rallapalli, Qiu, Bency, Karthikeyan, Govindan,
Manjunath and Urgaonkar (2016, "Are very deep neural networks feasible on mobile devices?") fitted
YOLO into a Jetson TK1 by dropping buffers that only training needs and by splitting the linear
layers (`mvs_lib.phone.streamed`). What is planned here is the *activations*; weights live for ever
and are counted apart.

The plan gives each buffer an offset in one block of memory: greedy by size, Pisarchyk and Lee
(2020, "Efficient memory management for deep neural net inference", section 5), the largest first,
each into the smallest gap that is free for its whole life. No plan is smaller than the largest sum
of bytes alive at one time, the *lower bound*; that is also what a runtime reaches that allocates a
tensor when it is written and frees it after its last use.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx

__all__ = ["Buffer", "Plan", "buffers", "lower_bound", "naive_bytes", "plan", "weight_bytes"]

# The same numbers under another shape: no layer that a runtime would have to run.
VIEWS = {"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"}
# Each number depends on the one at its own place alone, so that it may be written over it.
ELEMENTWISE = {
    "Add", "Clip", "Div", "Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mul", "Neg", "Relu",
    "Sigmoid", "Sqrt", "Sub", "Tanh",
}  # fmt: skip


class Buffer(NamedTuple):
    """A piece of memory, and when it is needed."""

    bytes: int
    first: int  # the layer that writes it, counted from 0
    last: int  # the last layer that reads it, that layer included
    names: tuple[str, ...] = ()  # of the tensors that lie in it, one after another


class Plan(NamedTuple):
    """Where the buffers lie in one block of memory."""

    offsets: tuple[int, ...]  # bytes from the start of the block, one a buffer
    bytes: int  # of the block


def naive_bytes(needed: Sequence[Buffer]) -> int:
    """Return what the buffers take if none is ever freed: the sum of their bytes."""
    return sum(buffer.bytes for buffer in needed)


def lower_bound(needed: Sequence[Buffer]) -> int:
    """Return the largest sum of bytes alive at one time; no plan can be smaller.

    >>> lower_bound([Buffer(4, 0, 1), Buffer(3, 1, 2), Buffer(4, 2, 3)])
    7
    """
    # The sum rises only where a life begins.
    return max((_alive(needed, buffer.first) for buffer in needed), default=0)


def plan(needed: Sequence[Buffer]) -> Plan:
    """Place buffers in one block so that no two that live at the same time overlap.

    Greedy by size: Pisarchyk and Lee (2020), section 5. Offsets are sums of sizes, so that they
    keep whatever alignment the sizes have.

    >>> plan([Buffer(4, 0, 1), Buffer(3, 1, 2), Buffer(4, 2, 3)])
    Plan(offsets=(0, 4, 0), bytes=7)

    Raises:
        ValueError: a buffer of negative size, or one whose life ends before it begins.
    """
    for buffer in needed:
        if buffer.bytes < 0 or buffer.last < buffer.first:
            raise ValueError(f"{buffer} is no buffer: give bytes >= 0 and last >= first")
    offsets: dict[int, int] = {}
    for index in sorted(range(len(needed)), key=lambda index: -needed[index].bytes):
        buffer = needed[index]
        taken = sorted(
            (offsets[other], offsets[other] + needed[other].bytes)
            for other in offsets
            if needed[other].first <= buffer.last and buffer.first <= needed[other].last
        )
        offsets[index] = _smallest_gap(taken, buffer.bytes)
    ends = (offsets[index] + buffer.bytes for index, buffer in enumerate(needed))
    return Plan(tuple(offsets[index] for index in range(len(needed))), max(ends, default=0))


def buffers(
    model: onnx.ModelProto | str | Path, batch: int = 1, in_place: bool = True, alignment: int = 64
) -> list[Buffer]:
    """Return the buffers of a network's inputs and activations, in the order they are written.

    Args:
        model: an ONNX model or its file; the weights need not be at hand.
        batch: photos at a time: what stands for every dimension that the file leaves open.
        in_place: whether an element-wise layer may write over an input that nobody needs any more.
            Reshaped tensors share their memory in any case; without ``in_place`` nothing else does.
        alignment: bytes; sizes are rounded up to a multiple of it.

    Raises:
        ValueError: a shape that cannot be inferred, or layers within layers (If, Loop, Scan).
    """
    if batch < 1 or alignment < 1:
        raise ValueError(f"batch and alignment must be >= 1, got {batch} and {alignment}")
    graph = _inferred(model, batch).graph
    constant = {tensor.name for tensor in graph.initializer} | {""}
    given = [value.name for value in graph.input if value.name not in constant]
    sizes = {
        value.name: _size(value)
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.name not in constant
    }
    root = {name: name for name in given}  # of a view: the tensor whose memory it shows
    first, last, members = dict.fromkeys(given, 0), dict.fromkeys(given, 0), {}
    for step, node in enumerate(graph.node):
        if any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute):
            raise ValueError(f"{node.op_type} holds layers of its own, which cannot be planned")
        if node.op_type == "Constant":
            constant |= set(node.output)
            continue
        read = [name for name in node.input if name not in constant]
        for name in (name for name in node.output if name):
            if name not in sizes:
                raise ValueError(f"the shape of {name!r} ({node.op_type}) cannot be inferred")
            root[name] = root[node.input[0]] if node.op_type in VIEWS and read else name
            first.setdefault(root[name], step)
            last[root[name]] = step
        for name in read:
            last[root[name]] = step
    for value in graph.output:
        if value.name not in constant:
            last[root[value.name]] = len(graph.node) - 1
    home = {name: name for name in given}  # of a root: the first tensor that lay in its memory
    for step, node in enumerate(graph.node):
        for name in (name for name in node.output if root.get(name) == name):
            home[name] = name
            if in_place and node.op_type in ELEMENTWISE:
                for other in (home[root[read]] for read in node.input if read in root):
                    # the caller's photo is not ours to write over
                    if last[other] == step and sizes[other] == sizes[name] and other not in given:
                        home[name] = other
                        last[other] = max(last[other], last[name])
                        break
    for name, under in root.items():
        members.setdefault(home[under], []).append(name)
    return [
        Buffer(-(-sizes[name] // alignment) * alignment, first[name], last[name], tuple(names))
        for name, names in members.items()
    ]


def weight_bytes(model: onnx.ModelProto | str | Path) -> dict[str, int]:
    """Return the bytes of each weight of a network, by name, whether inside its file or beside."""
    return {
        tensor.name: int(np.prod(tensor.dims, dtype=np.int64)) * _width(tensor.data_type)
        for tensor in _loaded(model).graph.initializer
    }


def _alive(needed: Sequence[Buffer], step: int) -> int:
    return sum(buffer.bytes for buffer in needed if buffer.first <= step <= buffer.last)


def _smallest_gap(taken: list[tuple[int, int]], size: int) -> int:
    """Return where the smallest gap begins that ``size`` fits, given sorted pieces in use."""
    best, room, end = None, None, 0
    for start, stop in taken:
        if start - end >= size and (room is None or start - end < room):
            best, room = end, start - end
        end = max(end, stop)
    return end if best is None else best


def _loaded(model: onnx.ModelProto | str | Path) -> onnx.ModelProto:
    if isinstance(model, onnx.ModelProto):
        return model
    return onnx.load(model, load_external_data=False)


def _inferred(model: onnx.ModelProto | str | Path, batch: int) -> onnx.ModelProto:
    """Return a copy with every shape known: open dimensions become ``batch``."""
    model, given = onnx.ModelProto(), _loaded(model)
    model.CopyFrom(given)
    for value in model.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if not dim.HasField("dim_value"):
                dim.dim_value = batch
    del model.graph.value_info[:]
    for value in model.graph.output:  # to be inferred anew, too
        value.type.tensor_type.ClearField("shape")
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def _size(value: onnx.ValueInfoProto) -> int:
    """Return a tensor's bytes."""
    tensor, count = value.type.tensor_type, 1
    if not tensor.HasField("shape"):
        raise ValueError(f"the shape of {value.name!r} cannot be inferred")
    for dim in tensor.shape.dim:
        if not dim.HasField("dim_value"):
            raise ValueError(f"the shape of {value.name!r} cannot be inferred")
        count *= dim.dim_value
    return count * _width(tensor.elem_type)


def _width(data_type: int) -> int:
    """Return the bytes of one entry."""
    return onnx.helper.tensor_dtype_to_np_dtype(data_type).itemsize
