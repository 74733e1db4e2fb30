"""The browser test's own test: a tiny notebook with a picture, a panel and a quiz."""

import pytest
from lab_page import LabPage

from mvs_lib.course.build import build

SAMPLE = """
# %% [markdown]
# # A sample

# %%
import numpy as np
from mvs_lib.course.figure import show_images
show_images(np.zeros((1, 8, 8, 3), np.uint8), alt="One black square, quite small.")

# %%
import ipywidgets as widgets
bits = widgets.IntSlider(8, 8, 64, 8, description="bits")
answer = widgets.HTML("8 bits: 1 byte")
bits.add_class("mvs-bits")
answer.add_class("mvs-answer")
def update(change):
    answer.value = f"{bits.value} bits: {bits.value // 8} bytes"
bits.observe(update, names="value")
widgets.VBox([bits, answer])

# %%
from mvs_lib.course.quiz import quiz
quiz("00")
"""


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "course"
    (made / "source").mkdir(parents=True)
    (made / "source" / "00_sample.py").write_text(SAMPLE)
    build(progress=False, folder=made)
    return made


def test_a_panel_and_a_quiz_answer_to_the_keyboard(lab, folder):
    server = lab(folder)
    page = server.open_notebook("00_sample.ipynb")
    # Before anything is run, a reader sees the stored figure with its alt text.
    stored = page.page.locator(".jp-OutputArea-output figure img")
    assert stored.get_attribute("alt") == "One black square, quite small."
    assert page.complaints() == []

    page.run_all()
    assert page.text(".mvs-answer") == "8 bits: 1 byte"
    page.press(".mvs-bits", "ArrowRight")
    assert page.wait_for_other_text(".mvs-answer", "8 bits: 1 byte") == "16 bits: 2 bytes"

    page.press(".mvs-quiz-00-1", "Enter")
    status = ".mvs-quiz [role=status]"
    wrong = page.wait_for_other_text(status, "")
    assert wrong.startswith("Not quite.")
    page.press(".mvs-quiz-00-1", "Tab", "Enter")
    assert page.wait_for_other_text(status, wrong).startswith("Right.")


def test_what_is_wrong_with_a_page_is_noticed(chromium):
    page = LabPage(chromium.new_page(), "http://127.0.0.1:1")
    page.page.set_content(
        '<div class="jp-NotebookPanel"><div class="jp-OutputArea-output"><img src="x"></div>'
        '<div class="widget-slider"><label class="widget-label"></label></div></div>'
    )
    page.page.evaluate("console.error('so loud')")
    page.page.evaluate("fetch('http://192.0.2.1/').catch(() => 0); 0")
    page.page.wait_for_timeout(200)
    said = "\n".join(page.complaints())
    page.page.close()
    for each in ("so loud", "asked http://192.0.2.1/", "picture without alt", "slider without"):
        assert each in said
