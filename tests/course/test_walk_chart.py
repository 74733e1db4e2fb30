from mvs_lib.course.figure import describe
from mvs_lib.course.walk_chart import walk_chart
from mvs_lib.search.walk import Step

STEPS = [Step(0, 0, 1, 2, 2, 0, None), Step(1, 0, 1, 3, 2, 1, 5), Step(0, 1, 8, 9, 6, 2, 2)]


def test_the_chart_draws_the_steps_and_says_the_last():
    figure, alt = walk_chart(STEPS, 3, n=40)
    said = "\n".join(describe(figure))
    assert "line 'k-th distance' x 2 3; y 5 2" in said
    assert "line 'reach' x 1 2 3; y 0 1 2" in said
    assert "line 'buckets' x 1 2 3; y 1 2 10" in said
    assert "line 'candidates' x 1 2 3; y 2 5 14" in said
    assert alt == (
        "After 3 of 3 shells: reach 2 bits, k-th distance 2 bits; 14 candidates in 10 buckets, "
        "40 codes in all."
    )


def test_before_k_codes_were_seen_there_is_no_kth_distance():
    figure, alt = walk_chart(STEPS, 1, n=40)
    assert "k-th distance none yet" in alt and "After 1 of 3 shells" in alt
    assert "'k-th distance'" not in "\n".join(describe(figure))
