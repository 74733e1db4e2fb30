import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mvs_lib.widgets.photo_html import NEUTRAL, RIGHT, WRONG, photo, row


def test_the_pixels_are_those_given():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    inside = re.search(r'base64,([^"]+)"', photo(image, "A random photo."))[1]
    assert np.array_equal(np.array(Image.open(io.BytesIO(base64.b64decode(inside)))), image)


def test_words_are_escaped_and_the_frame_says_the_verdict():
    image = np.zeros((2, 2, 3), np.uint8)
    html = photo(image, 'A "black" photo.', ("Tower <A>", "3 bits away"))
    assert 'alt="A &quot;black&quot; photo."' in html
    assert "Tower &lt;A&gt;<br>3 bits away" in html
    for right, colour in ((True, RIGHT), (False, WRONG), (None, NEUTRAL)):
        assert f"solid {colour}" in photo(image, "A photo.", right=right)
    assert row(html, html).count(html) == 2


def test_what_is_no_photo_or_has_no_words_is_refused():
    with pytest.raises(ValueError, match=r"uint8 \(h, w, 3\), got float64"):
        photo(np.zeros((2, 2, 3)), "A photo.")
    with pytest.raises(ValueError, match="alt text"):
        photo(np.zeros((2, 2, 3), np.uint8), " ")
