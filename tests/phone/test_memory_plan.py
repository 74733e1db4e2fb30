"""A plan never lets two living tensors overlap, and the network computes the same inside it."""

import itertools

import numpy as np
import onnx
import onnx.reference
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from mvs_lib.phone.memory_plan import Buffer, buffers, lower_bound, naive_bytes, plan, weight_bytes
from mvs_lib.phone.streamed_table import plan_rows


def lives(most, size, steps=8):
    life = st.tuples(st.integers(0, steps), st.integers(0, steps)).map(sorted)
    made = st.builds(lambda size, life: Buffer(size, *life), st.integers(0, size), life)
    return st.lists(made, max_size=most)


def overlap(needed, offsets):
    """Return whether two buffers share a byte at one time, looked up byte by byte, step by step."""
    taken = set()
    for buffer, at in zip(needed, offsets, strict=True):
        for step in range(buffer.first, buffer.last + 1):
            cells = {(step, at + byte) for byte in range(buffer.bytes)}
            if taken & cells:
                return True
            taken |= cells
    return False


@given(lives(most=12, size=9))
def test_no_two_living_buffers_overlap_and_the_size_is_between_the_bounds(needed):
    found = plan(needed)
    assert len(found.offsets) == len(needed) and not overlap(needed, found.offsets)
    assert lower_bound(needed) <= found.bytes <= naive_bytes(needed)
    ends = [at + buffer.bytes for at, buffer in zip(found.offsets, needed, strict=True)]
    assert found.bytes == max(ends, default=0) and min(found.offsets, default=0) >= 0


@given(lives(most=12, size=9))
def test_the_lower_bound_is_the_fullest_step(needed):
    steps = range(10)
    alive = [sum(b.bytes for b in needed if b.first <= step <= b.last) for step in steps]
    assert lower_bound(needed) == max(alive)


def smallest(needed):
    """Return the size of the best of all plans, trying every offset of every buffer."""
    total = naive_bytes(needed)
    for size in range(lower_bound(needed), total + 1):
        choices = [range(size - buffer.bytes + 1) for buffer in needed]
        if any(not overlap(needed, offsets) for offsets in itertools.product(*choices)):
            return size
    return total


@given(lives(most=4, size=3, steps=4))
def test_against_every_plan_there_is(needed):
    assert lower_bound(needed) <= smallest(needed) <= plan(needed).bytes


def test_greedy_may_miss_the_best_plan():
    random, missed = np.random.default_rng(0), 0
    for _ in range(300):
        needed = [
            Buffer(int(size), *sorted(map(int, random.integers(0, 5, 2))))
            for size in random.integers(1, 4, 5)
        ]
        found = plan(needed).bytes
        missed += found > lower_bound(needed) and found > smallest(needed)
    assert 0 < missed < 30


@given(st.lists(st.integers(1, 50), min_size=1, max_size=15))
def test_a_chain_of_layers_needs_its_two_largest_neighbours(sizes):
    """Each tensor is read by the next layer alone: the classical ping-pong of two buffers."""
    chain = [Buffer(size, step, step + 1) for step, size in enumerate(sizes)]
    pairs = [a + b for a, b in itertools.pairwise(sizes)]
    assert lower_bound(chain) == max(pairs, default=sizes[0])


def test_lives_that_never_meet_share_one_place():
    assert plan([Buffer(5, step, step) for step in range(10)]).bytes == 5
    assert plan([Buffer(5, 0, 9) for _ in range(10)]).bytes == 50


def test_no_buffers():
    assert naive_bytes([]) == lower_bound([]) == plan([]).bytes == 0


@pytest.mark.parametrize("wrong", [Buffer(-1, 0, 1), Buffer(1, 2, 1)])
def test_what_is_no_buffer_is_refused(wrong):
    with pytest.raises(ValueError, match="is no buffer"):
        plan([Buffer(1, 0, 0), wrong])


# Networks


def network(nodes, inputs, outputs, weights=()):
    """Return a model; inputs and outputs map names to shapes of float32."""
    values = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in each.items()]
        for each in (inputs, outputs)
    ]
    weights = [numpy_helper.from_array(array, name) for name, array in dict(weights).items()]
    graph = helper.make_graph([helper.make_node(*node) for node in nodes], "g", *values, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def run_in_plan(model, needed, found, feeds):
    """Run layer by layer with every tensor in one block of memory, at its planned place."""
    block = np.random.default_rng(1).integers(0, 256, found.bytes).astype(np.uint8)
    place = {
        name: at for buffer, at in zip(needed, found.offsets, strict=True) for name in buffer.names
    }
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kinds = {}

    def store(name, array):
        kinds[name] = array.dtype, array.shape
        content = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
        assert place[name] + len(content) <= found.bytes
        block[place[name] : place[name] + len(content)] = content

    def load(name):
        if name in values:
            return values[name]
        dtype, shape = kinds[name]
        count = int(np.prod(shape, dtype=int)) * dtype.itemsize
        return block[place[name] : place[name] + count].copy().view(dtype).reshape(shape)

    for name, array in feeds.items():
        store(name, array)
    for node in model.graph.node:
        read = {name: load(name) for name in node.input if name}
        ins = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
               for n, a in read.items()]  # fmt: skip
        outs = [onnx.ValueInfoProto(name=name) for name in node.output]
        one = helper.make_model(
            helper.make_graph([node], "one", ins, outs), opset_imports=model.opset_import
        )
        answers = onnx.reference.ReferenceEvaluator(one).run(None, read)
        for name, answer in zip(node.output, answers, strict=True):
            store(name, np.asarray(answer))
    return [load(value.name) for value in model.graph.output]


