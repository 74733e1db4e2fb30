"""A real JupyterLab and a real Chromium, as a student has them.

The fixture ``lab`` serves a copy of a folder of notebooks and hands out pages::

    def test_notebook_10(lab):
        page = lab(FOLDER).open_notebook("10_location_recognition.ipynb")
        page.run_all()
        before = page.text(".mvs-answer")
        page.press(".mvs-bits", "ArrowRight")
        page.wait_for_other_text(".mvs-answer", before)

When the test ends, the pages must have had no error, asked no other host, and shown no picture
without alt text and no slider without a label.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
PATIENCE = 60_000  # milliseconds: a slow two-core laptop that is busy with something else
CELLS = ".jp-NotebookPanel:not(.lm-mod-hidden)"
SEEN_TEXT = "one => { one.scrollIntoView({block: 'nearest'}); return one.innerText }"
# A run is over when the kernel is idle and no cell waits for its number.
IDLE = f"""() => {{
    const panel = document.querySelector('{CELLS}');
    const prompts = [...panel.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
    const model = window.jupyterapp.shell.currentWidget;
    return prompts.length && prompts.every(p => !p.textContent.includes('*'))
        && model.sessionContext.session?.kernel?.status === 'idle'
        && model.content.model.sharedModel.cells.every(
            c => c.cell_type !== 'code' || !c.source.trim() || c.execution_count !== null);
}}"""


def without_chromium() -> str | None:
    """Say why there can be no browser test here, or None."""
    if not Path(CHROMIUM).exists():
        return "chromium is missing: sudo apt install chromium"
    return None


class LabPage:
    """A notebook open in JupyterLab."""

    def __init__(self, page, address):
        self.page, self.address = page, address
        self.errors, self.hosts = [], set()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url))

    def open(self, name):
        """Open a notebook and wait until JupyterLab and the kernel are there."""
        self.page.goto(f"{self.address}/lab/tree/{name}?reset")
        self.page.wait_for_selector(f"{CELLS} .jp-Notebook", state="visible")
        self.page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
            "?.status === 'idle'"
        )
        return self

    def command(self, name):
        """Run one of JupyterLab's commands, such as ``notebook:run-all-cells``."""
        self.page.evaluate("name => { window.jupyterapp.commands.execute(name); }", name)

    def run_all(self):
        """Run all cells and wait until the kernel is idle."""
        self.command("notebook:run-all-cells")
        self.wait_idle()

    def wait_idle(self):
        """Wait until every code cell has its number and the kernel is idle."""
        self.page.wait_for_function(IDLE)

    def text(self, selector):
        """Return the text of the first element that fits, made visible first.

        In one step: a panel that is drawn anew all the time leaves no time for two.
        """
        return self.page.locator(f"{CELLS} {selector}").first.evaluate(SEEN_TEXT)

    def press(self, selector, *keys):
        """Focus the control at or within ``selector`` (slider, button, box) and press keys."""
        kinds = ":is(.noUi-handle, input, select, button, textarea)"
        place = f"{CELLS} {selector}"
        control = self.page.locator(f"{place}{kinds}, {place} {kinds}").first
        control.scroll_into_view_if_needed()
        control.focus()
        for key in keys:
            self.page.keyboard.press(key)

    def wait_for_other_text(self, selector, old):
        """Wait until the text is not ``old`` any more; return it."""
        found = self.page.wait_for_function(
            f"""([where, old]) => {{
                const one = document.querySelector(where), text = one && ({SEEN_TEXT})(one)
                return text !== null && text !== old && [text]
            }}""",
            arg=[f"{CELLS} {selector}", old],
        )
        return found.json_value()[0]

    def complaints(self):
        """Return what is wrong with the page: errors, other hosts, missing alt texts and labels."""
        other = [url for url in self.hosts if not url.startswith((self.address, "data:", "blob:"))]
        images = self.page.locator(f"{CELLS} .jp-OutputArea-output img").evaluate_all(
            "all => all.filter(i => !i.alt.trim() || !i.complete || !i.naturalWidth)"
            ".map(i => 'picture without alt text, or empty: ' + i.outerHTML.slice(0, 80))"
        )
        sliders = self.page.locator(f"{CELLS} .widget-slider").evaluate_all(
            "all => all.filter(s => !s.querySelector('.widget-label')?.textContent.trim())"
            ".map(s => 'slider without a label: ' + s.className)"
        )
        return [*self.errors, *(f"asked {url}" for url in other), *images, *sliders]


class Lab:
    """A running JupyterLab that serves a copy of a folder."""

    def __init__(self, browser, folder, scratch):
        self.browser, self.pages = browser, []
        root = scratch / "notebooks"
        shutil.copytree(folder, root, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        settings = scratch / "settings"
        settings.mkdir()
        (settings / "overrides.json").write_text(json.dumps(SETTINGS))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": root,
            "IdentityProvider.token": "",
            "ServerApp.disable_check_xsrf": True,
            "LabApp.expose_app_in_browser": True,
            "LabApp.app_settings_dir": settings,
            "LabApp.user_settings_dir": scratch / "user",
            "LabApp.workspaces_dir": scratch / "workspaces",
        }
        command += [f"--{key}={value}" for key, value in options.items()]
        own = {name: str(scratch / name) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
        own |= {"JUPYTER_RUNTIME_DIR": str(scratch / "runtime"), "HOME": str(scratch)}
        self.log = (scratch / "lab.log").open("w+")
        self.process = subprocess.Popen(
            command, env=os.environ | own, stdout=self.log, stderr=subprocess.STDOUT
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self):
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.address}/api", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        self.log.seek(0)
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read()}")

    def open_notebook(self, name):
        """Open a notebook (a path below the folder) in a page of its own."""
        page = self.browser.new_page()
        self.pages.append(LabPage(page, self.address))
        return self.pages[-1].open(name)

    def complaints(self):
        """Return what is wrong with any page."""
        return [each for page in self.pages for each in page.complaints()]

    def stop(self):
        """End pages, server and kernels."""
        for page in self.pages:
            page.page.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
