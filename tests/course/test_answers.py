import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mvs_lib.course.answers import difference, short

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-9, 9),
        st.floats(allow_nan=True),
        st.text(max_size=3),
        hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(max_side=3), fill=st.nothing()),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(values, values)
def test_a_difference_is_one_line_and_equal_values_have_none(a, b):
    kinds = "biufc"
    if not isinstance(a, np.ndarray) or a.dtype.kind in kinds:
        wrong = difference(a, b)
        assert wrong is None or "\n" not in wrong
    assert "\n" not in short(a)


@given(hnp.arrays(st.sampled_from([bool, int, float, np.uint8]), hnp.array_shapes(max_side=4)))
def test_an_array_equals_itself_and_nothing_changed(array):
    assert difference(array, array.copy()) is None
    other = array.copy()
    other.flat[0] = not other.flat[0]
    if not (array.flat[0] != array.flat[0]):
        assert difference(array, other) is not None
    assert "shape" in difference(array[None], array)


@pytest.mark.parametrize(
    ("got", "expected", "said"),
    [
        (1.0, 1, "float, not integer"),
        (True, 1, "bool, not integer"),
        (np.int64(3), 3, None),
        (np.arange(2), np.arange(2, dtype=np.uint8), "dtype int64, not uint8"),
        (np.arange(2, dtype=np.int32), np.arange(2), None),
        ((1, 2), [1, 2], None),
        ([1, 3], [1, 2], "item 1: expected 2, got 3"),
        ([1], [1, 2], "1 items, not 2"),
        ({"map": 1}, {"map": 2}, "under 'map': expected 2, got 1"),
        ("a", "b", "expected 'b', got 'a'"),
    ],
)
def test_kinds_and_places(got, expected, said):
    wrong = difference(got, expected)
    assert wrong is None if said is None else said in wrong


def test_torch_tensors_compare_as_arrays():
    torch = pytest.importorskip("torch")
    assert difference(torch.tensor([1, 2]), np.array([1, 2])) is None
    assert difference(torch.tensor([1.0]), torch.tensor([1.5])) == "expected [1.5], got [1.]"
