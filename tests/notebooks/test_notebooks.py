"""Every notebook of the course: built from its source, whole, and giving what is stored.

Each notebook is run here once, by strict nbval in a process of its own.
"""

import os

import pytest

from mvs_lib.course import build, notebook, verify

ALL = [(name, version) for name in notebook.select() for version in notebook.VERSIONS]
each_notebook = pytest.mark.parametrize(
    ("name", "version"), ALL, ids=[f"{name}-{version}" for name, version in ALL]
)


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
def test_a_notebook_gives_what_is_stored(name, version, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    run = verify.strict(notebook.path(name, version))
    assert run.failed == 0, run.report
    assert run.passed > 0