@pytest.mark.parametrize("in_place", [True, False])
def test_the_exported_encoder_computes_the_same_inside_its_plan(encoder_file, in_place):
    """Memory full of rubbish at first: whoever writes too early or reads too late is seen."""
    model, photo = (
        onnx.load(encoder_file),
        np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)),
    )
    feeds = {"photo": photo.astype(np.uint8)}
    needed = buffers(model, batch=2, in_place=in_place)
    found = plan(needed)
    expected = onnx.reference.ReferenceEvaluator(model).run(None, feeds)
    for got, wanted in zip(run_in_plan(model, needed, found, feeds), expected, strict=True):
        assert np.array_equal(got, wanted)
    assert lower_bound(needed) <= found.bytes < 0.7 * naive_bytes(needed)


def test_a_branch_that_waits_keeps_its_memory():
    """x -> a -> b -> c, and a again at the end: a lives through it all and is not written over."""
    model = network(
        [("Relu", ["x"], ["a"]), ("Neg", ["a"], ["b"]), ("Relu", ["b"], ["c"]),
         ("Add", ["a", "c"], ["y"])],
        {"x": (2, 3)}, {"y": (2, 3)},
    )  # fmt: skip
    needed = buffers(model, alignment=1)
    assert [(b.names, b.first, b.last) for b in needed] == [
        (("x",), 0, 0), (("a", "y"), 0, 3), (("b", "c"), 1, 3)
    ]  # fmt: skip
    assert lower_bound(needed) == plan(needed).bytes == 48
    assert naive_bytes(buffers(model, in_place=False, alignment=1)) == 5 * 24
    x = np.float32([[1, -2, 3], [-4, 5, -6]])
    (y,) = run_in_plan(model, needed, plan(needed), {"x": x})
    assert np.array_equal(y, np.maximum(x, 0) + np.maximum(-np.maximum(x, 0), 0))


def test_a_larger_sum_is_not_written_over_one_of_its_parts():
    """(4, 1) + (1, 4) is (4, 4): rounded up to 64 bytes all are alike, and yet they are not."""
    model = network(
        [("Neg", ["x"], ["a"]), ("Neg", ["z"], ["b"]), ("Add", ["a", "b"], ["y"])],
        {"x": (4, 1), "z": (1, 4)}, {"y": (4, 4)},
    )  # fmt: skip
    needed = buffers(model)
    assert [b.names for b in needed] == [("x",), ("z",), ("a",), ("b",), ("y",)]
    feeds = {"x": np.float32([[1], [2], [3], [4]]), "z": np.float32([[10, 20, 30, 40]])}
    (y,) = run_in_plan(model, needed, plan(needed), feeds)
    assert np.array_equal(y, -feeds["x"] - feeds["z"])


def test_views_share_memory_and_outlive_what_they_show():
    model = network(
        [("Neg", ["x"], ["a"]), ("Reshape", ["a", "shape"], ["v"]), ("Neg", ["x"], ["b"]),
         ("Add", ["b", "x"], ["c"]), ("MatMul", ["c", "v"], ["y"])],
        {"x": (2, 3)}, {"y": (2, 2)}, {"shape": np.int64([3, 2])},
    )  # fmt: skip
    needed = {b.names: b for b in buffers(model, in_place=False, alignment=1)}
    assert (needed["a", "v"].first, needed["a", "v"].last) == (0, 4)
    assert needed[("x",)].last == 3 and needed[("y",)].bytes == 16


def test_the_callers_photo_is_not_written_over():
    model = network([("Relu", ["x"], ["y"])], {"x": (2, 3)}, {"y": (2, 3)})
    assert [b.names for b in buffers(model)] == [("x",), ("y",)]


def test_sizes_grow_with_the_batch_and_are_aligned(encoder_file):
    one, many = (lower_bound(buffers(encoder_file, batch=n, alignment=1)) for n in (1, 8))
    assert many == 8 * one
    for buffer, at in zip(needed := buffers(encoder_file), plan(needed).offsets, strict=True):
        assert buffer.bytes % 64 == at % 64 == 0


def test_weights_are_counted_apart(exported):
    trained, path = exported(13)
    found = weight_bytes(path)
    parameters = sum(4 * p.numel() for p in trained.parameters())
    assert 0.9 * parameters < sum(found.values()) < parameters + 10_000
    names = {name for buffer in buffers(path) for name in buffer.names}
    assert not names & set(found)


def test_the_table_tells_what_freeing_and_reusing_memory_bring(encoder_file):
    kept, reused = plan_rows(encoder_file)
    assert (kept["in_place"], reused["in_place"]) == (False, True)
    for row in (kept, reused):
        assert row["lower_bound_bytes"] <= row["plan_bytes"] < row["naive_bytes"]
    assert reused["naive_bytes"] < kept["naive_bytes"]
    assert (
        kept["weight_bytes"] == reused["weight_bytes"] == sum(weight_bytes(encoder_file).values())
    )


def test_what_cannot_be_planned_is_refused(encoder_file):
    for options in ({"batch": 0}, {"alignment": 0}):
        with pytest.raises(ValueError, match="must be >= 1"):
            buffers(encoder_file, **options)
    model = network([("NonZero", ["x"], ["y"])], {"x": (2, 3)}, {})
    model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.INT64, None))
    with pytest.raises(ValueError, match="the shape of 'y' cannot be inferred"):
        buffers(model)
    inner = helper.make_graph([], "inner", [], [])
    model = network([("Relu", ["x"], ["y"])], {"x": (2, 3)}, {"y": (2, 3)})
    model.graph.node[0].attribute.append(helper.make_attribute("then_branch", inner))
    with pytest.raises(ValueError, match="holds layers of its own"):
        buffers(model)
