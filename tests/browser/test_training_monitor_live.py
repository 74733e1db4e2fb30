"""A training in the real JupyterLab: started and paused by keyboard, and the kernel stays free."""

import pytest

from mvs_lib.course.build import build

SAMPLE = """
# %% [markdown]
# # A sample

# %%
import numpy as np
from mvs_lib.datasets.collection import Photos
from mvs_lib.deep.methods import DLBH, SSDH
from mvs_lib.deep.training import Settings, build_network
from mvs_lib.widgets.training_monitor import TrainingMonitor
labels = np.arange(60) % 3
noise = np.random.default_rng(0).integers(0, 80, (60, 32, 32, 3))
images = (noise + 80 * labels[:, None, None, None]).astype(np.uint8)
photos = Photos(images, labels, ("a", "b", "c"))
settings = Settings(epochs=2000, batch_size=20, augment=0)

def fresh(loss):
    return build_network(settings, bits=12, classes=3, width=4, features=16)

panel = TrainingMonitor({"DLBH": DLBH, "SSDH": SSDH}, fresh, photos, settings, photos, photos)
panel

# %%
print(panel.summary())
"""
ANSWER = ".mvs-answer [role=status]"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "course"
    (made / "source").mkdir(parents=True)
    (made / "source" / "00_sample.py").write_text(SAMPLE)
    build(progress=False, folder=made)
    return made


def wait_for(page, words):
    page.page.wait_for_function(
        "([where, words]) => document.querySelector(where)?.innerText.includes(words)",
        arg=[ANSWER, words],
    )


def steps(said):
    return int(said.split("Step ")[1].split(" of")[0])


def test_a_run_is_watched_paused_and_dropped_while_cells_run(lab, folder):
    page = lab(folder).open_notebook("00_sample.ipynb")
    page.run_all()
    before = page.text(ANSWER)
    assert before == "DLBH: not started."
    page.press(".mvs-training", "Space")
    wait_for(page, "Step ")
    first = page.text(ANSWER)
    second = page.wait_for_other_text(ANSWER, first)
    assert steps(second) > steps(first) and "DLBH: running" in second
    page.page.locator(".mvs-training-monitor img").wait_for(state="visible")

    page.run_all()  # the kernel is free: it runs cells while the training goes on
    page.press(".mvs-training", "Space")
    wait_for(page, "not started")


def test_a_pause_halts_and_the_same_key_goes_on(lab, folder):
    page = lab(folder).open_notebook("00_sample.ipynb")
    page.run_all()
    page.press(".mvs-training", "Space")
    wait_for(page, "Step ")
    page.press(".mvs-training", "Space")
    wait_for(page, "paused")
    paused = page.text(ANSWER)
    page.page.wait_for_timeout(1500)
    assert page.text(ANSWER) == paused
    page.press(".mvs-training", "Space")
    running = page.wait_for_other_text(ANSWER, paused)
    assert "running" in running
    later = page.wait_for_other_text(ANSWER, running)
    assert steps(later) > steps(paused)
    page.press(".mvs-loss", "S")  # JupyterLab keeps the arrow keys of a closed dropdown
    wait_for(page, "SSDH: not started.")
