"""The course in the real JupyterLab: notebooks run whole, and their panels answer to the keyboard.

When a test ends, the fixture ``lab`` also holds that no page had an error in its console, asked
another host, or shows a picture without alt text or a slider without a label.
"""

import re

import nbformat
import pytest
from lab_page import IDLE

from mvs_lib.course import notebook

PATIENCE = 600_000  # milliseconds: a whole notebook on a busy machine
CASE_STUDY = "10_location_recognition"
# What a panel says and shows, without its controls: a slider's own number is no answer.
ANSWER = ".widget-html-content"
# JupyterLab keeps ArrowDown for itself unless a list is open, and the space bar opens it.
SLIDER = (("ArrowRight",), ("ArrowLeft",))
LIST = (("Space", "ArrowDown", "Enter"), ("Space", "ArrowUp", "Enter"))
ERRORS = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells
    .filter(c => c.cell_type === 'code')
    .filter(c => !(c.getMetadata('tags') || []).includes('raises-exception'))
    .flatMap(c => c.outputs.filter(o => o.output_type === 'error'))
    .map(o => `${o.ename}: ${o.evalue}`)"""


def panels(name):
    """Return the numbers of the code cells of a built notebook that are panels."""
    path = notebook.path(name, "student")
    if not path.exists():
        return []
    cells = nbformat.read(path, as_version=4).cells
    return [i for i, cell in enumerate(cells) if "panel" in cell.metadata.get("tags", [])]


WITH_PANELS = [name for name in notebook.select() if panels(name)]


def opened(lab, name):
    """Open the student's version and run it whole; nothing may end in an error."""
    page = lab(notebook.FOLDER).open_notebook(f"{name}.ipynb")
    page.page.set_default_timeout(PATIENCE)
    page.command("notebook:run-all-cells")
    # A cell that fails ends the run, and the cells after it wait for ever.
    page.page.wait_for_function(f"() => ({ERRORS})().length > 0 || ({IDLE})()")
    assert page.page.evaluate(ERRORS) == []
    return page


def shown(cell):
    """Return what the panel in a cell says and shows."""
    return "\n".join(cell.locator(ANSWER).evaluate_all("all => all.map(each => each.innerHTML)"))


def move(page, cell, control, ways):
    """Move a control by keyboard, one way or the other, until the panel shows something else."""
    before = shown(cell)
    for keys in ways:  # at its end, a control moves the other way only
        control.scroll_into_view_if_needed()
        control.focus()
        for key in keys:
            page.keyboard.press(key)
        for _ in range(100):
            page.wait_for_timeout(100)
            if shown(cell) != before:
                return True
    return False


def test_the_case_study_has_a_panel():
    assert CASE_STUDY in WITH_PANELS


@pytest.mark.parametrize("name", WITH_PANELS)
def test_every_control_of_a_panel_answers_to_the_keyboard(lab, name):
    page = opened(lab, name)
    for number in panels(name):
        page.page.evaluate(
            "i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i)", number
        )
        cell = page.page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{number}']")
        cell.locator(".widget-html-content").first.wait_for()
        sliders, lists = cell.locator(".noUi-handle"), cell.locator("select")
        controls = [(each, SLIDER) for each in sliders.all()]
        controls += [(each, LIST) for each in lists.all()]
        assert controls, f"{name}: the panel in cell {number} has no slider and no list"
        for control, ways in controls:
            label = control.evaluate(
                "e => e.closest('.widget-inline-hbox').querySelector('.widget-label').innerText"
            )
            assert move(page.page, cell, control, ways), f"{name}: {label!r} changes nothing"


def test_the_place_recogniser_says_by_keyboard_what_the_notebook_printed(lab):
    cells = nbformat.read(notebook.path(CASE_STUDY, "student"), as_version=4).cells
    after = next(c for c in cells[panels(CASE_STUDY)[0] + 1 :] if c.cell_type == "code")
    printed = after.outputs[0].text.splitlines()  # from strength 0 to 1, each with its verdict
    page, answer = opened(lab, CASE_STUDY), ".mvs-answer"
    spoilt = page.text(answer)
    assert spoilt == printed[-1]
    page.press(".mvs-strength", "Home")
    clear = page.wait_for_other_text(answer, spoilt)
    assert clear == printed[0]
    assert clear.endswith("Right.") and "Wrong, the photo shows" in spoilt
    page.press(".mvs-strength", "End")
    assert page.wait_for_other_text(answer, clear) == spoilt
    page.press(".mvs-photo", "ArrowRight")
    following = int(re.match(r"Photo (\d+),", spoilt)[1]) + 1
    assert page.wait_for_other_text(answer, spoilt).startswith(f"Photo {following}, ")


def test_the_map_of_the_course_leads_to_notebooks_that_exist():
    cells = nbformat.read(notebook.path("00_start_here", "student"), as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    links = set(re.findall(r"\]\(([^)]+\.ipynb)\)", prose))
    assert links
    assert [link for link in sorted(links) if not (notebook.FOLDER / link).exists()] == []
