"""The guide's example passes; and whatever is done to it is noticed."""

import nbformat
import pytest

from mvs_lib.course import gates, strict, verify
from mvs_lib.course import notebook as notebooks
from mvs_lib.course.build import build, execute


@pytest.fixture
def student(example):
    """Return the example's student version as built, and its file."""
    made = notebooks.make("00_sample", "student", example.folder)
    file = notebooks.path("00_sample", "student", example.folder)
    executed = execute(made, example.folder, "sample")
    file.write_text(notebooks.text(executed), encoding="utf-8")
    return executed, file


def test_the_guides_example_is_built_and_holds(example, capsys):
    build(progress=False, folder=example.folder)
    assert verify.main([], folder=example.folder) == 0, capsys.readouterr().out
    printed = capsys.readouterr().out
    assert "00_sample                    student     11 cells compared  0 ignored" in printed
    assert "1 notebooks, two versions each: all hold." in printed
    assert all(word in printed for word in ("student", "solutions", "words a line"))

    file = notebooks.path("00_sample", "solutions", example.folder)
    file.write_text(file.read_text().replace("0.1 correct", "0.1 perfect"))
    assert verify.main(["00"], folder=example.folder) == 1
    assert "cells differ" in capsys.readouterr().out


def test_strict_comparison_sees_a_pixel_on_the_lock_and_the_data_elsewhere(student, monkeypatch):
    notebook, file = student
    pixels = notebooks.text(notebook).replace("iVBORw0KGgo", "iVBORw0KGgp", 1)
    data = notebooks.text(notebook).replace("bars 0 ", "bars 1 ", 1)
    assert notebooks.text(notebook) not in (pixels, data)
    file.write_text(pixels)
    on_lock = not (strict.deviations() or strict.rounding())
    assert verify.strict(file).failed == (1 if on_lock else 0)
    file.write_text(data)
    assert verify.strict(file).failed == 1


def test_a_cleared_notebook_passes_nbval_but_not_the_gates(student, example):
    notebook, file = student
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    file.write_text(notebooks.text(notebook))
    found = verify.examine("00_sample", "student", example.folder)
    assert any("not executed" in complaint for complaint in found)
    assert "no output is compared" in found


def complaints(text, name="00_sample", allowed=()):
    notebook = nbformat.reads(text, as_version=4)
    return [
        *gates.vacuity(notebook, name, list(allowed)),
        *gates.pictures(notebook),
        *gates.skeleton(notebook, name, list(allowed)),
    ]


ONE = {"notebook": "00_sample", "gate": "exercises", "reason": "one exercise is enough"}


def test_each_gate_notices_what_is_missing(student):
    whole = notebooks.text(student[0])
    assert complaints(whole, allowed=[ONE]) == []
    assert complaints(whole) == ["1 exercises, 2 or more are wanted"]
    for old, new, said in (
        ("# Two codes", "Two codes", "title"),
        ("| Minutes", "| Hours", "minutes"),
        ("## The end result first", "## First", "end result"),
        ('"panel"', '"other"', "panel"),
        ("**Predict**", "Guess", "Predict"),
        ("print(panel.summary())", "print(1)", "summary"),
        ('quiz(\\"00\\")', 'quiz(\\"01\\")', "no quiz"),
        ("- Random codes", "Random codes", "4 bullets"),
        ("## On a real phone", "## Elsewhere", "real phone"),
        ("## Next", "## Then", "Next"),
        ('check(\\"0.1\\"', 'check(\\"1.7\\"', "another notebook"),
        ('check(\\"0.1\\"', 'check(\\"0.7\\"', "no exercise 0.7"),
        ('<img alt=\\"The first code has', '<img alt=\\"\\" title=\\"', "alt text"),
        ("axes.bar(", "# NBVAL_IGNORE_OUTPUT\\naxes.bar(", "nbval-ignore-output"),
        ("axes.bar(", "x = 1\\n" * 15 + "axes.bar(", "lines of code"),
    ):
        assert old in whole, old
        found = complaints(whole.replace(old, new), allowed=[ONE])
        assert any(said in complaint for complaint in found), (old, found)


