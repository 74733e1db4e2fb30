from mvs_lib.course.compression_chart import compression_chart, pareto
from mvs_lib.course.figure import describe

ROWS = [
    {"net": "a", "method": method, "size_ratio": size, "macs_ratio": 1.0, "time_ratio": 2.0,
     "map": value, "map_before": 0.9}
    for method, size, value in (
        ("original", 1.0, 0.9), ("signs", 8.0, 0.3), ("deep, mild", 10.0, 0.91),
        ("deep, strong", 30.0, 0.85),
    )
]  # fmt: skip


def test_no_row_of_the_line_is_beaten_and_every_other_is():
    line = pareto(ROWS, "bytes")
    assert [row["method"] for row in line] == ["deep, mild", "deep, strong"]
    for row in ROWS:
        beaten = any(
            other["size_ratio"] >= row["size_ratio"] and other["map"] >= row["map"]
            for other in ROWS if other is not row
        )  # fmt: skip
        assert beaten == (row not in line)


def test_the_chart_draws_every_row_once_and_says_the_line():
    figure, alt = compression_chart(ROWS, "bytes", ROWS[1])
    said = "\n".join(describe(figure))
    assert "line 'deep' x 10 30; y 0.91 0.85" in said and "line 'signs' x 8; y 0.3" in said
    assert "4 networks of 3 methods" in alt
    assert alt.endswith("deep, mild, and at 30.0 times deep, strong with MAP 0.850.")
