import json

import nbformat
import pytest

from mvs_lib.course import notebook as notebooks
from mvs_lib.course.build import BuildError, build, drift


def test_a_built_notebook_is_executed_canonical_and_the_same_every_time(course):
    written = build(progress=False, folder=course.folder)
    assert [p.relative_to(course.folder).as_posix() for p in written] == [
        "00_sample.ipynb",
        "solutions/00_sample.ipynb",
    ]
    first = [file.read_text() for file in written]
    student, solutions = (nbformat.reads(content, as_version=4) for content in first)
    for notebook, content in zip((student, solutions), first, strict=True):
        assert notebooks.text(notebooks.canonical(notebook)) == content
        counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1))
    printed = [json.dumps(cell.get("outputs", [])) for cell in student.cells]
    assert "one\\ntwo\\n" in printed[1]
    assert "0.1 not done yet" in printed[4]
    assert "IntSlider(value=8, description='bits')" in printed[5]
    assert "on purpose" in printed[6]
    assert "0.1 correct" in json.dumps([c.get("outputs") for c in solutions.cells])
    assert drift(folder=course.folder) == []

    build(["00"], progress=False, folder=course.folder)
    assert [file.read_text() for file in written] == first


def test_a_failing_cell_stops_the_build_and_leaves_what_was_there(course):
    course.write("01_fails", "# %%\nx = 1\n\n# %%\nprint(x / 0)\n")
    old = course.folder / "01_fails.ipynb"
    old.write_text("as it was")
    with pytest.raises(BuildError, match=r"01_fails \(student\), cell 1:\s+print\(x / 0\)\s+Zero"):
        build(["01"], progress=False, folder=course.folder)
    assert old.read_text() == "as it was"
    assert not list(course.folder.glob("*.part"))


def test_drift_is_noticed_without_executing(course):
    assert drift(folder=course.folder) == [
        f"{name} is missing: python -m mvs_lib build 00_sample"
        for name in ("00_sample.ipynb", "solutions/00_sample.ipynb")
    ]
    for version in notebooks.VERSIONS:
        target = notebooks.path("00_sample", version, course.folder)
        target.parent.mkdir(exist_ok=True)
        made = notebooks.make("00_sample", version, course.folder)
        target.write_text(notebooks.text(made))
    assert drift(folder=course.folder) == []

    source = course.folder / "source/00_sample.py"
    whole = source.read_text()
    source.write_text(whole.replace("differing.sum(-1)", "differing.sum(axis=-1)"))
    (complaint,) = drift(folder=course.folder)  # a student never sees that line
    assert "solutions/00_sample.ipynb differs from its source in cell 3 (source)" in complaint
    source.write_text(whole.replace('["panel"]', '["panels"]'))
    assert all("(metadata)" in complaint for complaint in drift(folder=course.folder))
    source.write_text(whole + "\n# %%\nx = 1\n")
    assert all("number of cells" in complaint for complaint in drift(folder=course.folder))
    source.write_text(whole)
    (course.folder / "09_left_over.ipynb").write_text("{}")
    assert drift(folder=course.folder) == ["09_left_over.ipynb has no source"]
