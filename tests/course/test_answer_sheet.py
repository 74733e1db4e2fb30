from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from mvs_lib.course.answer_sheet import NEUTRAL, RIGHT, WRONG, answer_sheet, save
from mvs_lib.datasets.collection import Photos

SOURCE = Photos(
    np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1) * np.full((1, 8, 8, 3), 40, np.uint8),
    np.array([0, 0, 1, 1, 2, 2]),
    ("Gate", "Hall", "Tower"),
)
QUERIES = np.full((3, 8, 8, 3), 255, np.uint8)


def found(place, nearest, right=None, answer="Gate"):
    distances = np.arange(len(nearest)) + 3
    return SimpleNamespace(
        place=place,
        nearest=np.array(nearest),
        distances=distances,
        right=right,
        answers=[SimpleNamespace(place=answer)],
    )


def drawn(figure):
    """Return title, frame colour and picture of every axis in use."""
    axes = [axis for axis in figure.axes if axis.images]
    return [
        (a.get_title(), to_hex(a.spines["left"].get_edgecolor()), a.images[0].get_array().max())
        for a in axes
    ]


def test_frames_marks_and_distances_say_who_is_right():
    rows = [found("Gate", [0, 2, 1], True), found("Hall", [4, 3], False, "Tower")]
    figure, alt = answer_sheet(SOURCE, QUERIES[:2], rows, columns=1, answers=2)
    right, wrong = RIGHT.lower(), WRONG.lower()
    assert drawn(figure) == [
        ("✓ query\nGate", right, 255),
        ("✓ Gate\ndistance 3", right, 0),
        ("✗ Hall\ndistance 4", wrong, 80),
        ("✗ query\nHall", wrong, 255),
        ("✗ Tower\ndistance 3", wrong, 160),
        ("✓ Hall\ndistance 4", right, 120),
    ]
    assert "2 query photos" in alt and "1 are right" in alt
    assert "Hall was taken for Tower" in alt


def test_columns_are_filled_from_the_top():
    rows = [found(name, [0], True) for name in ("Gate", "Hall", "Tower")]
    figure, alt = answer_sheet(SOURCE, QUERIES, rows, columns=2, answers=1)
    places = {axis.get_title(): axis.get_subplotspec().get_geometry()[2] for axis in figure.axes}
    assert [places[f"✓ query\n{name}"] for name in ("Gate", "Hall", "Tower")] == [0, 4, 2]
    assert "none is wrong" in alt


def test_a_photo_of_an_unknown_place_is_neither_right_nor_wrong():
    figure, alt = answer_sheet(SOURCE, QUERIES[:1], [found("", [2, 5])])
    assert [colour for _, colour, _ in drawn(figure)] == [NEUTRAL] * 3
    assert not any("✓" in title or "✗" in title for title, *_ in drawn(figure))
    assert "photo of yours" in alt


def test_the_file_holds_the_alt_text_and_nothing_is_left_beside_it(tmp_path):
    figure, alt = answer_sheet(SOURCE, QUERIES[:1], [found("Gate", [0], True)])
    path = save(figure, alt, tmp_path / "new" / "answers.png")
    with Image.open(path) as image:
        image.load()
        assert image.text["Description"] == alt
        assert image.width > image.height
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("images", "rows"), [(QUERIES, []), (QUERIES[:1], [found("", [0])] * 2)])
def test_queries_and_recognitions_must_fit(images, rows):
    with pytest.raises(ValueError, match="do not fit"):
        answer_sheet(SOURCE, images, rows)
