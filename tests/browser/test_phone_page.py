"""The phone page in a real browser: it encodes as Python does, sends six bytes, and answers."""

import base64

import cv2
import numpy as np
import pytest
from phone_tab import CAMERA, CODES, ELSEWHERE, PIXELS, file_of
from PIL import Image

from mvs_lib.datasets import photos

PHOTOS = 200
EQUAL = 0.995  # share of bits that must be those of Python
JPEG_LEVELS = 2  # of 255: two decoders of the same JPEG may round otherwise


def base64_of(contents):
    return [base64.b64encode(each).decode() for each in contents]


def pixels(phone, contents, size, kind="image/png"):
    found = phone.page.evaluate(PIXELS, [base64_of(contents), kind, size])
    return np.array(found, np.uint8).reshape(-1, size, size, 3)


def test_a_photo_is_answered_by_six_bytes(phone, campus_server):
    tab = phone.open()
    content = file_of(campus_server.query.images[5])
    recognizer = campus_server.recognizer
    code = recognizer.encoder_.encode(content).code
    best, *others = recognizer.recognize_code(code)
    phone.choose(content)
    said = phone.wait_for_answer()
    assert said.startswith(f"{best.place}: {best.distance} of 48 bits differ")
    assert "6 bytes sent" in said
    assert phone.text("bytes") == "6"
    assert phone.text("known") == "6442 photos of 162 places"
    assert phone.text("sent") == "6 bytes"
    assert phone.text("code") == code.hex(" ")
    for name in ("prepare-ms", "encode-ms", "network-ms", "search-ms"):
        assert float(phone.text(name).removesuffix(" ms")) >= 0
    lines = tab.locator("#others li").all_inner_texts()
    assert len(lines) == max(1, len(others))
    (asked,) = [each for each in phone.requests if each.method != "GET"]
    assert asked.headers["content-type"] == "application/octet-stream"
    assert asked.sizes()["requestBodySize"] == len(code) == recognizer.bits // 8
    assert phone.sent() == phone.heard == [code]


def test_200_photos_have_the_bits_that_python_gives_them(phone, campus_server):
    tab = phone.open()
    query = campus_server.query
    which = np.linspace(0, len(query) - 1, PHOTOS).astype(int)
    contents = [file_of(query.images[i]) for i in which]
    found = np.array(tab.evaluate(CODES, [base64_of(contents), phone.about]), np.uint8)
    wanted = campus_server.recognizer.encoder_.encode_pixels(query.images[which])
    equal = 1 - np.unpackbits(found ^ wanted, axis=1).mean()
    print(f"{equal:.5f} of {found.size * 8} bits are equal")
    assert found.shape == (PHOTOS, 6)
    assert equal >= EQUAL


