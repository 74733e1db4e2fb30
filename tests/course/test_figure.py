import base64
import io
import re
import zlib

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mvs_lib.course import figure as figures
from mvs_lib.course.figure import PALETTE, describe, picture, show, show_images, subplots

ALT = "Recall rises with the number of bits."


def drawn(x=(8, 16, 32), y=(0.25, 0.5, 0.75)):
    figure, axes = subplots()
    axes.plot(x, y, "o-", label="ITQ")
    axes.set_xlabel("bits")
    return figure


def bundle(figure, **options):
    return picture(figure, ALT, **options)._repr_mimebundle_()


def test_the_same_data_gives_the_same_bytes_whatever_the_readers_settings():
    first = bundle(drawn())
    with matplotlib.rc_context({"font.size": 30, "savefig.dpi": 300, "axes.facecolor": "red"}):
        assert bundle(drawn()) == first
    assert bundle(drawn(y=(0.25, 0.5, 0.76))) != first
    encoded = re.search(r"base64,([^\"]+)", first["text/html"])[1]
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert image.size == (640, 360)
    assert not {"Software", "Creation Time"} & set(image.info)


def test_the_text_holds_alt_and_data_and_the_html_is_escaped():
    made = picture(drawn(), 'Recall & "bits" at <8> or more.', caption="a < b")._repr_mimebundle_()
    assert made["text/plain"] == (
        'Figure: Recall & "bits" at <8> or more.\n'
        "axes 1: 'bits'\n"
        "  line 'ITQ' x 8 16 32; y 0.25 0.5 0.75"
    )
    assert 'alt="Recall &amp; &quot;bits&quot; at &lt;8&gt; or more."' in made["text/html"]
    assert "<figcaption>a &lt; b</figcaption>" in made["text/html"]


@pytest.mark.parametrize("alt", ["", "figure", None, "one two three"])
def test_an_alt_text_that_says_nothing_is_refused(alt):
    with pytest.raises(ValueError, match="alt must say"):
        show(drawn(), alt=alt)


def test_bars_points_images_meshes_and_words_are_described():
    figure, axes = subplots(2, 3)
    axes[0, 0].bar(["LSH", "ITQ"], [1, 2], bottom=[0, 1], label="bytes")
    axes[0, 1].barh([0, 1], [3.00004, 4])
    axes[0, 2].scatter([1, 2], [3, -0.0])
    axes[1, 0].imshow(np.arange(6, dtype=np.uint8).reshape(2, 3))
    axes[1, 1].pcolormesh(np.ones((2, 2)))
    axes[1, 2].text(0, 0, "a place")
    assert describe(figure) == [
        "axes 1",
        "  bars 'bytes' 1 2 from 0 1",
        "axes 2",
        "  bars 3 4",
        "axes 3",
        "  points x 1 2; y 3 0",
        "axes 4",
        f"  image 2x3 uint8 {zlib.crc32(bytes(range(6))):08x}",
        "axes 5",
        "  mesh 2x2 1 1 1 1",
        "axes 6: 'a place'",
    ]


def test_an_image_is_told_by_every_pixel():
    texts = set()
    for pixel in range(6):
        image = np.zeros((2, 3), np.uint8)
        image[divmod(pixel, 3)] = 1
        figure, axes = subplots()
        axes.imshow(image)
        texts.add(tuple(describe(figure)))
    assert len(texts) == 6


@settings(max_examples=25)
@given(st.lists(st.integers(-9999, 9999), min_size=2, max_size=30), st.integers(0, 29))
def test_noise_below_the_digits_given_does_not_show_and_a_real_change_does(values, place):
    y = np.array(values, dtype=float)
    noisy = y * (1 + 1e-9)
    if len(y) <= figures.LISTED:
        assert figures._numbers(y) == figures._numbers(noisy)
    changed = y.copy()
    changed[place % len(y)] += 100_000
    assert figures._numbers(changed) != figures._numbers(y)


def test_many_values_in_another_order_are_another_text():
    values = np.arange(20.0)
    assert figures._numbers(values) != figures._numbers(values[::-1])
    assert figures._numbers(np.full(20, np.nan)) == "20 values, none finite"


def test_a_pyplot_figure_is_closed_so_that_it_is_not_shown_twice(capsys):
    import matplotlib.pyplot as plt

    with matplotlib.rc_context({"backend": "agg"}):
        figure, _ = plt.subplots()
        show(figure, ALT)
        assert not plt.get_fignums()
    assert capsys.readouterr().out.startswith(f"Figure: {ALT}")


def test_a_grid_of_photos(capsys):
    images = np.zeros((7, 8, 8, 3), np.uint8)
    show_images(images, [str(n) for n in range(7)], alt="Seven black squares in a grid.", columns=4)
    out = capsys.readouterr().out
    assert out.count("image 8x8x3 uint8") == 7 and "axes 7: '6'" in out
    with pytest.raises(ValueError, match="7 images, but 1 titles"):
        show_images(images, ["one"], alt=ALT)
    with pytest.raises(ValueError, match="one or more"):
        show_images([], alt=ALT)


def test_every_colour_reads_on_white_and_differs_from_the_others():
    def luminance(colour):
        channels = np.array(matplotlib.colors.to_rgb(colour))
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    assert len(set(PALETTE)) == len(PALETTE)
    assert all(1.05 / (luminance(colour) + 0.05) > 2 for colour in PALETTE)
