import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from query_rows import PROTOCOL, ROWS, row

from mvs_lib.course.bitrate_chart import (
    best_within,
    bitrate_chart,
    frontier,
    knows,
    operating_points,
)
from mvs_lib.course.figure import describe, picture

KNOWING = {"position": True, "labels": True}


def names(points):
    return [point["method"] for point in points]


def test_points_are_the_means_over_the_seeds_without_the_validation():
    again = row("words", "compressed features", 151.5, 0.7, 0.7, seed=1, **KNOWING)
    points = operating_points([*ROWS, again])
    assert names(points) == ["deep <bits>", "words", "bag", "thumbnail", "photo"]
    words = points[1]
    assert words["bytes"] == 151 and words["map"] == pytest.approx(0.6)
    assert points[3]["bytes"] == 1200 and points[3]["map"] == 0.3
    assert operating_points(points) == points


def test_two_settings_of_one_method_are_two_points():
    both = [row("photo", "image", 10.0, 0.1, settings=f"scale {scale}") for scale in (1, 2)]
    assert len(operating_points(both)) == 2


def test_the_best_within_a_budget_and_the_frontier_agree():
    points = operating_points(ROWS)
    assert names(frontier(points)) == ["deep <bits>", "words", "photo"]
    assert names(frontier(points, "top1")) == ["deep <bits>", "words", "bag", "photo"]
    for measure in ("map", "top1"):
        best = frontier(points, measure)
        for budget in range(1, 2000):
            found = best_within(points, budget, measure)
            within = [point for point in best if point["bytes"] <= budget]
            assert found == (within[-1] if within else None)
    tie = [row("large", "image", 20.0, 0.5), row("small", "image", 10.0, 0.5)]
    assert best_within(tie, 99)["method"] == "small"
    assert names(frontier(tie)) == ["small"]


def test_the_chart_holds_every_point_and_says_the_best():
    figure, alt = bitrate_chart(ROWS)
    said = "\n".join(describe(figure))
    assert "points 'image' x 1200 4e+04; y 0.3 0.6" in said
    assert "points 'hash bits' x 9 700; y 0.4 0.45" in said
    assert "'deep <bits>'" in said and "line 'best so far' x 9 150.5 4e+04; y 0.4 0.5 0.6" in said
    assert figure.axes[0].get_xscale() == "log" and "budget" not in said
    assert alt.startswith("MAP of 5 ways to ask") and "words 0.50 with 150 bytes" in alt
    assert len(picture(figure, alt).png) > 1000


def test_a_budget_is_drawn_and_what_lies_beyond_is_pale():
    figure, alt = bitrate_chart(ROWS, "top1", budget=1000)
    assert "line 'budget' x 1000 1000" in "\n".join(describe(figure))
    drawn = figure.axes[0].collections[:-1]  # the last names the hollow marks
    alphas = {each.get_label(): each.get_edgecolors()[:, 3].tolist() for each in drawn}
    assert alphas == {
        "hash bits": [1, 1], "compressed features": [1], "image": [0.25, 0.25],
    }  # fmt: skip
    assert alt.startswith("top-1 of")
    (legend,) = figure.legends
    handles = {handle.get_label(): handle for handle in legend.legend_handles}
    assert handles["image"].get_facecolors()[0, 3] == 1


def test_who_sends_its_position_is_hollow():
    figure, alt = bitrate_chart(ROWS)
    drawn = figure.axes[0].collections
    faces = {each.get_label(): each.get_facecolors().tolist() for each in drawn}
    assert faces["compressed features"] == [[1, 1, 1, 1]]
    assert [1, 1, 1, 1] not in faces["hash bits"] + faces["image"]
    assert "hollow: sends its position" in faces and alt.endswith("send their position: words.")
    figure, alt = bitrate_chart([each for each in ROWS if not each["position"]])
    labels = [each.get_label() for each in figure.axes[0].collections]
    assert "hollow: sends its position" not in labels and "Hollow" not in alt
    assert [knows(point) for point in operating_points(ROWS)[:2]] == ["-", "position, labels"]
    assert knows({"position": False, "labels": True}) == "labels"


def test_rows_of_something_else_are_refused():
    with pytest.raises(ValueError, match="lacks kind, settings, protocol"):
        operating_points([{"method": "itq", "map": 0.1}])
    with pytest.raises(ValueError, match="kind 'telepathy'"):
        operating_points([row("mind", "telepathy", 0.0, 1.0)])
    other = row("photo", "image", 10.0, 0.1, protocol="campus: a larger one")
    with pytest.raises(ValueError, match=f"one protocol beside validation.*{PROTOCOL}"):
        operating_points([*ROWS, other])
    with pytest.raises(ValueError, match="one protocol"):
        operating_points([ROWS[2]])
    with pytest.raises(ValueError, match="measure must be one of"):
        bitrate_chart(ROWS, "beauty")


def test_names_lie_upon_neither_names_nor_marks():
    rows = [row(name * 4, "hash bits", 9.0 + i, 0.5) for i, name in enumerate("abcdefgh")]
    figure, _ = bitrate_chart(rows)
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    for text in axes.texts:
        text.update_positions(figure.canvas.get_renderer())
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # a leader may cross a name
    marks = axes.transData.transform([(each["bytes"], each["map"]) for each in rows])
    assert len(boxes) == 8
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert not any(box.contains(*mark) for mark in marks)