@pytest.mark.parametrize("size", [128, 96])
def test_a_png_of_any_shape_has_the_pixels_that_python_gives_it(phone, size):
    phone.open()
    random = np.random.default_rng(size)
    shapes = [(128, 128), (97, 256), (700, 403), (1, 1), (90, 131), (333, 1000)]
    images = [random.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
    contents = [file_of(image) for image in images]
    wanted = np.stack([photos.read(content, size) for content in contents])
    np.testing.assert_array_equal(pixels(phone, contents, size), wanted)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_is_turned_upright_and_read_almost_alike(phone, campus_server, orientation):
    phone.open()
    image = cv2.resize(campus_server.query.images[1], (400, 300))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = file_of(image, "JPEG", quality=90, exif=exif)
    wanted = photos.read(content, 128).astype(int)
    difference = np.abs(pixels(phone, [content], 128, "image/jpeg")[0] - wanted)
    print("levels apart at most", difference.max(), "on average", difference.mean())
    assert difference.max() <= JPEG_LEVELS


def test_the_camera_s_view_is_recognised(phone, campus_server):
    tab = phone.open()
    place = campus_server.query.names[campus_server.query.labels[CAMERA]]
    tab.get_by_role("button", name="Start the camera").click()
    tab.get_by_role("button", name="Recognise this view").click()
    assert phone.wait_for_answer().startswith(f"{place}: ")
    assert len(phone.sent()) == 1


def test_it_works_by_keyboard_alone(phone, campus_server):
    choosers = []  # listened for from the start: playwright does not wait until it listens
    phone.page.on("filechooser", lambda chooser: choosers.append(chooser))
    tab = phone.open()
    keys = tab.keyboard
    focused = tab.locator(":focus")
    keys.press("Tab")
    assert focused.inner_text() == "Start the camera"
    keys.press("Enter")
    tab.get_by_role("button", name="Recognise this view").wait_for()
    assert focused.get_attribute("id") == "look"
    keys.press("Space")
    first = phone.wait_for_answer()
    keys.press("Tab")
    assert focused.get_attribute("id") == "take"
    keys.press("Tab")
    assert focused.get_attribute("id") == "choose"
    keys.press("Enter")
    for _ in range(1200):
        if choosers:
            break
        tab.wait_for_timeout(50)
    other = file_of(campus_server.query.images[-1])
    file = {"name": "a.png", "mimeType": "image/png", "buffer": other}
    choosers[0].set_files([file])
    phone.wait_for_answer(other_than=(first, "Looking …"))
    assert focused.get_attribute("id") == "choose"
    keys.press("Shift+Tab")
    keys.press("Shift+Tab")
    assert focused.get_attribute("id") == "look"
    assert len(phone.sent()) == 2


def test_a_phone_over_plain_http_is_told_why_and_takes_a_photo(phone, campus_server):
    tab = phone.open(ELSEWHERE)
    assert tab.evaluate("window.isSecureContext") is False
    tab.get_by_role("button", name="Start the camera").click()
    said = phone.wait_for_answer("camera-trouble")
    assert "over https or on localhost only" in said
    assert "Take a photo with the button below" in said
    assert tab.locator("#take").get_attribute("capture") == "environment"
    photo = {"name": "a.png", "mimeType": "image/png"}
    photo["buffer"] = file_of(campus_server.query.images[0])
    tab.set_input_files("#take", [photo])
    place = campus_server.query.names[campus_server.query.labels[0]]
    assert phone.wait_for_answer().startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotAllowedError", "was not allowed"),
        ("NotFoundError", "has no camera"),
        ("NotReadableError", "in use by another program"),
        ("OddError", "The camera failed (OddError)."),
    ],
)
def test_a_camera_that_cannot_be_had_is_told(phone, name, words):
    phone.page.add_init_script(
        "navigator.mediaDevices.getUserMedia = "
        f"() => Promise.reject(new DOMException('no', '{name}'))"
    )
    tab = phone.open()
    tab.get_by_role("button", name="Start the camera").click()
    said = phone.wait_for_answer("camera-trouble")
    assert words in said and "Take a photo" in said
    assert tab.get_by_role("button", name="Start the camera").is_enabled()


def test_a_file_that_is_no_photo_is_told_and_nothing_is_sent(phone, campus_server):
    phone.open()
    phone.choose(b"not a photo", "notes.txt", "text/plain")
    said = phone.wait_for_answer("trouble")
    assert said == "This file cannot be read as a photo: choose a JPEG, PNG or WebP file."
    assert phone.text("answer") == "No answer."
    assert phone.sent() == []
    phone.choose(file_of(campus_server.query.images[0]))
    phone.wait_for_answer(other_than=("No answer.", "Looking …"))
    assert phone.text("trouble") == ""


def test_a_server_that_is_gone_is_told(phone, campus_server):
    phone.open()
    phone.server.close()
    phone.choose(file_of(campus_server.query.images[0]))
    assert "The server cannot be reached" in phone.wait_for_answer("trouble")
    assert all("ERR_CONNECTION_REFUSED" in each for each in phone.errors)
    phone.errors.clear()


def test_the_page_may_ask_no_other_host(phone):
    tab = phone.open()
    blocked = tab.evaluate(
        """() => new Promise((resolve) => {
            document.addEventListener("securitypolicyviolation",
                (event) => resolve([event.effectiveDirective, event.blockedURI]));
            fetch("http://127.0.0.2:9/elsewhere").catch(() => null);
        })"""
    )
    assert blocked == ["connect-src", "http://127.0.0.2:9/elsewhere"]
    phone.errors.clear()
    phone.requests[:] = [each for each in phone.requests if "127.0.0.2" not in each.url]
