"""The phone page for people who do not see it, or not well: names, announcements, contrast."""

import cv2
import numpy as np
import pytest
from phone_tab import file_of

# Of each element with text of its own: its text, and the contrast to what lies behind it (WCAG 2).
CONTRASTS = """() => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => {
        const [red, green, blue] = numbers(colour).map((value) => value / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        const solid = (numbers(colour)[3] ?? 1) > 0;
        return solid || !element.parentElement ? colour : behind(element.parentElement);
    };
    return [...document.querySelectorAll("main *")]
        .filter((each) => each.checkVisibility() && !each.disabled)
        .filter((each) => [...each.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
        .map((each) => {
            const [a, b] = [light(getComputedStyle(each).color), light(behind(each))];
            return [each.innerText, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
        });
}"""


def test_everything_has_a_name_and_answers_are_announced(phone, campus_server):
    tab = phone.open()
    assert tab.title() == "Which place is this?"
    assert tab.locator("html").get_attribute("lang") == "en"
    assert tab.get_by_role("heading", level=1).count() == 1
    for name in ("With the camera", "With a photo", "Answer"):
        assert tab.get_by_role("region", name=name).count() == 1
    assert tab.get_by_role("button", name="Start the camera").count() == 1
    assert tab.get_by_label("Take a photo").get_attribute("accept") == "image/*"
    assert tab.get_by_label("Choose a photo").get_attribute("capture") is None
    for name in ("state", "answer"):
        assert tab.locator(f"#{name}").get_attribute("role") == "status"
    for name in ("trouble", "camera-trouble"):
        assert tab.locator(f"#{name}").get_attribute("role") == "alert"
    phone.choose(file_of(campus_server.query.images[0]))
    phone.wait_for_answer()
    assert tab.get_by_role("img", name="The photo as the encoder saw it").is_visible()
    assert tab.get_by_role("table", name="What it took").is_visible()
    assert tab.get_by_role("rowheader").count() == 6


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(phone, campus_server, scheme):
    phone.page.emulate_media(color_scheme=scheme)
    tab = phone.open()
    phone.choose(b"not a photo", "notes.txt", "text/plain")
    phone.wait_for_answer("trouble")
    found = tab.evaluate(CONTRASTS)
    assert len(found) > 10
    assert [each for each in found if each[1] < 4.5] == []


def test_a_narrow_screen_need_not_be_scrolled_sideways(phone, campus_server):
    phone.page.set_viewport_size({"width": 320, "height": 568})
    tab = phone.open()
    phone.choose(file_of(campus_server.query.images[0]))
    phone.wait_for_answer()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    assert tab.locator("#answer").evaluate(
        "e => { const box = e.getBoundingClientRect(); return box.top >= 0 && box.top < 568 }"
    )


def test_a_camera_that_sees_the_qr_code_reads_the_address(phone):
    tab = phone.page
    tab.set_content(f"<main>{phone.server.qr_svg()}</main>")
    picture = tab.locator("svg").screenshot()
    seen = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert cv2.QRCodeDetector().detectAndDecode(seen)[0] == phone.server.address
    assert tab.locator("svg title").text_content() == f"QR code of {phone.server.address}"