def test_pictures_and_stderr_of_other_origin_are_noticed():
    cell = nbformat.v4.new_code_cell("plt.show()", execution_count=1)
    cell.outputs = [
        nbformat.v4.new_output("display_data", {"image/png": "iVBO", "text/plain": "<Figure>"}),
        nbformat.v4.new_output("stream", name="stderr", text="a warning\n"),
    ]
    text = nbformat.v4.new_markdown_cell('![](a.png) <img src="b.png"> ![fine](c.png)')
    notebook = nbformat.v4.new_notebook(cells=[cell, text])
    assert gates.pictures(notebook) == [
        "cell 0: a picture without alt text; use figure.show(fig, alt)",
        "cell 1: an <img> without alt text",
        "cell 1: a Markdown picture without alt text",
    ]
    assert gates.vacuity(notebook, "00_sample", []) == ["cell 0: stderr: a warning"]


@pytest.mark.parametrize("tag", gates.MARKERS)
def test_a_marker_needs_its_reason(tag):
    cell = nbformat.v4.new_code_cell("print(1)", execution_count=1, metadata={"tags": [tag]})
    cell.outputs = [nbformat.v4.new_output("stream", text="1\n")]
    other = nbformat.v4.new_code_cell("print(2)", execution_count=2)
    other.outputs = [nbformat.v4.new_output("stream", text="2\n")]
    notebook = nbformat.v4.new_notebook(cells=[cell, other])
    assert gates.vacuity(notebook, "n", []) == [f"cell 0: {tag} is not in exceptions.toml"]
    entry = {"notebook": "n", "gate": tag, "cell": "print(1)", "reason": "because it must be"}
    assert gates.vacuity(notebook, "n", [entry]) == []
    assert gates.count(notebook).ignored == (tag in gates.UNCOMPARED)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"gate": "panel"}, "reason"),
        ({"gate": "panel", "reason": "just so"}, "reason"),
        ({"gate": "pannel", "reason": "one two three"}, "none of"),
        ({"gate": "nbval-skip", "reason": "one two three"}, "name its cell"),
    ],
)
def test_an_exception_without_its_fields_is_refused(course, fields, said):
    lines = [
        "[[exception]]",
        'notebook = "00_sample"',
        *(f'{k} = "{v}"' for k, v in fields.items()),
    ]
    (course.folder / "source" / "exceptions.toml").write_text("\n".join(lines))
    with pytest.raises(ValueError, match=said):
        gates.exceptions(course.folder)


def test_another_environment_is_named_and_an_error_on_ci(tmp_path, monkeypatch):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("matplotlib==1.0\nnumpy==1.0\n")
    found = strict.deviations(requirements)
    assert any("(locked: 1.0)" in each for each in found)
    assert any("pillow" in each and "not at all" in each for each in found)
    monkeypatch.setattr("mvs_lib.course.verify.deviations", lambda: found)
    monkeypatch.setenv("CI", "true")
    assert verify.environment()[0] is False
    monkeypatch.delenv("CI")
    fit, line = verify.environment()
    assert fit and "not their pixels" in line and "matplotlib" in line
    monkeypatch.setattr("mvs_lib.course.verify.deviations", lambda: [])
    monkeypatch.setattr("mvs_lib.course.verify.rounding", lambda: [])
    assert "byte by byte" in verify.environment()[1]


def test_another_processor_is_named_and_no_error_on_ci(monkeypatch):
    monkeypatch.setattr("mvs_lib.course.verify.deviations", lambda: [])
    monkeypatch.setattr("mvs_lib.course.verify.rounding", lambda: ["another processor"])
    monkeypatch.setenv("CI", "true")
    fit, line = verify.environment()
    assert fit and "not their pixels" in line and "another processor" in line


def test_the_plugin_changes_nbvals_collectors_only(monkeypatch):
    plain = type("Collector", (), {})()
    strict.pytest_collectstart(plain)
    assert vars(plain) == {}
    for found, rounding in (([], []), (["numpy 1.0"], []), ([], ["another processor"])):
        monkeypatch.setattr(strict, "deviations", lambda found=found: found)
        monkeypatch.setattr(strict, "rounding", lambda rounding=rounding: rounding)
        notebook = type("Collector", (), {})()
        notebook.skip_compare, notebook.sanitize_patterns = ("metadata", "image/png"), {}
        strict.pytest_collectstart(notebook)
        other = bool(found or rounding)
        assert ("image/png" in notebook.skip_compare) == other
        assert bool(notebook.sanitize_patterns) == other
