import pytest

from mvs_lib.course.timeline_chart import timeline_chart
from mvs_lib.phone.latency import NetworkCost
from mvs_lib.phone.simulation import simulate


def test_the_pieces_are_the_steps_and_the_words_are_the_sums():
    queries = {
        "6 bytes": simulate("Kirin 970", "3G", NetworkCost(30e6, 3e6, 4e6), 6, 0.5),
        "the photo": simulate("Kirin 970", "3G", NetworkCost(0, 0, 0), 5000, 0.5),
    }
    figure, alt = timeline_chart(queries)
    (axes,) = figure.axes
    widths = [patch.get_width() for patch in axes.patches]
    for query, steps in zip(queries.values(), (widths[:3], widths[3:]), strict=True):
        assert sum(steps) == pytest.approx(query.milliseconds)
        assert steps[0] == query.encode.milliseconds and steps[1] == query.send_ms
    assert [text.get_text() for text in axes.get_yticklabels()] == list(queries)
    low, high = queries["6 bytes"].range
    assert f"6 bytes {queries['6 bytes'].milliseconds:.0f} ms ({low:.0f} to {high:.0f})" in alt
    with pytest.raises(ValueError, match="at least one query"):
        timeline_chart({})
