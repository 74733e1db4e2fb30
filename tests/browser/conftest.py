"""A headless Chromium; a JupyterLab (``lab_page``) and a phone (``phone_tab``) for it to open."""

import os

import pytest
from lab_page import CHROMIUM, FLAGS, Lab, without_chromium
from phone_tab import CAMERA, PhoneTab, camera_flags, campus_recognizer

from mvs_lib.service import browser_runtime

collect_ignore = ["conftest.py"]  # doctest would import it as another folder's conftest


def skip_unless_ci(reason):
    """Skip for a reason, if there is one; where the course is verified, nothing may be missing."""
    if reason and os.environ.get("CI", "").lower() in ("", "0", "false"):
        pytest.skip(reason)
    assert reason is None, reason


@pytest.fixture(scope="session")
def browsers():
    """Start playwright, of which a thread can have one."""
    skip_unless_ci(without_chromium())
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(browsers, tmp_path_factory):
    """Start a headless Chromium with a profile of its own."""
    context = browsers.chromium.launch_persistent_context(
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


@pytest.fixture(scope="session")
def campus_server():
    """Return the campus's recogniser, its encoder file, and the campus's query photos."""
    reason = None
    try:
        browser_runtime.folder()
    except FileNotFoundError as error:
        reason = str(error)
    skip_unless_ci(reason)
    return campus_recognizer()


@pytest.fixture(scope="session")
def phone_browser(browsers, campus_server, tmp_path_factory):
    """Start a Chromium whose camera sees a query photo of the campus."""
    photo = campus_server.query.images[CAMERA]
    browser = browsers.chromium.launch(
        executable_path=CHROMIUM,
        headless=True,
        args=FLAGS + camera_flags(photo, tmp_path_factory.mktemp("camera")),
    )
    yield browser
    browser.close()


@pytest.fixture
def phone(phone_browser, campus_server):
    """Serve the phone page and hand out a phone that has opened it; it is judged at the end."""
    tab = PhoneTab(phone_browser, campus_server)
    try:
        yield tab
        assert tab.complaints() == []
    finally:
        tab.close()
