"""A headless Chromium, and a JupyterLab for it to open: see ``lab_page``."""

import os

import pytest
from lab_page import CHROMIUM, FLAGS, Lab, without_chromium

collect_ignore = ["conftest.py"]  # doctest would import it as another folder's conftest


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """Start a headless Chromium with a profile of its own."""
    reason = without_chromium()
    if reason and os.environ.get("CI", "").lower() in ("", "0", "false"):
        pytest.skip(reason)
    assert reason is None, reason
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            viewport={"width": 1280, "height": 900},
        )
        yield context
        context.close()


@pytest.fixture
def lab(chromium, tmp_path):
    """Return a function that serves a copy of a folder; the pages are judged when the test ends."""
    started = []

    def start(folder):
        scratch = tmp_path / f"lab{len(started)}"
        scratch.mkdir()
        started.append(Lab(chromium, folder, scratch))
        return started[-1]

    yield start
    try:
        found = [each for server in started for each in server.complaints()]
    finally:
        for server in started:
            server.stop()
    assert found == []
