"""A phone, as far as Chromium is one: the page of `mvs_lib.service.phone_page` in a tab of its own.

When the test ends, the page must have had no error, asked no other host, and sent nothing but
codes. What the page's guard forbids, it forbids to playwright's ``wait_for_function``, too: wait
for locators.
"""

import io
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from mvs_lib import paths
from mvs_lib.datasets import campus
from mvs_lib.service import demonstration
from mvs_lib.service.phone_page import PhonePage

PATIENCE = 60_000  # milliseconds
ELSEWHERE = "phone.test"  # a name of this machine that is not localhost, so no secure context
PIXELS = """async ([photos, type, size]) => {
    const { decode, square } = await import("/photo.js");
    const made = [];
    for (const photo of photos) {
        const bytes = Uint8Array.from(atob(photo), (letter) => letter.charCodeAt(0));
        const picture = await decode(new Blob([bytes], { type }));
        made.push(Array.from(square(picture, size)));
    }
    return made;
}"""
CODES = """async ([photos, about]) => {
    const { decode, square } = await import("/photo.js");
    const { loadEncoder } = await import("/encoder.js");
    const encode = await loadEncoder(about);
    const codes = [];
    for (const photo of photos) {
        const bytes = Uint8Array.from(atob(photo), (letter) => letter.charCodeAt(0));
        const picture = await decode(new Blob([bytes], { type: "image/png" }));
        codes.push(Array.from(await encode(square(picture, about.size))));
    }
    return codes;
}"""


CAMERA = 5  # the query photo that the camera sees


class CampusServer(NamedTuple):
    """What the page is served with, and photos to try it on."""

    recognizer: object
    encoder: object  # the path of the .onnx file
    query: object  # Photos


def campus_recognizer():
    """Return the campus's recogniser, from ``data/cache`` if it was made before."""
    split = campus.load()
    checkpoint = paths.checkpoints() / "campus_ssdh_48.safetensors"
    recognizer, encoder = demonstration.prepare(split.source, checkpoint, progress=False)
    return CampusServer(recognizer, encoder, split.query)


def file_of(image, kind="PNG", **options):
    """Return an image, uint8 ``(h, w, 3)``, as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def camera_flags(photo, folder):
    """Return Chromium's flags for a camera that always sees this photo, between black bars."""
    square = cv2.resize(photo, (480, 480), interpolation=cv2.INTER_CUBIC)
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[:, 80:560] = square
    film = folder / "camera.y4m"
    film.write_bytes(
        b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420\nFRAME\n"
        + cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes()
    )
    return [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
        f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
    ]


class PhoneTab:
    """A tab with the phone page, the server behind it, and what went between them."""

    def __init__(self, browser, server):
        self.heard, self.errors, self.requests = [], [], []
        self.server = PhonePage(
            server.recognizer,
            server.encoder,
            host="127.0.0.1",
            port=0,
            heard=lambda code, answers: self.heard.append(code),
        )
        self.about = {"bits": server.recognizer.bits, "size": server.recognizer.encoder_.size}
        self.page = browser.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request))

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def open(self, host="127.0.0.1"):
        """Open the page and wait until the encoder is loaded; return playwright's page."""
        self.page.goto(f"http://{host}:{self.server.port}/")
        self.page.locator("#state", has_text="The encoder is ready.").wait_for()
        return self.page

    def text(self, name):
        """Return the text of the element of that id."""
        return self.page.locator(f"#{name}").inner_text()

    def wait_for_answer(self, name="answer", other_than=("Looking …", "No photo yet.", "")):
        """Wait until there is an answer (or, by another name, a trouble); return its text."""
        for _ in range(PATIENCE // 50):
            if (text := self.text(name)) not in other_than:
                return text
            self.page.wait_for_timeout(50)
        raise AssertionError(f"no {name}; the page says {self.page.inner_text('main')!r}")

    def choose(self, content, name="photo.png", kind="image/png"):
        """Choose a file, as with the finger."""
        file = {"name": name, "mimeType": kind, "buffer": content}
        self.page.set_input_files("#choose", [file])

    def sent(self):
        """Return the bodies of all requests that had one."""
        return [each.post_data_buffer for each in self.requests if each.method != "GET"]

    def complaints(self):
        """Return what is wrong: errors, other hosts, and bodies that are no codes."""
        ours = tuple(f"http://{h}:{self.server.port}/" for h in ("127.0.0.1", ELSEWHERE))
        urls = {each.url for each in self.requests}
        other = [f"asked {url}" for url in urls if not url.startswith(ours)]
        wrong = [body for body in self.sent() if len(body) != self.about["bits"] // 8]
        return self.errors + other + wrong

    def close(self):
        """Close the tab and end the server."""
        self.page.close()
        self.server.close()
