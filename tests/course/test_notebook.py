import ast
import copy

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvs_lib.course import notebook as notebooks


def code(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_the_student_gets_a_stub_with_the_same_signature_and_docstring(course):
    student = notebooks.make("00_sample", "student", course.folder)
    solutions = notebooks.make("00_sample", "solutions", course.folder)
    stub, complete = (ast.parse(code(version)[1]).body[0] for version in (student, solutions))
    assert ast.unparse(stub.args) == ast.unparse(complete.args)
    assert ast.get_docstring(stub) == ast.get_docstring(complete)
    assert ast.unparse(stub.body[1:]) == (
        "raise NotImplementedError('Exercise 0.1: count the bits in which two codes differ')"
    )
    assert "bitwise_count" in ast.unparse(complete)
    assert not any("SOLUTION" in cell for cell in code(student) + code(solutions))


def test_solution_cells_vanish_and_the_other_cells_keep_their_ids(course):
    student = notebooks.make("00_sample", "student", course.folder)
    solutions = notebooks.make("00_sample", "solutions", course.folder)
    assert len(solutions.cells) == len(student.cells) + 1
    ids = [cell.id for cell in solutions.cells if "solution" not in cell.metadata.get("tags", [])]
    assert ids == [cell.id for cell in student.cells]
    assert len(set(ids)) == len(ids)
    nbformat.validate(student)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "inside a function"),
        ("def f():\n    ### BEGIN SOLUTION\n    pass\n    ### END SOLUTION", "exercise named"),
        ("def f():\n    # Exercise 1.1\n    ### BEGIN SOLUTION\n    pass", "without ### END"),
        ("def f():\n    # Exercise 1.1\n    ### END SOLUTION", "without ### BEGIN"),
        ("# Exercise 1.1\nif 1:\n    ### BEGIN SOLUTION\n    ### BEGIN SOLUTION", "second"),
    ],
)
def test_a_broken_region_is_named_with_its_place(course, body, complaint):
    course.write("01_broken", f"# %%\nx = 0\n\n# %%\n{body}\n")
    with pytest.raises(ValueError, match=complaint) as raised:
        notebooks.make("01_broken", "student", course.folder)
    assert "01_broken, cell 1" in str(raised.value)


def test_names_may_be_shortened(course):
    course.write("01_other", "# %%\nx = 1\n")
    assert notebooks.select(None, course.folder) == ["00_sample", "01_other"]
    assert notebooks.select(["01"], course.folder) == ["01_other"]
    assert notebooks.select(["00_sample.ipynb"], course.folder) == ["00_sample"]
    with pytest.raises(ValueError, match="00_sample"):
        notebooks.select(["07"], course.folder)


streams = st.builds(
    lambda name, text: nbformat.v4.new_output("stream", name=name, text=text),
    st.sampled_from(["stdout", "stderr"]),
    st.text("ab\n", min_size=1, max_size=4),
)
results = st.builds(
    lambda count, model: nbformat.v4.new_output(
        "execute_result",
        {"text/plain": "IntSlider()", notebooks.WIDGET: {"model_id": model}},
        execution_count=count,
    ),
    st.integers(1, 99),
    st.uuids().map(str),
)


@given(st.lists(st.lists(st.one_of(streams, results), max_size=5), max_size=4), st.integers(1, 50))
def test_canonical_is_idempotent_counts_anew_and_loses_no_text(outputs, first):
    made = nbformat.v4.new_notebook(metadata={"widgets": {"x": 1}})
    for index, cell_outputs in enumerate(outputs):
        cell = nbformat.v4.new_code_cell("1", execution_count=first + 2 * index)
        cell.outputs, cell.metadata["execution"] = cell_outputs, {"iopub.status.busy": "now"}
        made.cells.append(cell)
    before = copy.deepcopy(made)
    once = notebooks.canonical(made)
    assert made == before
    assert notebooks.canonical(once) == once
    nbformat.validate(once)
    assert notebooks.text(once).endswith("}\n")
    assert not any(word in notebooks.text(once) for word in ("widget", "model_id", "iopub"))
    for number, (cell, old) in enumerate(zip(once.cells, outputs, strict=True), start=1):
        assert cell.execution_count == number
        assert {o.execution_count for o in cell.outputs if "execution_count" in o} <= {number}
        for name in ("stdout", "stderr"):
            said = [
                "".join(o.text for o in many if o.get("name") == name)
                for many in (cell.outputs, old)
            ]
            assert said[0] == said[1]
