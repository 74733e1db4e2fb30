"""Every notebook of the course: built from its source, whole, and giving what is stored.

Each notebook is run here once, by strict nbval in a process of its own.
"""

import os

import pytest

from mvs_lib.course import build, notebook, verify
from mvs_lib.datasets import campus
from mvs_lib.features import cached

ALL = [(name, version) for name in notebook.select() for version in notebook.VERSIONS]
each_notebook = pytest.mark.parametrize(
    ("name", "version"), ALL, ids=[f"{name}-{version}" for name, version in ALL]
)


@pytest.fixture(scope="module")
def drawn():
    """Draw and describe the campus once, so that no cell's time limit has to hold for it."""
    split = campus.load(progress=False)
    for part in (split.source, split.query):
        cached.describe(part.images)


def test_ci_has_the_locked_environment():
    fit, line = verify.environment()
    assert fit, line
    print(line)


def test_every_notebook_is_what_its_source_gives():
    assert build.drift() == []


@each_notebook
def test_a_notebook_has_all_it_needs(name, version):
    assert verify.examine(name, version) == []


@each_notebook
def test_a_notebook_gives_what_is_stored(name, version, drawn, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    run = verify.strict(notebook.path(name, version))
    assert run.failed == 0, run.report
    assert run.passed > 0
